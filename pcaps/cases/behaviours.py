"""What several connections show together: a source on both sides of a policy, a host that a CRM calls."""

from pcaps.builder.client import Client, Talk
from pcaps.builder.dns import Answer
from pcaps.builder.material import application_data
from pcaps.builder.network import Network
from pcaps.builder.tcp import Server
from pcaps.cases import world
from pcaps.cases.case import Case

SALESFORCE = "85.222.134.17"  # 85.222.128.0/19 is Salesforce's own
_SHORT = Talk(down_bytes=400)
_HOOK = b"POST /crm/case-updated HTTP/1.1\r\nHost: hooks.corp.example\r\nContent-Length: 900\r\n\r\n"


def dual_exposure(network: Network) -> None:
    """A CRM machine uses Frankfurt, then OpenAI with a large request; another stays in Frankfurt."""
    crm, batch = Client(network, world.CRM), Client(network, world.CRM_BATCH)
    crm.ask(world.answer_for(world.BEDROCK_FRANKFURT))
    crm.tls(world.BEDROCK_FRANKFURT, _SHORT)
    batch.ask(world.answer_for(world.BEDROCK_FRANKFURT))
    batch.tls(world.BEDROCK_FRANKFURT, _SHORT)
    network.wait(seconds=180)
    crm.ask(Answer("api.openai.com", world.OPENAI_ADDRESSES, world.OPENAI_CHAIN, ttl=300))
    crm.tls(world.OPENAI, Talk(up_bytes=6_000, down_bytes=700))
    network.wait(seconds=60)
    batch.tls(world.BEDROCK_FRANKFURT, _SHORT)


def crm_relay(network: Network) -> None:
    """Salesforce calls two machines; one of them calls OpenAI before it answers."""
    crm = Client(network, world.CRM)
    crm.ask(Answer("api.openai.com", world.OPENAI_ADDRESSES, world.OPENAI_CHAIN, ttl=300))
    outside = Client(network, SALESFORCE)
    quiet = outside.connect(Server(None, world.CRM_BATCH, 14.0, port=8_080))
    quiet.open()
    quiet.up(_HOOK + application_data("hook quiet", 900))
    quiet.down(b"HTTP/1.1 204 No Content\r\n\r\n")
    quiet.finish()
    network.wait(seconds=2)
    call = outside.connect(Server(None, world.CRM, 14.0, port=8_080))
    call.open()
    call.up(_HOOK + application_data("hook", 900))
    crm.tls(world.OPENAI)
    call.down(b"HTTP/1.1 204 No Content\r\n\r\n")
    call.finish()


CASES = (Case("dual-exposure", dual_exposure), Case("crm-relay", crm_relay))
