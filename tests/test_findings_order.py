"""Findings do not depend on the order of decisions, nor on whether they came ahead of the end first."""

import itertools
from collections.abc import Iterable, Sequence
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.findings import Book, merging
from monitor.findings.types import Change, Finding
from monitor.types import Attribution, Decision, Subject, Totals
from tests.findings_kit import ACTED, DAY, HOUR, OPENAI, SUBJECT, action, behave, book_in, decide, policy, the
from tests.observed import at

SERVICES = [replace(OPENAI, service=service) for service in ("API", "Batch", None)]
OTHERS = [Attribution(None, ("azure", "openai")), replace(OPENAI, scope="entry", countries=("DE",))]


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """A decision, of one of few findings, connections and times: many are alike."""
    return decide(
        draw(st.sampled_from([0, 1, 2, ACTED - HOUR, ACTED + DAY, ACTED + 40 * DAY])),
        f"10.20.0.{draw(st.integers(1, 6))}",
        draw(st.sampled_from(["violation", "violation", "indeterminate", "allow"])),
        draw(st.sampled_from(SERVICES + OTHERS)),
        severity=draw(st.sampled_from(["low", "medium", "high", "critical"])),
        subject=draw(st.sampled_from([SUBJECT, SUBJECT, Subject("acme", "backend", "other")])),
        is_open=draw(st.booleans()),
        port=draw(st.sampled_from([50_000, 50_001])),
        totals=Totals(bytes_up=draw(st.integers(0, 9)), duration_ns=draw(st.integers(0, 9))),
    )


@st.composite
def behaviours(draw: st.DrawFn) -> Behaviour:
    first = draw(st.integers(0, 3))
    return behave(first, first + draw(st.integers(0, 3)), draw(st.integers(1, 9)))


def settled(book: Book) -> list[Finding]:
    """Return the findings without what the order may change."""
    return [replace(finding, revision=0) for finding in book.findings()]


def offered(offers: Iterable[Decision | Behaviour], book: Book | None = None) -> tuple[Book, list[Change]]:
    book = book or Book(policy())
    changes: list[Change] = []
    for each in offers:
        changes += book.behave(each) if isinstance(each, Behaviour) else book.offer(each)
    return book, changes


@given(st.lists(st.one_of(decisions(), behaviours()), max_size=12), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_findings(offers: list[Decision | Behaviour], random: Random) -> None:
    shuffled = list(offers)
    random.shuffle(shuffled)
    one, other = offered(offers)[0], offered(shuffled)[0]
    assert settled(one) == settled(other)
    one.tick(at(ACTED))
    other.tick(at(ACTED))
    assert settled(one) == settled(other)


@given(st.sampled_from(["cured", "excepted", "lapsed"]), st.permutations(range(5)))
def test_any_order_gives_the_same_findings_after_a_cure_or_a_waiver(state: str, order: Sequence[int]) -> None:
    times = [5, ACTED - HOUR, ACTED + DAY, ACTED + 40 * DAY, ACTED + 41 * DAY]
    books = [book_in(state) for _ in range(2)]  # type: ignore[arg-type]
    offered([decide(times[number]) for number in order], books[0])
    offered(map(decide, times), books[1])
    assert settled(books[0]) == settled(books[1])
    assert the(books[0]).reopened == (state != "lapsed")


@given(st.permutations(range(1, 8)))
def test_bounded_clients_do_not_depend_on_the_order_either(order: Sequence[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "MAX_CLIENTS", 4)
        finding = the(offered(decide(0, f"10.20.0.{number}") for number in [*order, *order])[0])
    assert finding.clients == ("10.20.0.1", "10.20.0.2", "10.20.0.3", "10.20.0.4")
    assert (finding.client_count, finding.clients_capped, finding.count) == (4, True, 14)


@given(st.lists(decisions(), max_size=12))
def test_what_live_adds_ahead_of_the_end_changes_nothing_in_the_end(found: list[Decision]) -> None:
    ended = [
        replace(each, connection=replace(each.connection, totals=Totals(reason="fin"))) for each in found
    ]
    ahead = [
        replace(each, connection=replace(each.connection, totals=Totals(reason="active"))) for each in ended
    ]
    live = itertools.chain.from_iterable(zip(ahead, ended, strict=True))
    assert settled(offered(live)[0]) == settled(offered(ended)[0])


@given(st.lists(decisions(), max_size=20))
@example([decide(0, is_open=True), decide(0)])
def test_revisions_rise_strictly_and_no_key_comes_twice(found: list[Decision]) -> None:
    book, changes = offered(found)
    changes += book.tick(at(ACTED))
    for finding in book.findings():
        changes += book.act(action("waive", ACTED, finding.id), at(ACTED))
    changes += offered(found, book)[1]
    keys = [change.key for change in changes]
    assert len(set(keys)) == len(keys)
    for id_, its in itertools.groupby(
        sorted(changes, key=lambda each: each.finding.id), key=lambda each: each.finding.id
    ):
        revisions = [change.finding.revision for change in its]
        assert revisions == list(range(1, len(revisions) + 1)), id_


@given(st.lists(decisions(), max_size=12), st.integers(0, 12))
def test_a_crash_repeats_the_same_changes(found: list[Decision], at_number: int) -> None:
    book = offered(found[:at_number])[0]
    kept = book.findings()
    first = offered(found[at_number:], book)[1]
    again = offered(found[at_number:], Book(policy(), kept))[1]
    assert again == first


@given(st.lists(decisions(), max_size=12))
def test_every_figure_adds_up(found: list[Decision]) -> None:
    findings = offered(found)[0].findings()
    counted = [each for each in found if each.outcome in {"violation", "indeterminate"} and not each.is_open]
    assert sum(finding.count for finding in findings) == len(counted)
    assert sum(finding.bytes_up for finding in findings) == sum(
        each.connection.totals.bytes_up for each in counted
    )
