"""The vendor facts that the catalogue restates; they are beside the checkout, not in it."""

import csv
import os
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


def shared(path: str) -> Path:
    """Return a path in the shared folder; without it, skip the test, or fail it in CI."""
    if not SHARED.is_dir():
        reason = f"{SHARED} is absent: the facts to compare with are not at hand"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED / path


def fact_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a table of facts."""
    with shared(f"facts/{name}").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))
