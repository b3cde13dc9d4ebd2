"""Writes dashboards, and what of them must have data: `python -m grafana.make`. Same boards, same bytes."""

import json
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.board import made
from grafana.boards import all_boards

HERE = Path(__file__).parent
MUST_HAVE_DATA = "must_have_data.json"


def files() -> Mapping[str, bytes]:
    """Return every file that is made, by its path below this folder."""
    found: dict[str, bytes] = {}
    must: dict[str, list[tuple[int, str]]] = {}
    for board in all_boards():
        ready = made(board)
        found[f"dashboards/{board.uid}.json"] = _bytes(ready.dashboard)
        must[board.uid] = ready.must
    found[MUST_HAVE_DATA] = _bytes(must)
    return found


def _bytes(value: object) -> bytes:
    text = json.dumps(value, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def main() -> None:
    """Write the files, and say which."""
    for name, content in files().items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        print(path.relative_to(HERE.parent))  # noqa: T201


if __name__ == "__main__":
    main()
