"""BigQuery schemas as immutable trees: what a table's columns are called, and of which type.

A schema comes from a file in the format of `bq show --schema` (`read_schema`), or is built in
(`builtin_schema`). The built-in ones know the columns of everyday use and are *open* where probes live: any
well-formed name is then a field, of the record's `open` type.

Names are matched without regard to case, as BigQuery does; answers use the schema's own spelling.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

from querygen.errors import Diagnostic, QuerygenError, Span, UsageError

_SCHEMAS = Path(__file__).parent / "sources" / "schemas"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "STRUCT": "RECORD"}
_DUCKDB_TYPES = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "TIME": "TIME",
    "BYTES": "BLOB",
    "NUMERIC": "DECIMAL(38,9)",
    "JSON": "JSON",
}
TYPES = frozenset({*_DUCKDB_TYPES, "RECORD"})


def quote_identifier(name: str) -> str:
    """The name as a DuckDB identifier in double quotes, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Field:
    """A column, or a field of a record.

    Attributes:
        name: in the schema's own spelling.
        type: one of `TYPES`, in BigQuery's names.
        repeated: whether the value is an ARRAY of `type`.
        fields: a RECORD's fields, by lower-case name.
        open: the type of any further field of this RECORD; None where there are no further ones.
    """

    name: str
    type: str
    repeated: bool = False
    fields: Mapping[str, "Field"] = field(default_factory=dict, hash=False)
    open: "Field | None" = None

    def child(self, name: str) -> "Field | None":
        """The record's field of that name; of an open record any well-formed name, in lower case."""
        lower = name.lower()
        found = self.fields.get(lower)
        if found is None and self.open is not None and _NAME.fullmatch(name):
            return replace(self.open, name=lower)
        return found

    def bigquery_type(self) -> str:
        """The type as BigQuery writes it, such as `ARRAY<STRUCT<key STRING, value STRING>>`."""
        text = self.type
        if self.type == "RECORD":
            text = f"STRUCT<{', '.join(f'{f.name} {f.bigquery_type()}' for f in self.fields.values())}>"
        return f"ARRAY<{text}>" if self.repeated else text

    def duckdb_type(self) -> str:
        """The type as DuckDB writes it, such as `STRUCT("key" VARCHAR, "value" VARCHAR)[]`.

        DuckDB has no struct without fields: a record of which no field is known is JSON there.
        """
        text = _DUCKDB_TYPES.get(self.type, "JSON")
        if self.fields:
            inner = (f"{quote_identifier(f.name)} {f.duckdb_type()}" for f in self.fields.values())
            text = f"STRUCT({', '.join(inner)})"
        return f"{text}[]" if self.repeated else text


