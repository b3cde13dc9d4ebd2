"""The tree of RFC 9162, section 2.1, with SHA-256: roots, proofs and their checks. Pure.

A frontier holds what is needed to append: the roots of the perfect subtrees of ``[0, size)``, at most one a
level. Proofs are made from the nodes of perfect subtrees, which ``hash_at(level, index)`` returns: the root
of leaves ``[index << level, (index + 1) << level)``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

HashAt = Callable[[int, int], bytes]


class ProofError(Exception):
    """A proof does not prove what it should. The message is a sentence."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf: RFC 9162, section 2.1.1."""
    return sha256(b"\x00" + data).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """Return the hashes of many leaves: as ``leaf_hash``, in a third of the time."""
    digest = sha256
    return [digest(b"\x00" + leaf).digest() for leaf in leaves]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: RFC 9162, section 2.1.1."""
    return sha256(b"\x01" + left + right).digest()


def row_above(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the parents of an even number of neighbours."""
    digest = sha256
    pairs = zip(hashes[::2], hashes[1::2], strict=True)
    return [digest(b"\x01" + left + right).digest() for left, right in pairs]


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over hashes whose number is a power of two."""
    while len(hashes) > 1:
        hashes = row_above(hashes)
    return hashes[0]


class Frontier:
    """The compact range ``[0, size)`` of a tree: hashes of its perfect subtrees, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    @classmethod
    def from_hashes(cls, size: int, hashes: Iterable[bytes]) -> "Frontier":
        """Return the frontier of a tree of ``size`` leaves from what ``hashes`` gave. Raises ProofError."""
        made = cls()
        made.size, made._roots = size, list(hashes)
        if size < 0 or len(made._roots) != size.bit_count():
            raise ProofError(
                f"a tree of {size} leaves has not {len(made._roots)} perfect subtrees on its edge"
            )
        _check_hashes(made._roots)
        return made

    def hashes(self) -> tuple[bytes, ...]:
        """Return the hashes of the perfect subtrees, the largest first."""
        return tuple(self._roots)

    def copy(self) -> "Frontier":
        """Return another frontier of the same tree, which can grow by itself."""
        made = Frontier()
        made.size, made._roots = self.size, self._roots.copy()
        return made

    def append(self, leaf_hash: bytes) -> None:  # the name that callers know; not the function
        """Append one leaf, by its hash."""
        carried, size, roots = leaf_hash, self.size, self._roots
        while size & 1:
            carried = node_hash(roots.pop(), carried)
            size >>= 1
        roots.append(carried)
        self.size += 1

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Append many leaves, by their hashes: level by level, so quickest for some hundred at once."""
        self._extend(hashes, 0)

    def append_perfect(self, level: int, root: bytes) -> None:
        """Append ``1 << level`` leaves by the root over them. Raises ProofError unless the size allows it."""
        if self.size & ((1 << level) - 1):
            raise ProofError(f"a subtree of level {level} does not fit behind {self.size} leaves")
        self._extend([root], level)

    def _extend(self, hashes: Sequence[bytes], level: int) -> None:
        row, old, kept = list(hashes), self._roots, list[bytes]()
        rest = self.size >> level
        while row:
            if rest & 1:
                row.insert(0, old.pop())
            if len(row) & 1:
                kept.append(row.pop())
            row = row_above(row)
            rest >>= 1
        self.size += len(hashes) << level
        self._roots = [*old, *reversed(kept)]

    def root(self) -> bytes:
        """Return the root of the tree."""
        return _joined(self._roots)


def _joined(roots: Sequence[bytes]) -> bytes:
    """Return the root over neighbouring perfect subtrees, the largest first."""
    if not roots:
        return EMPTY_ROOT
    made = roots[-1]
    for left in reversed(roots[:-1]):
        made = node_hash(left, made)
    return made


def inclusion_proof(index: int, size: int, hash_at: HashAt) -> tuple[bytes, ...]:
    """Return PATH(index, D[size]) of RFC 9162, section 2.1.3.1. Raises ProofError."""
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    proof, low, high = list[bytes](), 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_range_root(middle, high, hash_at))
            high = middle
        else:
            proof.append(_range_root(low, middle, hash_at))
            low = middle
    return tuple(reversed(proof))


def consistency_proof(old: int, new: int, hash_at: HashAt) -> tuple[bytes, ...]:
    """Return PROOF(old, D[new]) of RFC 9162, section 2.1.4.1; empty from nothing or to the same size.

    Raises ProofError.
    """
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} leaves was never one of {old}")
    proof, low, high = list[bytes](), 0, new
    while old and old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range_root(middle, high, hash_at))
            high = middle
        else:
            proof.append(_range_root(low, middle, hash_at))
            low = middle
    if low:
        proof.append(_range_root(low, high, hash_at))
    return tuple(reversed(proof))


def _split(width: int) -> int:
    """Return the largest power of two below ``width``."""
    return 1 << ((width - 1).bit_length() - 1)


def _range_root(low: int, high: int, hash_at: HashAt) -> bytes:
    roots = []
    while low < high:
        level = (high - low).bit_length() - 1
        roots.append(hash_at(level, low >> level))
        low += 1 << level
    return _joined(roots)


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf stands at ``index``: RFC 9162, section 2.1.3.2. Raises ProofError."""
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    _check_hashes((leaf_hash, *proof, root))
    made = leaf_hash
    for left, node in _steps(index, size - 1, proof):
        made = node_hash(node, made) if left else node_hash(made, node)
    if made != root:
        raise ProofError(f"leaf {index} is not under this root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the new tree only appends to the old one: RFC 9162, section 2.1.4.2. Raises ProofError."""
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} leaves was never one of {old}")
    _check_hashes((*proof, old_root, new_root))
    if not old or old == new:
        _check_trivial(old, proof, old_root, new_root)
        return
    if not old & (old - 1):
        proof = (old_root, *proof)
    if not proof:
        raise ProofError("the proof is empty")
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    made_old = made_new = proof[0]
    for left, node in _steps(place, last, proof[1:]):
        if left:
            made_old, made_new = node_hash(node, made_old), node_hash(node, made_new)
        else:
            made_new = node_hash(made_new, node)
    if made_old != old_root or made_new != new_root:
        raise ProofError(f"the tree of {new} leaves does not go on from the one of {old}")


def _steps(place: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Yield each node of the way up from ``place``, and whether it stands to the left."""
    for node in proof:
        if not last:
            raise ProofError("the proof is too long")
        left = bool(place & 1) or place == last
        while left and place and not place & 1:
            place, last = place >> 1, last >> 1
        yield left, node
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")


def _check_trivial(old: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    if proof:
        raise ProofError("the proof is too long")
    if old_root != (new_root if old else EMPTY_ROOT):
        raise ProofError("the roots differ")


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(found) != HASH_BYTES for found in hashes):
        raise ProofError("a hash is not 32 bytes long")
