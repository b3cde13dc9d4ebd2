# Residency Monitor: every task of a developer, and of CI, is a target here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CARGO := $(shell command -v cargo)
CRATES := sensors/rust/Cargo.toml
FLOOR := benchmarks/floor/Cargo.toml
SENDER := benchmarks/sender/Cargo.toml
# what they have in common with the engine is compiled once
SHARED := --target-dir sensors/rust/target
CATALOG := $(wildcard monitor/data/*.csv monitor/data/*.yaml monitor/data/catalog/*.yaml monitor/catalog/*.py)
RUST := $(shell find sensors/rust -name target -prune -o \( -name '*.rs' -o -name 'Cargo.*' \) -print)
PACKETS ?= 492000
LIVE_PACKETS ?= 200000
MINUTES ?= 20
FLOWS ?= 1000000
SECONDS ?= 30
PORT_BASE ?= 19090

# program:package of Debian, for what tests run beside our own; they are skipped where it is not there
PROGRAMS := tshark:tshark promtool:prometheus systemd-analyze:systemd ip:iproute2 sysctl:procps \
  dnsmasq:dnsmasq-base curl:curl tinyproxy:tinyproxy-bin tcpreplay:tcpreplay tcpdump:tcpdump \
  redis-server:redis-server prometheus-alertmanager:prometheus-alertmanager rsyslogd:rsyslog-gnutls openssl:openssl \
  chromium:chromium pdfinfo:poppler-utils \
  java:default-jre-headless mvn:maven

.PHONY: help demo stack native programs kafka test test-python test-native lint lint-python lint-native fuzz format \
  dashboards golden lock floor sender bench bench-full bench-flows bench-explain bench-outbox \
  bench-ledger bench-archive bench-fleet bench-sizing bench-report bench-live soak nfstream clean
.DEFAULT_GOAL := help
# Hundreds of processes import the same modules: what one of them compiled is kept for the others.
unexport PYTHONDONTWRITEBYTECODE

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/runtime.stamp: requirements/runtime.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.lock
	@touch $@

# Installs the project itself, which builds the native engine where cargo is: in release mode, anew when it changed.
$(VENV)/project.stamp: $(VENV)/runtime.stamp pyproject.toml $(RUST)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
ifneq ($(CARGO),)
	@$(BIN)/python -c "from sensors import _native" || \
	  { echo "the native engine was not built; see: cargo build --manifest-path $(CRATES)" >&2; exit 1; }
endif
	@$(BIN)/python -m compileall -q monitor sensors # pip does that for all but an editable installation
	@touch $@

# The catalogue as commands read it; without it they read the YAML, which takes longer.
monitor/data/catalog.msgpack: $(VENV)/project.stamp $(CATALOG)
	$(BIN)/python -m monitor.builtin $@

$(VENV)/dev.stamp: requirements/dev.lock $(VENV)/project.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

demo: $(VENV)/project.stamp ## install, replay the demo capture, leave its files in demo-out/
	@$(BIN)/residency replay pcaps/demo/traffic.pcap --policy policies/eu-crm.yaml --out demo-out || test $$? -eq 1
	@echo; echo "The files are in demo-out/:" $$(ls demo-out)

stack: $(VENV)/project.stamp ## run the daemon on demo traffic, with Prometheus and Alertmanager (PORT_BASE=19090)
	@$(BIN)/python -m tools.stack --port-base $(PORT_BASE)

native: $(VENV)/project.stamp ## build the native engine, where cargo is

programs: ## install what the tests compare with, where this is Debian and one is root
	@missing=; for each in $(PROGRAMS); do \
	  command -v $${each%%:*} >/dev/null || missing="$$missing $${each#*:}"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null && exit 0; \
	fi; \
	echo "not installed, so that tests which need it are skipped:$$missing" >&2

kafka: $(VENV)/dev.stamp programs ## fetch the brokers that tests run, where Maven and Java are, into build/
	@$(BIN)/python -m tools.kafka.brokers || true

test: test-python test-native ## set up, then run all tests

# those with real peers one at a time
test-python: $(VENV)/dev.stamp monitor/data/catalog.msgpack programs kafka sender
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not enable_socket"
	$(BIN)/python -m pytest -m enable_socket

test-native:
ifneq ($(CARGO),)
	$(CARGO) test --quiet --locked --manifest-path $(CRATES)
	$(CARGO) test --quiet --locked $(SHARED) --manifest-path $(FLOOR)
	$(CARGO) test --quiet --locked $(SHARED) --manifest-path $(SENDER)
endif

lint: lint-python lint-native ## ruff, mypy strict, import-linter, rustfmt, clippy

lint-python: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lint-native:
ifneq ($(CARGO),)
	$(CARGO) fmt --all --manifest-path $(CRATES) -- --check
	$(CARGO) clippy --quiet --locked --all-targets --manifest-path $(CRATES) -- -D warnings
	$(CARGO) fmt --manifest-path $(FLOOR) -- --check
	$(CARGO) clippy --quiet --locked --all-targets $(SHARED) --manifest-path $(FLOOR) -- -D warnings
	$(CARGO) fmt --manifest-path $(SENDER) -- --check
	$(CARGO) clippy --quiet --locked --all-targets $(SHARED) --manifest-path $(SENDER) -- -D warnings
endif

fuzz: ## fuzz every target of the native engine for a while (SECONDS=30 FUZZ=libFuzzer's options)
ifneq ($(CARGO),)
	sensors/rust/fuzz/run.sh $(SECONDS) $(FUZZ)
else
	@echo "cargo is not here: nothing is fuzzed" >&2
endif

dashboards: $(VENV)/dev.stamp ## make grafana/dashboards anew of the code beside it
	$(BIN)/python -m grafana.make

golden: $(VENV)/dev.stamp ## rebuild the captures of pcaps/, what they give, and the fuzzer's seeds
	$(BIN)/python -m pcaps.make
	$(BIN)/python -m pcaps.golden
	$(BIN)/python -m pcaps.seeds

floor: ## build the floor of the benchmarks, where cargo is
ifneq ($(CARGO),)
	$(CARGO) build --quiet --release --manifest-path $(FLOOR)
else
	@echo "cargo is not here: the benchmarks go without their floor" >&2
endif

sender: ## build the sender of the live benchmarks, where cargo is
ifneq ($(CARGO),)
	$(CARGO) build --quiet --release --manifest-path $(SENDER)
else
	@echo "cargo is not here: there are no live benchmarks without their sender" >&2
endif

build/traffic-%.pcap: | $(VENV)/dev.stamp
	@mkdir -p build
	$(BIN)/python benchmarks/make_traffic.py --packets $* --flows $$(expr $* / 25) --out $@

build/concurrent-%.pcap: | $(VENV)/dev.stamp
	@mkdir -p build
	$(BIN)/python benchmarks/make_traffic.py --concurrent $* --out $@

build/flood-%.pcap: | $(VENV)/dev.stamp
	@mkdir -p build
	$(BIN)/python benchmarks/make_traffic.py --syn-flood $* --out $@

bench: $(VENV)/dev.stamp native floor build/traffic-$(PACKETS).pcap ## measure beside the floor and other programs (PACKETS=492000)
	$(BIN)/python benchmarks/run.py build/traffic-$(PACKETS).pcap --json build/bench-$(PACKETS).json

bench-full: ## the same with 4.92 M packets: 4.4 GB in build/
	@$(MAKE) --no-print-directory bench PACKETS=4920000

bench-flows: $(VENV)/dev.stamp native floor build/concurrent-$(FLOWS).pcap build/flood-$(FLOWS).pcap ## measure the flow table (FLOWS=1000000)
	$(BIN)/python benchmarks/flow_table.py --concurrent build/concurrent-$(FLOWS).pcap \
	  --syn-flood build/flood-$(FLOWS).pcap --json build/bench-flows-$(FLOWS).json

bench-explain: $(VENV)/dev.stamp ## measure names a second of `explain` and `catalog coverage`
	@mkdir -p build
	$(BIN)/python benchmarks/explain.py --json build/bench-explain.json

bench-outbox: $(VENV)/dev.stamp ## measure events a second that become durable beside a bare table
	@mkdir -p build
	$(BIN)/python benchmarks/outbox.py --folder build --json build/bench-outbox.json

bench-ledger: $(VENV)/dev.stamp ## measure entries a second that the ledger appends durably, and verifies
	@mkdir -p build
	$(BIN)/python benchmarks/ledger.py --folder build --json build/bench-ledger.json

bench-archive: $(VENV)/dev.stamp ## measure every ready question over 100 million connections: 5 GB in build/
	@mkdir -p build
	$(BIN)/python benchmarks/archive.py --json build/bench-archive.json

bench-fleet: $(VENV)/dev.stamp native build/traffic-$(PACKETS).pcap ## measure what a sensor publishes, and a correlator takes
	$(BIN)/python benchmarks/fleet_publish.py build/traffic-$(PACKETS).pcap
	$(BIN)/python benchmarks/fleet.py --pcap build/traffic-$(PACKETS).pcap --kafka

bench-sizing: $(VENV)/dev.stamp native build/traffic-$(PACKETS).pcap ## measure what one core does, and size a fleet of 500 sensors by it
	$(BIN)/python benchmarks/sizing_figures.py build/traffic-$(PACKETS).pcap --out build/sizing-figures.json
	$(BIN)/python benchmarks/sizing.py --figures build/sizing-figures.json --json build/bench-sizing.json

bench-report: $(VENV)/dev.stamp ## measure the report over a million connections
	@mkdir -p build
	$(BIN)/python benchmarks/report.py --json build/bench-report.json

build/background-%.pcap: | $(VENV)/dev.stamp
	@mkdir -p build
	$(BIN)/python benchmarks/make_traffic.py --packets $* --flows $$(expr $* / 25) --llm-share 0 --out $@

bench-live: $(VENV)/dev.stamp native sender build/traffic-$(LIVE_PACKETS).pcap build/background-$(LIVE_PACKETS).pcap ## measure live capture beside tcpdump and nDPI, as root
	$(BIN)/python benchmarks/live.py build/traffic-$(LIVE_PACKETS).pcap \
	  --background build/background-$(LIVE_PACKETS).pcap --json build/bench-live.json

soak: $(VENV)/dev.stamp native sender ## watch the daemon's memory while connections come and go, as root (MINUTES=20)
	$(BIN)/python benchmarks/soak.py --folder build --minutes $(MINUTES) --json build/soak.json

nfstream: build/nfstream/bin/python ## install nfstream for the benchmarks, in an environment of its own
build/nfstream/bin/python:
	$(PYTHON) -m venv build/nfstream
	build/nfstream/bin/pip install --quiet --disable-pip-version-check nfstream==6.6.0

format: $(VENV)/dev.stamp ## format the sources
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# runtime: the sensor, `replay --out`, and the sinks of the packages. dev: all that tests and lint import.
lock: ## renew the pinned versions and hashes in requirements/
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --extra audit --extra kafka --extra webhook --group build -o requirements/runtime.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --all-extras --group dev -o requirements/dev.lock

include packaging/install.mk

clean: ## remove what the targets made
	rm -rf monitor/data/catalog.msgpack $(VENV) demo-out build sensors/rust/target .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
