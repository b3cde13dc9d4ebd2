"""What the daemon stores, where and how long, and what it never stores, in plain words. Pure."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import chain

from monitor.config import READ_STATE, Config
from monitor.policy.words import Word
from monitor.sink_options import AnySink, JsonlOptions, KafkaOptions, SmtpOptions, SyslogOptions
from monitor.wording import facts, listed, plural

_KINDS = {
    "violation": "outside policy",
    "indeterminate": "the evidence does not decide",
    "unassigned": "no source group owns the client",
    "excepted": "an exception excuses it",
    "allow": "within policy",
    "inventory": "made without a policy",
    "coverage": "how much could be seen, without addresses",
}
_RECORD = "the policies, what was loaded, who did what and what they wrote"
_HEAD = "what", "where", "how long"
_SHARES = 26, 34  # columns of 80 for the first two; the last has the rest
_GAP = "  "

Row = tuple[str, str, str]


def privacy_lines(config: Config, folder: str, width: int = 80) -> Iterator[str]:
    """Yield what a configuration comes to; ``folder`` is the file's, from which relative paths count."""
    yield "What is stored (decisions by outcome, in a file a day)"
    yield ""
    yield from _table([_HEAD, *_stored(config, folder)], width)
    for title, labelled in _said(config).items():
        yield ""
        yield title
        for label, said in labelled.items():
            yield from chain.from_iterable(map(str.splitlines, facts(label, said, width)))


def _said(config: Config) -> dict[str, dict[str, list[str]]]:
    """Return what is said, by title and by label."""
    return {
        "What stands in a decision": {
            "client": _of_the_client(config),
            "server": ["address, port, the names that counted, and the evidence with its data sets"],
            "connection": ["times, packets and bytes each way, how it ended, its TLS fingerprint (JA4)"],
        },
        "What leaves the process beside": {
            "metrics": [_metrics(config)],
            "log": ["no address of a client, no host name of the traffic"],
        },
        "What `residency deliver` sends to sinks": _sent(config),
        **_published(config),
        "What the daemon never stores": {
            "payload": ["of no packet, in no form"],
            "names": [_of_other_hosts(config)],
        },
        "What other commands do, for the owner of a capture": {
            "observe": ["prints all that the sensor sees, names and addresses"],
            "replay": ["prints and writes addresses of clients as they are"],
        },
    }


def _stored(config: Config, folder: str) -> Iterator[Row]:
    kept = config.ledger
    ledger = f"{_place(kept.folder, folder)}/TENANT"
    for kind, meaning in _KINDS.items():
        days: int = getattr(kept.retention_days, kind)
        yield f"{kind}: {meaning}", f"{ledger}/payloads/{kind}/", plural(days, "day")
    yield f"record: {_RECORD}", f"{ledger}/payloads/record/", "for good"
    yield "salted hashes of all of these", f"{ledger}/tile/", "for good; nothing is read out of them"
    state = _place(config.state, folder)
    closed = f"until closed, then {_days(config)}"
    yield "findings, with their first clients and a connection each", f"{state}/state.db", closed
    yield (
        "the same, of a file that broke",
        f"{state}/state.db.broken-*",
        "the last three, until you delete them",
    )
    if config.sinks:
        yield "events that wait for sinks", f"{state}/state.db", "until each sink has them"
        yield "events that a sink did not take", f"{state}/delivery.db", "until they are dropped"
    if config.publish is not None:
        spool = f"{_place(config.publish.spool, folder)}/"
        yield "all that is observed: every client's address, every name", spool, "until it is published"
    pseudonyms = config.privacy.pseudonyms
    if pseudonyms.enabled:
        period = plural(pseudonyms.rotate_days, "day")
        until = f"this period's ({period}), the previous one's and the next one's"
        yield "keys of pseudonyms", f"{_place(pseudonyms.keys, folder)}/", until
    data = _place(config.data, folder) if config.data is not None else "the store (`residency doctor`)"
    yield "data sets; nothing of the traffic", data, "until you delete them"
    if config.capture.watch is not None:
        watched = f"{_place(config.capture.watch, folder)}/"
        yield "captures that you put there", watched, "until you delete them: the daemon only reads"
        noted = f"{state}/{READ_STATE}"
        yield "names of captures that were read, no traffic", noted, "while they are in the folder"


