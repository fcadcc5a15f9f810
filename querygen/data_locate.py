"""Where in a text file something is wrong: a second, slower reading by Python, after DuckDB found a fault.

Knows NDJSON, JSON arrays and CSV, plain or compressed, row by row, so that memory stays bounded for all but
JSON arrays.
"""

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import IO, Any

from querygen.data_coerce import is_spelt_as
from querygen.errors import QuerygenError, Span
from querygen.schema import Field, broken_json, excerpt

HELP = {
    "INT64": "write a whole number, such as 42",
    "FLOAT64": "write a number, such as 4.2",
    "NUMERIC": "write a decimal number, such as 4.2",
    "BOOL": "write true or false",
    "TIMESTAMP": "write it as 2020-04-20T12:00:00Z; the unit of an epoch number would be a guess",
    "DATE": "write it as 2020-04-20",
    "DATETIME": "write it as 2020-04-20T12:00:00, without an offset",
    "TIME": "write it as 12:00:00",
    "BYTES": "write it in Base64",
    "JSON": "write valid JSON",
    "STRING": "write it as UTF-8 text",
    "RECORD": 'write an object, such as {"name": "value"}, or null',
}
_NDJSON_HELP = "each line of the file should be one JSON object"
_ARRAY_HELP = "the file should be one array of JSON objects, or a JSON object in each line"
_CSV_HELP = "quote values that have commas or line breaks, and double the quotes in them"
# What to do about JSON that cannot be read, by words of the message.
_JSON_HELP = {
    "UTF-8 BOM": "save the file as UTF-8 without a byte order mark",
    "nested": "look for a bracket that is repeated by mistake, or leave the value out",
    "half a character": "write the character itself instead of two escapes",
    "control character": r"write it as an escape, such as \u0000",
}
_DEEPEST = 126  # how many arrays and objects in each other DuckDB reads
_JSON_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)
_ESCAPES = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F])|\\.", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """A row: the line it begins in (from 1), its source text, and its values by column."""

    file: Path
    line: int
    text: str
    values: Mapping[str, Any]

    def span(self, keys: Sequence[str]) -> tuple[Span, str]:
        """Where the value under `keys` stands, and the line it stands in."""
        offset = 0
        for key in keys:
            offset = max(self.text.find(json.dumps(key, ensure_ascii=False), offset), offset)
        start = self.text.rfind("\n", 0, offset) + 1
        line = self.text[start:].split("\n", 1)[0]
        return Span(str(self.file), self.line + self.text.count("\n", 0, offset), offset - start + 1), line


@dataclass(frozen=True)
class Misfit:
    """A value that isn't what the schema says: the keys that lead to it, and its path as shown."""

    keys: tuple[str, ...]
    path: str
    value: object
    wanted: Field


def find_bad_value(files: Iterable[Path], wanted: Field) -> QuerygenError | None:
    """The first value in the files, in their order, that isn't what `wanted`, the row's record, says.

    A row that cannot be read at all (broken JSON, not UTF-8, a key twice) counts as found.
    """
    try:
        for file in files:
            is_csv = file_format(file) == "csv"
            for row in rows(file):
                misfit = _csv_misfit(row, wanted) if is_csv else _misfit(wanted, row.values, (), "")
                if misfit:
                    span, line = row.span(misfit.keys)
                    return QuerygenError(
                        (
                            excerpt(
                                "bad-value", misfit_message(misfit), span, line, wanted_help(misfit.wanted)
                            ),
                        )
                    )
    except QuerygenError as error:
        return error
    return None


def find_name(files: Iterable[Path], keys: Sequence[str]) -> tuple[Span, str] | None:
    """Where the files first have something under `keys`, as they spell them, and the line it stands in."""
    try:
        for file in files:
            if file_format(file) == "csv":
                header = next(_lines(file), "").rstrip("\r\n")
                return Span(str(file), 1, max(header.find(".".join(keys)), 0) + 1), header
            for row in rows(file):
                if _has(row.values, keys):
                    return row.span(keys)
    except QuerygenError:
        pass
    return None


