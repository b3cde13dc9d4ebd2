"""However a capture is cut, and however much is read at once: all parts together say what one engine says."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.batch.manifest import MANIFEST, Manifest
from monitor.batch.run import Batch
from monitor.batch.workers import Here
from sensors import native
from sensors.partition import InexactError
from tests.batch_kit import (
    EVERYTHING,
    ROOT,
    Both,
    Form,
    any_pcapng,
    frames_of,
    knowledge,
    nano_pcap,
    said_in_one,
    said_in_parts,
    spoil,
    write_cut,
)
from tests.batch_traffic import long_traffic, recorded, traffic
from tests.test_foreign_captures import CAPTURES

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)


Damage = list[tuple[float, bytes]]
PCAPNG = sorted([*(ROOT / "pcaps").glob("*/*.pcapng"), *CAPTURES.glob("*/*.pcapng")])


def manifest(scratch: Path) -> Manifest:
    return msgspec.json.decode((scratch / "cache" / MANIFEST).read_bytes(), type=Manifest)


@settings(max_examples=16)
@given(
    seed=st.integers(0, 2**32),
    places=st.lists(st.floats(0, 1), max_size=6),
    piece_bytes=st.sampled_from([1_000, 4_000, 10**9]),
    form=st.sampled_from([nano_pcap, any_pcapng]),
    damage=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=2),
)
def test_parts_say_what_one_engine_says(
    seed: int, places: list[float], piece_bytes: int, form: Form, damage: Damage
) -> None:
    frames = traffic(seed, recorded())
    scratch = Path(tempfile.mkdtemp())
    try:
        write_cut(scratch / "in", frames, [int(place * len(frames)) for place in places], form)
        spoil(min((scratch / "in").iterdir()), damage)
        batch = Batch(Here(), scratch / "cache", print, piece_bytes)
        one = said_in_one(scratch / "in", EVERYTHING)
        with suppress(InexactError):  # which others test: then nothing is said
            assert said_in_parts(scratch / "in", EVERYTHING, batch) == one
    finally:
        shutil.rmtree(scratch)


@pytest.mark.parametrize("form", [nano_pcap, any_pcapng])
@pytest.mark.parametrize("damage", [[], [(0.7, bytes(90))], [(0.7, b"\xff" * 90), (0.9, bytes(90))]])
@pytest.mark.parametrize("lost_bytes", [0, 5, 60])
def test_a_large_file_is_cut_up_to_where_it_is_damaged(
    form: Form, damage: Damage, lost_bytes: int, tmp_path: Path
) -> None:
    write_cut(tmp_path / "in", long_traffic(), [], form)
    path = tmp_path / "in" / "egress-000.pcap"
    spoil(path, damage, lost_bytes)
    batch = Batch(Here(), tmp_path / "cache", print, path.stat().st_size // 20)
    one = said_in_one(tmp_path / "in", EVERYTHING)
    assert said_in_parts(tmp_path / "in", EVERYTHING, batch) == one
    assert bool(one[2].faults) == bool(damage or lost_bytes)
    assert len(manifest(tmp_path).segments) == (14 if damage else 20)


@pytest.mark.parametrize("path", PCAPNG, ids=lambda path: path.parent.name + "/" + path.stem)
def test_recorded_pcapng_is_cut(path: Path, tmp_path: Path) -> None:
    both = Both(knowledge(), tmp_path, piece_bytes=path.stat().st_size // 12)
    assert both.in_parts(path) == both.in_one(path)
    assert both.said == []
    made = manifest(tmp_path)
    assert len(made.segments) > 1 or sum(unit.found.packets for unit in made.units) == 1


def test_parts_read_most_of_long_traffic_themselves(tmp_path: Path) -> None:
    frames = long_traffic()
    write_cut(tmp_path / "in", frames, [len(frames) // 4 * number for number in (1, 2, 3)])
    batch = Batch(Here(), tmp_path / "cache", print, 40_000)
    one = said_in_one(tmp_path / "in", EVERYTHING)
    assert said_in_parts(tmp_path / "in", EVERYTHING, batch) == one
    made = manifest(tmp_path)
    left_frames = sum(read.part.left_frames for read in made.read)
    assert 0 < left_frames < len(frames) / 2
    assert len(made.segments) == 4


@pytest.mark.parametrize(
    "name", ["demo", "fragmented-dns", "vxlan-mirror", "proxy-protocol", "truncated-file"]
)
@pytest.mark.parametrize("form", [nano_pcap, any_pcapng])
def test_a_replay_in_parts_writes_the_same_bytes(name: str, form: Form, tmp_path: Path) -> None:
    frames = frames_of(ROOT / "pcaps" / name / "traffic.pcap")
    write_cut(tmp_path / "in", frames, [len(frames) // 3, len(frames) // 2], form)
    both = Both(knowledge(), tmp_path, piece_bytes=1_000)
    one = both.in_one(tmp_path / "in")
    assert one["decisions.jsonl"] is not None
    assert both.in_parts(tmp_path / "in") == one
    assert both.said == []
