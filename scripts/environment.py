"""The scripts' own virtual environment: `.venv` in the checkout, made and filled when it is missing or out of date.

`.venv-oldest` has the oldest version of each library that pyproject.toml allows, instead of the newest.
"""

import hashlib
import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("mypy", "ruff", "types-requests")  # no test needs them


def enter(*, oldest: bool = False) -> None:
    """Goes on with the calling script inside the environment; returns only there.

    With NO_VENV set it returns at once: the suite runs the scripts with the interpreter that runs the suite.
    """
    if os.environ.get("NO_VENV"):
        return
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs a script may have an older one
        sys.exit(f"{sys.argv[0]}: Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    home = ROOT / (".venv-oldest" if oldest else ".venv")
    if not _is_filled(home):
        _fill(home, oldest_versions() if oldest else [])
    if Path(sys.prefix) != home:
        os.execv(_python(home), [str(_python(home)), *sys.argv])


def oldest_versions() -> list[str]:
    """`name==version` of everything that pyproject.toml states a floor of, but for the tools."""
    import tomllib  # Python 3.11

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    floors = [re.match("([a-z0-9-]+)>=([0-9.]+)", each) for each in needed(project)]
    return [f"{floor[1]}=={floor[2]}" for floor in floors if floor and floor[1] not in TOOLS]


def needed(project: dict[str, Any]) -> list[str]:
    """What the package and its tests need, as pyproject.toml has it."""
    return [*project["dependencies"], *project["optional-dependencies"]["test"]]


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


def _fill(home: Path, versions: list[str]) -> None:
    """versions: those to install; none: the newest of all that is needed."""
    print(f"Making the virtual environment {home} (a minute, once) …", flush=True)
    what = [*versions, "--editable", str(ROOT)] if versions else ["--editable", f"{ROOT}[test]"]
    try:
        if not _python(home).exists():
            venv.create(home, with_pip=True)
        command = [str(_python(home)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what]
        subprocess.run(command, check=True)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{sys.argv[0]}: the virtual environment could not be filled: {error}")
    _filled(home).write_text(_digest())