def misfit_message(misfit: Misfit) -> str:
    """One sentence: the column, what it holds, what it should hold."""
    shown = json.dumps(misfit.value, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 60 else shown[:59] + "…"
    wanted = misfit.wanted.type
    return (
        f"`{misfit.path}` holds {shown}, where {'an array' if misfit.wanted.repeated else wanted} is expected"
    )


def wanted_help(wanted: Field) -> str | None:
    """How to write such a value."""
    return "write an array, such as [], or null" if wanted.repeated else HELP.get(wanted.type)


def file_format(path: Path) -> str | None:
    """`json`, `csv`, `parquet`, or None, by the extension (before `.gz` or `.zst` for text files)."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in (".gz", ".zst")
    last = (suffixes[:-1] if packed else suffixes)[-1:]
    found = {".ndjson": "json", ".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
    form = found.get(last[0]) if last else None
    return None if packed and form == "parquet" else form


def open_bytes(path: Path) -> IO[bytes]:
    """The file's bytes, decompressed by its extension."""
    compression = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    if compression is None:
        return path.open("rb")
    import pyarrow

    return io.BufferedReader(pyarrow.input_stream(str(path), compression=compression))


def is_array(path: Path) -> bool:
    """Whether a `.json` file is one array of rows, not a row per line."""
    if ".json" not in [suffix.lower() for suffix in path.suffixes]:
        return False
    return next((line.lstrip().startswith("[") for line in _lines(path) if line.strip()), False)


def is_closed(path: Path) -> bool:
    """Whether the last character of a text file, but for white space, is a closing bracket."""
    last = ""
    for line in _lines(path):
        last = line.strip() or last
    return last.endswith("]")


def rows(path: Path) -> Iterator[Row]:
    """The file's rows, one after the other.

    Raises:
        QuerygenError: a row cannot be read; the message has its place.
    """
    if file_format(path) == "csv":
        return _csv_rows(path)
    return _array_rows(path) if is_array(path) else _line_rows(path)


def _lines(path: Path) -> Iterator[str]:
    number, place = 0, str(path)
    try:
        with open_bytes(path) as stream:
            for number, raw in enumerate(stream, 1):  # noqa: B007
                yield raw.decode()
    except UnicodeDecodeError as error:
        span = Span(place, number, error.start + 1)
        message = f"not UTF-8 text: {error.reason}"
        raise QuerygenError.of("not-utf8", message, span=span, help="save the file as UTF-8") from None
    except OSError as error:
        message = f"`{place}` cannot be read: {error.strerror or error}"
        raise QuerygenError.of(
            "unreadable-data", message, help="check that it is whole, or write it anew"
        ) from None


def _line_rows(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), 1):
        text = line.rstrip("\r\n")
        if text.strip(" \t"):
            try:
                value = _parsed(text, _DEEPEST)
            except json.JSONDecodeError as error:
                raise _broken(path, number, text, error, _NDJSON_HELP) from None
            except _TwiceError as error:
                raise _twice(Row(path, number, text, {}), error) from None
            yield _object_row(path, number, text, value)


def _array_rows(path: Path) -> Iterator[Row]:
    text = "".join(_lines(path))
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    whole = Row(path, 1, text, {})
    try:
        _parsed(text, _DEEPEST + 1)
    except json.JSONDecodeError as error:
        raise _broken(path, error.lineno, text.split("\n")[error.lineno - 1], error, _ARRAY_HELP) from None
    except _TwiceError as error:
        raise _twice(whole, error) from None
    position = text.index("[") + 1
    while True:
        while text[position] in " \t\r\n,":
            position += 1
        if text[position] == "]":
            return
        value, end = decoder.raw_decode(text, position)
        yield _object_row(path, text.count("\n", 0, position) + 1, text[position:end], value)
        position = end


def _parsed(text: str, deepest: int) -> Any:
    """The JSON value of a text, read as strictly as DuckDB does.

    Raises:
        JSONDecodeError: it is no JSON, is nested too deeply, or has an escape of half a character.
        _TwiceError: a key occurs twice.
    """
    depth = 0
    for token in _JSON_TOKENS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > deepest:
            raise json.JSONDecodeError(f"nested more than {deepest} deep", text, token.start())
    value = json.loads(text, object_pairs_hook=_unique)
    half = next((found for found in _ESCAPES.finditer(text) if found[1]), None)
    if half:
        raise json.JSONDecodeError("half a character", text, half.start())
    return value


def _broken(path: Path, number: int, line: str, error: json.JSONDecodeError, otherwise: str) -> QuerygenError:
    advice = next((help_ for words, help_ in _JSON_HELP.items() if words in error.msg), otherwise)
    return QuerygenError((broken_json("broken-json", str(path), number, line, error, advice),))


def _object_row(path: Path, number: int, text: str, value: object) -> Row:
    if isinstance(value, dict):
        return Row(path, number, text, value)
    message = f"a row should be a JSON object, not {json.dumps(value)[:40]}"
    raise QuerygenError(
        (
            excerpt(
                "bad-row", message, Span(str(path), number, 1), text.split("\n", maxsplit=1)[0], _NDJSON_HELP
            ),
        )
    )


