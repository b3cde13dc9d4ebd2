"""Tables with a bound: what was not touched for longest goes first, and is counted where it is a loss."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """Values by key, made when first asked for."""

    def __init__(self, limit: int, is_loss: Callable[[V], bool] = lambda _: True) -> None:
        self._limit = limit
        self._is_loss = is_loss
        self._values: OrderedDict[K, V] = OrderedDict()
        self.forgotten = 0

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key, as the one that was touched last."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
            return value
        value = self._values[key] = make()
        if len(self._values) > self._limit:
            _, oldest = self._values.popitem(last=False)
            self.forgotten += self._is_loss(oldest)
        return value

    def items(self) -> Iterator[tuple[K, V]]:
        """Yield all that is there."""
        yield from self._values.items()
