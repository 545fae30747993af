"""The scripts' own virtual environments, made and filled when they are missing or out of date.

`.venv` has this checkout and the newest version of each library that pyproject.toml allows. `.venv-newest-3.N` and
`.venv-oldest-3.N` have the libraries alone: the wheel built from this checkout is installed into them for each run.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("mypy", "ruff", "types-requests")  # no test needs them
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def enter(libraries: str = "") -> None:
    """Continues the calling script inside an environment; returns only there.

    libraries: '' for `.venv`; 'newest' or 'oldest' for an environment with the wheel and such libraries.
    With NO_VENV set it returns at once: the suite runs the scripts with the interpreter that runs the suite.
    """
    if os.environ.get("NO_VENV"):
        return
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs a script may have an older one
        sys.exit(f"{sys.argv[0]}: Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = ROOT / (f".venv-{libraries}-{version}" if libraries else ".venv")
    if not _is_filled(home):
        _fill(home, libraries)
    if Path(sys.prefix) != home:
        os.execv(_python(home), [str(_python(home)), *sys.argv])
    if libraries:
        _install_wheel()


def oldest_versions() -> list[str]:
    """`name==version` of everything that pyproject.toml states a floor of, but for the tools."""
    floors = [re.match(r"([a-z0-9-]+(?:\[[a-z]+\])?)>=([0-9.]+)", each) for each in needed(_project())]
    return [f"{floor[1]}=={floor[2]}" for floor in floors if floor and floor[1] not in TOOLS]


def needed(project: dict[str, Any]) -> list[str]:
    """What the package and its tests need, as pyproject.toml has it."""
    return [*project["dependencies"], *project["optional-dependencies"]["test"]]


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _python(home: Path) -> Path:
    return home / "bin" / "python"


def _filled(home: Path) -> Path:
    """Holds a digest of what the installation depends on."""
    return home / "filled-for"


def _digest() -> str:
    files = (ROOT / "pyproject.toml", ROOT / "setup.py")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _is_filled(home: Path) -> bool:
    return _python(home).exists() and _filled(home).exists() and _filled(home).read_text() == _digest()


def _fill(home: Path, libraries: str) -> None:
    print(f"Making the virtual environment {home} (a minute, once) …", flush=True)
    packages = {
        "": ["--editable", f"{ROOT}[test]"],
        "newest": [each for each in needed(_project()) if not each.startswith(TOOLS)],
        "oldest": oldest_versions(),
    }[libraries]
    try:
        if not _python(home).exists():
            venv.create(home, with_pip=True)
        subprocess.run([str(_python(home)), *PIP, *packages], check=True)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{sys.argv[0]}: the virtual environment could not be filled: {error}")
    _filled(home).write_text(_digest())


def _install_wheel() -> None:
    with tempfile.TemporaryDirectory() as folder:
        build = f"import setuptools.build_meta as backend; backend.build_wheel({folder!r})"
        subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = Path(folder).glob("*.whl")
        subprocess.run([sys.executable, *PIP, "--no-deps", "--no-index", "--force-reinstall", str(wheel)], check=True)
