"""Tiles against the examples of C2SP tlog-tiles and of golang.org/x/mod/sumdb/tlog."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.merkle.tiles import (
    Place,
    TileError,
    decode_bundle,
    decode_tile,
    encode_bundle,
    entries_path,
    hashes_from_tiles,
    parse_path,
    places,
    tile_path,
    width_at,
)
from monitor.merkle.tree import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hashes,
    perfect_root,
    verify_consistency,
    verify_inclusion,
)

PATHS = [
    # c2sp.org/tlog-tiles: "index 1234067 will be encoded as x001/x234/067"
    (Place(0, 1_234_067), "tile/0/x001/x234/067"),
    (Place(None, 1_234_067), "tile/entries/x001/x234/067"),
    # golang.org/x/mod v0.20.0, sumdb/tlog/tlog_test.go, less the height, which is 8 here
    (Place(0, 1, 5), "tile/0/001.p/5"),
    (Place(5, 123_456_078), "tile/5/x123/x456/078"),
    (Place(5, 123_456_078, 2), "tile/5/x123/x456/078.p/2"),
    (Place(0, 3_057_500), "tile/0/x003/x057/500"),
    (Place(63, 0, 255), "tile/63/000.p/255"),
]
NO_PATHS = [
    "", "tile/0/1", "tile/00/001", "tile/64/001", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/01",
    "tile/0/x000/001", "tile/5/123/456/078", "tile/-1/001", "tile/data/001", "tile/0/001/", "/tile/0/001",
    "tile/0/001.p", "tile/0/x001", "tile/0/001\n", "tile/0/\u0660\u0660\u0661", "tile/entries/1000",
]  # fmt: skip


@pytest.mark.parametrize(("place", "path"), PATHS)
def test_paths(place: Place, path: str) -> None:
    assert place.path == path
    assert parse_path(path) == place
    made = entries_path(*place[1:]) if place.level is None else tile_path(*place[:2], place.width)  # type: ignore[arg-type]
    assert made == path


@pytest.mark.parametrize("path", NO_PATHS)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(TileError):
        parse_path(path)


@pytest.mark.parametrize("width", [0, 257, -1])
def test_no_path_of_an_impossible_width(width: int) -> None:
    with pytest.raises(TileError):
        tile_path(0, 0, width)


def test_tiles_of_the_specifications_example() -> None:
    """Size 70,000: 273 full tiles and 112 hashes, one full and 17 hashes, one hash (c2sp.org/tlog-tiles)."""
    found = list(places(70_000))
    assert [place for place in found if place.level == 0] == [
        *(Place(0, number) for number in range(273)),
        Place(0, 273, 112),
    ]
    assert [place for place in found if place.level in {1, 2}] == [
        Place(1, 0),
        Place(1, 1, 17),
        Place(2, 0, 1),
    ]
    assert [place[1:] for place in found if place.level is None] == [
        place[1:] for place in found if place.level == 0
    ]
    assert list(places(256)) == [Place(0, 0), Place(1, 0, 1), Place(None, 0)]
    assert list(places(0)) == []


@given(st.integers(min_value=0, max_value=70_000), st.integers(min_value=0, max_value=70_000))
def test_new_places_are_those_that_the_old_tree_has_not(one: int, two: int) -> None:
    old, new = sorted((one, two))
    before = set(places(old))
    assert list(places(new, old)) == [place for place in places(new) if place not in before]
    assert all(width_at(new, place.level, place.number) == place.width for place in places(new))


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=256))
def test_bundles_read_as_they_were_written(leaves: list[bytes]) -> None:
    data = encode_bundle(leaves)
    assert decode_bundle(data) == leaves
    with pytest.raises(TileError):
        decode_bundle(data[:-1])
    with pytest.raises(TileError):
        decode_bundle(data + b"\x00")


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x02a", b"\xff\xff", b"\x00\x00" * 257])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(TileError):
        decode_bundle(data)


@given(st.binary(max_size=300))
def test_a_bundle_has_one_spelling(data: bytes) -> None:
    try:
        leaves = decode_bundle(data)
    except TileError:
        return
    assert encode_bundle(leaves) == data


def test_leaf_that_is_too_long_is_refused() -> None:
    assert decode_bundle(encode_bundle([bytes(65_535)])) == [bytes(65_535)]
    with pytest.raises(TileError):
        encode_bundle([bytes(65_536)])


@pytest.mark.parametrize("length", [0, 31, 33, 8_224])
def test_what_is_no_tile_is_refused(length: int) -> None:
    with pytest.raises(TileError):
        decode_tile(bytes(length))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700, 66_000])
def test_proofs_come_from_tiles_alone(size: int) -> None:
    hashes = leaf_hashes(b"%d" % number for number in range(size))
    tall = [hashes]
    while len(tall[-1]) >= 256:
        row = tall[-1]
        tall.append([perfect_root(row[at : at + 256]) for at in range(0, len(row) // 256 * 256, 256)])

    def tile(level: int, number: int, width: int) -> list[bytes]:
        found = tall[level][number * 256 : number * 256 + 256]
        assert len(found) == width
        return decode_tile(b"".join(found))

    hash_at = hashes_from_tiles(size, tile)
    frontier = Frontier()
    frontier.extend(hashes)
    for index in {0, size // 3, size - 1}:
        verify_inclusion(index, size, hashes[index], inclusion_proof(index, size, hash_at), frontier.root())
        early = Frontier()
        early.extend(hashes[: index + 1])
        proof = consistency_proof(index + 1, size, hash_at)
        verify_consistency(index + 1, size, proof, early.root(), frontier.root())
