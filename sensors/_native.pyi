from pathlib import Path
from typing import final

from sensors.interest import Interest
from sensors.limits import NameLimits

__all__ = ["Engine"]

@final
class Engine:
    def __new__(
        cls,
        paths: list[Path],
        limits: tuple[int, int, int, int],
        manner: tuple[bool, int],
        seed: int,
        threads: int,
    ) -> Engine: ...
    def filter(self, interest: Interest, limits: NameLimits, seed: int) -> None: ...
    def next_batch(self) -> bytes | None: ...
    def consumed_bytes(self) -> int: ...
    def counted(self) -> bytes | None: ...
    def accounting(self) -> bytes: ...
