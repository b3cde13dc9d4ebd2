"""What other programs print is read as names: stand-ins print what nDPI, tshark and nfstream print."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.drain_nfstream import drain, note_names
from benchmarks.harness.names import names_of_script
from benchmarks.harness.peers import FAIR, names_of_ndpi, names_of_tshark, peers, slow_peers, tshark

V4 = ("10.0.0.1", 40_000, "192.0.2.1", 443, "api.openai.com")
V6 = ("fd00::1", 40_001, "2001:db8::1", 443, "api.mistral.ai")
WEB = ("10.0.0.1", 40_002, "192.0.2.3", 80, "www.example.org")


def stand_in(folder: Path, name: str, text: str, *, to: str) -> None:
    """Put a program into a folder that writes a text to standard output, or to what follows an option."""
    place = "/dev/stdout" if to == "stdout" else f'"$(printf "%s\\n" "$@" | grep -A1 -x -e {to} | tail -1)"'
    program = folder / name
    program.write_text(f"#!/bin/sh\ncat > {place} <<'END'\n{text}\nEND\n")
    program.chmod(0o755)


def test_names_of_ndpi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        "#flow_id,src_ip,src_port,dst_ip,dst_port,ndpi_proto,server_name_sni",
        "1,10.0.0.1,40000,192.0.2.1,443,TLS.OpenAI,api.openai.com",
        "2,fd00::1,40001,2001:db8::1,443,QUIC,api.mistral.ai",
        "3,10.0.0.1,40003,10.0.0.53,53,DNS.OpenAI,api.openai.com",
        "4,10.0.0.1,40004,10.0.0.53,53,DNS,www.example.org",
        "5,10.0.0.1,40005,192.0.2.4,443,TLS,",
    ]
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    stand_in(tmp_path, "ndpiReader", "\n".join(rows), to="-C")
    assert names_of_ndpi("t.pcap", tmp_path) == {V4, V6}


def test_names_of_tshark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        "10.0.0.1\t\t40000\t\t192.0.2.1\t\t443\t\tapi.openai.com\t",
        "\tfd00::1\t\t40001\t\t2001:db8::1\t\t443\tapi.mistral.ai\t",
        "10.0.0.1\t\t40002\t\t192.0.2.3\t\t80\t\t\twww.example.org",
    ]
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    stand_in(tmp_path, "tshark", "\n".join(rows), to="stdout")
    assert names_of_tshark(tshark("t.pcap"), tmp_path) == {V4, V6, WEB}


def test_names_of_nfstream(tmp_path: Path) -> None:
    def flow(said: tuple[str, int, str, int, str], application: str) -> SimpleNamespace:
        client, client_port, server, server_port, name = said
        ends = SimpleNamespace(src_ip=client, src_port=client_port, dst_ip=server, dst_port=server_port)
        ends.requested_server_name, ends.application_name, ends.bidirectional_packets = name, application, 3
        return ends

    flows = [flow(V4, "TLS.OpenAI"), flow(V6, "QUIC"), flow(WEB, "DNS.Web"), flow((*V4[:4], ""), "TLS")]
    note_names(flows, tmp_path / "written")
    assert drain(flows) == 12

    copying = f"import shutil, sys; shutil.copy({str(tmp_path / 'written')!r}, sys.argv[-1])"
    assert names_of_script((sys.executable, "-c", copying), tmp_path) == {V4, V6}
    assert len([json.loads(line) for line in (tmp_path / "written").read_text().splitlines()]) == 2


def test_what_is_not_installed_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    absent = [*peers(tmp_path), *slow_peers(tmp_path, tmp_path / "python")]
    assert {program.title: program.missing for program in absent} == {
        FAIR: "not installed: apt-get install libndpi-bin",
        "nDPI as it comes: ndpiReader": "not installed: apt-get install libndpi-bin",
        "nfstream": "not installed: make nfstream",
        "tshark": "not installed: apt-get install tshark",
    }
    stand_in(tmp_path, "ndpiReader", "", to="stdout")
    assert [program.missing for program in peers(tmp_path)] == ["", ""]
