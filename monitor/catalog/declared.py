"""What catalogue files declare by themselves, without the built-in ones beneath. Pure."""

from collections.abc import Mapping, Sequence

from monitor.catalog.concealers import expand_concealers
from monitor.catalog.differences import Contents
from monitor.catalog.endpoints import CatalogFile, Concealer, Endpoint, Provider
from monitor.catalog.expand import Remark, Tables, expand
from monitor.catalog.regions import Regions
from monitor.documents import DocumentError, Lines, Problem, Source, decode
from monitor.jurisdictions import Jurisdictions


class Base:
    """What files may refer to without declaring it: providers, regions, countries."""

    def __init__(
        self, providers: Mapping[str, Provider], regions: Regions, jurisdictions: Jurisdictions
    ) -> None:
        self.providers = providers
        self.regions = regions
        self.jurisdictions = jurisdictions


def declared(sources: Sequence[Source], base: Base) -> Contents:
    """What files declare. Raises DocumentError with file and line of every entry that cannot be read."""
    files = [(source, decode(source, CatalogFile)) for source in sources]
    own = {provider.id: provider for _, file in files for provider in file.providers}
    tables = Tables({**base.providers, **own}, base.regions, base.jurisdictions)
    endpoints: list[Endpoint] = []
    concealers: list[Concealer] = []
    problems: list[Problem] = []
    for source, file in files:
        found, mistakes = expand(source, file, tables, by_user=False)
        hiding, more = expand_concealers(source, file, by_user=False)
        endpoints += [one.endpoint for one in found]
        concealers += hiding
        problems += _located(source, [*mistakes, *more])
    if problems:
        raise DocumentError(problems)
    return Contents(tuple(own.values()), (), endpoints, concealers)


def _located(source: Source, remarks: Sequence[Remark]) -> list[Problem]:
    if not remarks:
        return []
    lines = Lines(source)
    return [
        Problem(source.path, lines.of(remark.place.path), remark.problem, remark.mend) for remark in remarks
    ]