class _TwiceError(ValueError):
    """A key occurs twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise _TwiceError(key)
        values[key] = value
    return values


def _twice(row: Row, error: _TwiceError) -> QuerygenError:
    span, line = row.span([str(error)])
    return QuerygenError(
        (
            excerpt(
                "duplicate-key",
                f"the key `{error}` occurs twice in one object",
                span,
                line,
                "keep one of the two",
            ),
        )
    )


def _csv_rows(path: Path) -> Iterator[Row]:
    """A CSV file's rows, by the names in its header; the empty text is None."""
    csv.field_size_limit(2**31 - 1)
    source: list[str] = []  # the lines of the current row
    reader = csv.reader(map(_kept_in(source), _lines(path)), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            if header is None:
                header = [cells[0].removeprefix("\ufeff"), *cells[1:]] if cells else []
            elif cells:
                if len(cells) != len(header):
                    raise QuerygenError.of(
                        "bad-row",
                        f"{len(cells)} values under a header of {len(header)} columns",
                        span=Span(str(path), line, 1),
                        help=_CSV_HELP,
                    )
                values = {name: cell or None for name, cell in zip(header, cells, strict=True)}
                yield Row(path, line, "".join(source), values)
            line = reader.line_num + 1
            source.clear()
    except csv.Error as error:
        raise _broken_csv(path, line, source, error) from None


def _kept_in(source: list[str]) -> Callable[[str], str]:
    """A function that gives each line back after adding it to `source`."""

    def keep(line: str) -> str:
        source.append(line)
        return line

    return keep


def _broken_csv(path: Path, line: int, source: Sequence[str], error: csv.Error) -> QuerygenError:
    """The finding that the row which begins in `line` is no CSV."""
    advice = "end lines with line feeds" if "new-line" in str(error) else _CSV_HELP
    text = source[0].rstrip("\r\n").split("\r", maxsplit=1)[0] if source else ""
    finding = excerpt("bad-row", f"not valid CSV: {error}", Span(str(path), line, 1), text, advice)
    return QuerygenError((finding,))


def csv_header(path: Path) -> list[str]:
    """The names in the first line; none in a file of empty lines.

    Raises:
        QuerygenError: the file is no CSV, or its first line is empty.
    """
    source: list[str] = []
    try:
        for number, cells in enumerate(csv.reader(map(_kept_in(source), _lines(path)))):
            if cells and number:
                raise QuerygenError.of(
                    "bad-row",
                    "the first line is empty, where the names of the columns are expected",
                    span=Span(str(path), 1, 1),
                    help="take it out",
                )
            if cells:
                return [cells[0].removeprefix("\ufeff"), *cells[1:]]
    except csv.Error as error:
        raise _broken_csv(path, 1, source, error) from None
    return []


def _misfit(wanted: Field, value: object, keys: tuple[str, ...], path: str) -> Misfit | None:
    if value is None:
        return None
    if wanted.repeated:
        if not isinstance(value, list):
            return Misfit(keys, path, value, wanted)
        element = replace(wanted, repeated=False)
        found = (_misfit(element, item, keys, f"{path}[{i}]") for i, item in enumerate(value))
        return next(filter(None, found), None)
    if wanted.type in ("STRING", "JSON"):
        return None
    if wanted.type == "RECORD":
        if not isinstance(value, dict):
            return Misfit(keys, path, value, wanted)
        inside = (
            _misfit(child, inner, (*keys, key), f"{path}.{child.name}" if path else child.name)
            for key, inner in value.items()
            if (child := wanted.fields.get(key.lower()))
        )
        return next(filter(None, inside), None)
    text = value if isinstance(value, str) else json.dumps(value)
    return None if _is_value(wanted.type, text) else Misfit(keys, path, value, wanted)


def _csv_misfit(row: Row, wanted: Field) -> Misfit | None:
    for name, text in row.values.items():
        field: Field | None = wanted
        for segment in name.split("."):
            field = field.fields.get(segment.lower()) if field else None
        if field is None or text is None:
            continue
        value = text
        if field.repeated or field.type in ("RECORD", "JSON"):
            try:
                value = _parsed(text, _DEEPEST)
            except json.JSONDecodeError:
                return Misfit((), name, text, field)
            except _TwiceError as error:
                raise _twice(row, error) from None
        misfit = _misfit(field, value, (), name)
        if misfit:
            return replace(misfit, keys=())
    return None


def _is_value(kind: str, text: str) -> bool:
    """Whether the text is a value of the BigQuery type `kind`."""
    if not is_spelt_as(kind, text):
        return False
    try:
        if kind == "INT64":
            return -(2**63) <= int(text.partition(".")[0]) < 2**63
        if kind in ("DATE", "DATETIME"):
            date.fromisoformat(text[:10])
        if kind == "TIMESTAMP":  # also in UTC it must be in the years that there are
            moment = datetime.fromisoformat(re.sub(" ?UTC$", "Z", text))
            moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        if kind == "BYTES":
            base64.b64decode(text, validate=True)
        clock = re.search(r"\d\d:\d\d(:\d\d)?", text)
        if kind in ("TIME", "DATETIME") and clock:
            time.fromisoformat(clock[0])
    except (ValueError, OverflowError):
        return False
    return True


def _has(value: object, keys: Sequence[str]) -> bool:
    if not keys:
        return True
    if isinstance(value, list):
        return any(_has(item, keys) for item in value)
    return isinstance(value, dict) and keys[0] in value and _has(value[keys[0]], keys[1:])
