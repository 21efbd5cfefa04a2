"""The built wheel stands alone: no source tree, no Node.js, first the root and then everything."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from contracts.modules import ROOT, SRC

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]

NO_CLI = pytest.mark.skipif(
    not any((SRC / name).exists() for name in ("cli.py", "cli/__init__.py")),
    reason="headway.cli does not exist yet",
)


class Installed:
    """A virtual environment outside the source tree, with nothing else on its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "venv" / "bin"

    def run(self, *command: str, timeout: int = 300) -> subprocess.CompletedProcess[str]:
        name, *rest = command
        return subprocess.run(
            [str(self.bin / name), *rest],
            cwd=self.folder,
            env={"PATH": str(self.bin), "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def install(self, *arguments: str) -> None:
        """Like ``make setup``: with this machine's own settings of pip."""
        command = [str(self.bin / "python"), "-m", "pip", "install", "-qq", *arguments]
        subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, check=True, timeout=500)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("empty")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=120)
    here = Installed(folder)
    here.install("--require-hashes", "-r", str(ROOT / "requirements" / "root.txt"))
    here.install("--no-deps", "--no-index", str(wheel))
    return here


def test_the_wheel_holds_the_package_the_bridge_and_the_licences(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {
        "headway/py.typed",
        "headway/cli/new/templates/any/gitignore.tmpl",
        "headway/host/static/vendor/iframe.js",
        "headway/host/static/vendor/styles/surfaces.css",
        "headway/host/static/vendor/xdm-host.js",
        "headway/host/static/vendor/LICENSES.txt",
        "headway/gateway/dashboard/static/vendor/chart.js",
        "headway/gateway/dashboard/static/vendor/LICENSES.txt",
        "headway/gateway/dashboard/templates/overview.html",
        "headway-0.1.0.dist-info/licenses/LICENSE",
    } <= set(names)
    assert {n.split("/")[0] for n in names} == {"headway", "headway-0.1.0.dist-info"}
    sources = {p.relative_to(SRC.parent).as_posix() for p in SRC.rglob("*.py")}
    assert sources == {n for n in names if n.endswith(".py")}


def test_the_root_alone_can_be_imported(installed: Installed) -> None:
    code = "from headway import *; import headway; print(headway.__file__)"
    result = installed.run("python", "-W", "error", "-c", code)
    assert (result.returncode, result.stderr) == (0, "")
    assert str(installed.folder) in result.stdout


@NO_CLI
def test_the_command_alone_says_what_to_install(installed: Installed) -> None:
    if installed.run("python", "-c", "import typer").returncode == 0:
        pytest.skip("the extras are installed already")
    result = installed.run("headway")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "cli" in result.stderr


@NO_CLI
def test_a_panel_opens_without_node_and_source_tree(installed: Installed) -> None:
    installed.install("--require-hashes", "-r", str(ROOT / "requirements" / "run.txt"))
    data = str(installed.folder / "data")
    result = installed.run("headway", "up", "--tour", "--port", "0", "--data", data)
    assert result.returncode == 0, result.stdout + result.stderr


@NO_CLI
def test_a_new_app_has_headway_by_the_wheels_path(installed: Installed, wheel: Path) -> None:
    installed.install("--require-hashes", "-r", str(ROOT / "requirements" / "run.txt"))
    result = installed.run("headway", "new", "my-app")
    assert result.returncode == 0, result.stderr
    wanted = installed.folder / "my-app" / "requirements.txt"
    assert f"@ {wheel.as_uri()}\n" in wanted.read_text("utf-8")
    # what it says is enough for the installer, which asks no index for it
    installed.install("--no-index", "--no-deps", "--force-reinstall", "-r", str(wanted))
