"""The daemon at work under what its systemd unit restricts, and as that unit's user would be."""

import shutil
import sys
from pathlib import Path

import pytest

from sensors.confinement import LANDLOCK_WHOLE, support
from tests.daemon_kit import DEMO, USER, daemon, records, run, skip_without_wire, wire
from tests.under_unit import under_unit

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed"),
]
COUNT = len(records(DEMO))


def test_it_watches_judges_reloads_and_ends_under_the_unit() -> None:
    with wire() as lane, daemon(lane) as live:
        writable = live.folder / "state"
        writable.mkdir()
        shutil.chown(writable, USER)
        live.ledger = writable / "ledger"
        key = str(writable / "keys" / "ledger.key")
        live.configure(ledger={"folder": str(live.ledger), "key": key}, state=str(writable / "state"))
        live.start(*under_unit(writable, *live.command, user=USER))
        (confined,) = live.said("confined")
        assert confined["seccomp"] is True
        assert confined["landlock"] == ("full" if support().landlock_abi >= LANDLOCK_WHOLE else "partial")
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        live.tell(1)
        live.wait_log("reloaded")
        lane.send(DEMO, "--topspeed")
        live.wait_packets(2 * COUNT)
        lane.link("set", "in0", "down")
        live.wait_log("interface down")
        lane.link("set", "in0", "up")
        live.wait_log("interface up")
        assert live.end() == 0
        assert {each.rule for each in live.lines(ended=True) if each.outcome == "violation"}


def test_what_the_kernel_has_is_found_where_proc_shows_processes_only(tmp_path: Path) -> None:
    skip_without_wire()
    code = "from sensors.confinement import support; print(support())"
    assert run(*under_unit(tmp_path, sys.executable, "-c", code)).strip() == str(support())
    assert support().seccomp
