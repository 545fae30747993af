"""Statements stay within what PostgreSQL understands too: one text for each, wherever it may run one day."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

STORE = Path(__file__).resolve().parent.parent.parent / "lolslackbot" / "store"
ENGINE = {"sqlite.py", "postgres.py", "dialect.py", "migrations.py", "copies.py"}  # each knows one engine
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|ORDER BY|JOIN)\b")
FOREIGN = {
    "a row's number": r"\b(_?rowid|oid)\b",
    "a pragma": r"\bPRAGMA\b",
    "SQLite's own tables and functions": r"\b(sqlite_\w+|last_insert_rowid|total_changes|randomblob|typeof)\b",
    "a conflict clause of SQLite's": r"\b(INSERT|UPDATE|REPLACE)\s+OR\b|\bREPLACE\s+INTO\b",
    "a function of SQLite's": r"\b(IFNULL|GLOB|GROUP_CONCAT|STRFTIME|JULIANDAY|DATETIME|UNIXEPOCH|INSTR)\b",
    "a hint of SQLite's": r"\bINDEXED\s+BY\b|[=<>(,]\s*\+\s*[a-z]",
    "a cross join with a condition of its own": r"CROSS\s+JOIN\s+\w+\s+(USING|ON)\b",
    "an empty list": r"\bIN\s*\(\s*\)",
    "a comparison with what may be no value": r"\bIS\s+(NOT\s+)?:",
    "a subquery without a name": r"\bFROM\s+\((?:[^()]|\([^()]*\))*\)\s+(?!AS\b)\w",
}


def statements(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module that are SQL or a part of it, with their lines; what is filled in reads `x`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(each.value) if isinstance(each, ast.Constant) else "x" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if SQL.search(text):
            yield node.lineno, re.sub(r"--[^\n]*", "", text)


def faults(text: str) -> list[str]:
    return [what for what, pattern in FOREIGN.items() if re.search(pattern, text, re.IGNORECASE)]


def test_no_statement_has_words_of_one_engine() -> None:
    found = {
        f"{path.name}:{line}": wrong
        for path in STORE.glob("*.py")
        if path.name not in ENGINE
        for line, text in statements(path)
        if (wrong := faults(text))
    }
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM messages ORDER BY rowid",
        "SELECT last_insert_rowid()",
        "UPDATE OR REPLACE amendments SET channel_id = :new",
        "SELECT * FROM messages WHERE +claimed_at < :now AND (+happened_at) > 1",
        "SELECT * FROM matches CROSS JOIN participants USING (match_id)",
        "SELECT * FROM players WHERE puuid IN ()",
        "SELECT * FROM (SELECT MAX(a) FROM b) ORDER BY 1",
        "SELECT IFNULL(a, b) FROM c",
        "SELECT a FROM b WHERE c IS NOT :value",
    ],
)
def test_such_words_are_seen(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM (SELECT MAX(b) AS a FROM c) AS d WHERE a > 1",
        "UPDATE holds SET times = holds.times + 1",
        "INSERT INTO a (b) SELECT b FROM c ON CONFLICT DO NOTHING",
        "SELECT * FROM matches CROSS JOIN participants WHERE participants.match_id = matches.match_id",
    ],
)
def test_what_both_understand_is_fine(text: str) -> None:
    assert faults(text) == []
