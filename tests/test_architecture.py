"""Who may import whom: data goes one way, and only stages and admin join two rooms."""

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "lolslackbot"

BASE = {"model", "game", "rank", "week", "poll", "shares", "errors", "clock"}
MAY_IMPORT = {
    "model": set(),
    "rank": set(),
    "week": set(),
    "poll": set(),
    "shares": set(),
    "game": {"rank"},
    "errors": set(),
    "clock": set(),
    "transport": {"clock", "errors"},
    "files": set(),
    "ping": {"errors", "transport"},
    "console": set(),
    "logs": {"console", "files"},
    "location": set(),
    "settings": {"errors", "files", "location", "transport"},
    "riot": BASE | {"transport"},
    "slack": BASE | {"transport"},
    "messages": BASE,
    "store": BASE | {"files", "location"},
    "health": BASE | {"files", "location", "ping", "settings", "riot", "slack", "messages", "store"},
    "stages": BASE | {"files", "location", "logs", "settings", "riot", "slack", "messages", "store", "health"},
    "admin": BASE | {"files", "location", "settings", "riot", "slack", "messages", "store", "stages"},
    "sandbox": set(),
}
OUTSIDE = {
    "requests": {"riot"},
    "slack_sdk": {"slack"},
    "click": {"cli", "commands", "console"},
    "sqlite3": {"store"},
    "psycopg": {"store"},
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> set[str]:
    """Every module a file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_each_room_imports_only_what_it_may() -> None:
    for path in PACKAGE.rglob("*.py"):
        own = room(path)
        ours = {name.split(".")[1] for name in imports(path) if name.startswith("lolslackbot.")}
        if own in MAY_IMPORT:
            assert ours - {own, "__version__"} <= MAY_IMPORT[own], f"{path}"


def test_each_library_has_one_room() -> None:
    for path in PACKAGE.rglob("*.py"):
        for library, rooms in OUTSIDE.items():
            used = any(name.split(".")[0] == library for name in imports(path))
            assert not used or room(path) in rooms, f"{path} imports {library}"


def test_nothing_but_the_sandbox_uses_threads() -> None:
    for path in PACKAGE.rglob("*.py"):
        parallel = {"threading", "asyncio", "multiprocessing", "concurrent"}
        assert room(path) == "sandbox" or not {name.split(".")[0] for name in imports(path)} & parallel, f"{path}"


def test_no_import_runs_in_a_circle() -> None:
    """Neither at the top of a module nor within a function."""
    modules = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }
    imported = {module: (imports(path) & modules.keys()) - {module} for module, path in modules.items()}
    packages = {module for module, path in modules.items() if path.name == "__init__.py"}
    while free := [module for module, others in imported.items() if not others & imported.keys() - packages]:
        for module in free:
            del imported[module]
    assert imported == {}
