"""The report's display filters, as Wireshark's own tshark obeys them."""

import subprocess

import pytest

from monitor.report.dissector import display_filter
from monitor.report.types import Facts
from tests.report_kit import CAPTURE, demo_facts
from tests.tshark_help import needs_tshark


@needs_tshark
@pytest.mark.parametrize("addresses", [False, True])
def test_a_filter_finds_the_connection(*, addresses: bool) -> None:
    facts: Facts = demo_facts(addresses=addresses)
    references = [each for found in facts.findings for each in found.references][:4]
    assert len(references) == 4
    for reference in references:
        command = ["tshark", "-r", str(CAPTURE), "-Y", display_filter(reference)]
        fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.stream"]
        done = subprocess.run([*command, *fields], capture_output=True, text=True, check=True, timeout=30)
        packets = [line.split("\t") for line in done.stdout.splitlines()]
        assert len({stream for _, stream in packets}) == 1
        at = packets[0][0]
        seconds, _, fraction = at.partition(".")
        assert int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")) == reference.ts_ns
        assert (len(packets) > 1) == addresses
