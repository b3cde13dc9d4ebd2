"""The tree of RFC 9162 against published vectors, and against the definitions spelled out naively."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.merkle.tree import (
    EMPTY_ROOT,
    Frontier,
    HashAt,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    perfect_root,
    verify_consistency,
    verify_inclusion,
)

# github.com/transparency-dev/merkle v0.0.2 (once certificate-transparency's): testonly/constants.go
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
# The same module, proof/verify_test.go: leaves count from one there, from zero here.
INCLUSION = [
    (0, 1, []),
    (0, 8, [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]),
    (5, 8, [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (1, 5, [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]),
]  # fmt: skip
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]),
    (6, 8, [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]),
    (2, 5, [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]),
    (6, 7, [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]),
]  # fmt: skip

sizes = st.integers(min_value=0, max_value=70)


def mth(leaves: list[bytes]) -> bytes:
    """The Merkle Tree Hash as RFC 9162, section 2.1.1 writes it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH as RFC 9162, section 2.1.3.1 writes it."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:  # noqa: FBT001  as the RFC writes it
    """SUBPROOF as RFC 9162, section 2.1.4.1 writes it."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def made(size: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(size)]


def nodes(leaves: list[bytes]) -> HashAt:
    return lambda level, index: mth(leaves[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf_hash(leaf))
    assert frontier.root() == ROOTS[size]
    assert ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int, proof: list[str]) -> None:
    expected = tuple(map(bytes.fromhex, proof))
    assert inclusion_proof(index, size, nodes(LEAVES)) == expected
    verify_inclusion(index, size, leaf_hash(LEAVES[index]), expected, ROOTS[size])


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, new: int, proof: list[str]) -> None:
    expected = tuple(map(bytes.fromhex, proof))
    assert consistency_proof(old, new, nodes(LEAVES)) == expected
    verify_consistency(old, new, expected, ROOTS[old], ROOTS[new])


@given(st.lists(st.integers(min_value=0, max_value=600), max_size=5))
def test_frontier_grown_by_any_steps_has_the_root_of_the_definition(steps: list[int]) -> None:
    leaves = made(sum(steps))
    frontier, at = Frontier(), 0
    for step in steps:
        frontier.extend(leaf_hashes(leaves[at : at + step]))
        at += step
    assert frontier.size == len(leaves)
    assert frontier.root() == mth(leaves)
    again = Frontier.from_hashes(frontier.size, frontier.hashes())
    again.append(leaf_hash(b"one more"))
    assert again.root() == mth([*leaves, b"one more"])
    assert frontier.root() == mth(leaves)


@pytest.mark.parametrize("before", [0, 256, 512, 768, 1024])
def test_whole_subtrees_are_appended_by_their_root(before: int) -> None:
    leaves = made(before + 256)
    frontier = Frontier()
    frontier.extend(leaf_hashes(leaves[:before]))
    other = frontier.copy()
    frontier.append_perfect(8, perfect_root(leaf_hashes(leaves[before:])))
    assert frontier.root() == mth(leaves)
    assert other.root() == mth(leaves[:before])
    other.append(leaf_hash(b""))
    with pytest.raises(ProofError, match="does not fit"):
        other.append_perfect(8, EMPTY_ROOT)


@pytest.mark.parametrize(("size", "hashes"), [(3, 1), (0, 1), (-1, 1), (4, 2), (1, 0)])
def test_frontier_of_the_wrong_number_of_hashes_is_refused(size: int, hashes: int) -> None:
    with pytest.raises(ProofError):
        Frontier.from_hashes(size, [EMPTY_ROOT] * hashes)


def test_frontier_of_a_short_hash_is_refused() -> None:
    with pytest.raises(ProofError):
        Frontier.from_hashes(1, [b"short"])


@given(sizes.filter(bool), st.data())
def test_inclusion_proof_is_the_path_of_the_definition_and_no_other_holds(
    size: int, data: st.DataObject
) -> None:
    leaves = made(size)
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    proof, root = inclusion_proof(index, size, nodes(leaves)), mth(leaves)
    assert list(proof) == path(index, leaves)
    hashed = leaf_hash(leaves[index])
    verify_inclusion(index, size, hashed, proof, root)
    wrong = [
        (index - 1, size, hashed, proof, root),
        (index + 1, size, hashed, proof, root),
        (index ^ size, size, hashed, proof, root),
        (index, size, leaf_hash(b"other"), proof, root),
        (index, size, hashed, (*proof, root), root),
        (index, size, hashed, (EMPTY_ROOT, *proof), root),
        (index, size, hashed, proof, EMPTY_ROOT),
        (index, size, hashed, proof, root[:-1]),
        (index, size, root, (), EMPTY_ROOT),
        (index, size, hashed, proof[:-1], EMPTY_ROOT),
    ]
    for probe in wrong:
        with pytest.raises(ProofError):
            verify_inclusion(*probe)
    for at in range(len(proof)):
        flipped = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        for changed in ((*proof[:at], flipped, *proof[at + 1 :]), (*proof[:at], *proof[at + 1 :])):
            with pytest.raises(ProofError):
                verify_inclusion(index, size, hashed, changed, root)


@given(sizes, sizes)
def test_consistency_proof_is_that_of_the_definition_and_no_other_holds(one: int, two: int) -> None:
    old, new = sorted((one, two))
    leaves = made(new)
    proof = consistency_proof(old, new, nodes(leaves))
    assert list(proof) == (subproof(old, leaves, whole=True) if 0 < old < new else [])
    roots = mth(leaves[:old]), mth(leaves)
    verify_consistency(old, new, proof, *roots)
    wrong = [
        (new + 1, new, proof, *roots),
        (old, new, (*proof, roots[1]), *roots),
        (old, new, proof, leaf_hash(b"other"), roots[1]),
        (old, new, proof, roots[0][:-1], roots[1]),
    ]
    if old:
        wrong.append((old, new, proof, roots[0], leaf_hash(b"other")))
    wrong.extend((old, new, (*proof[:at], *proof[at + 1 :]), *roots) for at in range(len(proof)))
    wrong.extend(
        (old, new, (*proof[:at], leaf_hash(proof[at]), *proof[at + 1 :]), *roots) for at in range(len(proof))
    )
    for probe in wrong:
        with pytest.raises(ProofError):
            verify_consistency(*probe)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        inclusion_proof(index, size, nodes(made(3)))
    with pytest.raises(ProofError):
        consistency_proof(size + 1, size, nodes(made(3)))
