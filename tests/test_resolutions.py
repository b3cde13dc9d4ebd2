"""What is remembered of DNS, for how long, and that it ends somewhere, counted."""

import msgspec

from monitor.resolutions import EVERYBODY, Resolutions
from sensors.limits import NameLimits
from tests.observed import CLIENT, OTHER, RESOLVER, SERVER, at, resolved

LLM = "api.openai.com"


def names(memory: Resolutions, client: str = CLIENT, address: str = SERVER) -> list[str]:
    """Return a client's live names of an address."""
    return [each.name for each in memory.own(client, address, at(10)) if each.live]


def test_equal_answers_in_any_order_are_the_same() -> None:
    one, two = resolved(0, LLM, cnames=("a.example",)), resolved(0, LLM, cnames=("b.example",))
    found = []
    for order in ((one, two), (two, one)):
        memory = Resolutions()
        for answer in order:
            memory.add(answer)
        found.append(memory.own(CLIENT, SERVER, at(10)))
    assert found[0] == found[1]


def test_an_answer_counts_from_its_own_time_though_a_later_one_was_read_before() -> None:
    memory = Resolutions()
    for seconds in (20, 5):
        memory.add(resolved(seconds, LLM))
    assert names(memory) == [LLM]


def test_all_answers_share_one_budget_of_bytes() -> None:
    memory = Resolutions(NameLimits(answer_bytes=20_000))
    for index in range(100):
        memory.add(resolved(0, f"n{index}.example", f"203.0.113.{index}", client=f"10.0.0.{index % 7}"))
    kept = sum(bool(names(memory, f"10.0.0.{index % 7}", f"203.0.113.{index}")) for index in range(100))
    everybody = sum(bool(names(memory, EVERYBODY, f"203.0.113.{index}")) for index in range(100))
    assert 5 < kept < 30
    assert memory.forgotten == 200 - kept - everybody


def test_long_alias_chains_weigh_what_they_take() -> None:
    memory = Resolutions(NameLimits(answer_bytes=20_000))
    chain = tuple(f"{index}{'x' * 200}.example" for index in range(16))
    for index in range(10):
        memory.add(resolved(0, LLM, f"203.0.113.{index}", cnames=chain))
    assert memory.forgotten > 10


def test_what_was_longest_out_of_use_goes_first() -> None:
    memory = Resolutions(NameLimits(answer_bytes=20_000))
    memory.add(resolved(0, LLM))
    for index in range(100):
        memory.add(resolved(1, f"n{index}.example", f"198.51.100.{index}", client=OTHER))
        assert names(memory) == [LLM]
    assert names(memory, OTHER, "198.51.100.0") == []


def test_the_names_of_an_address_are_bounded() -> None:
    memory = Resolutions()
    for index in range(NameLimits().names + 5):
        memory.add(resolved(0, f"n{index}.example"))
    assert len(names(memory)) == NameLimits().names
    assert memory.forgotten == 10  # for the client, and for everybody


def test_the_lifetimes_of_a_name_are_bounded() -> None:
    memory = Resolutions()
    for index in range(NameLimits().lifetimes + 5):
        memory.add(resolved(index, LLM, cnames=(f"edge{index}.example",)))
    assert memory.forgotten == 10
    assert memory.own(CLIENT, SERVER, at(1)) == []


def test_others_know_what_is_everybodys_alone() -> None:
    memory = Resolutions(is_resolver=RESOLVER.__eq__, is_known=LLM.__eq__)
    memory.add(resolved(0, "intranet.test", cnames=("www.test",)))
    assert (names(memory), names(memory, EVERYBODY)) == (["intranet.test"], [])
    memory.add(resolved(0, "mail.test", client=RESOLVER))
    assert names(memory, EVERYBODY) == ["mail.test"]
    memory.add(resolved(0, "chat.test", cnames=(LLM,)))
    memory.add(resolved(0, "chat.test", cnames=("www.test",), client=OTHER))
    chains = {each.name: each.cnames for each in memory.own(EVERYBODY, SERVER, at(10))}
    assert chains["chat.test"] == (LLM,)  # what another one was told is not its end


def test_outer_names_are_bounded() -> None:
    memory = Resolutions(NameLimits(public_names=3))
    for index in range(5):
        memory.add(msgspec.structs.replace(resolved(0, LLM, ech=(f"{index}.example",)), addresses=()))
    assert [memory.is_ech_public_name(CLIENT, f"{index}.example") for index in range(5)] == [
        False, False, True, True, True,
    ]  # fmt: skip
    assert not memory.is_ech_public_name(OTHER, "4.example")
    assert memory.forgotten == 2
