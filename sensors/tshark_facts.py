"""What tshark says of one frame: the display fields that are asked for, and how their values read.

tshark prints the values of a field in the order in which it met them, layer after layer: the n-th ``ip.src``
is that of the n-th IP header. The fields are those of Wireshark 4.0.
"""

from contextlib import suppress
from datetime import datetime
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final

import msgspec

from sensors.wire import name_text

SECOND_NS: Final = 1_000_000_000
FIELDS: Final[list[str]] = []  # the display fields, as tshark is asked for them

Values = tuple[str, ...]


def _shown(field: str) -> Values:
    """Return the default of an attribute that holds a display field; EK output writes dots as underscores."""
    FIELDS.append(field)
    return msgspec.field(default=(), name=field.replace(".", "_"))


class Facts(msgspec.Struct, frozen=True):
    """The fields of one frame. Each holds all its values, as text, none where the frame has no such field."""

    number: Values = _shown("frame.number")
    time: Values = _shown("frame.time_epoch")
    wire_bytes: Values = _shown("frame.len")
    captured_bytes: Values = _shown("frame.cap_len")
    protocols: Values = _shown("frame.protocols")
    malformed: Values = _shown("_ws.malformed")
    vlan: Values = _shown("vlan.id")
    vxlan: Values = _shown("vxlan.vni")
    geneve: Values = _shown("geneve.vni")
    erspan: Values = _shown("erspan.spanid")
    ip_source: Values = _shown("ip.src")
    ip_target: Values = _shown("ip.dst")
    ip_bytes: Values = _shown("ip.len")
    ip_offset: Values = _shown("ip.frag_offset")
    ip_more: Values = _shown("ip.flags.mf")
    ip6_source: Values = _shown("ipv6.src")
    ip6_target: Values = _shown("ipv6.dst")
    ip6_bytes: Values = _shown("ipv6.plen")
    ip6_part: Values = _shown("ipv6.fraghdr.offset")
    tcp_source: Values = _shown("tcp.srcport")
    tcp_target: Values = _shown("tcp.dstport")
    tcp_flags: Values = _shown("tcp.flags")
    tcp_seq: Values = _shown("tcp.seq_raw")
    tcp_payload_bytes: Values = _shown("tcp.len")
    udp_source: Values = _shown("udp.srcport")
    udp_target: Values = _shown("udp.dstport")
    udp_bytes: Values = _shown("udp.length")
    tls_message: Values = _shown("tls.handshake.type")
    tls_name: Values = _shown("tls.handshake.extensions_server_name")
    tls_alpn: Values = _shown("tls.handshake.extensions_alpn_str")
    tls_version: Values = _shown("tls.handshake.version")
    tls_versions: Values = _shown("tls.handshake.extensions.supported_version")
    tls_extension: Values = _shown("tls.handshake.extension.type")
    dtls_record: Values = _shown("dtls.record.content_type")
    dtls_message: Values = _shown("dtls.handshake.type")
    dtls_name: Values = _shown("dtls.handshake.extensions_server_name")
    dtls_alpn: Values = _shown("dtls.handshake.extensions_alpn_str")
    dtls_version: Values = _shown("dtls.handshake.version")
    dtls_versions: Values = _shown("dtls.handshake.extensions.supported_version")
    dtls_extension: Values = _shown("dtls.handshake.extension.type")
    quic_long: Values = _shown("quic.header_form")
    gquic_name: Values = _shown("gquic.tag.sni")
    http_method: Values = _shown("http.request.method")
    http_target: Values = _shown("http.request.uri")
    http_host: Values = _shown("http.host")
    socks_command: Values = _shown("socks.command")
    socks_name: Values = _shown("socks.remote_name")
    socks_name_4a: Values = _shown("socks.v4a_dns_name")
    socks_address: Values = _shown("socks.dst")
    socks_address_6: Values = _shown("socks.dstV6")
    proxy_client: Values = _shown("proxy.src.ipv4")
    proxy_server: Values = _shown("proxy.dst.ipv4")
    proxy_client_6: Values = _shown("proxy.src.ipv6")
    proxy_server_6: Values = _shown("proxy.dst.ipv6")
    proxy_client_port: Values = _shown("proxy.srcport")
    proxy_server_port: Values = _shown("proxy.dstport")
    proxy_protocol: Values = _shown("proxy.v2.protocol")
    wireguard_type: Values = _shown("wg.type")
    stun_type: Values = _shown("stun.type")
    openvpn_opcode: Values = _shown("openvpn.opcode")
    ike_exchange: Values = _shown("isakmp.exchangetype")
    ike_flags: Values = _shown("isakmp.flags")
    ike_responder: Values = _shown("isakmp.rspi")
    dns_response: Values = _shown("dns.flags.response")
    dns_opcode: Values = _shown("dns.flags.opcode")
    dns_rcode: Values = _shown("dns.flags.rcode")
    dns_truncated: Values = _shown("dns.flags.truncated")
    dns_questions: Values = _shown("dns.count.queries")
    dns_answers: Values = _shown("dns.count.answers")
    dns_authorities: Values = _shown("dns.count.auth_rr")
    dns_additional: Values = _shown("dns.count.add_rr")
    dns_qname: Values = _shown("dns.qry.name")
    dns_qtype: Values = _shown("dns.qry.type")
    dns_qclass: Values = _shown("dns.qry.class")
    dns_owner: Values = _shown("dns.resp.name")
    dns_type: Values = _shown("dns.resp.type")
    dns_class: Values = _shown("dns.resp.class")
    dns_ttl: Values = _shown("dns.resp.ttl")
    dns_a: Values = _shown("dns.a")
    dns_aaaa: Values = _shown("dns.aaaa")
    dns_cname: Values = _shown("dns.cname")
    dns_priority: Values = _shown("dns.svcb.svcpriority")
    dns_target: Values = _shown("dns.svcb.targetname")
    dns_hint: Values = _shown("dns.svcb.svcparam.ipv4hint.ip")
    dns_hint_6: Values = _shown("dns.svcb.svcparam.ipv6hint.ip")
    dns_ech: Values = _shown("dns.svcb.svcparam.echconfig")


