"""schema.sql lies at the top level, once, and every way to install finds those very bytes."""

import importlib
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

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
