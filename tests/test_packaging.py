"""schema.sql lies at the top level, once, and every way to install finds those very bytes."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from support import Command

from lolslackbot import __version__

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = (ROOT / "schema.sql").read_bytes()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist, built from a copy of what git knows, without any network. One was built there before."""
    source = tmp_path_factory.mktemp("source")
    removed = source / "build" / "lib" / "lolslackbot" / "removed.py"
    removed.parent.mkdir(parents=True)
    removed.write_text("a module that there is no more")
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, files.decode().split("\0")):
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    out = tmp_path_factory.mktemp("built")
    script = f"import setuptools.build_meta as b; b.build_sdist({str(out)!r}); b.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=source, check=True, capture_output=True)
    return out


def installed(folder: Path, package: Path) -> str:
    """Installs a built package into a folder; what its command and its schema say there."""
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", str(folder), str(package)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import lolslackbot; "
        "assert lolslackbot.__file__.startswith(sys.argv[1]); "
        "from lolslackbot.store.migrations import schema; sys.stdout.write(schema())"
    )
    command = [sys.executable, "-I", "-c", script, str(folder)]
    return subprocess.run(command, check=True, capture_output=True, cwd=folder).stdout.decode()


def test_the_wheel_has_the_schema_and_the_whole_package_and_nothing_else(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "lolslackbot").rglob("*.py")}
    assert {name for name in names if ".dist-info/" not in name} == modules | {"lolslackbot/schema.sql"}
    assert zipfile.ZipFile(next(built.glob("*.whl"))).read("lolslackbot/schema.sql") == SCHEMA


def test_a_known_hole_in_a_library_has_a_floor_above_it() -> None:
    """Below 2.7 an answer of a kilobyte, packed several times over, fills the memory."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert "urllib3>=2.7,<3" in needed


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_an_installation_finds_the_schema(built: Path, tmp_path: Path, kind: str) -> None:
    assert installed(tmp_path, next(built.glob(kind))).encode() == SCHEMA


def test_every_library_has_a_floor_that_the_tests_can_be_run_with() -> None:
    """`scripts/test --wheel oldest` runs them."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        environment = importlib.import_module("environment")
    finally:
        sys.path.pop(0)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [each for each in environment.needed(project) if not each.startswith(environment.TOOLS)]
    assert len(environment.oldest_versions()) == len(needed) > 8


# The installed command


def test_the_version_names_what_a_report_of_a_fault_should_name(in_process_command: Command) -> None:
    said = in_process_command("--version").out
    named, _, parts = said.removesuffix(")\n").partition(" (")
    assert named == f"lolslackbot {__version__}"
    assert [part.rpartition(" ")[0] for part in parts.split(", ")] == ["Python", "SQLite", "slack-sdk", "psycopg"]
    assert all(re.fullmatch(r"[\d.]+", part.rpartition(" ")[2]) for part in parts.split(", "))


SHELLS = {
    "bash": """
        eval "$(_LOLSLACKBOT_COMPLETE=bash_source lolslackbot)"
        COMP_WORDS=(lolslackbot ch) COMP_CWORD=1
        _lolslackbot_completion lolslackbot ch
        printf '%s\\n' "${COMPREPLY[@]}"
    """,
    "zsh": """
        autoload -Uz compinit; compinit -D
        eval "$(_LOLSLACKBOT_COMPLETE=zsh_source lolslackbot)"
        whence _lolslackbot_completion >/dev/null && COMP_WORDS="lolslackbot ch" COMP_CWORD=1 \\
            _LOLSLACKBOT_COMPLETE=zsh_complete lolslackbot | grep -x 'channels\\|check'
    """,
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_line_in_a_shell_s_profile_completes_commands(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = tmp_path / "lolslackbot"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m lolslackbot "$@"\n')
    command.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        [shell, *(["--norc"] if shell == "bash" else ["-f"]), "-c", SHELLS[shell]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorted(said.stdout.split()) == ["channels", "check"], said.stderr
