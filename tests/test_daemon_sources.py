"""The daemon over other sources than rings: raw sockets, and folders of captures, by both engines."""

import shutil

import pytest

from tests.daemon_kit import DEMO, daemon, squeezed, wire, write_capture
from tests.replayed import by_flow, replay

pytestmark = pytest.mark.enable_socket
SECONDS = 4.0  # that the demo is sent in


def test_on_raw_sockets_it_says_what_a_replay_does() -> None:
    with wire() as lane, daemon(lane) as live:
        frames = squeezed(DEMO, SECONDS)
        capture = write_capture(live.folder / "traffic.pcap", frames)
        live.start(*live.command, "--engine", "dpkt")
        assert live.said("started")[0]["engine"] == "dpkt"
        live.wire.send(capture)
        live.wait_packets(len(frames))
        assert live.end() == 0
        _, replayed = replay(capture, live.folder)
        assert by_flow(live.lines(ended=True)) == by_flow(replayed)
        opened = {each.connection.flow for each in live.lines(ended=False)}
        assert opened >= {each.connection.flow for each in replayed if each.connection.hello is not None}


@pytest.mark.parametrize("engine", ["native", "dpkt"])
def test_captures_of_a_folder_are_judged_once_and_as_a_replay_does(engine: str) -> None:
    with wire() as lane, daemon(lane) as live:
        folder = live.folder / "captures"
        folder.mkdir()
        live.configure(capture={"watch": str(folder), "engine": engine})
        live.start()
        assert live.get("/readyz") == (200, "ok\n")
        _, replayed = replay(DEMO, live.folder)
        shutil.copy(DEMO, folder / "first.pcap")
        shutil.copy(DEMO, folder / "second.pcap")  # a newer one: the first is whole
        live.wait_packets(999)
        assert live.end() == 0
        decided = live.lines(ended=True)
        assert decided
        assert set(decided) <= set(replayed)
        before = len(decided)
        (folder / "second.pcap").unlink()
        live.start()  # again: what was read is not read again
        assert live.end() == 0
        assert len(live.lines(ended=True)) == before
        assert live.windows()[-1]["packets"] == 0


def test_an_engine_that_is_none_of_a_daemons_is_refused() -> None:
    with wire() as lane, daemon(lane) as live:
        live.launch(*live.command, "--engine", "tshark")
        assert live.process.wait(20) == 2
        assert "'tshark' is not one of 'auto', 'native', 'dpkt'" in live.stderr()
