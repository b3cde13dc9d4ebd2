"""Events as OCSF has them, against the schema of version 1.8.0."""

import copy
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from monitor.events import Event, FindingEvent, ocsf
from monitor.events.ocsf import INSUFFICIENT
from monitor.findings.types import Change, Cure, Note, State, What
from monitor.policy.words import SEVERITIES, FindingKind
from tests.events_kit import CATALOGUE, TYPICAL, VIOLATION, any_event, event_of, of_kind

Schema = dict[str, Any]
INCIDENT = {"assignee", "assignee_group", "ticket", "tickets", "priority", "verdict", "src_url", "impact"}


@pytest.fixture(scope="module")
def schema(shared: Path) -> Schema:
    read: Schema = json.loads((shared / "schemas" / "ocsf-1.8.0.schema.json").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def compliance(schema: Schema) -> Draft202012Validator:
    return Draft202012Validator({"$ref": "#/$defs/class:compliance_finding", "$defs": schema["$defs"]})


@pytest.fixture(scope="module")
def base(schema: Schema) -> Draft202012Validator:
    """The Base Event is not in the file: it is what all classes share, with its own numbers."""
    classes = [found for name, found in schema["$defs"].items() if name.startswith("class:")]
    shared = set.intersection(*(set(each["properties"]) for each in classes))
    required = set.intersection(*(set(each["required"]) for each in classes))
    own = {"class_uid": {"const": 0}, "category_uid": {"const": 0}, "type_uid": {"enum": [0, 99]}}
    own["activity_id"] = {"enum": [0, 99]}
    fields = {name: own.get(name, classes[0]["properties"][name]) for name in shared}
    definition = {"type": "object", "required": sorted(required), "properties": fields}
    return Draft202012Validator(definition | {"additionalProperties": False, "$defs": schema["$defs"]})


@given(event=any_event())
def test_every_event_is_valid(
    compliance: Draft202012Validator, base: Draft202012Validator, event: Event
) -> None:
    document = json.loads(json.dumps(ocsf(event)))
    validator = compliance if isinstance(event, FindingEvent) else base
    validator.validate(document)
    assert document["type_uid"] == document["class_uid"] * 100 + document["activity_id"]
    assert document["metadata"]["uid"] == event.key
    used = INCIDENT & document.keys()
    assert document["metadata"].get("profiles", []) == (["incident"] if used else [])


@pytest.mark.parametrize("name", TYPICAL)
def test_the_validator_finds_mistakes(
    compliance: Draft202012Validator, base: Draft202012Validator, name: str
) -> None:
    event = TYPICAL[name]
    validator = compliance if isinstance(event, FindingEvent) else base
    document = ocsf(event)
    validator.validate(document)
    for field in ("class_uid", "category_uid", "activity_id", "severity_id", "time", "type_uid", "metadata"):
        for change in ("missing", "unknown"):
            wrong = copy.deepcopy(document)
            if change == "missing":
                del wrong[field]
            else:
                wrong[field] = "wrong"
            assert not validator.is_valid(wrong), (field, change)
    assert not validator.is_valid(document | {"colour": "red"})
    assert not validator.is_valid(document | {"severity_id": 7})


def test_profile_attributes_and_ends_are_as_their_objects_want_them(compliance: Draft202012Validator) -> None:
    document = ocsf(TYPICAL["violation"])
    for path, value in [
        (("evidences", 0, "src_endpoint"), {"port": 1}),
        (("evidences", 0, "src_endpoint", "ip"), "client-00"),
        (("evidences", 0, "tls"), {"sni": "a.example"}),
        (("metadata", "product"), {"version": "1"}),
        (("finding_info", "tags", 0), {"name": "provider"}),
        (("observables", 0, "type_id"), 77),
    ]:
        wrong: Any = copy.deepcopy(document)
        at = wrong
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        assert not compliance.is_valid(wrong), path


@pytest.mark.parametrize(
    ("what", "activity", "type_uid"),
    [("opened", 1, 200301), ("updated", 2, 200302), ("reminder", 2, 200302), ("closed", 3, 200303)],
)
def test_activities(what: What, activity: int, type_uid: int) -> None:
    document = ocsf(event_of(VIOLATION, Change(what, VIOLATION.last_ns, "why", VIOLATION)))
    assert (document["class_uid"], document["category_uid"]) == (2003, 2)
    assert (document["activity_id"], document["type_uid"]) == (activity, type_uid)


@pytest.mark.parametrize("kind", get_args(FindingKind))
def test_statuses(kind: FindingKind) -> None:
    found = ocsf(of_kind(VIOLATION, kind=kind))["compliance"]
    failed = kind in ("violation", "dual-exposure", "gateway-bypass")
    assert (found["status_id"], found["status"]) == ((3, "Fail") if failed else (2, "Warning"))
    assert (found.get("status_detail") == INSUFFICIENT) == (kind == "indeterminate")
    assert ("status_detail" in found) != failed
    assert "insufficient" in INSUFFICIENT


def test_states_and_severities_have_numbers_of_their_own() -> None:
    states = [ocsf(of_kind(VIOLATION, state=state))["status_id"] for state in get_args(State)]
    assert states == [1, 2, 2, 4, 1, 3]
    assert [ocsf(of_kind(VIOLATION, severity=each))["severity_id"] for each in SEVERITIES] == [5, 4, 3, 2]


def test_a_deadline_that_passed_leaves_a_finding_open() -> None:
    note = Note(VIOLATION.last_ns, "ana", "")
    document = ocsf(of_kind(VIOLATION, state="lapsed"))
    assert (document["status"], document["status_code"]) == ("New", "lapsed")
    for taken_up in (
        of_kind(VIOLATION, state="lapsed", acknowledged=note),
        of_kind(VIOLATION, state="lapsed", cure=Cure(note, "platform team")),
    ):
        assert ocsf(taken_up)["status"] == "In Progress"


def test_what_is_not_known_is_not_said() -> None:
    document = ocsf(of_kind(VIOLATION, count=0))
    assert "count" not in document  # none has ended
    assert all("actor" not in each for each in document["evidences"])  # no application is known
    assert document["finding_info"]["data_sources"][0] == f"catalogue {CATALOGUE}"


def test_a_pseudonym_is_no_address() -> None:
    document = ocsf(TYPICAL["indeterminate"])
    source = document["evidences"][0]["src_endpoint"]
    assert source == {"uid": "client-00112233445566778899aabbccddeeff"}
    assert [each["value"] for each in document["observables"]] == ["2001:db8::7"]


def test_a_server_name_is_an_sni_only_where_the_hello_said_it() -> None:
    sample = VIOLATION.sample
    assert sample is not None
    assert ocsf(TYPICAL["violation"])["evidences"][0]["tls"]["sni"] == "api.openai.com"
    resolved = type(sample)(sample.ts_ns, sample.flow, sample.server_name)
    assert "tls" not in ocsf(of_kind(VIOLATION, sample=resolved))["evidences"][0]
