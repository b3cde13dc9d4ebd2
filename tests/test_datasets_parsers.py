"""What providers publish: how each file is read, and that hostile ones are refused in one line."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.datasets.azure_regions import arm_name
from monitor.datasets.parsers import PARSERS, parse_anthropic
from monitor.datasets.rows import Published, RefusedError, read_prefix
from tests.datasets_kit import aws, azure, google, oracle, real

PAGE = """\
# IP addresses

> Firewalls may need these; 8.8.8.8 is not one.

## Inbound IP addresses
### IPv4
`160.79.104.0/23`
### IPv6
`2607:6bc0::/48`
## Outbound IP addresses
`160.79.104.0/21`
### Phased out IP addresses
The following are no longer in use.

```text
34.162.46.92/32
34.162.102.82/32
```
"""


def said(published: Published) -> set[tuple[int, str | None, str | None, bool]]:
    """Length in the tree, region, service and anycast of every row."""
    return {(row.prefix.length, row.region, row.service, row.anycast) for row in published.rows}


def test_aws() -> None:
    published = PARSERS["aws"](
        aws(
            {
                "3.4.12.0/24": ("eu-west-1", "AMAZON"),
                "13.32.0.0/15": ("GLOBAL", "CLOUDFRONT"),
                "52.95.0.0/20": ("eu-west-3", "CLOUDFRONT"),
            }
        )
    )
    assert published.date == dt.date(2026, 3, 1)
    assert said(published) == {
        (120, "eu-west-1", "AMAZON", False),
        (111, None, "CLOUDFRONT", True),
        (116, "eu-west-3", "CLOUDFRONT", True),
    }


def test_google() -> None:
    data = google({"34.1.208.0/20": "africa-south1", "2600:1900::/35": "global", "8.8.4.0/24": None})
    published = PARSERS["google"](data)
    assert published.date == dt.date(2026, 3, 1)
    assert said(published) == {
        (116, "africa-south1", "Google Cloud", False),
        (35, None, "Google Cloud", True),
        (120, None, "Google", True),
    }


def test_azure() -> None:
    published = PARSERS["azure"](
        azure(
            {
                "AzureCloud.germanywc": ("germanywc", ["20.52.0.0/16"]),
                "Storage.GermanyWestCentral": ("germanywc", ["20.52.1.0/24"]),
                "AzureFrontDoor.Frontend": ("", ["13.107.0.0/24"]),
            }
        )
    )
    assert published.date is None
    assert said(published) == {
        (112, "germanywestcentral", "AzureCloud", False),
        (120, "germanywestcentral", "Storage", False),
        (120, None, "AzureFrontDoor", True),
    }


def test_oracle() -> None:
    published = PARSERS["oracle"](oracle({"eu-frankfurt-1": {"130.61.0.0/16": ["OCI"], "134.70.1.0/24": []}}))
    assert published.date == dt.date(2026, 2, 1)
    assert said(published) == {
        (112, "eu-frankfurt-1", "OCI", False),
        (120, "eu-frankfurt-1", "OCI", False),
    }


def test_cloudflare() -> None:
    published = PARSERS["cloudflare"](b"173.245.48.0/20\r\n\n2400:cb00::/32")
    assert said(published) == {(116, None, None, True), (32, None, None, True)}


@pytest.mark.parametrize(
    "text",
    [
        PAGE,
        "inbound 160.79.104.0/23\ninbound 2607:6bc0::/48\noutbound 160.79.104.0/21\nretired 34.162.46.92/32",
        PAGE.replace("#", ""),
    ],
)
def test_anthropic_without_what_it_gave_up(text: str) -> None:
    rows = parse_anthropic(text.encode()).rows
    assert [row.prefix.length for row in rows] == [119, 48, 117]
    assert not any(row.anycast or row.region for row in rows)


def test_a_page_in_one_line_is_refused() -> None:
    """What of it is out of use cannot be told."""
    with pytest.raises(RefusedError, match="no prefixes"):
        parse_anthropic(b"<html><p>160.79.104.0/23</p><h3>Phased out</h3><p>34.162.46.92/32</p></html>")


def test_the_real_page_of_anthropic() -> None:
    assert len(parse_anthropic(real("anthropic.txt")).rows) == 3


def test_the_names_of_azure_regions_are_those_of_the_regional_tags() -> None:
    """The file itself has both: the tag ActionGroup.GermanyWestCentral is in the region germanywc."""
    tags = json.loads(real("azure-servicetags-public.json"))["values"]
    pairs = {
        (tag["properties"]["region"], tag["name"].partition(".")[2].lower())
        for tag in tags
        if tag["name"].startswith("ActionGroup.")
    }
    assert len(pairs) >= 69
    assert {code: arm_name(code) for code, _ in pairs} == dict(pairs)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0.0.0.0/0", "wider"),
        ("::/0", "wider"),
        ("52.0.0.0/7", "wider"),
        ("2600::/15", "wider"),
        ("10.0.0.0/8", "not in public"),
        ("192.168.1.0/24", "not in public"),
        ("100.64.0.0/16", "not in public"),
        ("127.0.0.1/32", "not in public"),
        ("224.0.0.0/8", "not in public"),
        ("fd00::/16", "not in public"),
        ("fe80::/64", "not in public"),
        ("2001:db8::/32", "not in public"),
        ("::808:808/128", "not in public"),
        ("::ffff:8.8.8.8/128", "not in public"),
        ("8.8.8.1/24", "no prefix"),
        ("8.8.8.0/33", "no prefix"),
        ("8.8.8.0/-1", "no prefix"),
        ("8.8.8.0/255.255.255.0", "no prefix"),
        ("8.8.8.0", "no prefix"),
        ("8.8.8/24", "no prefix"),
        ("08.8.8.0/24", "no prefix"),
        ("256.8.8.0/24", "no prefix"),
        ("2600::1/64", "no prefix"),
        ("2600::/129", "no prefix"),
        ("2600::%eth0/64", "no prefix"),
        ("", "no prefix"),
        ("x" * 10_000, "no prefix"),
        ("8.8.8.0/24\n", "no prefix"),
        ("٨.8.8.0/24", "no prefix"),
    ],
)
def test_prefixes_that_no_provider_holds(text: str, problem: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_prefix(text)
    assert problem in caught.value.problem
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


GOOD = {
    "aws": aws({"3.4.12.0/24": ("eu-west-1", "AMAZON")}),
    "google": google({"34.1.208.0/20": "africa-south1"}),
    "azure": azure({"AzureCloud.westeurope": ("westeurope", ["20.52.0.0/16"])}),
    "oracle": oracle({"eu-frankfurt-1": {"130.61.0.0/16": ["OCI"]}}),
}
HOSTILE = [
    b"",
    b"\0",
    b"{}",
    b"[]",
    b"null",
    b"<html><body>503</body></html>",
    b'{"prefixes": [',
    b"[" * 100_000,
    b"\xff\xfe{",
    b'{"createDate": 7, "prefixes": {}, "ipv6_prefixes": {}}',
    b'{"creationTime": "x", "prefixes": [{"scope": "x"}]}',
    aws({}),
    aws({"0.0.0.0/0": ("eu-west-1", "EC2")}),
    aws({"3.4.12.0/24": ("eu-west-1\n\x1b[31m", "EC2")}),
    aws({"3.4.12.0/24": ("", "EC2")}),
    aws({"3.4.12.0/24": ("e" * 65, "EC2")}),
    aws({"3.4.12.0/24": ("eu-west-1", "EC2")}, date="yesterday"),
    google({}),
    google({"10.0.0.0/8": "europe-west1"}),
    azure({}),
    azure({"AzureCloud.westeurope": ("westeurope", ["20.52.0.0/16"])}, cloud="AzureGovernment"),
    azure({"A\u202ez": ("", ["20.52.0.0/16"])}),
    oracle({"x": {"130.61.0.0/16": ["O\nCI"]}}),
    oracle({}),
]


def refusal(source: str, data: bytes) -> str | None:
    """Why a file is refused; None when it is taken."""
    try:
        assert PARSERS[source](data).rows
    except RefusedError as error:
        return str(error)
    return None


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("source", sorted(PARSERS))
def test_hostile_files_are_refused(source: str, data: bytes) -> None:
    said = refusal(source, data)
    if said is None:  # any text that has prefixes in it may be a page of addresses
        assert source == "anthropic"
        return
    assert said.isprintable()
    assert len(said) < 300


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_damage_is_refused_or_read(source: str, data: st.DataObject) -> None:
    good = bytearray(GOOD[source])
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] = data.draw(st.integers(0, 255))
    assert (refusal(source, bytes(good)) or "").isprintable()


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for source in PARSERS:
        assert (refusal(source, data) or "").isprintable()
