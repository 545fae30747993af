"""No decision is made by reading a sentence: what is decided by has a kind, a code or a column."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "lolslackbot"

PROSE = {"error", "reason", "summary", "problem", "said", "remedy", "told", "sentence"}
READS = {"startswith", "endswith", "split", "rsplit", "partition", "rpartition", "removeprefix", "removesuffix", "find"}
# Files that read others' words, where these give nothing else.
FOREIGN_WORDS = {
    "riot/answers.py": "Riot tells a puuid of another key by its message alone",
    "transport.py": "a proxy's refusal is known by the text of urllib3's error alone",
}


def is_prose(node: ast.expr) -> bool:
    """`error`, `run.summary`, `str(error)`, `message.error or ""`, `error.lower()`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in PROSE
        case ast.Call(func=ast.Name(id="str"), args=[argument]):
            return is_prose(argument)
        case ast.Call(func=ast.Name(id="message_of")):
            return True
        case ast.Call(func=ast.Attribute(value=value, attr="lower" | "upper" | "casefold" | "strip")):
            return is_prose(value)
        case ast.BoolOp(values=values):
            return any(is_prose(value) for value in values)
    return False


def is_no_sentence(node: ast.expr) -> bool:
    """Whether there is a sentence at all may be asked, and which `Reason` a match has."""
    match node:
        case ast.Constant(value=value):
            return not value
        case ast.Attribute(value=ast.Name(id="reasons")):
            return True
    return False


def decisions_by_prose(tree: ast.AST) -> Iterator[int]:
    """The lines that look into a sentence, or compare one."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[right]):
                if is_prose(right) or (is_prose(left) and isinstance(right, ast.Tuple | ast.Set | ast.List)):
                    yield node.lineno
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
                if (is_prose(left) and not is_no_sentence(right)) or (is_prose(right) and not is_no_sentence(left)):
                    yield node.lineno
            case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in READS and is_prose(value):
                yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=[_, text, *_]) if is_prose(text):
                yield node.lineno
            case ast.Match(subject=subject) if is_prose(subject):
                yield from (case.pattern.lineno for case in node.cases if isinstance(case.pattern, ast.MatchValue))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_package__no_decision_by_prose(path: Path) -> None:
    """No condition looks into a sentence that is made for people."""
    found = list(decisions_by_prose(ast.parse(path.read_text("utf-8"))))
    is_foreign = path.relative_to(PACKAGE).as_posix() in FOREIGN_WORDS
    assert bool(found) == is_foreign, f"{path}: lines {found}"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('"odd" in each.problem', True),
        ("each.problem in known", False),
        ('error not in ("a", "b")', True),
        ('str(error) == "x"', True),
        ('error == ""', False),
        ("reason == reasons.UNTRACKED", False),
        ("problem is None", False),
        ('run.summary.removeprefix("x")', True),
        ('(message.error or "").lower().startswith("x")', True),
        ('re.search("x", reason)', True),
        ('match reason:\n    case "x": pass', True),
        ('text.split(", ")', False),
    ],
)
def test_walk__finds_what_it_is_for(code: str, found: bool) -> None:
    """The walk finds each way to look into a sentence."""
    assert bool(list(decisions_by_prose(ast.parse(code)))) == found
