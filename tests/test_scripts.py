"""Every script runs to its end, in the smallest form that it has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RUNS = [
    (("bench", "--once", "idle"), "| `deliver`, nothing new | "),
    (("demo",), "Every claim above was counted in the sandbox's Slack, and holds."),
    (("prove", "--list"), "killed-system-calls "),
    (("prove", "--share", "0.002", "faults of Slack"), " holds\n"),
    (("test", "--version"), "pytest "),
]


def run(here: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A script with the interpreter that runs the suite: none makes or fills an environment."""
    name, *rest = (each.replace("HERE", str(here)) for each in arguments)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COV")}  # measured it takes longer
    environment = {**kept, "NO_VENV": "1", "PYTHONPATH": str(ROOT), "TMPDIR": str(here)}
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / name, *rest],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("arguments", "words"), RUNS)
def test_a_script_runs_to_its_end(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(tmp_path, *arguments)
    assert (result.returncode, words.replace("HERE", str(tmp_path)) in result.stdout) == (0, True), result.stdout


def test_there_is_no_script_without_a_run() -> None:
    scripts = {each.name for each in (ROOT / "scripts").iterdir() if each.is_file() and not each.suffix}
    assert scripts == {arguments[0] for arguments, _ in RUNS} | {"gallery"}


def test_the_gallery_shows_every_example_and_only_well_formed_pictures(tmp_path: Path) -> None:
    result = run(tmp_path, "gallery", "HERE/gallery.html")
    assert (result.returncode, f"messages in {tmp_path}/gallery.html" in result.stdout) == (0, True), result.stdout
    page = (tmp_path / "gallery.html").read_text("utf-8")
    assert page.count("<article>") == page.count("</article>") == page.count("<h2>") > 20
    assert page.count("<img ") == page.count('src="data:image/png;base64,') > 0


def test_bench_without_a_part_says_how_it_is_used(tmp_path: Path) -> None:
    result = run(tmp_path, "bench", "--once")
    assert (result.returncode, result.stdout) == (1, "usage: bench [--once] limits|idle|items|digest\n")
