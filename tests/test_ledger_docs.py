"""The page on the ledger: its table has every kind of entry, each in the class that the daemon gives it."""

import re
from pathlib import Path

from monitor.findings import Book
from monitor.ledger.types import KINDS
from monitor.windows import Window
from sensors.observations import Gap
from tests.findings_kit import decide, policy
from tests.ledger_kit import FILING, NOW_NS

PAGE = (Path(__file__).parents[1] / "docs/70-ledger.md").read_text("utf-8")
ROWS = re.findall(
    r"^\| ((?:`[a-z-]+`(?:, )?)+) \| (.*?) \|", PAGE.partition("\n## On disk\n")[0], re.MULTILINE
)
CLASSES = {kind: said for kinds, said in ROWS for kind in re.findall(r"[a-z-]+", kinds)}


def test_the_table_has_every_kind() -> None:
    assert set(CLASSES) == set(KINDS)


def test_the_table_says_the_classes() -> None:
    (opened, *_) = Book(policy()).offer(decide())
    window = Window(NOW_NS - 1, NOW_NS, "edge", "", 0, 0, {}, 0, {}, 0, 0)
    made = [
        FILING.decision(decide(), None, NOW_NS),
        FILING.change(opened, NOW_NS),
        FILING.gap(Gap(NOW_NS, NOW_NS, 1, 0, "ring"), NOW_NS),
        FILING.window(window, NOW_NS),
        FILING.exception_used(decide(), None, NOW_NS),
        FILING.note("operator", {}, NOW_NS),
    ]
    for record in made:
        said = CLASSES[record.kind]
        assert f"`{record.payload_class}`" in said or "its outcome" in said, record
