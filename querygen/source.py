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
from ruamel.yaml.reader import ReaderError

from querygen.errors import Diagnostic, QuerygenError, Span, UsageError
from querygen.yaml_syntax import explain
from querygen.yamltext import block

_TAG = "tag:yaml.org,2002:"
_KNOWN_TAGS = frozenset(
    _TAG + kind for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is meant to be.

    Attributes:
        name: what messages call it.
        start: the help for a file that has none of it.
        number_keys: whether keys may be numbers; they are read as the text that they are written as.
    """

    name: str
    start: str
    number_keys: bool = False


SPEC = Kind("spec", "start with `histogram: NAME`, and a range of `submission_date` in `filters`")


@dataclass(frozen=True, slots=True)
class Source:
    """A spec, or another file of keys and values, as it was written.

    Attributes:
        name: the file's path as the user gave it, or None for a spec made in Python.
        data: its content as plain dicts, lists and scalars.
    """

    name: str | None
    data: Mapping[str, Any]
    _text: str = field(default="", repr=False)
    _root: Node | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """What the file holds, whatever was set since; YAML of the data that comes from no file."""
        return self._text or block(self.data)

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
        if isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index:
            at_key = True  # a value that isn't there has no place of its own
        return _span_of(key if at_key and key is not None else node, self.name, self._text)

    def part(self, *path: str | int) -> "Source":
        """The mapping at a path as a source of its own, with the places that it has in this file."""
        node, data = self._root, self.data
        for part in path:
            found = _child(node, part) if node is not None else None
            node, data = (found[1] if found else None), data[part]  # type: ignore[index]
        return replace(self, data=data, _root=node)

    def with_value(self, key: str, value: Any) -> "Source":
        """The same spec with another value of a top-level key."""
        return replace(self, data={**self.data, key: value})

    def locate(self, error: QuerygenError) -> QuerygenError:
        """The same error, each finding that names a path with its place in this file, in the file's order."""
        placed = map(self._located, error.diagnostics)
        return type(error)(
            tuple(sorted(placed, key=lambda d: (d.span.line, d.span.column) if d.span else (0, 0)))
        )

    def _located(self, finding: Diagnostic) -> Diagnostic:
        written, read = self._written_and_read(finding.loc)
        if written != read:
            # 6.10 is repeated as it was written, which the number 6.1 no longer tells.
            message = finding.message.replace(f"number {read}", f"number {written}")
            help_ = (finding.help or "").replace(f'"{read}"', f'"{written}"') or None
            finding = replace(finding, message=message, help=help_)
        return replace(finding, span=finding.span or self.span(finding.loc, at_key=finding.at_key))

    def _written_and_read(self, path: Sequence[str | int]) -> tuple[str, str]:
        """The number at `path` as it stands in the file, and as Python shows it; both empty if it is none."""
        node: Node | None = self._root
        value: Any = self.data
        for part in path:
            found = _child(node, part) if node is not None else None
            if found is None:
                return "", ""
            node, value = found[1], value[part]
        if isinstance(node, ScalarNode) and isinstance(value, int | float):
            return str(node.value), str(value)
        return "", ""


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


def _span_of(node: Node, name: str, text: str) -> Span:
    start, end = node.start_mark, node.end_mark
    length = end.column - start.column if end.line == start.line else 1
    return _span(name, text, start.line, start.column, length)


def load_text(text: str, name: str) -> Source:
    """Reads a spec from YAML 1.2 or JSON text; `name` is what errors call it.

    Raises:
        QuerygenError: a syntax error, a key given twice, or a document that is no mapping.
    """
    return _read(text, name, SPEC)


def _read(text: str, name: str, kind: Kind) -> Source:
    """Reads YAML 1.2 or JSON text; `name` is what errors call the file, `kind` what it is meant to be.

    Raises:
        QuerygenError: a syntax error, a key given twice, or a document that is no mapping.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if root is None:
            raise _wrong_document(f"the {kind.name} is empty", name, kind)
        reader = _Reader(name, text, kind)
        data = reader.value(root)
    except MarkedYAMLError as error:
        message, help_, mark = explain(error, text, "JSON" if name.endswith(".json") else "YAML")
        span = _span(name, text, mark.line, mark.column) if mark else Span(name, 1, 1)
        raise QuerygenError.of("yaml-syntax", message, span=span, help=help_) from None
    except ReaderError as error:
        before = text[: error.position]
        line = before.count("\n")
        span = _span(name, text, line, error.position - before.rfind("\n") - 1)
        raise QuerygenError.of(
            "yaml-syntax",
            f"the character U+{ord(text[error.position]):04X} cannot stand in YAML",
            span=span,
            help='take it out, or write it as an escape in double quotes, such as "\\u0007"',
        ) from None
    except RecursionError:
        raise QuerygenError.of(
            "yaml-syntax",
            f"brackets or lists are nested too deeply to be a {kind.name}",
            span=Span(name, 1, 1),
            help="look for a bracket that is repeated by mistake",
        ) from None
    if reader.findings:
        raise QuerygenError(tuple(reader.findings))
    if not isinstance(data, dict):
        found = {MappingNode: "mapping", SequenceNode: "list"}.get(type(root), "text")
        message = f"a {kind.name} is a mapping of keys to values, not a {found}"
        raise _wrong_document(message, name, kind, text, found)
    return Source(name, data, text, root)


def _wrong_document(message: str, name: str, kind: Kind, text: str = "", found: str = "") -> QuerygenError:
    help_ = kind.start
    if found == "list" and kind is SPEC:
        help_ = "a file is one spec; put each into a file of its own"
    span = _span(name, text, 0, 0) if text else Span(name, 1, 1)
    return QuerygenError.of("not-a-mapping" if text else "empty-spec", message, span=span, help=help_)


class _Reader:
    """Makes plain data of YAML's nodes, and a finding of whatever such a file cannot have."""

    def __init__(self, name: str, text: str, kind: Kind) -> None:
        self.findings: list[Diagnostic] = []
        self._name, self._text, self._kind = name, text, kind
        self._key_tags = {f"{_TAG}str", f"{_TAG}int"} if kind.number_keys else {f"{_TAG}str"}
        self._scalars = YAML(typ="safe", pure=True).constructor
        self._made: dict[int, Any] = {}
        self._open: set[int] = set()

    def value(self, node: Node) -> Any:
        """The node as dicts, lists and scalars; a node that is used twice, by an alias, is read once."""
        if id(node) in self._open:
            self._report(node, "endless", "this anchor contains itself", "write the values out")
            return None
        if id(node) not in self._made:
            self._open.add(id(node))
            self._made[id(node)] = self._plain(node)
            self._open.remove(id(node))
        return self._made[id(node)]

    def _plain(self, node: Node) -> Any:
        if str(node.tag) not in _KNOWN_TAGS:
            tag = str(node.tag).replace(_TAG, "!!")
            message = f"the tag `{tag}` means nothing in a {self._kind.name}"
            self._report(node, "unknown-tag", message, "leave it out")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node)
        if isinstance(node, SequenceNode):
            return [self.value(item) for item in node.value]
        if str(node.tag) == f"{_TAG}str":
            return self._whole(node)
        try:
            return self._scalars.construct_object(node)
        except (ValueError, YAMLError):
            # What looks like a date and is none, such as 2020-02-30.
            what = (
                "day or time that exists"
                if str(node.tag).endswith("timestamp")
                else "number that can be read"
            )
            self._report(
                node, "bad-scalar", f"`{node.value}` is no {what}", "quote it if it is meant as text"
            )
            return None

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                what = "mapping" if isinstance(key, MappingNode) else "list"
                help_ = "quote text that begins with a bracket or a brace"
                self._report(key, "bad-key", f"a key is a name, not a {what}", help_)
            elif key.tag == f"{_TAG}merge":
                self._report(key, "bad-key", "YAML 1.2 has no merge key `<<`", "write the keys out")
            elif str(key.tag) not in self._key_tags:
                message = (
                    f"the key `{key.value}` is not read as text" if key.value else "a key is missing here"
                )
                self._report(key, "bad-key", message, f'quote it: "{key.value}"' if key.value else None)
            elif (name := self._whole(key)) in made:
                help_ = "keep one of the two; several values of one key are a list: [a, b]"
                self._report(key, "duplicate-key", f"the key `{key.value}` is given twice", help_)
            else:
                made[name] = self.value(value)
        return made

    def _whole(self, node: Node) -> str:
        """JSON writes a character beyond U+FFFF as two escapes; half of one is no character."""
        try:
            return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._report(node, "bad-scalar", "this text has half a character", "write the character itself")
            return ""

    def _report(self, node: Node, code: str, message: str, help_: str | None) -> None:
        span = _span_of(node, self._name, self._text)
        self.findings.append(Diagnostic(code, message, span, help=help_))


