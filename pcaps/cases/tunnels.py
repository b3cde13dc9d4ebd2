"""Flows inside tunnels: what a cloud's mirror sends, and how a branch is connected."""

from functools import partial

from pcaps.builder.client import Client, Talk
from pcaps.builder.network import Network
from pcaps.builder.tunnels import gre, pppoe, vxlan_mirror
from pcaps.cases import world
from pcaps.cases.case import Case

_PRODUCTION, _STAGING = 1_001, 1_002  # VXLAN networks: one for each mirror session
_SMALL = Talk(up_bytes=300, down_bytes=500, think_ms=60)


def vxlan_mirrors(network: Network) -> None:
    """Two machines with the same address, in two clouds' networks, open the same five-tuple."""
    for vni, talk in ((_PRODUCTION, Talk()), (_STAGING, _SMALL)):
        with network.inside(partial(vxlan_mirror, vni=vni)):
            crm = Client(network, world.CRM)
            crm.ask(world.answer_for(world.BEDROCK_FRANKFURT))
            crm.tls(world.BEDROCK_FRANKFURT, talk)
        network.wait(ms=40)


def gre_tunnel(network: Network) -> None:
    """A branch's egress goes through a tunnel to a gateway."""
    with network.inside(gre):
        platform = Client(network, world.PLATFORM)
        platform.ask(world.answer_for(world.MISTRAL_EU))
        platform.tls(world.MISTRAL_EU)


def pppoe_line(network: Network) -> None:
    """An office with a line of its own."""
    with network.inside(pppoe):
        office = Client(network, world.OFFICE)
        office.ask(world.answer_for(world.DEEPSEEK))
        office.tls(world.DEEPSEEK)


CASES = (
    Case("vxlan-mirror", vxlan_mirrors),
    Case("gre-tunnel", gre_tunnel),
    Case("pppoe", pppoe_line),
)
