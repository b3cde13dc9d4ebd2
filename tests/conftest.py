"""What holds for all tests: in CI a skipped test is a failure, and ../shared is found in one place."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.live_world import World

SHARED = Path(__file__).parents[2] / "shared"

os.environ["RESIDENCY_DATA"] = ""  # no data sets of this machine in any test

settings.register_profile("default", deadline=None, print_blob=True)
settings.load_profile("default")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of facts and captures beside the checkout; without it (outside CI) skip."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator["World"]:
    """Return clients, an egress host and servers in network namespaces; skip where they cannot be made."""
    from tests.live_world import live_world, why_not  # noqa: PLC0415  most runs have no use for it

    if reason := why_not():
        pytest.skip(reason)
    with live_world(tmp_path_factory.mktemp("live")) as made:
        yield made


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when CI skipped something."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("skipped tests are failures in CI", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