@dataclass(frozen=True)
class Schema:
    """The columns of a table, such as `telemetry.main`: the fields of `root`, a nameless RECORD."""

    table: str
    root: Field

    def resolve(self, path: str) -> tuple[str, Field] | None:
        """The dotted path in the schema's own spelling with its field; None where there is none.

        A path does not lead into an array: `environment.experiments` is a column, `….experiments.key` isn't.
        """
        here, spelling = self.root, []
        for segment in path.split("."):
            found = None if here.repeated else here.child(segment)
            if found is None:
                return None
            here = found
            spelling.append(found.name)
        return ".".join(spelling), here

    def find(self, path: str) -> Field | None:
        """The field at a dotted path, or None."""
        found = self.resolve(path)
        return found[1] if found else None

    def leaves(self) -> Iterator[tuple[str, Field]]:
        """Every known column with its dotted path: scalars and arrays, in the schema's order."""
        for path, found in self._all:
            if found.type != "RECORD" or found.repeated:
                yield path, found

    @cached_property
    def _all(self) -> tuple[tuple[str, Field], ...]:
        """Every known field that a path leads to, records before their fields."""

        def walk(prefix: str, record: Field) -> Iterator[tuple[str, Field]]:
            for child in record.fields.values():
                path = prefix + child.name
                yield path, child
                if child.fields and not child.repeated:
                    yield from walk(f"{path}.", child)

        return tuple(walk("", self.root))

    @cached_property
    def _by_last_segment(self) -> Mapping[str, tuple[str, ...]]:
        paths: dict[str, list[str]] = {}
        for path, _ in self._all:
            paths.setdefault(path.rpartition(".")[2].lower(), []).append(path)
        return {last: tuple(found) for last, found in paths.items()}

    def nearest(self, path: str, count: int = 3) -> list[str]:
        """The full paths that `path` was most likely meant to be, best first.

        First the path with its misspelt segments put right (`payload.histgrams.x` where histograms are
        open), then whatever ends alike, wherever it stands (`build_id` is `application.build_id`).
        """
        repaired = self._repaired(path)
        parents, _, last = path.lower().rpartition(".")
        scored = []
        for name in _rough_matches(last, self._by_last_segment):
            likeness = difflib.SequenceMatcher(None, last, name).ratio()
            if likeness < 0.6 and (len(last) < 4 or last not in name):
                continue
            for found in self._by_last_segment[name]:
                alike = difflib.SequenceMatcher(None, parents, found.lower().rpartition(".")[0]).ratio()
                scored.append((-likeness - alike / 4, found.count("."), found))
        found_paths = [*([repaired] if repaired else []), *(found for *_, found in sorted(scored))]
        return list(dict.fromkeys(found_paths))[:count]

    def _repaired(self, path: str) -> str | None:
        """The path with each unknown segment replaced by its record's nearest name, if all have one."""
        here, spelling = self.root, []
        for segment in path.split("."):
            found = None if here.repeated else here.child(segment)
            if found is None:
                near = difflib.get_close_matches(
                    segment.lower(), _rough_matches(segment.lower(), here.fields), 1
                )
                if not near or here.repeated:
                    return None
                found = here.fields[near[0]]
            here = found
            spelling.append(found.name)
        return ".".join(spelling)

    def prune(self, paths: Iterable[str]) -> "Schema":
        """The schema with only the columns at `paths`, in the schema's order; a record is kept whole.

        Raises:
            KeyError: a path leads nowhere.
        """
        tree: dict[str, object] = {}
        for path in paths:
            resolved = self.resolve(path)
            if resolved is None:
                raise KeyError(f"{self.table} has no column {path}")
            here = tree
            *parents, last = resolved[0].lower().split(".")
            for segment in parents:
                inner = here.setdefault(segment, {})
                if not isinstance(inner, dict):  # the whole record is wanted already
                    break
                here = inner
            else:
                here[last] = None
        return Schema(self.table, _pruned(self.root, tree))


def _pruned(record: Field, wanted: Mapping[str, object]) -> Field:
    order = {name: position for position, name in enumerate(record.fields)}
    fields = {}
    for name in sorted(wanted, key=lambda n: (order.get(n, len(order)), n)):
        child, inner = record.child(name), wanted[name]
        if child is not None:
            fields[name] = _pruned(child, inner) if isinstance(inner, dict) else child
    return replace(record, fields=fields, open=None)


def _rough_matches(name: str, candidates: Iterable[str], count: int = 50) -> list[str]:
    """The candidates that share most pairs of letters with `name`: a sieve before costlier comparisons."""
    pairs = {name[i : i + 2] for i in range(len(name) - 1)} or {name}
    scored = (
        (2 * sum(pair in other for pair in pairs) / (len(pairs) + len(other)), other) for other in candidates
    )
    return [other for _, other in sorted(scored, reverse=True)[:count]]


# ---------------------------------------------------------------------------------------------------------
# Files as `bq show` writes them


