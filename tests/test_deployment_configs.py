"""The configurations in a fleet's ConfigMaps: `residency check` takes them, and they fit their pods."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deployment_kit import FOLDER, Manifest, containers, generated
from tests.metrics_kit import EXAMPLE

CONFIGS = {"residency-sensor": "sensor/residency.yaml", "residency-correlator": "correlator/correlator.yaml"}
SECRETS = {
    "residency-fleet/fleet.key": "k" * 64,
    "residency-fleet/fleet.secret": "s" * 64,
    "residency-kafka/password": "p" * 20,
    "residency-kafka/ca.pem": "",
}


def read(name: str) -> Manifest:
    found: Manifest = yaml.safe_load((FOLDER / CONFIGS[name]).read_text("utf-8"))
    return found


def checked(name: str, folder: Path, *, secrets: bool = True) -> subprocess.CompletedProcess[str]:
    """Check a ConfigMap's configuration as the pod would see it, with other folders."""
    for path, text in SECRETS.items() if secrets else ():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, "utf-8")
        (folder / path).chmod(0o440)
    (file,) = (each for (_, made), files in generated().items() if made == name for each in files[:1])
    for each in (file, "policy.yaml"):
        text = (FOLDER / each).read_text("utf-8").replace("/etc/residency-", f"{folder}/residency-")
        (folder / Path(each).name).write_text(text.replace("/var/lib/", f"{folder}/"), "utf-8")
    command = [sys.executable, "-m", "monitor", "check", "--config", str(folder / Path(file).name)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_configuration_is_right(name: str, tmp_path: Path) -> None:
    done = checked(name, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr


def test_without_the_fleets_key_it_is_not(tmp_path: Path) -> None:
    done = checked("residency-sensor", tmp_path, secrets=False)
    assert done.returncode == 2
    assert "fleet.key" in done.stderr


def test_configmaps_are_of_these_files() -> None:
    assert generated() == {
        ("residency-sensors", "residency-sensor"): (CONFIGS["residency-sensor"], "policy.yaml"),
        ("residency", "residency-correlator"): (CONFIGS["residency-correlator"], "policy.yaml"),
    }
    assert (FOLDER / "policy.yaml").read_bytes() == EXAMPLE.read_bytes()


def test_what_is_written_and_read_is_mounted_where_it_is_named() -> None:
    mounts = {each.name: each.mounts() for each in containers()}
    sensor, publisher = mounts["residency-sensor/sensor"], mounts["residency-sensor/publish"]
    config = read("residency-sensor")
    assert config["kafka"]["metrics"]["port"] == 9478
    assert sensor["spool"] == publisher["spool"] == config["publish"]["spool"]
    assert config["publish"]["key"].startswith(f"{sensor['fleet']}/")
    recorder, courier = mounts["residency-recorder/recorder"], mounts["residency-recorder/deliver"]
    config = read("residency-correlator")
    assert recorder["recorded"] == courier["recorded"]
    for written in (config["root"], config["ledger"]["key"]):
        assert Path(written).is_relative_to(recorder["recorded"])
    assert config["privacy"]["pseudonyms"]["secret"].startswith(f"{recorder['fleet']}/")


@pytest.mark.parametrize("name", CONFIGS)
def test_brokers_are_spoken_to_in_secret(name: str) -> None:
    kafka = read(name)["kafka"]
    assert kafka["options"]["security.protocol"] == "SASL_SSL"
    assert kafka["password_file"] == "/etc/residency-kafka/password"  # noqa: S105  a path
    assert kafka["options"]["ssl.ca.location"] == "/etc/residency-kafka/ca.pem"


def test_the_spool_fits_its_volume() -> None:
    (sensor,) = (each for each in containers() if each.name == "residency-sensor/sensor")
    limits = {
        each["name"]: each["emptyDir"]["sizeLimit"] for each in sensor.pod["volumes"] if "emptyDir" in each
    }
    assert limits["spool"].endswith("Gi")
    most = read("residency-sensor")["publish"]["spool_bytes"]
    assert most.endswith("GiB")
    assert int(most.removesuffix("GiB")) < int(limits["spool"].removesuffix("Gi"))
    assert read("residency-sensor")["publish"]["judge"] is False  # nothing else is kept on the node
