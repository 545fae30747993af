"""The Containerfile, as far as it can be tried without building an image."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from support import example_jobs

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "Containerfile").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def of(instruction: str) -> list[str]:
    """What each line of that instruction says."""
    return re.findall(rf"^{instruction} (.+)$", TEXT, re.MULTILINE)


def test_what_it_copies_is_enough_to_build_the_package(tmp_path: Path) -> None:
    for line in of("COPY"):
        *names, target = line.split()
        for name in names:
            copy(ROOT / name, tmp_path / target / ("" if (ROOT / name).is_dir() else name))
    build = f"import setuptools.build_meta as backend; backend.build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "lolslackbot").rglob("*.py")}
    assert modules | {"lolslackbot/schema.sql"} <= set(names)


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def test_its_cron_runs_the_lines_of_the_example_crontab_and_gets_no_setting_from_it() -> None:
    """What a crontab sets would win over what the container was started with."""
    [(extract, crontab)] = re.findall(r"^RUN (grep .+?) >(\S+)", TEXT, re.MULTILINE)
    lines = subprocess.run(["/bin/sh", "-c", extract], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert lines.splitlines() == example_jobs()
    assert f'"{crontab}"]' in of("CMD")[0]


def test_it_names_one_command_one_user_and_one_home() -> None:
    settings = dict(each.split("=") for each in of("ENV")[0].split())
    assert Path(settings["BOT"]).name in PROJECT["scripts"]
    [(user, home)] = re.findall(r"install -d -o (\S+) -m 700 (\S+)$", TEXT, re.MULTILINE)
    assert of("USER") == [user]
    assert of("VOLUME") == [settings["LOLSLACKBOT_HOME"]] == [home]
    assert f"adduser -D {user} " in TEXT


def test_its_python_is_one_that_the_tests_run_on() -> None:
    [version] = re.findall(r"^FROM python:([\d.]+)-alpine$", TEXT, re.MULTILINE)
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_the_page_on_it_names_its_home_and_says_that_nobody_built_it() -> None:
    page = (ROOT / "docs" / "setup.md").read_text("utf-8").partition("## In a container\n")[2]
    assert f"-v lolslackbot:{of('VOLUME')[0]} " in page
    assert "No test builds the image" in page
