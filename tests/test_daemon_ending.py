"""How the daemon ends: by signals, by kill -9, and where it cannot even begin."""

import pwd
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.daemon_kit import (
    DEMO,
    PORT,
    USER,
    Daemon,
    Wire,
    daemon,
    run,
    squeezed,
    wait_for,
    whole_lines,
    wire,
    write_capture,
)

pytestmark = pytest.mark.enable_socket
NOBODY = pwd.getpwnam(USER)


@pytest.fixture(scope="module")
def lane() -> Iterator[Wire]:
    with wire() as made:
        yield made


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_it_while_traffic_flows_and_all_that_was_seen_is_written(
    lane: Wire, number: signal.Signals
) -> None:
    with daemon(lane) as live:
        frames = squeezed(DEMO, 1.0)
        capture = write_capture(live.folder / "traffic.pcap", frames)
        live.start()
        sender = lane.sending(capture, "--loop", "0", "--mbps", "20")
        try:
            live.wait_metric("residency_packets_total", 2 * len(frames))
            live.tell(number)
            status = live.end(number)  # a second one is harmless
            assert sender.poll() is None  # it still flowed
        finally:
            sender.terminate()
            sender.wait()
        assert status == 0
        assert live.lasted < 5
        (stopped,) = live.said("stopped")
        assert live.log()[-1] == stopped
        assert "Traceback" not in live.stderr()
        assert (stopped["queued"], stopped["unwritten"], stopped["waiting"], stopped["flows"]) == (0, 0, 0, 0)
        (window,) = live.windows()
        assert window["packets"] == stopped["packets"] > 2 * len(frames)
        assert window["connections"] == stopped["connections"]
        ended = live.lines(ended=True)
        assert len(ended) == stopped["to_llms"] > 0
        assert len([each for each in ended if each.outcome == "violation"]) == stopped["outside_policy"]


def test_what_was_killed_leaves_whole_lines_and_starts_again(lane: Wire) -> None:
    with daemon(lane) as live:
        frames = squeezed(DEMO, 1.0)
        capture = write_capture(live.folder / "traffic.pcap", frames)
        live.start()
        sender = lane.sending(capture, "--loop", "0", "--mbps", "20")
        try:
            wait_for(lambda: any(live.ledger.glob("acme/payloads/violation/*.jsonl")), "a violation on disk")
            live.end(signal.SIGKILL)
        finally:
            sender.terminate()
            sender.wait()
        (path,) = live.ledger.glob("acme/payloads/violation/*.jsonl")
        before = path.read_bytes()
        with path.open("ab") as file:
            file.write(before[:40])  # as if it had been killed in the middle
        live.start()
        lane.send(capture, "--topspeed")
        live.wait_packets(len(frames))
        assert live.end() == 0
        whole = before[: before.rfind(b"\n") + 1]
        assert path.read_bytes().startswith(whole)
        assert len(whole_lines(path)) > whole.count(b"\n") > 0
        assert run(sys.executable, "-m", "monitor", "verify", str(live.ledger))


def mistaken(live: Daemon) -> tuple[int, str]:
    """Run a daemon that cannot begin; return its exit status and what it said."""
    live.launch()
    return live.process.wait(15), live.stderr()


def _wrong_key(live: Daemon) -> str:
    live.configure(captures={})
    return "capture"


def _wrong_policy(live: Daemon) -> str:
    live.policy.write_text(live.policy.read_text("utf-8").replace("outcome: violation", "outcome: violatoin"))
    return "policy.yaml:"


def _no_user(live: Daemon) -> str:
    live.configure(security={"user": "nobody-at-all"})
    return "useradd"


def _folder_of_another(live: Daemon) -> str:
    live.ledger.mkdir(0o700)
    return "give this user the right to write there"


def _no_such_address(live: Daemon) -> str:
    live.configure(metrics={"address": "192.0.2.1", "port": PORT})
    return "set metrics.address"


@pytest.mark.parametrize(
    "spoil",
    [_wrong_key, _wrong_policy, _no_user, _folder_of_another, _no_such_address],
)
def test_a_mistake_is_one_line_with_its_mend(lane: Wire, spoil: object) -> None:
    with daemon(lane) as live:
        assert callable(spoil)
        mend = spoil(live)
        status, said = mistaken(live)
        assert status == 2
        _one_line(said, mend)


def _one_line(said: str, mend: str) -> None:
    """No traceback; one line that is not of the log."""
    lines = [line for line in said.splitlines() if not line.startswith("{") and ": warning: " not in line]
    assert len(lines) == 1, said
    assert mend in lines[0]


def test_an_interface_that_is_not_there_may_come_yet(lane: Wire) -> None:
    with daemon(lane) as live:
        live.configure(capture={"interfaces": ["in1"]})
        status, said = mistaken(live)
        assert status == 3  # which the unit starts again
        _one_line(said, "did you mean 'in0'?")


def test_a_port_that_is_taken(lane: Wire) -> None:
    with daemon(lane) as first, daemon(lane) as second:
        first.start()
        status, said = mistaken(second)
        assert status == 2
        _one_line(said, "set another metrics.port")
        assert first.get("/readyz")[0] == 200


def test_a_folder_that_another_daemon_writes_to(lane: Wire) -> None:
    with daemon(lane) as first, daemon(lane) as second, daemon(lane) as third:
        first.start()
        taken = {"folder": str(first.ledger), "key": str(first.folder / "keys/ledger.key")}
        second.configure(ledger=taken, metrics={"port": 0})
        status, said = mistaken(second)
        assert status == 2
        _one_line(said, f"another daemon (process {first.process.pid}) writes there")
        third.configure(state=str(first.state), metrics={"port": 0})
        status, said = mistaken(third)
        assert status == 2
        _one_line(said, f"another process owns the findings (process {first.process.pid})")


def test_without_the_right_to_capture(lane: Wire) -> None:
    with daemon(lane) as live:
        live.launch("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", *live.command)
        assert live.process.wait(15) == 3
        _one_line(live.stderr(), "CAP_NET_RAW")
