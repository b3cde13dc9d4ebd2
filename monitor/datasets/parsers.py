"""Reads what providers publish: bytes in, rows out. Pure.

The files come from the network, so each is hostile until it has been read: a value of another type, a
prefix that is none, or one that no provider can hold refuses the whole file.
"""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from monitor.datasets.azure_regions import arm_name
from monitor.datasets.rows import (
    MAX_ROWS,
    PrefixReader,
    Published,
    RefusedError,
    Row,
    all_prefixes,
    quoted,
    read_day,
    read_prefix,
)

T = TypeVar("T")
Parser = Callable[[bytes], Published]

_WORD = re.compile(r"[A-Za-z0-9_. -]{1,64}")
_AWS_DAY = re.compile(r"\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}")
_AWS_ANYCAST = frozenset({"CLOUDFRONT", "GLOBALACCELERATOR"})
_AZURE_ANYCAST = frozenset({"AzureFrontDoor", "AzureTrafficManager"})
_OUT_OF_USE = re.compile(r"(?i)\b(phased[ -]out|retired|no longer)\b")


class _AwsPrefix(msgspec.Struct):
    region: str
    service: str
    ip_prefix: str | None = None
    ipv6_prefix: str | None = None


class _Aws(msgspec.Struct):
    createDate: str  # noqa: N815  the provider's key
    prefixes: list[_AwsPrefix]
    ipv6_prefixes: list[_AwsPrefix]


class _GooglePrefix(msgspec.Struct):
    ipv4Prefix: str | None = None  # noqa: N815  the provider's key
    ipv6Prefix: str | None = None  # noqa: N815
    scope: str | None = None


class _Google(msgspec.Struct):
    creationTime: str  # noqa: N815  the provider's key
    prefixes: list[_GooglePrefix]


class _AzureProperties(msgspec.Struct):
    region: str
    addressPrefixes: list[str]  # noqa: N815  the provider's key


class _AzureTag(msgspec.Struct):
    name: str
    properties: _AzureProperties


class _Azure(msgspec.Struct):
    cloud: str
    values: list[_AzureTag]


class _OracleCidr(msgspec.Struct):
    cidr: str
    tags: list[str]


class _OracleRegion(msgspec.Struct):
    region: str
    cidrs: list[_OracleCidr]


class _Oracle(msgspec.Struct):
    last_updated_timestamp: str
    regions: list[_OracleRegion]


def parse_aws(data: bytes) -> Published:
    """AWS ip-ranges.json (docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html)."""
    file = _decode(data, _Aws)
    if not _AWS_DAY.fullmatch(file.createDate):
        raise RefusedError(f"createDate {quoted(file.createDate)} is no time")
    prefixes = PrefixReader()

    def rows() -> Iterator[Row]:
        for each in (*file.prefixes, *file.ipv6_prefixes):
            region, service = _word(each.region), _word(each.service)
            everywhere = region == "GLOBAL"
            yield Row(
                prefixes.read(_either(each.ip_prefix, each.ipv6_prefix)),
                region=None if everywhere else region,
                service=service,
                everywhere=everywhere,
                generic=service == "AMAZON",
                anycast=everywhere or service in _AWS_ANYCAST,
            )

    return Published(_bounded(rows()), read_day(file.createDate))


def parse_google(data: bytes) -> Published:
    """Google's cloud.json, which has scopes, and goog.json, which has none.

    goog.json without cloud.json is what serves Google's APIs: front ends that stand in many places
    (support.google.com/a/answer/10026322).
    """
    file = _decode(data, _Google)
    prefixes = PrefixReader()

    def rows() -> Iterator[Row]:
        for each in file.prefixes:
            prefix = prefixes.read(_either(each.ipv4Prefix, each.ipv6Prefix))
            if each.scope is None:
                yield Row(prefix, None, "Google", generic=True, anycast=True)
                continue
            everywhere = each.scope == "global"
            region = None if everywhere else _word(each.scope)
            yield Row(prefix, region, "Google Cloud", everywhere, generic=True, anycast=everywhere)

    return Published(_bounded(rows()), read_day(file.creationTime))


