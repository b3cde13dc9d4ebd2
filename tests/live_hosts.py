"""The hosts of the live world: what its resolver says of their names, and where they answer."""

from typing import NamedTuple

from tests.live_network import PROXY, RESOLVER


class Host(NamedTuple):
    """A name, its addresses, and the name that it is an alias of."""

    name: str
    address: str
    address6: str = ""
    alias_of: str = ""


HOSTS = {
    host.name: host
    for host in (
        Host("api.openai.com", "162.159.140.245", alias_of="api.openai.com.cdn.cloudflare.net"),
        Host("eu.api.openai.com", "162.159.140.246"),
        Host("chatgpt.com", "104.18.32.47", "2606:4700:4400::6812:202f"),
        Host("api.anthropic.com", "160.79.104.10", "2607:6bc0::10"),
        Host("bedrock-runtime.eu-central-1.amazonaws.com", "18.194.71.203"),
        Host("bedrock-runtime.us-east-1.amazonaws.com", "44.210.60.12"),
        Host("api.mistral.ai", "172.66.2.203"),
        Host("api.eu.mistral.ai", "172.66.2.204"),
        Host("api.deepseek.com", "104.18.26.90"),
        Host("openrouter.ai", "104.18.2.115"),
        Host(
            "contoso-crm.openai.azure.com", "20.50.88.242", alias_of="westeurope.api.cognitive.microsoft.com"
        ),
        Host("europe-west3-aiplatform.googleapis.com", "142.250.186.138"),
        Host("openai.inference.de-txl.ionos.com", "85.215.176.21"),
        Host("www.heise.de", "193.99.144.85", "2a02:2e0:3fe:1001:7777:772e:2:85"),
        Host("www.wikipedia.org", "185.15.59.224", "2a02:ec80:300:ed1a::1"),
        Host("pypi.org", "151.101.0.223"),
        Host("cloudflare-dns.com", "104.16.248.249"),
    )
}
QUIC_HOSTS = ("chatgpt.com", "api.anthropic.com", "www.heise.de")  # where HTTP/3 is spoken too
_TTL_SECONDS = 300


def resolver_settings() -> str:
    """Return the configuration of dnsmasq."""
    lines = [
        "no-resolv", "no-hosts", "bind-interfaces", f"listen-address={RESOLVER}",
        f"local-ttl={_TTL_SECONDS}",
    ]  # fmt: skip
    for host in HOSTS.values():
        addresses = ",".join(each for each in (host.address, host.address6) if each)
        lines.append(f"host-record={host.alias_of or host.name},{addresses}")
        if host.alias_of:
            lines.append(f"cname={host.name},{host.alias_of}")
    return "\n".join([*lines, ""])


def proxy_settings() -> str:
    """Return the configuration of tinyproxy."""
    return f"Port 3128\nListen {PROXY}\nTimeout 60\nMaxClients 200\nAllow 10.0.0.0/8\nConnectPort 443\n"
