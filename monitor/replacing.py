"""Files that appear under their name only when they are whole."""

from pathlib import Path
from typing import IO


class Replacing:
    """Writes a file beside its place, and moves it there when all went well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")

    def __enter__(self) -> IO[bytes]:
        self._file = self._partial.open("wb")
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._file.close()
            if kind is None:
                self._partial.replace(self._path)
        finally:  # closing writes what is still in the buffer, which may not fit
            self._partial.unlink(missing_ok=True)
