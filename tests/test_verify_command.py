"""`residency verify` and `residency ledger` as an auditor uses them."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import group
from monitor.ledger.tenants import Ledgers
from monitor.ledger.types import Record
from monitor.merkle.note import Signer
from monitor.timestamps import timestamp_query
from tests.ledger_verify_kit import DAY, SIGNER, Item, files_of, item, make_ledger, retention, write
from tests.tsa_kit import Authority

NOW_NS = 1_773_000_000_000_000_000


def residency(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return make_ledger(tmp_path / "ledger", [item(number) for number in range(12)])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with the ledgers of two tenants and of none, by the writer that daemons have."""
    ledgers = Ledgers(tmp_path / "root", tmp_path / "key", "sensor-1", NOW_NS)
    for tenant in ("acme", "b/c", None):
        payload = json.dumps({"of": tenant}).encode()
        ledgers.append(tenant, [Record("decision", NOW_NS, "allow", DAY, payload)] * 3)
    ledgers.close()
    return tmp_path / "root"


def test_verified_by_a_trusted_key(ledger: Path, tmp_path: Path) -> None:
    write(tmp_path / "ledger.pub", f"# of sensor-1\n\n{SIGNER.vkey}\n".encode())
    for key in (SIGNER.vkey, tmp_path / "ledger.pub"):
        result = residency("verify", ledger, "--key", key)
        assert (result.exit_code, result.stderr) == (0, "")
        assert f"acme ({ledger}): verified\n" in result.stdout
        assert f"{SIGNER.vkey}: trusted\n" in result.stdout


def test_own_key_is_said_to_prove_consistency_only(ledger: Path) -> None:
    result = residency("verify", ledger)
    assert result.exit_code == 0
    assert "its own: it fits itself, which does not prove who wrote it" in result.stdout


def test_faults_are_named_and_status_is_1(ledger: Path) -> None:
    path = ledger / f"payloads/allow/{DAY}.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"number":3', b'"number":4'))
    result = residency("verify", ledger, "--key", SIGNER.vkey)
    assert result.exit_code == 1
    assert f"acme ({ledger}): NOT verified: 1 fault\n" in result.stdout
    assert f"  payloads/allow/{DAY}.jsonl line 2: salt or payload is not that of entry 3\n" in result.stdout
    said = json.loads(residency("verify", ledger, "--json").stdout)
    assert said["holds"] is False
    assert said["ledgers"][0]["faults"][0]["place"] == f"payloads/allow/{DAY}.jsonl line 2"


def test_names_that_are_no_text_are_written_out(ledger: Path) -> None:
    write(ledger / "\udcff\x1b[31m", b"")
    result = residency("verify", ledger)
    assert "  \\\\xff\\x1b[31m: the ledger has no such file\n" in result.stdout or "\\xff" in result.stdout
    assert "\x1b" not in result.stdout


def test_root_with_several_tenants(root: Path, tmp_path: Path) -> None:
    shown = residency("ledger", "show", root).stdout.splitlines()
    assert [line.split("  ")[:2] for line in shown] == [
        ["(no tenant)", "3 entries"], ["acme", "3 entries"], ["b/c", "3 entries"],
    ]  # fmt: skip
    keys = [line.split("  ")[-1] for line in shown]
    write(tmp_path / "keys", "\n".join(keys).encode())
    result = residency("verify", root, "--key", tmp_path / "keys")
    assert (result.exit_code, result.stdout.count(": verified\n"), result.stdout.count(": trusted\n")) == (
        0,
        3,
        3,
    )
    some = residency("verify", root, "--key", keys[0], "--key", keys[1])
    assert some.exit_code == 1
    assert f"ledger.json: none of the keys that were given is its key, {keys[2]}" in some.stdout


def test_ledger_in_the_folder_of_another_tenant_is_named(root: Path) -> None:
    shutil.rmtree(root / "acme")
    shutil.copytree(root / "b%2Fc", root / "acme")
    keys = [
        key for line in residency("ledger", "show", root).stdout.splitlines() for key in line.split()[-1:]
    ]
    result = residency("verify", root, *(word for key in keys for word in ("--key", key)))
    assert result.exit_code == 1
    assert "it is in the folder of another tenant: it is residency/sensor-1/b%2Fc\n" in result.stdout


def test_of_several_keys_of_a_name_the_ledgers_own_counts(ledger: Path) -> None:
    older = Signer.generate(SIGNER.name, bytes(32)).vkey
    assert residency("verify", ledger, "--key", older, "--key", SIGNER.vkey).exit_code == 0
    assert residency("verify", ledger, "--key", older).exit_code == 1


