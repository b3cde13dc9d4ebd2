"""The engine tshark as a whole: what it counts, how it ends, and that nothing of it stays behind."""

import gc
import gzip
import os
import signal
import threading
from pathlib import Path

import pytest

from pcaps import golden
from sensors import tshark, tshark_process, tshark_program
from sensors.connections import Seen
from sensors.engine import EngineError, Options, choose, lacks
from sensors.limits import Limits
from sensors.observations import Accounting, Count, FlowUpdate, Gap, HelloSeen
from sensors.tshark_program import is_too_old
from tests.tshark_help import needs_tshark, observe

TRAFFIC = golden.traffic(golden.PCAPS / "openai-eu")
CASES = [case for case in golden.cases() if case.name != "fragmented-dns"]


def total(counts: dict[str, Count]) -> Count:
    """Return the sum of counts."""
    values = counts.values()
    return Count(sum(count.packets for count in values), sum(count.bytes for count in values))


def final_flows(observations: list[Seen]) -> set[FlowUpdate]:
    """Return the totals of all flows."""
    return {each for each in observations if isinstance(each, FlowUpdate) and each.final}


@needs_tshark
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_accounting_closes_and_the_flows_are_the_same(case: Path) -> None:
    observations, accounting = observe(golden.traffic(case), "tshark")
    wanted, reference = observe(golden.traffic(case), "dpkt")
    decoded, undecoded = total(accounting.decoded), total(accounting.undecoded)
    assert decoded.packets + undecoded.packets == accounting.read.packets
    assert decoded.bytes + undecoded.bytes == accounting.read.bytes
    assert accounting.read == reference.read
    assert accounting.decoded == reference.decoded
    assert (accounting.first_ns, accounting.last_ns) == (reference.first_ns, reference.last_ns)
    assert [fault.kind for fault in accounting.faults] == [fault.kind for fault in reference.faults]
    assert final_flows(observations) == final_flows(wanted)


@needs_tshark
def test_a_datagram_in_fragments_counts_once() -> None:
    _, accounting = observe(golden.traffic(golden.PCAPS / "fragmented-dns"), "tshark")
    assert accounting.decoded["ip-fragment"].packets == 1
    assert total(accounting.decoded) == accounting.read


@needs_tshark
def test_files_are_read_in_time_order_and_progress_adds_up() -> None:
    paths = [golden.traffic(golden.PCAPS / case) for case in ("demo", "midstream", "http-plain")]
    read_bytes: list[int] = []
    sensor = tshark.TsharkSensor(paths, Options(), read_bytes.append)
    observations = [each for batch in sensor for each in batch]
    assert sum(read_bytes) == sum(path.stat().st_size for path in paths)
    accounting = sensor.accounting()
    assert accounting.read.packets == sum(observe(path, "dpkt")[1].read.packets for path in paths)
    assert {each.flow for each in observations if isinstance(each, HelloSeen)} == {
        each.flow for path in paths for each in observe(path, "dpkt")[0] if isinstance(each, HelloSeen)
    }


@needs_tshark
def test_a_full_flow_table_gives_flows_up_and_says_so() -> None:
    sensor = tshark.TsharkSensor([golden.traffic(golden.PCAPS / "demo")], Options(Limits(flows=3)), None)
    observations = [each for batch in sensor for each in batch]
    evicted = [each for each in observations if isinstance(each, FlowUpdate) and each.reason == "evicted"]
    (gap,) = (each for each in observations if isinstance(each, Gap))
    assert len(evicted) == sensor.accounting().counters["evicted-flows"] > 10
    assert (gap.reason, gap.packets) == (
        "table",
        sum(each.packets_up + each.packets_down for each in evicted),
    )


