"""Colours with one meaning on all boards.

Red is outside policy or broken, orange is soon or unclear, green is well. What is only an amount is blue.
No value is told by its colour alone: each has its number or its word.
"""

from collections.abc import Mapping
from typing import Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

RED, ORANGE, GREEN, BLUE, GREY, PURPLE = "red", "orange", "green", "blue", "#8e8e8e", "purple"

OUTCOMES: Mapping[str, str] = {
    "violation": RED, "indeterminate": ORANGE, "unassigned": GREY, "excepted": PURPLE, "allow": GREEN,
    "inventory": BLUE,
}  # fmt: skip
CERTAINTIES: Mapping[str, str] = {"observed": GREEN, "inferred": BLUE, "indeterminate": ORANGE}
CLASSES: Mapping[str, str] = {
    "sni": GREEN, "dns": "light-green", "address": "light-blue", "ambiguous": ORANGE, "concealed": PURPLE,
    "concealing": "dark-purple", "midstream": GREY, "lost": RED,
}  # fmt: skip


class Overridden(Protocol):
    """A builder of a panel whose fields may be told apart by name."""

    def override_by_name(self, name: str, properties: list[model.DynamicConfigValue]) -> Self:
        """Set properties of one field."""


Builder = TypeVar("Builder", bound=Overridden)


def steps(base: str, *above: tuple[float, str]) -> build.ThresholdsConfig:
    """Return thresholds: a colour, and others from a value on."""
    first = model.Threshold(value=None, color=base)
    rest = [model.Threshold(value=value, color=colour) for value, colour in above]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps([first, *rest])


def by_threshold() -> build.FieldColor:
    """Return the scheme that takes colours from the thresholds."""
    return build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS)


def fixed(colour: str) -> build.FieldColor:
    """Return the scheme of one colour."""
    return build.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(colour)


def painted(builder: Builder, colours: Mapping[str, str]) -> Builder:
    """Give fields their colours by name."""
    for name, colour in colours.items():
        value = {"mode": "fixed", "fixedColor": colour}
        builder = builder.override_by_name(name, [model.DynamicConfigValue("color", value)])
    return builder


def words(said: Mapping[str, tuple[str, str]]) -> list[model.ValueMapping]:
    """Return the words, with their colours, that stand in place of values."""
    pairs = enumerate(said.items())
    options = {
        value: model.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in pairs
    }
    return [model.ValueMap(options)]


def without_value(colour: str) -> model.ValueMapping:
    """Return the colour where there is no data, which would else be that of the lowest threshold."""
    result = model.ValueMappingResult(color=colour, index=0)
    match = model.SpecialValueMatch.NULL_AND_NAN
    return model.SpecialValueMap(model.DashboardSpecialValueMapOptions(match, result))