def first(values: Values, default: str = "") -> str:
    """Return a field's first value."""
    return values[0] if values else default


def number(values: Values, index: int = 0) -> int:
    """Return a field's value as a number, decimal or hexadecimal; 0 where it is missing or is none."""
    try:
        return int(values[index], 0)
    except (IndexError, ValueError):
        return 0


def numbers(values: Values) -> list[int]:
    """Return a field's values as numbers, without those that are none."""
    found = []
    for value in values:
        with suppress(ValueError):
            found.append(int(value, 0))
    return found


def is_set(values: Values) -> bool:
    """Tell whether a flag is set; Wireshark 4.0 prints "1", later ones "True"."""
    return first(values) in ("1", "True", "true")


def time_ns(values: Values) -> int:
    """Return nanoseconds since the Unix epoch: of seconds, or of ISO 8601 as later versions print it."""
    text, _, fraction = first(values).rstrip("Z").partition(".")
    try:
        seconds = int(datetime.fromisoformat(f"{text}+00:00").timestamp()) if "T" in text else int(text)
        nanoseconds = int(fraction[:9].ljust(9, "0"))
    except ValueError:
        return 0
    return max(seconds * SECOND_NS + nanoseconds, 0)


def address_bytes(text: str) -> bytes | None:
    """Return an address as 4 or 16 bytes, None where the text is none."""
    try:
        return inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except OSError:
        return None


def name(text: str) -> str:
    """Return a name in our form. The root is "<Root>" to tshark; bytes that are no text are as it prints."""
    if text == "<Root>":
        return "."
    return name_text(text.encode("utf-8", "surrogateescape").removesuffix(b".") or b".")
