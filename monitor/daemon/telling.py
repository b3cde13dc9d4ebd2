"""Tells the recorder what is judged by: at the start, and after each reload."""

from monitor import __version__
from monitor.app import Knowledge
from monitor.daemon.recorder import Recorder
from monitor.daemon.recording import Standing, Tenant
from monitor.daemon.records import Filing, configuration_said, datasets_said, policy_said
from monitor.events.types import Basis
from monitor.ledger.types import Record
from monitor.policy import Policy
from monitor.settings import Settings


def use(recorder: Recorder, settings: Settings, knowledge: Knowledge, now_ns: int) -> None:
    """Have findings judged, and ledgers begun, by what is in use from now on."""
    recorder.use(standing(settings, knowledge, now_ns), knowledge.policy)


def standing(settings: Settings, knowledge: Knowledge, now_ns: int) -> Standing:
    """Return what is in use, as events and ledgers say it."""
    filing = Filing(settings.sensor, settings.config.ledger.retention_days)
    notes = tuple(_notes(filing, settings, knowledge, now_ns))
    return Standing(basis_of(settings.sensor, knowledge), tenants_of(knowledge.policy), notes)


def tenants_of(policy: Policy | None) -> tuple[Tenant, ...]:
    """Return whose ledgers there are: those of a policy's tenants, and one for what nobody owns."""
    subjects = policy.subjects if policy is not None else ()
    return None, *sorted({each.tenant for each in subjects if each.tenant is not None})


def basis_of(sensor: str, knowledge: Knowledge) -> Basis:
    """Return what findings rest on."""
    policy = knowledge.policy
    return Basis(
        tool=__version__,
        sensor=sensor,
        policy=policy.version if policy is not None else None,
        catalogue=knowledge.catalog.version,
        datasets=knowledge.datasets,
    )


def _notes(filing: Filing, settings: Settings, knowledge: Knowledge, now_ns: int) -> list[Record]:
    datasets = datasets_said(knowledge.catalog.version, knowledge.datasets)
    notes = [
        filing.note("configuration", configuration_said(settings.source.text), now_ns),
        filing.note("datasets-loaded", datasets, now_ns),
    ]
    if knowledge.policy is not None:
        notes.append(filing.note("policy-loaded", policy_said(knowledge.policy), now_ns))
    return notes