@needs_tshark
def test_what_a_hello_says() -> None:
    hellos, wanted = (
        [each for each in observe(TRAFFIC, engine)[0] if isinstance(each, HelloSeen)]
        for engine in ("tshark", "dpkt")
    )
    (hello,), (reference,) = hellos, wanted
    assert hello.ja4 is None
    for field in ("ts_ns", "flow", "carrier", "server_name", "alpn", "versions", "ech", "complete", "rtt_ns"):
        assert getattr(hello, field) == getattr(reference, field), field


@needs_tshark
def test_a_users_settings_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = observe(TRAFFIC, "tshark")
    folder = tmp_path / "wireshark"
    folder.mkdir()
    (folder / "disabled_protos").write_text("tls\ndns\n")
    (tmp_path / "config.ini").write_text("this is no configuration")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("WIRESHARK_CONFIG_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    assert observe(TRAFFIC.resolve(), "tshark") == wanted


@needs_tshark
def test_compressed_files_and_those_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.pcap.gz").write_bytes(gzip.compress(TRAFFIC.read_bytes()))
    assert observe(tmp_path / "a.pcap.gz", "tshark")[0] == observe(TRAFFIC, "tshark")[0]
    (tmp_path / "b.pcap").write_text("no capture")
    (tmp_path / "c.pcap").touch()
    os.mkfifo(tmp_path / "fifo")
    for path, problem in (
        (tmp_path / "b.pcap", "not a pcap"),
        (tmp_path / "c.pcap", "empty"),
        (tmp_path / "fifo", "reads files only"),
        (tmp_path / "nowhere", "no such file"),
    ):
        _, accounting = observe(path, "tshark")
        (fault,) = accounting.faults
        assert fault.kind == "unreadable"
        assert problem in fault.problem
        assert accounting.read == Count()


FRAME = (
    '{"timestamp":"1","layers":{"frame_number":["1"],"frame_time_epoch":["1.5"],"frame_len":["60"],'
    '"frame_cap_len":["60"],"frame_protocols":["eth:ethertype:arp"]}}'
)
ENDS = [
    ("well", f"echo '{FRAME}'", None, "", 1),
    ("an index line", f"echo '{{\"index\":{{}}}}'; echo '{FRAME}'", None, "", 1),
    ("a line that is no JSON", f"echo '{FRAME}'; echo '{{'", None, "", 2),
    (
        "cut short",
        "echo 'tshark: The standard input appears to have been cut short.' >&2; exit 2",
        "truncated",
        "the file ends inside packet 1",
        0,
    ),
    (
        "a complaint",
        "echo 'some warning'>&2; echo 'tshark: out of luck' >&2; exit 1",
        "corrupt",
        "out of luck",
        0,
    ),
    ("no complaint", f"echo '{FRAME}'; exit 3", "corrupt", "after packet 1: status 3", 1),
    ("a signal", "kill -9 $$", "corrupt", "ended by signal 9", 0),
    ("too long a line", "head -c 9000000 /dev/zero", "corrupt", "more than", 0),
    ("silence", "exec sleep 600", "corrupt", "said nothing for 0.3 seconds", 0),
]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a script that stands for tshark; it notes its process id."""
    program = tmp_path / "tshark"
    monkeypatch.setattr(tshark, "find_tshark", lambda: str(program))
    monkeypatch.setattr(tshark_process, "_unprivileged", dict)  # nobody may not enter a test's folder
    return program


def run_fake(program: Path, script: str) -> tuple[Accounting, int]:
    """Run the engine on a script; return its accounting and the script's process id."""
    pid = program.with_name("pid")
    program.write_text(f"#!/bin/sh\necho $$ > {pid}\n{script}\n")
    program.chmod(0o755)
    sensor = tshark.TsharkSensor([TRAFFIC], Options(), None)
    for _ in sensor:
        pass
    return sensor.accounting(), int(pid.read_text())


@pytest.mark.parametrize(
    ("script", "wanted"), [(row[1], row[2:]) for row in ENDS], ids=[row[0] for row in ENDS]
)
def test_however_tshark_ends_it_is_one_line(
    fake: Path, monkeypatch: pytest.MonkeyPatch, script: str, wanted: tuple[str | None, str, int]
) -> None:
    kind, problem, packets = wanted
    monkeypatch.setattr(tshark_process, "STALL_SECONDS", 0.3 if "sleep" in script else 20)
    accounting, pid = run_fake(fake, script)
    assert [fault.kind for fault in accounting.faults] == ([kind] if kind else [])
    assert all(problem in fault.problem and "\n" not in fault.line() for fault in accounting.faults)
    assert accounting.read.packets == packets
    assert total(accounting.decoded).packets + total(accounting.undecoded).packets == packets
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_who_stops_reading_leaves_nothing_running(fake: Path) -> None:
    pid = fake.with_name("pid")
    fake.write_text(f"#!/bin/sh\necho $$ > {pid}\nwhile :; do echo '{FRAME}'; done\n")
    fake.chmod(0o755)
    batches = iter(tshark_process.TsharkProcess(str(fake), TRAFFIC).lines())
    assert next(batches)
    batches.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize("script", ["exec sleep 600", f"echo '{FRAME}'; exec sleep 600"])
def test_an_interrupt_leaves_nothing_running_and_says_nothing_else(
    fake: Path, caplog: pytest.LogCaptureFixture, script: str
) -> None:
    interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        run_fake(fake, script)
    with pytest.raises(ProcessLookupError):
        os.kill(int(fake.with_name("pid").read_text()), 0)
    gc.collect()
    assert caplog.text == ""


def test_an_interrupt_while_tshark_starts_leaves_nothing_running(
    fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.write_text("#!/bin/sh\nexec sleep 600\n")
    fake.chmod(0o755)
    started = []

    def interrupt(self: tshark_process.TsharkProcess, _: object) -> None:
        started.extend(self._running_processes)
        raise KeyboardInterrupt

    monkeypatch.setattr(tshark_process.TsharkProcess, "_create_stderr_handling_task", interrupt)
    with pytest.raises(KeyboardInterrupt):
        for _ in tshark_process.TsharkProcess(str(fake), TRAFFIC).lines():
            pass
    with pytest.raises(ProcessLookupError):
        os.kill(started[0].pid, 0)


@needs_tshark
def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tshark_process, "CHILD_BYTES", 30 << 20)
    _, accounting = observe(TRAFFIC, "tshark")
    assert [fault.kind for fault in accounting.faults] == ["corrupt"]


LACKING = [
    ("no pyshark", "", "/usr/bin/tshark", "4.0.17", "pip install 'residency-monitor[crosscheck]'"),
    ("no tshark", "0.6", None, "", "apt-get install tshark"),
    ("an old tshark", "0.6", "/usr/bin/tshark", "3.6.2", "is of version 3.6.2; install 4.0 or later"),
    ("an unknown tshark", "0.6", "/usr/bin/tshark", "", "is of version unknown"),
    ("all", "0.6", "/usr/bin/tshark", "4.0.17", ""),
]


@pytest.mark.parametrize(
    ("pyshark", "program", "version", "said"), [row[1:] for row in LACKING], ids=[row[0] for row in LACKING]
)
def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, pyshark: str, program: str | None, version: str, said: str
) -> None:
    monkeypatch.setattr(tshark_program, "_pyshark", lambda: pyshark)
    monkeypatch.setattr(tshark_program, "find_tshark", lambda: program)
    monkeypatch.setattr(tshark_program, "version_of", lambda _: version)
    assert said in lacks("tshark")
    assert bool(lacks("tshark")) == bool(said)
    if said:
        with pytest.raises(EngineError, match="engine 'tshark' is not here"):
            choose("tshark")


@pytest.mark.parametrize(
    ("version", "too_old"),
    [("4.0.17", False), ("4.4.0", False), ("10.0", False), ("3.6.2", True), ("", True), ("4", True)],
)
def test_versions(version: str, *, too_old: bool) -> None:
    assert is_too_old(version) is too_old
