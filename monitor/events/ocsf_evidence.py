"""The evidence of a finding as OCSF has it: ends, server name, sentences, what to search for. Pure."""

from typing import Any

from monitor.attribution.evidence import is_of_hello
from monitor.events.parts import ip_version, place
from monitor.findings.types import Finding, Sample

_PROTOCOLS = {"tcp": 6, "udp": 17}  # IANA's numbers
_OUTBOUND = 2
_HOSTNAME, _IP_ADDRESS = (1, "Hostname"), (2, "IP Address")
# A hello offers versions, and a sample keeps none; OCSF wants one beside a server name.
_NO_TLS_VERSION = "Unknown"


def evidences(finding: Finding) -> list[dict[str, Any]]:
    """Return the first connection as the one piece of evidence; its sentences are in `data`."""
    sample = finding.sample
    if sample is None:
        return []
    flow = sample.flow
    piece: dict[str, Any] = {
        "name": "first connection",
        "src_endpoint": _end(flow.client, flow.client_port),
        "dst_endpoint": _server(finding, sample),
        "connection_info": _connection(sample),
        "data": {
            "ts_ns": sample.ts_ns,
            "tunnel": flow.tunnel,
            "evidence": list(sample.evidence),
            "conflicts": list(sample.conflicts),
            "reasons": list(sample.reasons),
        },
    }
    if sample.server_name is not None and any(map(is_of_hello, sample.evidence)):
        piece["tls"] = {"sni": sample.server_name, "version": _NO_TLS_VERSION}
    return [piece]


def observables(sample: Sample) -> list[dict[str, Any]]:
    """Return what a search would look for, with the field that holds it."""
    found = []
    ends = {"src_endpoint": sample.flow.client, "dst_endpoint": sample.flow.server}
    for end, address in ends.items():
        if ip_version(address) is not None:
            found.append(_observable(f"evidences[0].{end}.ip", _IP_ADDRESS, address))
    if sample.server_name is not None:
        found.append(_observable("evidences[0].dst_endpoint.hostname", _HOSTNAME, sample.server_name))
    return found


def tags(finding: Finding) -> list[dict[str, Any]]:
    """Return the attribution in names and values."""
    single = {
        "provider": finding.provider,
        "service": finding.service,
        "scope": finding.scope,
        "region": finding.region,
        "place": place(finding),
        "certainty": finding.certainty,
    }
    several = {"countries": finding.countries, "possible": finding.possible}
    return [
        *({"name": name, "value": value} for name, value in single.items() if value is not None),
        *({"name": name, "values": list(values)} for name, values in several.items() if values),
    ]


def _end(address: str, port: int) -> dict[str, Any]:
    """An end of the connection. A pseudonym is no address: it goes where identifiers go, without a port."""
    if ip_version(address) is None:
        return {"uid": address}
    return {"ip": address, "port": port}


def _server(finding: Finding, sample: Sample) -> dict[str, Any]:
    named = {"hostname": sample.server_name} if sample.server_name is not None else {}
    service = {"svc_name": finding.service} if finding.service is not None else {}
    return _end(sample.flow.server, sample.flow.server_port) | named | service


def _connection(sample: Sample) -> dict[str, Any]:
    flow = sample.flow
    version = ip_version(flow.server)
    told = {"protocol_ver_id": version, "protocol_ver": f"IPv{version}"} if version else {}
    return {
        "direction_id": _OUTBOUND,
        "direction": "Outbound",
        "protocol_num": _PROTOCOLS[flow.transport],
        "protocol_name": flow.transport,
        **told,
    }


def _observable(field: str, kind: tuple[int, str], value: str) -> dict[str, Any]:
    return {"name": field, "type_id": kind[0], "type": kind[1], "value": value}
