"""What pyproject.toml cannot say of the build: the catalogue is prepared, so that commands start sooner."""

import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildPy(build_py):
    """Also prepares the catalogue: in the sources where these are what is installed, else in the package."""

    def run(self) -> None:
        """Copy the modules, then prepare the catalogue beside them."""
        super().run()
        package = ROOT if self.editable_mode else Path(self.build_lib).absolute()
        file = package / "monitor" / "data" / "catalog.msgpack"
        subprocess.run([sys.executable, "-m", "monitor.builtin", str(file)], cwd=ROOT, check=True)


setup(cmdclass={"build_py": BuildPy})
