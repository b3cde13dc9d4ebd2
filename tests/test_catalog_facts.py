"""The built-in catalogue against the facts that it restates: every host and region a policy could name."""

import pytest

from tests.catalog_help import built_in, load_jurisdictions
from tests.facts import fact_rows

PROVIDERS = {
    "amazon": "aws",
    "anthropic (Claude Platform on AWS)": "anthropic",
    "azure-gov": "azure",
    "azure-china (21Vianet)": "azure",
    "azure/github": "github",
    "regolo (Seeweb)": "regolo",
}
VENDORS = {"gcp": "google", "oci": "oracle", "ovh": "ovhcloud"}
SCOPES = {
    "entry_region": "entry",
    "resource_region": "entry",
    "cname_region": "entry",
    "region_if_model_listed": "entry",
    "control_plane": "entry",
    "single_region": "region",
    "sovereign_cloud": "region",
    "single_country": "region",
    "group": "group",
    "global": "global",
    "global_or_us_by_body_parameter": "global",
    "at_rest_group": "storage",
    "storage_only": "storage",
    "storage_or_region_by_model": "storage",
    "partial": "storage",
    "none": "unknown",
    "workspace_setting": "unknown",
    "customer_named": "unknown",
    "company_region": "unknown",
    "account_region": "unknown",
    "tenant_region": "unknown",
}
CRM = "*.my.salesforce.com"  # marked as shared, but models are never called over it
ALSO_SHARED = ("api.salesforce.com", "sentry.io", "datadoghq.com", "datadoghq.eu")


def samples(pattern: str) -> list[str]:
    """Return names that a pattern of the facts stands for."""
    if pattern.startswith("*."):
        return ["x1" + pattern[1:], "a.b-c" + pattern[1:]]
    return [pattern.replace("*", part) for part in ("x1", "0a-b")]


def countries(row: dict[str, str]) -> tuple[str, ...]:
    """Return the countries that a row names: its own, or those of its group."""
    if SCOPES[row["guarantee"]] == "global":
        return ()
    code = row["country"] or row["geo_group"]
    return tuple(sorted(load_jurisdictions().members(code))) if code else ()


def region(row: dict[str, str]) -> str | None:
    """Return the region that a row names. Snowflake's rows have the cloud before it."""
    if row["guarantee"] == "global_or_us_by_body_parameter":
        return None
    return row["region_code"].rpartition(" ")[2] or None


def test_every_host_has_its_provider_place_and_scope() -> None:
    rows = fact_rows("regional_endpoints.tsv")
    assert len(rows) == 1056
    wrong = []
    for row in rows:
        provider = PROVIDERS.get(row["provider"], row["provider"])
        expected = (provider, SCOPES[row["guarantee"]], region(row), countries(row))
        for host in samples(row["hostname_or_pattern"]):
            endpoint = built_in().match_name(host)
            found = endpoint and (endpoint.provider, endpoint.scope, endpoint.region, endpoint.countries)
            if found != expected:
                wrong.append((host, expected, found))
    assert wrong == []


def test_shared_hosts_are_only_possible_and_control_planes_are_marked() -> None:
    wrong = []
    for row in fact_rows("regional_endpoints.tsv"):
        pattern = row["hostname_or_pattern"]
        endpoint = built_in().match_name(samples(pattern)[0])
        assert endpoint is not None
        shared = (bool(row["shared_host"]) and pattern != CRM) or pattern.endswith(ALSO_SHARED)
        control = row["guarantee"] == "control_plane"
        if (endpoint.possible, endpoint.role == "control") != (shared, control):
            wrong.append(pattern)
    assert wrong == []


def test_what_the_facts_call_unverified_stays_marked() -> None:
    wrong = []
    for row in fact_rows("regional_endpoints.tsv"):
        endpoint = built_in().match_name(samples(row["hostname_or_pattern"])[0])
        assert endpoint is not None
        doubtful = row["verified"] != "yes" or row["source"] == "memory"
        if endpoint.verified == "third-party" and row["source"] != "memory":
            continue  # the host is as sure as the row says; what is promised for it is somebody else's word
        if doubtful == (endpoint.verified == "full"):
            wrong.append((row["hostname_or_pattern"], row["verified"], endpoint.verified))
    assert wrong == []


def test_every_region_has_its_country_and_place() -> None:
    rows = fact_rows("cloud_regions.tsv")
    assert len(rows) == 443
    wrong = []
    for row in rows:
        vendor = VENDORS.get(row["provider"], row["provider"])
        found = built_in().region(vendor, row["region_code"].replace("/", "-"))
        if found is None or (found.country, found.city or "") != (row["country"], row["city"]):
            wrong.append((vendor, row["region_code"], found))
            continue
        for mine, theirs in ((found.latitude, row["latitude"]), (found.longitude, row["longitude"])):
            assert (mine is None) == (theirs == "")
            assert mine is None or mine == pytest.approx(float(theirs), abs=0.001)
        assert (found.verified == "none") == row["confidence"].startswith("unverified")
    assert wrong == []
