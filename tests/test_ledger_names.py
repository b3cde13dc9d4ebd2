"""Tenants and their folders, and what is no day of a payload file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger.names import folder_tenant, key_name, origin, payload_path, tenant_folder


@pytest.mark.parametrize(
    ("tenant", "folder"),
    [
        (None, "_unassigned"),
        ("acme", "acme"),
        ("Acme-2.eu_west", "Acme-2.eu_west"),
        ("_unassigned", "%5Funassigned"),
        (".", "%2E"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("a/b", "a%2Fb"),
        ("a b+c~", "a%20b%2Bc%7E"),
        ("Größe", "Gr%C3%B6%C3%9Fe"),
        ("100%", "100%25"),
        ("a\nb", "a%0Ab"),
    ],
)
def test_a_tenant_and_its_folder(tenant: str | None, folder: str) -> None:
    assert tenant_folder(tenant) == folder
    assert folder_tenant(folder) == tenant


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_every_tenant_has_a_folder_of_its_own(tenant: str) -> None:
    folder = tenant_folder(tenant)
    assert folder_tenant(folder) == tenant
    assert folder.isascii()
    assert folder[0] not in "._"
    assert not set(folder) & set("/+ \n\0")


@pytest.mark.parametrize("tenant", ["", "ä" * 50, "x" * 256])
def test_names_without_a_folder(tenant: str) -> None:
    with pytest.raises(ValueError, match="no name of a folder"):
        tenant_folder(tenant)


@pytest.mark.parametrize(
    "name",
    ["", ".lock", "_other", "a%2f", "a%41", "a b", "lost+found", "%FF", "..", "a/b", "a~", "%5funassigned"],
)
def test_folders_of_no_tenant(name: str) -> None:
    with pytest.raises(ValueError, match="no folder of a tenant|can't decode"):
        folder_tenant(name)


def test_names_of_keys() -> None:
    assert key_name("edge 1+2") == "residency/edge%201%2B2"
    assert origin(key_name("edge"), None) == "residency/edge/_unassigned"


@pytest.mark.parametrize(
    "day", ["", "..", "2026-3-1", "other-", "x/2026-03-10", "2026-03-10.jsonl", "2026-03-10\n"]
)
def test_what_is_no_day_names_no_file(day: str) -> None:
    with pytest.raises(ValueError, match="is no day"):
        payload_path("allow", day)
