"""What the charts call a place, in a word or two; `monitor.wording.describe_place` says it in full. Pure.

Names are cut where they are longer than any that is meant to be read, so that none makes a page large.
"""

from monitor.tally import DestinationKey
from monitor.wording import describe_place

MOST_LETTERS = 120
_AFTER: dict[str, str] = {"entry": " (enters)", "storage": " (data rests)", "unknown": " (operator)"}


def one_country(key: DestinationKey) -> str | None:
    """Return the only country that the evidence names; None where there are several, or none."""
    return key.countries[0] if len(key.countries) == 1 and key.scope != "global" else None


def short_place(key: DestinationKey) -> str:
    """Return the place of a destination: with less than certainty of processing, the word for that."""
    country = one_country(key)
    if country is not None:
        return _cut(country) + _AFTER.get(key.scope, "")
    if key.scope == "global":
        return "global endpoint"
    if not key.countries and not key.region:
        return "not known"
    if key.scope == "group":
        return (
            f"{_cut(key.region).upper()} group" if key.region else f"group of {len(key.countries)} countries"
        )
    return f"{_cut(key.region or f'{len(key.countries)} countries')}{_AFTER.get(key.scope, '')}"


def place_in_full(key: DestinationKey) -> str:
    """Return the place with what its scope does not promise."""
    return _cut(describe_place(key.scope, key.region, key.countries))


def provider(key: DestinationKey) -> str:
    """Return who the server is, or may be."""
    if key.provider is not None:
        return _cut(key.provider)
    return _cut(f"{' or '.join(key.possible)}?") if key.possible else "not named"


def source_group(key: DestinationKey) -> str:
    """Return whose clients they are."""
    return _cut("/".join(part for part in (key.tenant, key.source_group) if part)) or "no source group"


def _cut(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
