"""The stub of the native engine says what the extension that was built says: mypy's stubtest proves it."""

import subprocess
import sys
from pathlib import Path

import pytest

from sensors import native

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)


def stubtest(stub_folder: Path) -> subprocess.CompletedProcess[str]:
    """Compare the extension with the stub that is found in a folder."""
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "--mypy-config-file", "pyproject.toml"]
    return subprocess.run(
        [*command, "sensors._native"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "MYPYPATH": str(stub_folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_stub_is_the_extensions() -> None:
    result = stubtest(ROOT)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


def test_a_stub_that_differs_is_found(tmp_path: Path) -> None:
    (tmp_path / "sensors").mkdir()
    (tmp_path / "sensors" / "__init__.pyi").touch()
    stub = (ROOT / "sensors" / "_native.pyi").read_text()
    (tmp_path / "sensors" / "_native.pyi").write_text(stub.replace("next_batch", "next_lot"))
    result = stubtest(tmp_path)
    assert result.returncode == 1
    assert "sensors._native.Engine.next_lot is not present at runtime" in result.stdout
    assert "sensors._native.Engine.next_batch is not present in stub" in result.stdout