def load_file(path: str | Path, kind: Kind = SPEC) -> Source:
    """Reads a spec file, or one of another kind.

    Raises:
        UsageError: the file does not exist or cannot be read.
        QuerygenError: its content is no YAML or JSON mapping.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        message = f"the {kind.name} {path} does not exist"
        raise UsageError.of("no-such-file", message, help=_FILE_HELP) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the {kind.name} {path} cannot be read: {reason[:1].lower()}{reason[1:]}"
        raise UsageError.of("unreadable-file", message, help=_FILE_HELP) from None
    return load_bytes(content, str(path), kind)


_FILE_HELP = "give the path of a YAML or JSON file"


def load_bytes(content: bytes, name: str, kind: Kind = SPEC) -> Source:
    """Reads a file, from UTF-8 with or without a byte order mark.

    Raises:
        QuerygenError: the content is no YAML or JSON mapping.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise QuerygenError.of(
            "not-utf8",
            "this is not UTF-8 text",
            span=Span(name, line, column),
            help=f"save the {kind.name} as UTF-8",
        ) from None
    return _read(text.replace("\r\n", "\n").replace("\r", "\n"), name, kind)


def from_mapping(data: Mapping[str, Any]) -> Source:
    """A spec made in Python; its errors name dotted paths instead of lines.

    It is a copy, which no later change of what was given reaches.
    """
    return Source(None, {key: _copied(value) for key, value in data.items()})


def _copied(value: Any) -> Any:
    """Plain data of ours, as it would be read from a file."""
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list | tuple) else value
