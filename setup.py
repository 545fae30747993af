"""Metadata stands in pyproject.toml. This copies schema.sql, which lies at the top level, into the package, and
describes the package by the README.
"""

import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithSchema(build_py):
    def run(self) -> None:
        if not self.editable_mode:  # what an earlier build left there may be no module any more
            shutil.rmtree(Path(self.build_lib, "lolslackbot"), ignore_errors=True)
        super().run()
        if not self.editable_mode:  # a checkout finds the file where it lies
            shutil.copyfile("schema.sql", Path(self.build_lib, "lolslackbot", "schema.sql"))

    def get_source_files(self) -> list[str]:
        return [*super().get_source_files(), "schema.sql"]


def description() -> str:
    """The README as it can be shown without the files beside it: no picture, and of links to them the words."""
    readme = Path("README.md").read_text("utf-8")
    readme = re.sub(r"!\[[^\]]*\]\((?!https?:)[^)]*\)\n\n", "", readme)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", readme)


setup(
    cmdclass={"build_py": BuildWithSchema},
    long_description=description(),
    long_description_content_type="text/markdown",
)
