"""The machines and services of all cases. Clients are a company's; services have addresses such as they use.

Addresses of clouds lie in the range that the provider publishes for the region (AWS ip-ranges.json, Azure
Service Tags, Anthropic's and Cloudflare's lists). The host part is made up. Round trips are from Frankfurt.
"""

from pcaps.builder.dns import Answer
from pcaps.builder.tcp import Server

CRM = "10.20.1.15"  # 10.20.0.0/16: the CRM's backend
CRM_BATCH = "10.20.1.16"
CRM_V6 = "fd00:10:20::15"
PLATFORM = "10.30.2.8"  # 10.30.0.0/16: the data platform
OFFICE = "10.40.7.21"  # 10.40.0.0/16: people's machines
OFFICE_OTHER = "10.40.7.22"
GUEST = "10.99.3.4"  # in no source group

BEDROCK_FRANKFURT = Server("bedrock-runtime.eu-central-1.amazonaws.com", "18.194.71.203", 3.1)
BEDROCK_VIRGINIA = Server("bedrock-runtime.us-east-1.amazonaws.com", "52.7.141.62", 93.4)
BEDROCK_SOVEREIGN = Server("bedrock-runtime.eusc-de-east-1.amazonaws.eu", "51.224.18.40", 9.8)
AZURE = Server("contoso-crm.openai.azure.com", "20.105.208.229", 9.2)
AZURE_EDGE = AZURE._replace(address="20.79.107.4", rtt_ms=1.7)
AZURE_PRIVATE = AZURE._replace(address="10.60.5.4", rtt_ms=2.2)
OPENAI = Server("api.openai.com", "162.159.140.245", 4.6)
OPENAI_EU = Server("eu.api.openai.com", "162.159.140.245", 4.6)
VERTEX_FRANKFURT = Server("europe-west3-aiplatform.googleapis.com", "142.250.185.74", 3.9)
GEMINI = Server("generativelanguage.googleapis.com", "142.250.186.170", 3.9)
GEMINI_SITE = Server("gemini.google.com", "142.250.185.238", 3.9)
MISTRAL = Server("api.mistral.ai", "104.18.22.41", 4.4)
MISTRAL_EU = Server("api.eu.mistral.ai", "104.18.23.41", 4.4)
DEEPSEEK = Server("api.deepseek.com", "116.205.40.114", 247.0)
ANTHROPIC = Server("api.anthropic.com", "160.79.104.10", 5.0)
ANTHROPIC_V6 = Server("api.anthropic.com", "2607:6bc0::10", 5.0)
CHATGPT = Server("chatgpt.com", "104.18.32.47", 4.5)
SELF_HOSTED = Server("llm.fra.corp.example", "10.70.8.20", 1.2)
PROXY = Server(None, "10.0.0.80", 0.9, port=3_128)

AZURE_CHAIN = (
    "westeurope.api.cognitive.microsoft.com",
    "cognitiveweprod.trafficmanager.net",
    "cognitiveweprod.azure-api.net",
    "apimgmttmfzsvuhbbuv6igaixn55lv.trafficmanager.net",
    "cognitiveweprod-westeurope-01.regional.azure-api.net",
    "apimgmthskxlmuwihnjhv1zrqmmzk4.westeurope.cloudapp.azure.com",
)
OPENAI_ADDRESSES = ("162.159.140.245", "172.66.0.243")
OPENAI_CHAIN = ("api.openai.com.cdn.cloudflare.net",)


def answer_for(server: Server, ttl: int = 60) -> Answer:
    """Return the plain answer that leads to a service: one address, no alias."""
    return Answer(server.name or "", [server.address], ttl=ttl)


def without_name(server: Server) -> Server:
    """Return the service as a client reaches it that sends no server name."""
    return server._replace(name=None)
