from pathlib import Path
from typing import Literal, final

from sensors.confinement import Rules
from sensors.interest import Interest
from sensors.limits import NameLimits

__all__ = ["Engine", "confine_process", "drop_privileges", "support"]

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

def support() -> tuple[bool, int]: ...
def drop_privileges(
    identity: tuple[int, int, list[int]], keep: list[str]
) -> tuple[bool, bool, list[str]]: ...
def confine_process(rules: Rules) -> tuple[bool, Literal["full", "partial", "none"], list[str]]: ...
