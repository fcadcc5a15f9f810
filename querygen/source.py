"""Load: YAML or JSON text (or a Python mapping) becomes a `Source`: plain data, and where each key stands.

YAML is read as version 1.2, so that the country `NO` and the time `12:30` stay text, and a key given twice
is an error instead of silently the last one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from querygen.errors import QuerygenError, Span, UsageError


@dataclass(frozen=True, slots=True)
class Source:
    """A spec as it was written.

    Attributes:
        name: the file's path as the user gave it, or None for a spec made in Python.
        data: the spec as plain dicts, lists and scalars.
    """

    name: str | None
    data: Mapping[str, Any]
    _text: str = field(default="", repr=False)
    _root: Node | None = field(default=None, repr=False)

    def span(self, path: Sequence[str | int], *, at_key: bool = False) -> Span | None:
        """Where `path` (`("filters", "os")`) stands: its value, or its key if `at_key`.

        Parts of the path that the file doesn't have are skipped, which leaves the deepest place that
        exists. None for a spec without a file.
        """
        if self._root is None or self.name is None:
            return None
        node: Node = self._root
        key: Node | None = None
        for part in path:
            found = _child(node, part)
            if found:
                key, node = found
        return self._mark(key if at_key and key is not None else node)

    def text_of(self, path: Sequence[str | int]) -> str | None:
        """The scalar at `path` exactly as it was written, None without a file."""
        node = self._root
        for part in path:
            found = _child(node, part) if node is not None else None
            if found:
                node = found[1]
        return str(node.value) if isinstance(node, ScalarNode) else None

    def locate(self, error: QuerygenError) -> QuerygenError:
        """The same error with the place in this file for every finding that names a path in the spec."""
        placed = (
            replace(finding, span=finding.span or self.span(finding.loc, at_key=finding.at_key))
            if finding.loc
            else finding
            for finding in error.diagnostics
        )
        return type(error)(
            tuple(sorted(placed, key=lambda d: (d.span.line, d.span.column) if d.span else (0, 0)))
        )

    def _mark(self, node: Node) -> Span:
        start, end = node.start_mark, node.end_mark
        length = end.column - start.column if end.line == start.line else 1
        if isinstance(node, MappingNode | SequenceNode) and end.line != start.line:
            length = 1
        return _span(str(self.name), self._text, start.line, start.column, length)


def _child(node: Node, part: str | int) -> tuple[Node | None, Node] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key, value
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    return None


def _span(name: str, text: str, line: int, column: int, length: int = 1) -> Span:
    lines = text.splitlines()
    return Span(name, line + 1, column + 1, max(length, 1), lines[line] if line < len(lines) else "")


def load_text(text: str, name: str) -> Source:
    """Reads YAML 1.2 or JSON text; `name` is what errors call it.

    Raises:
        QuerygenError: a syntax error, a key given twice, or a document that is no mapping.
    """
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        data = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        raise _syntax_error(error, text, name) from None
    except ValueError as error:
        raise _bad_scalar(error, root, text, name) from None
    except YAMLError as error:
        raise QuerygenError.of("yaml-syntax", f"{name}: {_lower(str(error))}") from None
    if data is None:
        raise QuerygenError.of(
            "empty-spec",
            "the spec is empty",
            span=Span(name, 1, 1),
            help="a spec needs at least `histogram: NAME` and a range of `submission_date` in `filters`",
        )
    if not isinstance(data, dict):
        raise QuerygenError.of(
            "not-a-mapping",
            "a spec is a mapping of keys to values",
            span=_span(name, text, 0, 0),
            help="start with `histogram: NAME`",
        )
    return Source(name, data, text, root)


def load_file(path: str | Path) -> Source:
    """Reads a spec file.

    Raises:
        UsageError: the file does not exist or cannot be read.
        QuerygenError: its content is no YAML or JSON mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError.of(
            "no-such-file", f"the spec {path} does not exist", help="give the path of a YAML or JSON file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError.of("unreadable-file", f"the spec {path} cannot be read: {reason}") from None
    return load_text(text, str(path))


def from_mapping(data: Mapping[str, Any]) -> Source:
    """A spec made in Python; its errors name dotted paths instead of lines."""
    return Source(None, dict(data))


def _syntax_error(error: MarkedYAMLError, text: str, name: str) -> QuerygenError:
    problem = str(error.problem or error.context or "it cannot be read as YAML").split("\n", 1)[0]
    mark = error.problem_mark or error.context_mark
    span = _span(name, text, mark.line, mark.column) if mark else None
    if problem.startswith("found duplicate key"):
        key = problem.split('"')[1] if '"' in problem else problem.split()[3]
        return QuerygenError.of(
            "duplicate-key",
            f"the key `{key}` is given twice",
            span=span,
            help="keep one of the two; several values of one key are a list: [a, b]",
        )
    return QuerygenError.of(
        "yaml-syntax",
        f"this is not valid YAML: {_lower(problem)}",
        span=span,
        help="look for a missing space after a colon, an unclosed quote or bracket, or uneven indentation",
    )


def _bad_scalar(error: ValueError, root: Node, text: str, name: str) -> QuerygenError:
    """The error for a scalar such as 2020-02-30, which looks like a date and is none."""
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if isinstance(node, MappingNode):
            nodes += [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            nodes += node.value
        else:
            try:
                YAML(typ="safe", pure=True).load(text[node.start_mark.index : node.end_mark.index])
            except ValueError:
                mark, length = node.start_mark, node.end_mark.index - node.start_mark.index
                span = _span(name, text, mark.line, mark.column, length)
                return QuerygenError.of(
                    "bad-scalar",
                    f"`{node.value}` is no date that exists",
                    span=span,
                    help="dates are written 2020-04-20; quote the value if it is meant as text",
                )
    return QuerygenError.of("yaml-syntax", f"{name}: {_lower(str(error))}")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