def parse_azure(data: bytes) -> Published:
    """Azure Service Tags of the public cloud. The file does not say its day; its name does.

    AzureCloud and AzureCloud.REGION hold all prefixes, the other tags the services; both name regions.
    """
    file = _decode(data, _Azure)
    if file.cloud != "Public":
        raise RefusedError(f"the Service Tags of the cloud {quoted(file.cloud)}", "give those of Public")
    prefixes = PrefixReader()

    def rows() -> Iterator[Row]:
        for tag in file.values:
            service = _word(tag.name).partition(".")[0]
            region = arm_name(_word(tag.properties.region)) if tag.properties.region else None
            generic, anycast = service == "AzureCloud", service in _AZURE_ANYCAST
            for text in tag.properties.addressPrefixes:
                yield Row(prefixes.read(text), region, service, generic=generic, anycast=anycast)

    return Published(_bounded(rows()))


def parse_oracle(data: bytes) -> Published:
    """OCI public_ip_ranges.json (docs.oracle.com/iaas/Content/General/Concepts/addressranges.htm)."""
    file = _decode(data, _Oracle)
    prefixes = PrefixReader()

    def rows() -> Iterator[Row]:
        for region in file.regions:
            code = _word(region.region)
            for cidr in region.cidrs:
                for tag in cidr.tags or ["OCI"]:
                    yield Row(prefixes.read(cidr.cidr), code, _word(tag), generic=tag == "OCI")

    return Published(_bounded(rows()), read_day(file.last_updated_timestamp))


def parse_cloudflare(data: bytes) -> Published:
    """Cloudflare's lists: one prefix a line, all of them anycast (cloudflare.com/ips)."""
    lines = (line.strip() for line in _text(data).splitlines())
    rows = (
        Row(read_prefix(line), None, None, everywhere=True, generic=True, anycast=True)
        for line in lines
        if line
    )
    return Published(_bounded(rows))


def parse_anthropic(data: bytes) -> Published:
    """Anthropic's page of addresses, as Markdown or as lines, without the addresses that it gave up.

    They say who it is, and no place: the page names none.
    """
    rows = (
        Row(read_prefix(text), None, None, everywhere=True, generic=True)
        for line in _in_use(_text(data))
        for text in all_prefixes(line)
    )
    return Published(_bounded(rows))


def _in_use(text: str) -> Iterator[str]:
    """The lines of a page, without those that say that addresses are out of use, and what follows them.

    A heading ends that; a line that has its addresses on itself speaks for itself.
    """
    given_up = False
    for line in text.splitlines():
        says_so = _OUT_OF_USE.search(line) is not None
        if line.startswith("#"):
            given_up = says_so
        elif says_so and not any(all_prefixes(line)):
            given_up = True
        if not given_up and not says_so:
            yield line


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise RefusedError(f"not the form that is expected: {error}") from None
    except UnicodeDecodeError:  # inside a text; msgspec does not make it one of its own
        raise RefusedError("not JSON: not UTF-8") from None
    except msgspec.DecodeError as error:
        raise RefusedError(f"not JSON: {error}") from None
    except RecursionError:
        raise RefusedError("not JSON: too deep") from None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(f"offset {error.start}: not UTF-8") from None


def _word(text: str) -> str:
    """A name of a region or a service: short and plain, as it ends in evidence that people read."""
    if not _WORD.fullmatch(text):
        raise RefusedError(f"{quoted(text)} is no name of a region or service")
    return text


def _either(first: str | None, second: str | None) -> str:
    text = first or second
    if text is None:
        raise RefusedError("an entry without a prefix")
    return text


def _bounded(rows: Iterator[Row]) -> tuple[Row, ...]:
    taken: list[Row] = []
    for row in rows:
        taken.append(row)
        if len(taken) > MAX_ROWS:
            raise RefusedError(f"more than {MAX_ROWS:,} rows")
    if not taken:
        raise RefusedError("no prefixes in it")
    return tuple(taken)


PARSERS: dict[str, Parser] = {
    "aws": parse_aws,
    "azure": parse_azure,
    "google": parse_google,
    "google-services": parse_google,
    "oracle": parse_oracle,
    "cloudflare": parse_cloudflare,
    "anthropic": parse_anthropic,
}
