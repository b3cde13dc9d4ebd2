"""Where each data set comes from, officially, and under what terms it may be used. Pure."""

import datetime as dt
from typing import Literal

import msgspec

MAXMIND_EDITION = "GeoLite2-Country"
MIB = 1024 * 1024
Kind = Literal["ranges", "geoip"]


class Source(msgspec.Struct, frozen=True):
    """One data set: ``id`` on the command line, ``name`` in evidence, ``files`` as a mirror has them.

    ``urls`` are fetched and joined. ``vendor`` is the provider as in regions.csv. ``stale_days`` is the age
    from which the data set is called old: several times what its publisher takes between two versions.
    """

    id: str
    name: str
    kind: Kind
    urls: tuple[str, ...]
    files: tuple[str, ...]
    terms: str
    stale_days: int
    vendor: str = ""
    max_bytes: int = 64 * MIB
    extension: str = "json"


# The first of two data sets of one provider, or of several GeoIP databases, speaks where both do.
SOURCES = (
    Source(
        "aws",
        "aws-ip-ranges",
        "ranges",
        ("https://ip-ranges.amazonaws.com/ip-ranges.json",),
        ("ip-ranges.json",),
        "published by AWS for use in firewalls; no licence is named",
        30,
        "aws",
    ),
    Source(
        "azure",
        "azure-service-tags",
        "ranges",
        ("https://www.microsoft.com/en-us/download/details.aspx?id=56519",),
        ("ServiceTags_Public.json",),
        "published by Microsoft for use in firewalls; Microsoft's terms of use",
        30,
        "azure",
    ),
    Source(
        "google",
        "google-cloud-ranges",
        "ranges",
        ("https://www.gstatic.com/ipranges/cloud.json",),
        ("cloud.json",),
        "published by Google for use in firewalls; no licence is named",
        30,
        "google",
    ),
    Source(
        "google-services",
        "google-services-ranges",
        "ranges",
        ("https://www.gstatic.com/ipranges/goog.json",),
        ("goog.json",),
        "published by Google for use in firewalls; no licence is named",
        30,
        "google",
    ),
    Source(
        "oracle",
        "oci-ip-ranges",
        "ranges",
        ("https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json",),
        ("public_ip_ranges.json",),
        "published by Oracle for use in firewalls; no licence is named",
        60,
        "oracle",
    ),
    Source(
        "cloudflare",
        "cloudflare-ips",
        "ranges",
        ("https://www.cloudflare.com/ips-v4", "https://www.cloudflare.com/ips-v6"),
        ("ips-v4", "ips-v6"),
        "published by Cloudflare for use in firewalls; no licence is named",
        180,
        "cloudflare",
        MIB,
        "txt",
    ),
    Source(
        "anthropic",
        "anthropic-ips",
        "ranges",
        ("https://platform.claude.com/docs/en/api/ip-addresses.md",),
        ("anthropic-ip-addresses.md",),
        "published by Anthropic for use in firewalls; no licence is named",
        180,
        "anthropic",
        MIB,
        "txt",
    ),
    Source(
        "mmdb",
        "mmdb",
        "geoip",
        (),
        (),
        "your own database: see its publisher's terms",
        60,
        max_bytes=1024 * MIB,
        extension="mmdb",
    ),
    Source(
        "maxmind",
        MAXMIND_EDITION,
        "geoip",
        (f"https://download.maxmind.com/geoip/databases/{MAXMIND_EDITION}/download?suffix=tar.gz",),
        (f"{MAXMIND_EDITION}.tar.gz",),
        "GeoLite End User Licence Agreement: an account, no redistribution, old versions deleted in 30 days",
        30,
        max_bytes=256 * MIB,
        extension="mmdb",
    ),
    Source(
        "dbip",
        "dbip-country-lite",
        "geoip",
        ("https://download.db-ip.com/free/dbip-country-lite-{month}.mmdb.gz",),
        ("dbip-country-lite.mmdb.gz",),
        "CC BY 4.0: name DB-IP.com where results are shown",
        60,
        max_bytes=256 * MIB,
        extension="mmdb",
    ),
)
BY_ID = {source.id: source for source in SOURCES}


def months(today: dt.date) -> tuple[str, str]:
    """The month and the one before, as DB-IP writes them: a new file comes some days late."""
    before = today.replace(day=1) - dt.timedelta(days=1)
    return today.strftime("%Y-%m"), before.strftime("%Y-%m")
