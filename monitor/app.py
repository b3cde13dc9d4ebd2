"""What commands and daemon rest on: catalogue, data sets and policy, read from their files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from monitor.aids import Aids
from monitor.attribution import Question, attribute
from monitor.catalog import Catalog
from monitor.datasets.use import DataChoice, open_data
from monitor.documents import Problem
from monitor.geography import Site
from monitor.jurisdictions import Jurisdictions
from monitor.load import (
    GeoIp,
    load_catalog,
    load_extents,
    load_jurisdictions,
    read_source,
)
from monitor.physics import Physics
from monitor.policy import Policy, TestResult, compile_policy, run_policy_tests
from monitor.types import Attribution, Name

if TYPE_CHECKING:
    from monitor.datasets.lookup import Ranges
    from monitor.datasets.store import Selection


class Knowledge(msgspec.Struct, frozen=True):
    """What attribution and judgement rest on: the catalogue, data sets, and the policy where there is one.

    ``hosting`` are the prefixes of all published ranges. ``datasets`` are those that are used, ``selection``
    is how the store chose them; ``notes`` are for people.
    """

    catalog: Catalog
    geo: GeoIp | None = None
    policy: Policy | None = None
    warnings: tuple[Problem, ...] = ()
    physics: Physics | None = None
    ranges: "Ranges | None" = None
    hosting: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    selection: "Selection | None" = None
    notes: tuple[str, ...] = ()

    def aids(self) -> Aids:
        """What a pipeline may ask beside the catalogue."""
        return Aids(self.geo, self.ranges, self.physics, self.hosting)


def load_knowledge(
    policy: Path | None = None,
    catalogs: Sequence[Path] = (),
    geoips: Sequence[Path] = (),
    choice: DataChoice | None = None,
) -> Knowledge:
    """Read what the commands rest on; the store of data sets only where there is a ``choice``.

    Raises InputError or DocumentError.
    """
    jurisdictions = load_jurisdictions()
    catalog = load_catalog(catalogs, jurisdictions)
    data = open_data(choice, catalog.regions, geoips)
    known = Knowledge(
        catalog,
        data.geo,
        ranges=data.ranges,
        hosting=data.prefixes,
        datasets=data.datasets,
        selection=data.selection,
        notes=data.notes,
    )
    if policy is None:
        return known
    compiled, warnings = load_policy(policy, catalog, jurisdictions)
    return msgspec.structs.replace(known, policy=compiled, warnings=warnings)


def load_policy(
    policy: Path, catalog: Catalog, jurisdictions: Jurisdictions | None = None
) -> tuple[Policy, tuple[Problem, ...]]:
    """Read a policy; return it with the warnings about it. Raises InputError or DocumentError."""
    sets = jurisdictions or load_jurisdictions()
    names = catalog.providers, catalog.region_names(), catalog.services()
    return compile_policy(read_source(policy), sets, *names)


def run_tests(knowledge: Knowledge, policy: Policy) -> list[TestResult]:
    """Run the tests that a policy carries."""

    def attribute_flow(names: tuple[Name, ...], address: str | None) -> Attribution:
        return attribute(Question(names, address), knowledge.catalog, knowledge.geo, knowledge.ranges)

    return run_policy_tests(policy, attribute_flow)


def with_physics(knowledge: Knowledge, site: Site | None) -> Knowledge:
    """Return the knowledge, with what follows from where the sensor stands if that is known."""
    if site is None:
        return knowledge
    return msgspec.structs.replace(knowledge, physics=Physics(site, load_extents(), knowledge.catalog))