def _days(config: Config) -> str:
    """Return how long closed findings are kept, by kind."""
    kept = config.ledger.retention_days
    return f"{plural(kept.violation, 'day')} (where undecided: {plural(kept.indeterminate, 'day')})"


def _published(config: Config) -> dict[str, dict[str, list[str]]]:
    """Return what `residency publish` sends, where something is published."""
    if config.publish is None:
        return {}
    told = "all that is observed: addresses of clients as they are, every host name, LLM or not"
    kafka = config.kafka
    brokers = kafka.options.get("bootstrap.servers", "no brokers") if kafka is not None else "no brokers"
    topic = kafka.topic if kafka is not None else "none is configured"
    said = {"observations": [told], "brokers": [f"{brokers}, topic {topic}"]}
    return {"What `residency publish` sends to the fleet's brokers": said}


def _of_other_hosts(config: Config) -> str:
    whose = "of hosts that have nothing to do with LLMs"
    if config.publish is None:
        return f"{whose}: they never leave the process"
    return f"{whose}, in what it judges: but they are published (`publish:`)"


def _sent(config: Config) -> dict[str, list[str]]:
    """Return who gets findings, and what of the traffic stands in them."""
    if not config.sinks:
        return {"sinks": ["none are configured: nothing is sent"]}
    who = "pseudonyms of clients" if config.privacy.pseudonyms.enabled else "addresses of clients"
    told = f"{who}, tenant and source group, the server's name and address, what the policy says of them"
    return {"a finding": [told], "sinks": [_sink(each) for each in config.sinks]}


def _sink(sink: AnySink) -> str:
    kind = type(sink).__struct_config__.tag
    least = f"findings of severity {sink.severity} or worse" if sink.severity else "all findings"
    whose = f" of {listed(sink.tenants, 'and')}" if sink.tenants else " of all tenants"
    also = ", and checkpoints of the ledger" if sink.checkpoints else ""
    return f"{sink.name} ({kind}) to {_receiver(sink)}: {least}{whose}{also}"


def _receiver(sink: AnySink) -> str:
    """Return where a sink is. An address is told without what a secret may be in."""
    match sink:
        case JsonlOptions():
            return sink.path
        case KafkaOptions():
            return f"{', '.join(sink.brokers)}, topic {sink.topic}"
        case SmtpOptions():
            return f"{', '.join(sink.recipients)} by {sink.host}"
        case SyslogOptions():
            return f"{sink.host}:{sink.port}"
        case _:
            return sink.url.partition("?")[0]


def _of_the_client(config: Config) -> list[str]:
    pseudonyms = config.privacy.pseudonyms
    if pseudonyms.enabled:
        period = plural(pseudonyms.rotate_days, "day")
        address = f"a pseudonym, another one for each tenant and every {period}; no address, no port"
    else:
        address = "its address and port, as they are (privacy.pseudonyms.enabled replaces them)"
    if config.processes:
        process = "the process of this host that opened the connection (processes: true)"
    else:
        process = "no process (processes: false)"
    return [address, "tenant, source group and data class, by the policy", process]


def _metrics(config: Config) -> str:
    address = config.metrics.address
    where = f"{f'[{address}]' if ':' in address else address}:{config.metrics.port}"
    return f"counts by closed sets of labels, on {where}; no address, host name or id of a connection"


def _place(path: Word, folder: str) -> str:
    return (path if path.startswith("/") else f"{folder}/{path}").rstrip("/")


def _table(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Yield rows in three columns, each cell wrapped to its own."""
    sizes = *_SHARES, width - sum(_SHARES) - 2 * len(_GAP) - 2
    for row in rows:
        cells = [_wrapped(cell, size) for cell, size in zip(row, sizes, strict=True)]
        for at in range(max(map(len, cells))):
            parts = [
                (cell[at] if at < len(cell) else "").ljust(size)
                for cell, size in zip(cells, sizes, strict=True)
            ]
            yield f"  {_GAP.join(parts)}".rstrip()


def _wrapped(cell: str, size: int) -> list[str]:
    """Return a cell's lines. A path that is too long is broken behind a slash, or where it must be."""
    if " " in cell or len(cell) <= size:
        return textwrap.wrap(cell, size, break_on_hyphens=False)
    lines = [""]
    for step in cell.replace("/", "/\0").split("\0"):
        if len(lines[-1]) + len(step) > size:
            lines.append("")
        lines[-1] += step
    return [part for line in lines if line for part in textwrap.wrap(line, size)]
