"""The scripts' own virtual environment: `.venv` in the checkout, made and filled when it is missing or out of date."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
PYTHON = HOME / "bin" / "python"
FILLED = HOME / "filled-for"  # a digest of what the installation depends on


def enter() -> None:
    """Goes on with the calling script inside the environment; returns only there.

    With NO_VENV set it returns at once: the suite runs the scripts with the interpreter that runs the suite.
    """
    if os.environ.get("NO_VENV"):
        return
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs a script may have an older one
        sys.exit(f"{sys.argv[0]}: Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    if not _is_filled():
        _fill()
    if Path(sys.prefix) != HOME:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])


def _digest() -> str:
    files = (ROOT / "pyproject.toml", ROOT / "setup.py")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _is_filled() -> bool:
    return PYTHON.exists() and FILLED.exists() and FILLED.read_text() == _digest()


def _fill() -> None:
    print(f"Making the virtual environment {HOME} (a minute, once) …", flush=True)
    try:
        if not PYTHON.exists():
            venv.create(HOME, with_pip=True)
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--editable", f"{ROOT}[test]"]
        subprocess.run([*command, "--disable-pip-version-check"], check=True)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{sys.argv[0]}: the virtual environment could not be filled: {error}")
    FILLED.write_text(_digest())
