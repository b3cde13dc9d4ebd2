"""What is of interest: all that a catalogue's entries fit, whatever the engine does with it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import app, replaying
from monitor.catalog.hostmatch import NameIndex, normal_name
from monitor.exports import DECISIONS, SUMMARY
from monitor.geoip import GeoIp
from monitor.pipeline import Pipeline
from pcaps import golden
from sensors import native
from sensors.connections import ConnectionSeen
from sensors.engine import Options, open_sensor
from sensors.observations import HelloSeen
from tests.catalog_help import built_in
from tests.exchanges_kit import CLIENTS, SERVERS, Flow, capture
from tests.mmdb import mmdb

needs_native = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
INTEREST = built_in().interest()


def index() -> NameIndex[bool]:
    """Return the names of interest as Python looks them up."""
    names: NameIndex[bool] = NameIndex()
    for name in INTEREST.names:
        names.add(name, value=True)
    names.seal()
    return names


INDEX = index()


@st.composite
def near_names(draw: st.DrawFn) -> str:
    """A name that an entry of the catalogue fits, or one beside it."""
    match = draw(st.sampled_from([each.match for each in built_in().endpoints if not each.is_range]))
    name = match.replace("*", draw(st.from_regex(r"[a-z0-9-]{0,4}(\.[a-z]{1,3})?", fullmatch=True)))
    change = draw(st.sampled_from(["none", "none", "upper", "label", "shorter", "longer", "cut"]))
    at = draw(st.integers(0, max(len(name) - 1, 0)))
    changes = {
        "upper": name.upper(),
        "label": f"x.{name}",
        "shorter": name[:at] + name[at + 1 :],
        "longer": f"{name[:at]}a{name[at:]}",
        "cut": name.partition(".")[2],
    }
    return changes.get(change, name)


def is_of_interest(name: str) -> bool:
    """Tell whether a name of interest fits."""
    normal = normal_name(name)
    return normal is not None and INDEX.match(normal) is not None


@given(near_names())
def test_whatever_an_entry_makes_a_decision_of_is_of_interest(name: str) -> None:
    endpoint = built_in().match_name(name)
    if endpoint is not None and not endpoint.not_llm:
        assert is_of_interest(name)
    if is_of_interest(name):
        assert endpoint is not None


def test_close_calls_are_of_no_interest() -> None:
    endpoint = built_in().match_name("gemini.com")
    assert endpoint is not None
    assert not is_of_interest("gemini.com")


def test_ranges_are_prefixes_and_nothing_else_is() -> None:
    assert all("/" in prefix for prefix in INTEREST.prefixes)
    assert not any("/" in name for name in INTEREST.names)
    assert INTEREST.prefixes


@needs_native
@given(st.lists(near_names(), min_size=1, max_size=20))
def test_the_native_engine_finds_the_same_names_of_interest(names: list[str]) -> None:
    flows = [Flow(index * 3, CLIENTS[0], SERVERS[0], name=name) for index, name in enumerate(names)]
    with TemporaryDirectory() as folder:
        path = capture(flows, Path(folder))
        said = [
            seen.server_name
            for batch in open_sensor([path], "dpkt")
            for seen in batch
            if isinstance(seen, HelloSeen)
        ]
        sensor = open_sensor([path], "native", Options(interest=INTEREST))
        found = [
            each.names[0].value for batch in sensor for each in batch if isinstance(each, ConnectionSeen)
        ]
    assert found == [name for name in said if name is not None and is_of_interest(name)]


@pytest.fixture(scope="module")
def geo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GeoIp]:
    """Yield a data set that places every address."""
    path = tmp_path_factory.mktemp("geo") / "country.mmdb"
    path.write_bytes(mmdb({"::/1": {"country": {"iso_code": "US"}}}))
    data = GeoIp([path])
    yield data
    data.close()


@needs_native
@pytest.mark.parametrize("placed", [False, True], ids=["without GeoIP", "with GeoIP"])
@pytest.mark.parametrize("case", golden.cases(), ids=lambda case: case.name)
def test_the_files_are_the_same_with_and_without(
    case: Path, geo: GeoIp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, placed: bool
) -> None:
    known = app.load_knowledge(golden.POLICY, [path for path in [case / "catalog.yaml"] if path.exists()])
    knowledge = app.Knowledge(known.catalog, geo if placed else None, known.policy)
    runs = {"filtered": "native", "native": "native", "dpkt": "dpkt"}
    written = []
    for name, engine in runs.items():
        out = tmp_path / name
        with monkeypatch.context() as patch:
            if name != "filtered":
                patch.setattr(Pipeline, "interest", lambda _: None)
            replaying.replay([golden.traffic(case)], knowledge, replaying.Reading(engine), out)
        summary = (out / SUMMARY).read_bytes()
        said = f'"engine": "{engine}"'.encode()
        assert summary.count(said) == 1
        summary = summary.replace(said, b"")
        written.append((summary, (out / DECISIONS).read_bytes()))
    assert all(each == written[0] for each in written)
