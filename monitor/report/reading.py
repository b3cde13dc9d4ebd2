"""From paths to the facts of a report: reads all inputs, in order, and has them arranged."""

from collections.abc import Iterator
from pathlib import Path

from monitor import __version__
from monitor.documents import DocumentError
from monitor.files import InputError, read_source
from monitor.report.arranging import arranged
from monitor.report.material import Material
from monitor.report.policies import version_in
from monitor.report.question import Question
from monitor.report.sources.ledgers import LedgerSource
from monitor.report.sources.places import sources_at
from monitor.report.sources.source import Progress, Source
from monitor.report.types import Facts
from sensors.capture import path_text

__all__ = ["Question", "gather", "input_length"]

TWICE = "{}: connections in it are in {} as well, and count twice in this report."
MAX_NAMED = 20  # tenants or versions that an error lists


def input_length(question: Question) -> int:
    """Return about how many bytes `gather` is to read: what its progress adds up to. Raises InputError."""
    return sum(source.length for source in _wanted(question))


def gather(question: Question, progress: Progress | None = None) -> Facts:
    """Return the facts of a report. Raises InputError, with one clear line.

    ``progress`` is told bytes as they are read. The same inputs and question give the same facts.
    """
    given = [(path, *_version(path)) for path in question.policies]
    material = Material(question.period, question.tenant)
    names: dict[str, Path] = {}
    for source in _wanted(question):
        for identity in source.read(material, progress or _nobody):
            other = names.setdefault(identity, source.path)
            if other is not source.path:
                mend = "name each input once: connections would count twice"
                raise InputError(str(source.path), f"it is the same as {other}", mend)
        shared = material.gathering.overlap.close(len(material.inputs) - 1)
        if shared is not None:
            material.seeing.caution(TWICE.format(path_text(source.path), material.inputs[shared].name))
    _require_tenant(question.tenant, material)
    versions = material.versions()
    for path, version, text in given:
        if version not in versions:
            judged = _listed(versions)
            mend = f"give the text of {judged}" if versions else "leave it out: no policy judged here"
            raise InputError(str(path), f"it is {version}, which judged nothing here", mend)
        material.policies.add(version, text)
    return arranged(material, question.title, question.people, __version__)


def _wanted(question: Question) -> list[Source]:
    """Return the inputs that may hold what is asked for. Raises InputError."""
    if not question.paths:
        raise InputError(
            "report", "no input", "name a folder that `residency replay --out` left, or a ledger"
        )
    sources = sources_at(question.paths)
    if question.tenant is None:
        return sources
    wanted = [source for source in sources if source.may_hold(question.tenant)]
    if not wanted:
        raise _unknown(question.tenant, _tenants(sources))
    return wanted


def _tenants(sources: list[Source]) -> Iterator[str]:
    for source in sources:
        if isinstance(source, LedgerSource) and source.tenant is not None:
            yield source.tenant


def _require_tenant(tenant: str | None, material: Material) -> None:
    known = material.gathering.tenants | material.seeing.tenants | material.found.tenants
    known |= {each.tenant for each in material.inputs if each.tenant is not None}
    if tenant is not None and tenant not in known:
        raise _unknown(tenant, iter(known))


def _unknown(tenant: str, known: Iterator[str]) -> InputError:
    names = _listed(sorted(set(known)))
    mend = f"there are {names}" if names else "leave --tenant out: none of them names a tenant"
    return InputError(f"tenant {tenant!r}", "no input knows it", mend)


def _listed(names: "list[str] | tuple[str, ...]") -> str:
    more = ", ..." if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def _version(path: Path) -> tuple[str, str]:
    """Return the version of a policy in a file, and its text. Raises InputError."""
    source = read_source(path)
    try:
        return version_in(source.path, source.text), source.text
    except DocumentError as error:
        first = error.problems[0]
        raise InputError(str(path), f"line {first.line}: {first.problem}", first.mend) from None


def _nobody(_bytes: int) -> None:
    return
