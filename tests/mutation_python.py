"""Mutants of the Python that makes SQL nodes.

The modules are those that build nodes of sqlglot's. Of each, the bodies of all functions are mutated, and the
tables at the top of the module (operators, limits, `REWRITERS`); but not what is only words for people.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mutation_mutants import ROOT, Edit, Mutant, mutant, numbered

_MAKES_NODES = re.compile(r"\bexp\.\w+\(")
_READS_THEM = {"recognise"}  # it finds querygen's own functions in text that was printed
_FOR_PEOPLE = {"Comment", "Diagnostic"}
_NODES = {
    "GT": "GTE", "GTE": "GT", "LT": "LTE", "LTE": "LT", "EQ": "NEQ", "NEQ": "EQ",
    "and_": "or_", "or_": "and_", "true": "false", "false": "true", "Add": "Sub", "Sub": "Add",
    "Mul": "Div", "Div": "Mul", "Min": "Sum", "Sum": "Min", "Greatest": "Least", "Least": "Greatest",
}  # fmt: skip
_CALLS = {"is_missing": "is_given", "is_given": "is_missing"}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"),
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"), ast.Pow: ("**", "*"),
}  # fmt: skip
_GROWS = {"append", "extend", "update", "pop", "replace", "report", "_report"}
# Arguments that say nothing about rows: of copies, quotes, parentheses, checks, and an error's place.
_UNSEEN_ARGUMENTS = {"copy", "quoted", "wrap", "strict", "at_key", "loc", "help"}
_WORDS = {"help_", "message", "notes", "words", "what", "which", "loc", "at", "shown", "quoted"}
# These lay out text and make words for people; tests with expected text hold them, no execution can.
_LAYOUT = {
    *("_printed", "_with_sentences", "_sentence", "to_sql", "operators", "_words", "_word", "group"),
    *("_skipped", "_LONGEST_LINE", "_TYPED_LITERALS", "stage_places", "units_like", "unit_after"),
}


def python_files() -> list[Path]:
    """The modules that make nodes."""
    return [
        path
        for path in sorted((ROOT / "querygen").glob("*.py"))
        if path.stem not in _READS_THEM and _MAKES_NODES.search(path.read_text(encoding="utf-8"))
    ]


def python_mutants() -> list[Mutant]:
    """The mutants of all these modules."""
    return [
        made
        for path in python_files()
        for made in of_module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]


def of_module(file: str, text: str) -> list[Mutant]:
    """All mutants of a module."""
    places = _Places(text)
    found = []
    tree = ast.parse(text)
    for statement in tree.body:
        at_top = isinstance(statement, ast.Assign | ast.AnnAssign) and not _is_type(statement.value)
        has_functions = isinstance(statement, ast.FunctionDef | ast.ClassDef)
        if not (at_top or has_functions) or _is_for_people(statement):
            continue
        for node, lines in _run(statement):
            changes = [*_changes(node, places), *(_off(node, places) if at_top else ())]
            reach = _users(statement, tree, file) if at_top else lines
            found += [mutant(file, text, what, (edit,), reach) for what, edit in changes]
    return numbered(found)


class _Places:
    """Where nodes stand in the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self._at(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self._at(node.end_lineno or 0, node.end_col_offset or 0)

    def edit(self, node: ast.expr | ast.stmt, new: str) -> Edit:
        return Edit(self.start(node), self.end(node), new)

    def between(self, left: ast.expr, right: ast.expr, word: str, new: str) -> Edit:
        """The edit of an operator between two operands."""
        start, end = self.end(left), self.start(right)
        found = re.search(rf"(?<![\w<>=!]){re.escape(word)}(?![\w=])", self.text[start:end])
        assert found, f"no {word} in {self.text[start:end]!r}"
        return Edit(start + found.start(), start + found.end(), new)

    def _at(self, line: int, byte: int) -> int:
        head = self._lines[line - 1].encode()[:byte] if line <= len(self._lines) else b""
        return self._starts[line - 1] + len(head.decode())


def _run(statement: ast.stmt) -> Iterator[tuple[ast.AST, tuple[int, ...]]]:
    """Each node that is run, with the lines of which one is run with it; no annotations, no messages."""
    waiting: list[tuple[ast.AST, tuple[int, ...]]] = [(statement, ())]
    while waiting:
        node, lines = waiting.pop()
        if isinstance(node, ast.stmt):
            lines = _own_lines(node)
        yield node, lines
        children: list[ast.AST]
        if isinstance(node, ast.FunctionDef):
            children = [*node.body]
        elif isinstance(node, ast.ClassDef):
            children = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
        elif isinstance(node, ast.AnnAssign):
            children = [node.value] if node.value else []
        elif isinstance(node, ast.Call):
            arguments = [k.value for k in node.keywords if k.arg not in _UNSEEN_ARGUMENTS]
            children = [node.func, *node.args, *arguments]
        else:
            children = [*ast.iter_child_nodes(node)]
        waiting += [(child, lines) for child in children if not _is_for_people(child)]


def _users(statement: ast.stmt, tree: ast.Module, file: str) -> tuple[int, ...]:
    """The lines of functions that use what a statement at the top assigns; any, if other modules may."""
    names = {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    shared = [name for name in names if not name.startswith("_")]
    if any(re.search(rf"\b{name}\b", text) for other, text in _texts() if other != file for name in shared):
        return ()
    return tuple(
        node.lineno
        for function in tree.body
        if function is not statement
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id in names
    )


@cache
def _texts() -> tuple[tuple[str, str], ...]:
    paths = sorted((ROOT / "querygen").rglob("*.py"))
    return tuple((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths)


def _is_type(value: ast.expr | None) -> bool:
    """Whether what a module begins with is another name of a type."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
        return _is_type(value.left)
    return isinstance(value, ast.Subscript | ast.Attribute)


def _own_lines(statement: ast.stmt) -> tuple[int, ...]:
    """The lines of a simple statement, or of the head of a compound one."""
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not body:
        return tuple(range(statement.lineno, (statement.end_lineno or 0) + 1))
    first = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else body[0].lineno
    return tuple(range(statement.lineno, max(first, statement.lineno + 1)))


def _is_for_people(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return _name(node.func) in _FOR_PEOPLE
    if isinstance(node, ast.IfExp):
        return _is_words(node.body) or _is_words(node.orelse)
    if isinstance(node, ast.Assign):
        return all(_name(target) in _WORDS | _LAYOUT for target in node.targets)
    if isinstance(node, ast.AugAssign):
        return _name(node.target) in _WORDS
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return isinstance(node.value.func, ast.Attribute) and _name(node.value.func.value) in _WORDS
    if isinstance(node, ast.If):
        return all(_is_for_people(inner) for inner in (*node.body, *node.orelse))
    if isinstance(node, ast.FunctionDef):
        return node.name in _LAYOUT
    return isinstance(node, ast.Raise | ast.JoinedStr)


def _is_words(node: ast.AST) -> bool:
    """Whether it is text with a space in it, as no name has."""
    if isinstance(node, ast.JoinedStr):
        return True
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


# ---- The changes of a node -------------------------------------------------------------------------------


def _changes(node: ast.AST, places: _Places) -> Iterator[tuple[str, Edit]]:
    match node:
        case ast.Compare():
            lefts = [node.left, *node.comparators[:-1]]
            for left, op, right in zip(lefts, node.ops, node.comparators, strict=True):
                old, new = _COMPARISONS[type(op)]
                yield f"{old} → {new}", places.between(left, right, old, new)
        case ast.BoolOp():
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield f"{old} → {new}", places.between(left, right, old, new)
        case ast.UnaryOp(op=ast.Not()):
            yield "not → nothing", Edit(places.start(node), places.start(node.operand), "")
        case ast.IfExp() | ast.If():
            yield from _inverted(node.test, places)
        case ast.comprehension():
            for test in node.ifs:
                yield "condition dropped", places.edit(test, "True")
        case ast.Constant():
            yield from _constants(node, places)
        case ast.Attribute(value=ast.Name(id="exp"), attr=attr) if attr in _NODES:
            yield f"exp.{attr} → exp.{_NODES[attr]}", places.edit(node, f"exp.{_NODES[attr]}")
        case ast.Call(func=ast.Name(id=called)) if called in _CALLS:
            yield f"{called} → {_CALLS[called]}", places.edit(node.func, _CALLS[called])
        case ast.BinOp():
            yield from _operators(node, places)
        case ast.AugAssign():
            yield "statement dropped", places.edit(node, "pass")
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=attr))) if attr in _GROWS:
            yield "statement dropped", places.edit(node, "pass")


def _inverted(test: ast.expr, places: _Places) -> Iterator[tuple[str, Edit]]:
    """A condition the other way round, where no change of its operator already does that."""
    by_operator = isinstance(test, ast.Compare) and isinstance(
        test.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn | ast.Is | ast.IsNot
    )
    if by_operator or (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
        return
    text = places.text[places.start(test) : places.end(test)]
    yield "condition inverted", places.edit(test, f"not ({text})")


def _constants(node: ast.Constant, places: _Places) -> Iterator[tuple[str, Edit]]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value} → {not value}", places.edit(node, str(not value))
    elif isinstance(value, int | float):
        new = value * 2 if value == value + 1 else value + 1
        yield f"{value} → {new}", places.edit(node, str(new))
    elif isinstance(value, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?(e-?[0-9]+)?", value):
        number = float(value)
        text = str(number * 2 or 1.0)
        yield f'"{value}" → "{text}"', places.edit(node, f'"{text}"')


def _operators(node: ast.BinOp, places: _Places) -> Iterator[tuple[str, Edit]]:
    sides = (node.left, node.right)
    if any(
        isinstance(getattr(side, "value", None), str) or isinstance(side, ast.JoinedStr) for side in sides
    ):
        return
    if isinstance(node.op, ast.Add):  # of numbers, or of lists
        yield "+ … dropped", Edit(places.end(node.left), places.end(node), "")
    elif type(node.op) in _ARITHMETIC:
        old, new = _ARITHMETIC[type(node.op)]
        yield f"{old} → {new}", places.between(*sides, old, new)


def _off(node: ast.AST, places: _Places) -> Iterator[tuple[str, Edit]]:
    """Each item of a table at the top of a module left out: a rewriter off, an operator unknown."""
    is_target = isinstance(getattr(node, "ctx", None), ast.Store)
    if isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 1 and not is_target:
        for item in node.elts:
            if isinstance(item, ast.Name | ast.Constant):
                yield from _left_out(places, places.start(item), places.end(item))
    if isinstance(node, ast.Dict) and len(node.keys) > 1:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                yield from _left_out(places, places.start(key), places.end(value))


def _left_out(places: _Places, start: int, end: int) -> Iterator[tuple[str, Edit]]:
    words = " ".join(places.text[start:end].split())
    after = re.match(r"\s*,", places.text[end:])
    if after:
        yield f"{words} left out", Edit(start, end + after.end(), "")
        return
    before = re.search(r",\s*\Z", places.text[:start])
    if before:
        yield f"{words} left out", Edit(before.start(), end, "")
