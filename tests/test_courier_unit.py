"""The courier's service: what it may not do, and that it works all the same."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.courier_kit import Server, configured, keys_in, put, serving, wait_for
from tests.networked_units_kit import MOST_EXPOSED, assert_held_but_for_the_network
from tests.outbox_kit import events, opened
from tests.under_unit import settings, under_unit
from tests.units_kit import ROOT, UNITS, assert_understood, exposure, needs_root, needs_systemd

UNIT = UNITS / "residency-deliver.service"
DOCUMENTED = " ".join((ROOT / "docs/68-sinks.md").read_text("utf-8").split())


@needs_systemd
def test_the_service_is_little_exposed() -> None:
    level = exposure(UNIT)
    assert float(level) <= MOST_EXPOSED
    assert f"exposure level {level}, on a scale" in DOCUMENTED


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    assert_understood(tmp_path, UNIT)


def test_it_is_held_as_the_sensor_is_but_for_the_network() -> None:
    assert_held_but_for_the_network(UNIT)
    assert settings(UNIT)["StateDirectory"] == ["residency/state"]
    assert settings(UNIT)["ReadWritePaths"] == ["-/var/lib/residency/events"]


@needs_systemd
@needs_root
@pytest.mark.enable_socket
def test_it_delivers_under_the_unit(tmp_path: Path) -> None:
    with serving(Server()) as server:
        url = f"http://localhost:{server.server_port}/"
        state = tmp_path / "state"
        config = configured(
            tmp_path,
            {"type": "jsonl", "name": "file", "path": str(state / "events.jsonl")},
            {"type": "webhook", "name": "hook", "url": url},
            {"type": "jsonl", "name": "elsewhere", "path": str(tmp_path / "elsewhere.jsonl")},
        )
        outbox = opened(state)
        put_keys = put(outbox, events(0, 5))
        outbox.close()
        command = [sys.executable, "-m", "monitor", "deliver", "--config", str(config)]
        with subprocess.Popen(
            under_unit(state, *command, unit=UNIT), stderr=subprocess.PIPE, text=True
        ) as courier:
            wait_for(lambda: keys_in(state / "events.jsonl") == put_keys, "the file")
            wait_for(lambda: server.keys == put_keys, "the webhook")
            courier.send_signal(signal.SIGTERM)
            _, said = courier.communicate(timeout=10)
    assert courier.returncode == 0, said
    assert not (tmp_path / "elsewhere.jsonl").exists()
    assert "read-only file system" in said
