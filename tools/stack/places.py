"""The stack's folder, and whom it belongs to: whoever starts the stack, or nobody where that is root."""

import os
import pwd
from pathlib import Path
from typing import Any

import msgspec
import yaml

UNPRIVILEGED = "nobody"


class Owner(msgspec.Struct, frozen=True):
    """Whom a program runs as; None is whoever starts it."""

    name: str | None = None
    user: int | None = None
    group: int | None = None
    groups: list[int] | None = None


def unprivileged() -> Owner:
    """Return whom programs run as that need no rights at all."""
    if os.geteuid() != 0:
        return Owner()
    nobody = pwd.getpwnam(UNPRIVILEGED)
    return Owner(UNPRIVILEGED, nobody.pw_uid, nobody.pw_gid, [])


class Places:
    """Where things are in the stack's folder, which is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.captures = self.folder / "captures"
        self.logs = self.folder / "logs"
        self.events = self.folder / "events"
        self.owner = unprivileged()
        for each in (self.folder, self.captures, self.logs, self.events):
            each.mkdir(parents=True, exist_ok=True)
            if self.owner.user is not None and self.owner.group is not None:
                os.chown(each, self.owner.user, self.owner.group)

    def write(self, name: str, content: Any) -> None:
        """Write a file of the folder as YAML."""
        (self.folder / name).write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