def test_what_stands_beside_ledgers_and_what_went_is_named(root: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert residency("ledger", "checkpoint", root / "acme", "--out", kept).exit_code == 0
    assert residency("verify", root, "--checkpoint", kept).exit_code == 0
    (root / "b%2Fc" / "ledger.json").unlink()
    shutil.rmtree(root / "acme")
    result = residency("verify", root, "--checkpoint", kept)
    assert result.exit_code == 1
    assert "  b%2Fc: it is no ledger: it has no ledger.json\n" in result.stdout
    assert f"  {kept}: the ledger that it is of is not here: residency/sensor-1/acme\n" in result.stdout


def test_checkpoint_that_was_kept_tells_of_a_cut(tmp_path: Path) -> None:
    items = [item(number) for number in range(12)]
    early = make_ledger(tmp_path / "early", items[:5])
    late = make_ledger(tmp_path / "late", items)
    kept = tmp_path / "kept"
    kept.write_text(residency("ledger", "checkpoint", late).stdout)
    assert residency("verify", late, "--checkpoint", kept).exit_code == 0
    cut = residency("verify", early, "--checkpoint", kept)
    assert cut.exit_code == 1
    assert f"  {kept}: the ledger had 12 entries, and has 5: it was cut off" in cut.stdout


def test_time_stamp_of_a_checkpoint(ledger: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    kept, query, reply = tmp_path / "kept", tmp_path / "kept.tsq", tmp_path / "kept.tsr"
    result = residency("ledger", "checkpoint", ledger, "--out", kept, "--query", query)
    assert (result.exit_code, result.stdout) == (0, "")
    assert kept.read_bytes() == (ledger / "checkpoint").read_bytes()
    assert query.read_bytes() == timestamp_query(kept.read_bytes())
    reply.write_bytes(authority.reply(query.read_bytes()))
    stamp = ("--timestamp", reply, "--tsa-ca", authority.root)
    for more in ((), ("--checkpoint", kept)):
        result = residency("verify", ledger, *stamp, *more)
        assert result.exit_code == 0
        assert " UTC, by the word of CN=Test TSA\n" in result.stdout
    said = json.loads(residency("verify", ledger, *stamp, "--json").stdout)
    assert (said["holds"], said["timestamp"]["authority"]) == (True, "CN=Test TSA")
    reply.write_bytes(authority.reply(timestamp_query(b"something else")))
    result = residency("verify", ledger, *stamp)
    assert result.exit_code == 1
    assert f"time stamp: NOT verified\n  {reply}: it does not hold: " in result.stdout


def test_tail_and_retention_are_said(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [*map(item, range(12)), retention("violation", 8)])
    (ledger / f"payloads/violation/{DAY}.jsonl").unlink()
    write(ledger / "journal", bytes(8))
    result = residency("verify", ledger)
    assert result.exit_code == 0
    assert "  entries     13; the payloads of 8 were erased by retention\n" in result.stdout
    assert (
        "not signed  8 bytes of a batch that never was durable, not yet signed: the daemon" in result.stdout
    )
    listed = residency("ledger", "list", ledger).stdout.splitlines()
    assert len(listed) == 13
    assert sum("(not there: erased by retention" in line for line in listed) == 8


def test_entries_are_listed(ledger: Path) -> None:
    write(ledger / "unknown", b"")  # the list does not verify
    assert len(residency("ledger", "list", ledger).stdout.splitlines()) == 12
    assert residency("ledger", "list", ledger, "--kind", "gap").stdout == ""
    lines = [json.loads(line) for line in residency("ledger", "list", ledger, "--json").stdout.splitlines()]
    assert [line["payload"]["number"] for line in lines] == list(range(12))
    assert {line["tenant"] for line in lines} == {"acme"}
    said = json.loads(residency("ledger", "show", ledger, "--json").stdout)
    assert (said["entries"], said["kinds"], said["first_day"], said["key"]) == (
        12, {"decision": 12}, DAY, SIGNER.vkey,
    )  # fmt: skip


@pytest.mark.parametrize("payload", [b'{"a":"\xff"}', b"{a}"])
def test_payload_that_is_no_json_is_one_line(tmp_path: Path, payload: bytes) -> None:
    ledger = make_ledger(tmp_path, [Item("allow", payload)])
    result = residency("ledger", "list", ledger, "--json")
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"{ledger}: entry 0: no JSON" in result.stderr


def test_bundles_are_told_by_what_they_are(tmp_path: Path) -> None:
    write(tmp_path / "a.zip", b"PK\x03\x04 and no more")
    result = residency("verify", tmp_path / "a.zip")
    assert result.exit_code == 1
    assert f"{tmp_path / 'a.zip'}: NOT verified" in result.stdout
    assert residency("verify", tmp_path / "a.zip", "--checkpoint", "x").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["verify", "ledger", "--key", "x+y"], 2, "the key is no Ed25519 public key"),
        (["verify", "ledger", "--key", "nothing"], 2, "no such file"),
        (["verify", "ledger", "--key", "empty"], 2, "no key in it"),
        (["verify", "ledger", "--key", SIGNER.skey], 2, "that is a private key"),
        (["verify", "ledger", "--tsa-ca", "x"], 2, "each needs the other"),
        (["verify", "ledger", "--capture", "x"], 2, "--capture is for bundles"),
        (["verify", "ledger", "--timestamp", "x", "--tsa-ca", "x", *["--checkpoint", "kept"] * 2], 2,
         "name the one checkpoint"),
        (["verify", "ledger", "--timestamp", "x", "--tsa-ca", "empty"], 3, "x: no such file"),
        (["verify", "ledger", "--checkpoint", "empty"], 3, "empty: the note has no signature"),
        (["verify", "nothing"], 3, "nothing: no such file"),
        (["verify", "empty"], 3, "not a directory"),
        (["ledger", "show", "nothing"], 3, "no such file"),
        (["ledger", "checkpoint", "."], 2, "there are 2 ledgers; name one: ledger, other"),
        (["ledger", "list", "ledger", "--kind", "x"], 2, "'x' is not one of"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, expected: str
) -> None:
    monkeypatch.chdir(ledger.parent)
    make_ledger(Path("other"), [], Signer.generate("residency/s/acme", bytes(32)))
    write(Path("empty"), b"")
    write(Path("kept"), (ledger / "checkpoint").read_bytes())
    result = residency(*arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert expected in result.stderr
    assert "Traceback" not in result.stderr
    assert SIGNER.skey not in result.stderr


def test_verifying_changes_nothing(root: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files_of(root)}
    assert residency("verify", root).exit_code == 0
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files_of(root)} == before
