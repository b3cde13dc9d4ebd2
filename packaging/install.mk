# `make install` and `make deb`: the files of a Debian-style system. What is where: packaging/README.md.
DESTDIR ?=
PREFIX ?= /usr
UNITDIR ?= $(PREFIX)/lib/systemd/system
# the interpreter that runs what is installed: wheels are for its version
SYSTEM_PYTHON ?= /usr/bin/python3
# beside what the sensor needs: what its sinks and its publisher do, of which requirements/runtime.lock has the wheels;
# audit is there, too
EXTRAS ?= [alertmanager,kafka,webhook]

VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' monitor/__init__.py)
SOURCES = $(RUST) $(CATALOG) $(shell find monitor sensors -name '*.py')
PACKAGE := build/package
LIBRARY = $(PREFIX)/lib/residency-monitor
DOCUMENTS = $(PREFIX)/share/doc/residency-monitor
COMPLETIONS = $(PREFIX)/share/bash-completion/completions/residency \
  $(PREFIX)/share/zsh/vendor-completions/_residency $(PREFIX)/share/fish/vendor_completions.d/residency.fish
UNITS = residency-monitor.service residency-deliver.service residency-publish.service \
  residency-correlate.service residency-archive.service residency-archive.timer
INSTALLED = $(PREFIX)/bin/residency $(addprefix $(UNITDIR)/,$(UNITS)) \
  $(PREFIX)/lib/sysusers.d/residency-monitor.conf $(PREFIX)/lib/tmpfiles.d/residency-monitor.conf $(COMPLETIONS)
PIP = $(PACKAGE)/venv/bin/pip --quiet --disable-pip-version-check
COMPLETE = PYTHONPATH=$(DESTDIR)$(LIBRARY) $(PACKAGE)/venv/bin/python -P -m monitor completion

.PHONY: wheels install uninstall deb

$(PACKAGE)/venv/bin/pip:
	$(SYSTEM_PYTHON) -m venv $(PACKAGE)/venv

# The only steps that need a package index, and cargo. What is fetched is checked by the hashes in requirements/.
$(PACKAGE)/fetched.stamp: requirements/runtime.lock | $(PACKAGE)/venv/bin/pip
	rm -rf $(PACKAGE)/wheels
	$(PIP) download --require-hashes --dest $(PACKAGE)/wheels -r requirements/runtime.lock
	@touch $@

$(PACKAGE)/wheels.stamp: $(PACKAGE)/fetched.stamp pyproject.toml setup.py $(SOURCES) | $(PACKAGE)/venv/bin/pip
	rm -rf build/lib build/bdist.* $(PACKAGE)/wheels/residency_monitor-*
	$(PIP) install --upgrade --no-index --find-links $(PACKAGE)/wheels setuptools setuptools-rust msgspec PyYAML
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir $(PACKAGE)/wheels .
	@touch $@

wheels: $(PACKAGE)/wheels.stamp ## fetch and build what `install` and `deb` install

install: $(PACKAGE)/wheels.stamp | $(PACKAGE)/venv/bin/pip ## install on this system, or below DESTDIR (PREFIX=/usr)
	rm -rf $(DESTDIR)$(LIBRARY)
	$(PIP) install --no-index --find-links $(PACKAGE)/wheels --no-compile --target $(DESTDIR)$(LIBRARY) \
	  'residency-monitor$(EXTRAS)==$(VERSION)'
	rm -rf $(DESTDIR)$(LIBRARY)/bin
	$(PACKAGE)/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash \
	  $(if $(DESTDIR),-s $(DESTDIR)) $(DESTDIR)$(LIBRARY)
	install -d $(dir $(addprefix $(DESTDIR),$(INSTALLED))) $(DESTDIR)$(DOCUMENTS)/examples
	sed 's|@PYTHON@|$(SYSTEM_PYTHON)|; s|@LIBRARY@|$(LIBRARY)|' packaging/residency.in > $(DESTDIR)$(PREFIX)/bin/residency
	chmod 755 $(DESTDIR)$(PREFIX)/bin/residency
	for unit in $(UNITS); do \
	  sed 's|/usr/bin/residency|$(PREFIX)/bin/residency|; s|/usr/share/doc/|$(PREFIX)/share/doc/|' \
	    packaging/systemd/$$unit > $(DESTDIR)$(UNITDIR)/$$unit || exit; done
	install -m 644 packaging/sysusers.d/residency-monitor.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/
	install -m 644 packaging/tmpfiles.d/residency-monitor.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/
	$(COMPLETE) bash > $(DESTDIR)$(word 1,$(COMPLETIONS))
	$(COMPLETE) zsh > $(DESTDIR)$(word 2,$(COMPLETIONS))
	$(COMPLETE) fish > $(DESTDIR)$(word 3,$(COMPLETIONS))
	chmod 644 $(addprefix $(DESTDIR),$(filter-out $(PREFIX)/bin/residency,$(INSTALLED)))
	chmod -R u=rwX,go=rX $(DESTDIR)$(LIBRARY)
	install -m 644 README.md CHANGELOG.md docs/*.md $(DESTDIR)$(DOCUMENTS)
	install -m 644 policies/*.yaml packaging/systemd/examples/*.conf $(DESTDIR)$(DOCUMENTS)/examples
	install -d -m 750 $(DESTDIR)/etc/residency
	test -e $(DESTDIR)/etc/residency/residency.yaml || \
	  install -m 640 monitor/data/residency.yaml $(DESTDIR)/etc/residency/residency.yaml

uninstall: ## remove what `install` put there; configuration, ledger and findings stay
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	rm -rf $(DESTDIR)$(LIBRARY) $(DESTDIR)$(DOCUMENTS)

deb: $(PACKAGE)/wheels.stamp ## build the Debian package into build/
	rm -rf build/deb
	mkdir -p build/deb/source
	tar -c --exclude=__pycache__ --exclude=sensors/rust/target Makefile README.md CHANGELOG.md LICENSE MANIFEST.in \
	  pyproject.toml setup.py requirements docs policies packaging monitor sensors $(PACKAGE)/wheels \
	  $(PACKAGE)/fetched.stamp $(PACKAGE)/wheels.stamp | tar -x -C build/deb/source
	mv build/deb/source/packaging/debian build/deb/source/debian
	cd build/deb/source && dpkg-buildpackage -us -uc -b
	mv build/deb/*.deb build/