def read_schema(table: str, path: str | Path) -> Schema:
    """Reads a schema in the format of `bq show --schema` or `bq show --format=json`, plain or `.xz`.

    Raises:
        UsageError: there is no such file.
        QuerygenError: the file is no such schema; the message has its place.
    """
    import lzma

    path = Path(path)
    try:
        raw = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    except OSError as error:
        raise UsageError.of(
            "missing-schema",
            f"the schema file `{path}` cannot be read: {error.strerror}",
            help=f"write one with `bq show --schema {table} > schema.json`",
        ) from None
    except lzma.LZMAError as error:
        raise QuerygenError.of(
            "bad-schema", f"not an .xz file: {error}", span=Span(str(path), 1, 1)
        ) from None
    try:
        text = raw.decode()
        content = json.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise QuerygenError.of("bad-schema", "not UTF-8 text", span=Span(str(path), line, 1)) from None
    except json.JSONDecodeError as error:
        source_line = text.split("\n")[error.lineno - 1]
        finding = broken_json("bad-schema", str(path), error.lineno, source_line, error, _FILE_HELP)
        raise QuerygenError((finding,)) from None
    if isinstance(content, dict):
        content = content.get("schema", content)
        content = content.get("fields") if isinstance(content, dict) else None
    try:
        return Schema(table, Field("", "RECORD", fields=_read_fields(content, "")))
    except _MalformedError as error:
        raise QuerygenError.of(
            "bad-schema",
            f"{error} in `{path}`" + (f", at `{error.path}`" if error.path else ""),
            help=_FILE_HELP,
        ) from None


_FILE_HELP = "the file should be the output of `bq show --schema --format=prettyjson`"


class _MalformedError(ValueError):
    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


def _read_fields(entries: object, prefix: str) -> dict[str, Field]:
    if not isinstance(entries, list):
        raise _MalformedError("no list of fields", prefix)
    fields = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise _MalformedError("a field without a name", prefix)
        name, kind = entry["name"], str(entry.get("type")).upper()
        path = f"{prefix}.{name}" if prefix else name
        kind = _ALIASES.get(kind, kind)
        if kind not in TYPES:
            raise _MalformedError(f"the type {entry.get('type')!r}, which querygen does not know,", path)
        if name.lower() in fields:
            raise _MalformedError("a field that occurs twice", path)
        inner = _read_fields(entry.get("fields"), path) if kind == "RECORD" else {}
        fields[name.lower()] = Field(name, kind, entry.get("mode") == "REPEATED", inner)
    return fields


def excerpt(code: str, message: str, span: Span, line: str, help: str | None = None) -> Diagnostic:  # noqa: A002
    """A finding in the `line` of a data file."""
    return Diagnostic(code, message, replace(span, source_line=line), help=help)


def broken_json(  # noqa: PLR0917
    code: str,
    file: str,
    line_number: int,
    line: str,
    error: json.JSONDecodeError,
    help: str | None = None,  # noqa: A002 the word that people will read
) -> Diagnostic:
    """The finding that `line` isn't JSON, at the decoder's column."""
    problem = error.msg[:1].lower() + error.msg[1:]
    return excerpt(code, f"not valid JSON: {problem}", Span(file, line_number, error.colno), line, help)


# ---------------------------------------------------------------------------------------------------------
# Built in


@cache
def builtin_schema(table: str) -> Schema | None:
    """The built-in schema of a table: the columns of everyday use, open where probes live.

    They stand in `sources/schemas/<table>.json`, compactly: `"name": "TYPE"` for a column, an object for a
    record, a list of one for an array, and `"*"` for the type of any further field.
    """
    path = _SCHEMAS / f"{table}.json"
    if not re.fullmatch(r"\w+\.\w+", table) or not path.is_file():
        return None
    return Schema(table, _compact_field("", json.loads(path.read_text())))


def _compact_field(name: str, content: object) -> Field:
    if isinstance(content, list):
        return replace(_compact_field(name, content[0]), repeated=True)
    if isinstance(content, dict):
        fields = {key.lower(): _compact_field(key, value) for key, value in content.items() if key != "*"}
        return Field(
            name, "RECORD", fields=fields, open=_compact_field("", content["*"]) if "*" in content else None
        )
    return Field(name, str(content))
