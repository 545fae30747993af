"""Every script runs to its end, in the smallest form that it has."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

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
    assert ">1–10 of 40</p>" in page
    assert ">and 21 more</p>" in page
    assert not re.search("<!(?!doctype html)", page)  # no name is taken for a tag


def test_the_readme_quotes_what_the_gallery_shows(tmp_path: Path) -> None:
    assert run(tmp_path, "gallery", "HERE/gallery.html").returncode == 0
    page = re.sub("<[^>]+>", "", (tmp_path / "gallery.html").read_text("utf-8")).replace("\xa0", " ")
    section = (ROOT / "README.md").read_text("utf-8").partition("## What it says\n")[2]
    quoted = section.partition("```\n")[2].partition("```")[0].splitlines()
    assert len(quoted) > 3
    assert [line for line in quoted if line not in page] == []


def test_the_gallery_draws_each_line_of_a_chart_from_monday_to_sunday_within_its_axes(tmp_path: Path) -> None:
    assert run(tmp_path, "gallery", "HERE/gallery.html").returncode == 0
    page = (tmp_path / "gallery.html").read_text("utf-8")
    charts = [ElementTree.fromstring(each) for each in re.findall("<svg .*?</svg>", page)]
    assert len(charts) == 5
    for chart in charts:
        _, _, width, height = map(float, chart.attrib["viewBox"].split())
        lines = [each.attrib["points"].split() for each in chart.iter("polyline")]
        assert 1 <= len(lines) <= 6
        for points in lines:
            places = [tuple(map(float, point.split(","))) for point in points]
            assert len(places) == 7
            assert all(0 < x < width and 0 < y < height for x, y in places)
            assert places == sorted(places, key=lambda place: place[0])


def test_the_gallery_shows_the_messages_of_the_readme_s_picture_alone(tmp_path: Path) -> None:
    result = run(tmp_path, "gallery", "--picture", "HERE/picture.html")
    assert (result.returncode, result.stdout) == (0, f"4 messages in {tmp_path}/picture.html\n")
    page = (tmp_path / "picture.html").read_text("utf-8")
    shown = [page.count(each) for each in ("<article>", "<h2>", "<svg ", "<details>")]
    assert shown == [4, 0, 1, 0]


def test_bench_without_a_part_says_how_it_is_used(tmp_path: Path) -> None:
    result = run(tmp_path, "bench", "--once")
    assert (result.returncode, result.stdout) == (
        1,
        "usage: bench [--once] limits|idle|items|digest|schedule|many|server\n",
    )
