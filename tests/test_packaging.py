"""schema.sql lies at the top level, once, and every way to install finds those very bytes."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email import message_from_bytes
from email.message import Message
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


@pytest.fixture(scope="module", params=["*.whl", "*.tar.gz"])
def installation(built: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The programs of a fresh environment in which pip installed one of them, without a network.

    Its libraries are those of the tests. pip sees whether they are what the package asks for.
    """
    home = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(home, symlinks=True)
    [packages] = home.glob("lib/python*/site-packages")
    for library in Path(sysconfig.get_path("purelib")).iterdir():
        if "lolslackbot" not in library.name:
            (packages / library.name).symlink_to(library)
    [package] = built.glob(request.param)
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-compile"]
    subprocess.run([*pip, "--no-index", "--no-build-isolation", str(package)], check=True, capture_output=True)
    return home / "bin"


def test_the_wheel_has_the_schema_and_the_whole_package_and_nothing_else(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "lolslackbot").rglob("*.py")}
    assert {name for name in names if ".dist-info/" not in name} == modules | {"lolslackbot/schema.sql"}
    assert zipfile.ZipFile(next(built.glob("*.whl"))).read("lolslackbot/schema.sql") == SCHEMA


def test_a_known_hole_in_a_library_has_a_floor_above_it() -> None:
    """Below 2.7 an answer of a kilobyte, packed several times over, fills the memory."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert "urllib3>=2.7,<3" in needed


def run(*command: str | Path, home: Path) -> "subprocess.CompletedProcess[bytes]":
    environment = {"PATH": os.environ["PATH"], "LOLSLACKBOT_HOME": str(home)}
    return subprocess.run(command, cwd=home, env=environment, capture_output=True, check=False)


def test_an_installation_is_whole_and_finds_the_schema(installation: Path, tmp_path: Path) -> None:
    script = (
        "import sys, lolslackbot; assert lolslackbot.__file__.startswith(sys.prefix); "
        "from lolslackbot.store.migrations import schema; sys.stdout.write(schema())"
    )
    said = run(installation / "python", "-I", "-c", script, home=tmp_path)
    assert (said.returncode, said.stdout, said.stderr) == (0, SCHEMA, b"")


def test_an_installed_command_says_what_it_is_and_what_is_missing(installation: Path, tmp_path: Path) -> None:
    command = installation / "lolslackbot"
    assert run(command, "--version", home=tmp_path).stdout.startswith(f"lolslackbot {__version__} (".encode())
    helped = run(command, "--help", home=tmp_path)
    assert (helped.returncode, helped.stdout.startswith(b"Usage: lolslackbot ")) == (0, True)
    stage = run(command, "deliver", home=tmp_path)
    told = f"lolslackbot: there is no database at {tmp_path}/lolslackbot.db: "
    assert (stage.returncode, stage.stdout, stage.stderr.count(b"\n")) == (2, b"", 1)
    assert stage.stderr.startswith(told.encode())


LINK = r"(!?)\[([^]]+)\]\(([^)]+)\)"


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_where_the_readme_is_shown_alone_it_links_to_nothing_beside_it(built: Path, kind: str) -> None:
    described = metadata(next(built.glob(kind)))
    shown = described.get_payload(decode=True)
    assert isinstance(shown, bytes)
    readme = (ROOT / "README.md").read_text("utf-8")
    links = [link for link in re.findall(LINK, readme) if not link[2].startswith("https:")]
    assert {sign for sign, _, _ in links} == {"", "!"}
    for sign, text, target in links:
        picture, left = f"{sign}[{text}]({target})", "" if sign else text
        readme = readme.replace(f"{picture}\n\n" if sign else picture, left)
    assert shown.decode().strip() == readme.strip()
    assert described["Description-Content-Type"] == "text/markdown"


def metadata(package: Path) -> Message:
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            [name] = [each for each in wheel.namelist() if each.endswith(".dist-info/METADATA")]
            return message_from_bytes(wheel.read(name))
    with tarfile.open(package) as sdist:
        [name] = [each for each in sdist.getnames() if each.count("/") == 1 and each.endswith("/PKG-INFO")]
        file = sdist.extractfile(name)
        assert file
        return message_from_bytes(file.read())


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
