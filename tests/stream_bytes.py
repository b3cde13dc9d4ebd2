"""What clients say first, byte by byte: SOCKS, PROXY headers, requests for TLS, OpenVPN's resets."""

import struct
from ipaddress import ip_address

from pcaps.builder.concealing import openvpn_crypt_reset, openvpn_reset
from tests.hello_bytes import vector

CLIENT, SERVER = "10.40.7.21", "203.0.113.9"
CLIENT6, SERVER6 = "2001:db8::21", "2001:db8:1::9"
PORTS = (50_123, 443)
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CONNECT = b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n"


def socks4(
    address: str = "192.0.2.7", user: bytes = b"", name: bytes | None = None, command: int = 1
) -> bytes:
    """A version 4 request; with a name, of version 4a."""
    behind = b"" if name is None else name + b"\0"
    return struct.pack("!BBH", 4, command, 443) + ip_address(address).packed + user + b"\0" + behind


def socks5(host: bytes, kind: int = 3, command: int = 1) -> bytes:
    """A version 5 request alone; ``host`` is a name (3) or a packed address (1, 4)."""
    return bytes((5, command, 0, kind)) + (vector(1, host) if kind == 3 else host) + b"\x01\xbb"


def password(user: bytes, secret: bytes) -> bytes:
    """A username and password negotiation (RFC 1929)."""
    return b"\x01" + vector(1, user) + vector(1, secret)


def proxy2(body: bytes, kind: int = 0x11, command: int = 0x21, length: int | None = None) -> bytes:
    """A version 2 header; ``length`` is what it claims for its body."""
    length = len(body) if length is None else length
    return SIGNATURE + struct.pack("!BBH", command, kind, length) + body


def addresses(client: str = CLIENT, server: str = SERVER) -> bytes:
    """The addresses and ports of a version 2 header."""
    return ip_address(client).packed + ip_address(server).packed + struct.pack("!HH", *PORTS)


def ldap(operation: bytes, number: int = 1, *, long: bool = False) -> bytes:
    """An LDAPMessage; ``long`` writes its length in four bytes, as some servers' tools do."""
    body = bytes((2, 1, number)) + operation
    return b"\x30" + (b"\x84" + len(body).to_bytes(4) if long else bytes((len(body),))) + body


LDAP_START_TLS = b"\x77" + vector(1, b"\x80" + vector(1, b"1.3.6.1.4.1.1466.20037"))
LDAP_UNBIND = b"\x42\x00"
POSTGRES = bytes.fromhex("0000000804d2162f")
POSTGRES_GSS = bytes.fromhex("0000000804d21630")
MYSQL = b"\x20\0\0\1" + struct.pack("<IIB", 0x0CAAAE85, 1 << 24, 255) + bytes(23)
XMPP = (
    b"<?xml version='1.0'?><stream:stream to='a.example' xmlns='jabber:client' version='1.0'>"
    b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
)

TUNNELS: dict[str, tuple[bytes, str]] = {
    "CONNECT": (CONNECT, "api.openai.com"),
    "SOCKS4": (socks4(), "192.0.2.7"),
    "SOCKS4 with a user": (socks4(user=b"jo"), "192.0.2.7"),
    "SOCKS4a": (socks4("0.0.0.1", b"jo", b"API.Mistral.ai"), "api.mistral.ai"),
    "SOCKS5": (b"\x05\x01\0" + socks5(b"api.mistral.ai."), "api.mistral.ai"),
    "SOCKS5 to IPv4": (b"\x05\x02\0\x02" + socks5(ip_address("192.0.2.7").packed, 1), "192.0.2.7"),
    "SOCKS5 to IPv6": (b"\x05\x01\0" + socks5(ip_address("2001:db8::7").packed, 4), "2001:db8::7"),
    "SOCKS5 with a password": (
        b"\x05\x02\0\x02" + password(b"jo", b"\x05\x01\0") + socks5(b"api.mistral.ai"),
        "api.mistral.ai",
    ),
}
PROXY_HEADERS: dict[str, tuple[bytes, tuple[str, str] | None]] = {
    "version 1, IPv4": (f"PROXY TCP4 {CLIENT} {SERVER} 50123 443\r\n".encode(), (CLIENT, SERVER)),
    "version 1, IPv6": (f"PROXY TCP6 {CLIENT6} {SERVER6} 50123 443\r\n".encode(), (CLIENT6, SERVER6)),
    "version 1, unknown": (b"PROXY UNKNOWN\r\n", None),
    "version 1, unknown with addresses": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    "version 2, IPv4": (proxy2(addresses()), (CLIENT, SERVER)),
    "version 2, IPv6": (proxy2(addresses(CLIENT6, SERVER6), 0x21), (CLIENT6, SERVER6)),
    "version 2, vectors": (
        proxy2(addresses() + b"\x02" + vector(2, b"other.example") + b"\x04\0\0"),
        (CLIENT, SERVER),
    ),
    "version 2, local": (proxy2(b"", 0, 0x20), None),
    "version 2, local with rubbish": (proxy2(b"\xff" * 20, 0xFF, 0x20), None),
    "version 2, unspecified": (proxy2(b"\xff" * 7, 0), None),
    "version 2, datagrams": (proxy2(addresses(), 0x12), None),
    "version 2, UNIX": (proxy2(bytes(216), 0x31), None),
}
CLEAR: dict[str, bytes] = {
    "SMTP": b"EHLO mail.a.example\r\nSTARTTLS\r\n",
    "SMTP in lower case, bare LF": b"ehlo a\nstarttls\n",
    "SMTP after HELP for the old": b"EHLO a\r\nHELO a\r\nNOOP\r\nRSET\r\nSTARTTLS\r\n",
    "LMTP": b"LHLO a\r\nSTARTTLS\r\n",
    "IMAP": b'a001 CAPABILITY\r\na002 ID ("name" "x")\r\na003 STARTTLS\r\n',
    "IMAP at once": b"1 STARTTLS\r\n",
    "IMAP whose tag begins like LDAP": b"05 starttls\r\n",
    "POP3": b"CAPA\r\nSTLS\r\n",
    "FTP": b"FEAT\r\nAUTH TLS\r\n",
    "FTP, the second try": b"AUTH TLS\r\nAUTH SSL\r\n",
    "NNTP": b"CAPABILITIES\r\nSTARTTLS\r\n",
    "XMPP": XMPP,
    "XMPP with an end tag": XMPP.replace(b"'/>", b"'>\r\n</starttls>\n"),
    "LDAP": ldap(LDAP_START_TLS),
    "LDAP in long form": ldap(LDAP_START_TLS, long=True),
    "LDAP after a search": ldap(b"\x63\x03\x04\x01a") + ldap(LDAP_START_TLS, 2),
    "PostgreSQL": POSTGRES,
    "PostgreSQL after GSSAPI": POSTGRES_GSS + POSTGRES,
    "MySQL": MYSQL,
}
OPENVPN: dict[str, bytes] = {
    "plain": vector(2, openvpn_reset("a", 0)),
    "tls-auth": vector(2, openvpn_reset("a")),
    "tls-crypt": vector(2, openvpn_crypt_reset("a")),
    "tls-crypt-v2": vector(2, openvpn_crypt_reset("a", 290)),
    "tls-crypt-v2, the longest key": vector(2, openvpn_crypt_reset("a", 1_024)),
}
