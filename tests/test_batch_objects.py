"""Captures in object stores: listed, cut, fetched at most twice, held in part, and read as files are."""

import errno
import gzip
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.batch import cutting, held, objects
from monitor.batch.manifest import MANIFEST, Manifest
from monitor.files import InputError
from monitor.parquet import MissingExtraError
from sensors import native
from tests.batch_kit import Both, Form, any_pcapng, knowledge, nano_pcap, write_cut
from tests.batch_traffic import long_traffic

fsspec = pytest.importorskip("fsspec", reason="the cluster extra is not installed")

pytestmark = [
    pytest.mark.skipif(bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"),
    pytest.mark.enable_socket,
    # Those of the stores' libraries and their event loops, which are closed later than pytest looks.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PIECE_BYTES = 40_000
AHEAD_BYTES = 2_000
HEAD_BYTES = 24  # of a pcap file
RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)))


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the file system of a server on this machine that speaks S3."""
    server_module = pytest.importorskip("moto.server", reason="moto is not installed")
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("captures")
    yield system
    system.rm("captures", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture
def gs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the file system of a server on this machine that speaks Google Cloud Storage's JSON."""
    emulator = pytest.importorskip("gcp_storage_emulator.server", reason="its emulator is not installed")
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # asks a service that it has not
    gcsfs = pytest.importorskip("gcsfs", reason="gcsfs is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket="captures")
    server.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
    gcsfs.GCSFileSystem.clear_instance_cache()
    yield gcsfs.GCSFileSystem(token="anon")  # noqa: S106  it says that there is none
    gcsfs.GCSFileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture
def memory() -> Iterator[Any]:
    """Return the file system that is this process's memory."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


class Fetches:
    """Counts how often each byte of each object is fetched, and how many are held at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times: dict[str, Counter[int]] = {}
        self.most_held = 0
        self.left = 10**9  # bytes until the store fails
        fetch, need = objects.fetch, held.Held.need

        def counting(path: str, ranges: Any, into: Any) -> None:
            for begin, end in ranges:
                self.left -= end - begin
                if self.left < 0:
                    raise OSError(5, "the store is gone", path)
                self.times.setdefault(path, Counter()).update(range(begin, end))
            fetch(path, ranges, into)

        def weighing(one: held.Held, ranges: Any) -> None:
            need(one, ranges)
            self.most_held = max(self.most_held, one.file.stat().st_blocks * 512)

        monkeypatch.setattr(objects, "fetch", counting)
        monkeypatch.setattr(held.Held, "need", weighing)
        monkeypatch.setattr(cutting, "_AHEAD_BYTES", AHEAD_BYTES)

    def per_byte(self, path: str) -> set[int]:
        """How often the bytes were fetched behind the file's header."""
        return {times for at, times in self.times[path].items() if at >= HEAD_BYTES}


def put(system: Any, folder: Path, place: str) -> None:
    for file in folder.iterdir():
        system.pipe(f"{place}/{file.name}", file.read_bytes())


def same(parts: dict[str, bytes | None], one: dict[str, bytes | None], local: Path, remote: str) -> bool:
    """Tell whether two replays left the same bytes, but for where the captures were."""
    summary = (one["summary.json"] or b"").replace(str(local).encode(), remote.encode())
    return parts == {**one, "summary.json": summary}


def manifest(scratch: Path) -> Manifest:
    return msgspec.json.decode((scratch / "cache" / MANIFEST).read_bytes(), type=Manifest)


@pytest.mark.parametrize("store", ["s3", "gs", "memory"])
@pytest.mark.parametrize("form", [nano_pcap, any_pcapng])
def test_objects_are_replayed_as_files_are(
    store: str, form: Form, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    system = request.getfixturevalue(store)
    frames = long_traffic()
    write_cut(tmp_path / "in", frames, [400, 2_000], form)
    put(system, tmp_path / "in", "captures/2026")
    system.pipe("captures/2026/notes.txt", b"no capture")
    both = Both(knowledge(), tmp_path, PIECE_BYTES)
    one = both.in_one(tmp_path / "in")
    remote = f"{store}://{'/' if store == 'memory' else ''}captures/2026"
    parts = both.in_parts(remote)
    assert same(parts, one, tmp_path / "in", remote)
    pieces = [unit.unit.piece for unit in manifest(tmp_path).units]
    assert pieces[0] is None
    assert len([piece for piece in pieces if piece is not None]) >= 3
    system.pipe("captures/2026/egress-000.pcap", form(frames[:300]))
    assert both.in_parts(remote)["summary.json"] != parts["summary.json"]
    with pytest.raises(InputError, match="there is no capture there"):
        both.in_parts(f"{store}://captures/2025/")


def test_files_by_their_addresses_are_files(tmp_path: Path) -> None:
    write_cut(tmp_path / "in", long_traffic(), [1_000], any_pcapng)
    both = Both(knowledge(), tmp_path, PIECE_BYTES)
    assert both.in_parts(f"file://{tmp_path / 'in'}") == both.in_one(tmp_path / "in")


def test_bytes_are_fetched_twice_at_most_and_held_in_part(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cut(tmp_path / "in", long_traffic(), [300])
    put(memory, tmp_path / "in", "captures")
    fetches = Fetches(monkeypatch)
    both = Both(knowledge(), tmp_path, PIECE_BYTES)
    one = both.in_one(tmp_path / "in")
    remote = "memory:///captures"
    assert same(both.in_parts(remote), one, tmp_path / "in", remote)
    for file in (tmp_path / "in").iterdir():
        assert fetches.per_byte(f"{remote}/{file.name}") == {2}
    whole_bytes = (tmp_path / "in" / "egress-001.pcap").stat().st_size
    assert whole_bytes > 4 * PIECE_BYTES
    assert fetches.most_held < 2 * PIECE_BYTES
    fetches.times.clear()
    assert same(both.in_parts(remote), one, tmp_path / "in", remote)
    assert fetches.times == {}


def test_a_walk_that_was_interrupted_goes_on_where_it_was(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cut(tmp_path / "in", long_traffic(), [])
    put(memory, tmp_path / "in", "captures")
    fetches = Fetches(monkeypatch)
    both = Both(knowledge(), tmp_path, PIECE_BYTES)
    fetches.left = 2 * PIECE_BYTES + 3 * AHEAD_BYTES
    remote = "memory:///captures"
    with pytest.raises(InputError, match=r"egress-000.pcap: the store is gone; "):
        both.in_parts(remote)
    before = set(fetches.times[f"{remote}/egress-000.pcap"])
    fetches.left = 10**9
    fetches.times.clear()
    parts = both.in_parts(remote)
    assert same(parts, both.in_one(tmp_path / "in"), tmp_path / "in", remote)
    again = fetches.times[f"{remote}/egress-000.pcap"]
    assert {again[at] for at in before if HEAD_BYTES <= at < PIECE_BYTES} == {1}  # by the one who read it


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda data: gzip.compress(data, 0, mtime=0),
        lambda data: data[:90_000] + bytes(64) + data[90_064:-5],
        lambda data: bytes(len(data)),
    ],
)
def test_what_is_compressed_or_damaged_is_read_whole_from_there(
    spoiled: Any, memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Fetches(monkeypatch)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pcap").write_bytes(spoiled(nano_pcap(long_traffic())))
    put(memory, tmp_path / "in", "captures")
    both = Both(knowledge(), tmp_path, PIECE_BYTES)
    parts = both.in_parts("memory:///captures")
    assert same(parts, both.in_one(tmp_path / "in"), tmp_path / "in", "memory:///captures")
    assert both.said == []


def test_an_object_that_changes_while_it_is_read_ends_the_replay(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = nano_pcap(long_traffic())
    memory.pipe("captures/a.pcap", data)
    fetch = objects.fetch

    def changing(path: str, ranges: Any, into: Any) -> None:
        memory.pipe("captures/a.pcap", data[:-50] + bytes(50))
        fetch(path, ranges, into)

    monkeypatch.setattr(objects, "fetch", changing)
    both = Both(knowledge(), tmp_path, PIECE_BYTES)
    with pytest.raises(InputError, match=r"captures/a.pcap: it changed while it was read; "):
        both.in_parts("memory:///captures")


def test_an_object_that_changes_after_it_was_cut_ends_the_replay(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = long_traffic()
    memory.pipe("captures/a.pcap", nano_pcap(frames[:2_000]))
    find_pieces = cutting.find_pieces

    def changing(job: Any) -> Any:
        found = find_pieces(job)
        memory.pipe("captures/a.pcap", nano_pcap(frames))
        return found

    monkeypatch.setattr(cutting, "find_pieces", changing)
    with pytest.raises(InputError, match=r"captures/a.pcap: it changed while it was read; "):
        Both(knowledge(), tmp_path, PIECE_BYTES).in_parts("memory:///captures")


def test_a_disk_that_is_full_of_objects_is_told_by_its_folder(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("captures/a.pcap", nano_pcap(long_traffic()))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(objects, "fetch", full)
    line = f"{tmp_path}/residency-.*: No space left on device; make room there, or choose another TMPDIR$"
    with pytest.raises(InputError, match=line):
        Both(knowledge(), tmp_path, PIECE_BYTES).in_parts("memory:///captures")


def test_an_object_that_is_gone_is_one_line(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("captures/a.pcap", nano_pcap(long_traffic()))
    expand = objects.expand

    def vanishing(path: str) -> list[tuple[str, int]]:
        found = expand(path)
        memory.rm("captures/a.pcap")
        return found

    monkeypatch.setattr(objects, "expand", vanishing)
    with pytest.raises(InputError) as raised:
        Both(knowledge(), tmp_path, PIECE_BYTES).in_parts("memory:///captures")
    mend = "see what is wrong there, and replay again: what was found is kept"
    assert str(raised.value) == f"memory:///captures/a.pcap: there is no such object; {mend}"


@pytest.mark.parametrize(
    ("address", "library", "extras"),
    [("s3://b/a", "s3fs", "cluster,s3"), ("gs://b/a", "gcsfs", "cluster,gs")],
)
def test_without_a_store_s_library_the_line_says_what_to_install(
    address: str, library: str, extras: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    for scheme in ("s3", "gs"):
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, scheme, raising=False)  # noqa: SLF001
    with pytest.raises(MissingExtraError) as raised:
        objects.expand(address)
    said = str(raised.value)
    assert said.endswith(f"install it: pip install 'residency-monitor[{extras}]'")
    assert "\n" not in said


@given(RANGES, RANGES)
def test_ranges_are_sets_of_offsets(some: list[held.Range], others: list[held.Range]) -> None:
    def offsets(ranges: list[held.Range]) -> set[int]:
        return {at for begin, end in ranges for at in range(begin, end)}

    known = held.joined(others)
    assert offsets(known) == offsets(others)
    assert all(before[1] < after[0] for before, after in pairwise(known))
    assert offsets(held.without(some, known)) == offsets(some) - offsets(others)
    assert offsets(held.common(some, known)) == offsets(some) & offsets(others)
