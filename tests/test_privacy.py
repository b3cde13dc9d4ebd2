"""`residency doctor --privacy`: what is stored, where and how long, by the configuration that is there."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from monitor.cli import group
from monitor.commands import doctor
from monitor.config import Capture, Config, Kafka, Ledger, Metrics, Privacy, Pseudonyms, Publish, Retention
from monitor.ledger.types import CLASSES
from monitor.privacy import privacy_lines
from monitor.sink_options import JsonlOptions, KafkaOptions, SmtpOptions, SyslogOptions, WebhookOptions

CONFIG = Config(1, Capture())
ROTATING = Config(1, Capture(), privacy=Privacy(Pseudonyms(enabled=True, keys="keys", rotate_days=7)))
SHORT = Config(1, Capture(), ledger=Ledger("d", retention_days=Retention(allow=1)))
TELLING = Config(
    1,
    Capture(),
    state="now",
    sinks=(
        WebhookOptions(name="soc", url="https://soc.example.net/hook?key=geheim", severity="high"),
        JsonlOptions(name="file", path="events.jsonl", checkpoints=True),
        SmtpOptions(
            name="dpo",
            host="mx.example.net",
            sender="a@x",
            recipients=("dpo@example.net",),
            tenants=("acme", "beta"),
        ),
        SyslogOptions(name="siem", host="siem.example.net"),
        KafkaOptions(name="bus", brokers=("k:9093",)),
    ),
)
FLEET = Config(
    1,
    Capture(),
    publish=Publish("fleet.key", "spool"),
    kafka=Kafka({"bootstrap.servers": "k:9093", "ssl.key.password": "hidden"}, "seen"),
)
LONG = "/srv/" + "/".join(["a-folder-with-a-long-name"] * 5) + "/" + "x" * 60


def said(config: Config) -> str:
    return " ".join(" ".join(privacy_lines(config, "/etc/residency")).split())


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["doctor", "--privacy", *map(str, arguments)])


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (CONFIG, "violation: outside policy /var/lib/residency/ledger/TENANT/ 365 days payloads/violation/"),
        (CONFIG, "its address and port, as they are"),
        (CONFIG, "no process (processes: false)"),
        (CONFIG, "the store (`residency doctor`)"),
        (CONFIG, "on 127.0.0.1:9477; no address, host name or id of a connection"),
        (CONFIG, "payload - of no packet, in no form"),
        (CONFIG, "observe - prints all that the sensor sees, names and addresses"),
        (SHORT, "/etc/residency/d/TENANT/payloads/ 1 day allow/"),
        (ROTATING, "/etc/residency/keys/ this period's"),
        (ROTATING, "a pseudonym, another one for each tenant and every 7 days; no address, no port"),
        (Config(1, Capture(), processes=True), "the process of this host that opened the connection"),
        (Config(1, Capture(), data="/srv/data"), "nothing of the /srv/data"),
        (Config(1, Capture(watch="in")), "captures that you put /etc/residency/in/ until you"),
        (Config(1, Capture(watch="in")), "watched.json"),
        (Config(1, Capture(), metrics=Metrics("::1", 0)), "on [::1]:0"),
        (CONFIG, "findings, with their first /var/lib/residency/state/state.db until closed,"),
        (CONFIG, "clients and a connection then 365 days each (where"),
        (CONFIG, "state.db.broken-*"),
        (CONFIG, "sinks - none are configured: nothing is sent"),
        (TELLING, "events that a sink did not /etc/residency/now/delivery.db until they are take dropped"),
        (TELLING, "a finding - addresses of clients, tenant and source group"),
        (TELLING, "soc (webhook) to https://soc.example.net/hook: findings of severity high or worse of all"),
        (TELLING, "file (jsonl) to events.jsonl: all findings of all tenants, and checkpoints of the ledger"),
        (TELLING, "dpo (smtp) to dpo@example.net by mx.example.net: all findings of acme and beta"),
        (TELLING, "siem (syslog) to siem.example.net:6514: all findings"),
        (TELLING, "bus (kafka) to k:9093, topic residency-events: all findings"),
        (FLEET, "all that is observed: /etc/residency/spool/ until it is"),
        (FLEET, "observations - all that is observed: addresses of clients as they are, every host name"),
        (FLEET, "brokers - k:9093, topic seen"),
        (
            FLEET,
            "names - of hosts that have nothing to do with LLMs, in what it judges: but they are published",
        ),
        (msgspec.structs.replace(TELLING, privacy=ROTATING.privacy), "a finding - pseudonyms of clients"),
    ],
)
def test_what_is_said(config: Config, sentence: str) -> None:
    assert sentence in said(config)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (CONFIG, "keys of pseudonyms"),
        (CONFIG, "captures that you put there"),
        (CONFIG, "watched.json"),
        (ROTATING, "its address and port, as they are"),
        (CONFIG, "delivery.db"),
        (TELLING, "geheim"),
        (FLEET, "they never leave the process"),
        (FLEET, "hidden"),
        (CONFIG, "to the fleet's brokers"),
    ],
)
def test_what_is_not_said(config: Config, sentence: str) -> None:
    assert sentence not in said(config)


def test_every_class_is_told() -> None:
    assert all(f"{kind}: " in said(CONFIG) and f"payloads/{kind}/" in said(CONFIG) for kind in CLASSES)


def test_it_fits_80_columns() -> None:
    config = Config(
        1, Capture(watch=LONG), data=LONG, ledger=Ledger(LONG), privacy=Privacy(Pseudonyms(True, LONG))
    )
    lines = list(privacy_lines(config, "/etc/residency"))
    assert max(map(len, lines)) <= 80
    assert all("\n" not in line for line in lines)


def test_by_a_file(tmp_path: Path) -> None:
    path = tmp_path / "residency.yaml"
    path.write_text("version: 1\ncapture: {interfaces: [eth0]}\nprivacy: {pseudonyms: {enabled: true}}\n")
    result = run("--config", path)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"by {path}\n")
    assert "keys of pseudonyms" in result.stdout


def test_by_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CONFIG", tmp_path / "residency.yaml")
    result = run()
    assert result.exit_code == 0
    assert result.stdout.startswith(
        f"no configuration at {tmp_path / 'residency.yaml'}: these are the defaults\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "no such file"), ("version: 1\ncapture: {}\nprivasy: {}\n", "3: error: unknown key 'privasy'")],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "residency.yaml"
    if text is not None:
        path.write_text(text)
    result = run("--config", path)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_configuration_alone_is_a_mistake(tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["doctor", "--config", str(tmp_path)])
    assert result.exit_code == 2
    assert "--config goes with --privacy" in result.stderr
