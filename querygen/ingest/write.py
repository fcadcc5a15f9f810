"""Rows into a file: NDJSON line by line, or Parquet."""

import gzip
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, cast

from querygen.errors import UsageError
from querygen.ingest.rows import compact
from querygen.schema import Field, Schema

if TYPE_CHECKING:
    import pyarrow

_BATCH: Final = 1 << 23  # bytes of JSON that become one row group of a Parquet file
_ALONE = re.compile("[\ud800-\udfff]")  # half of a character, which UTF-8 cannot have
_LINES = (".ndjson", ".jsonl")


class Writer(Protocol):
    """Takes rows, one by one."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Takes a row; its values are as in JSON."""


def check_output(output: Path) -> None:
    """Checks that the name says how to write the file.

    Raises:
        UsageError: it ends in none of the known extensions.
    """
    if not (_is_lines(output) or output.suffix == ".parquet"):
        raise UsageError.of(
            "unknown-format",
            f"`{output}` ends in no format that pings can be written in",
            help="name it such as pings.ndjson, pings.ndjson.gz or pings.parquet",
        )


@contextmanager
def writer(path: Path, output: Path, schema: Schema) -> Iterator[Writer]:
    """Writes to `path` what will be called `output`, in the format of that name.

    The file is complete when the context ends. An NDJSON file, compressed or not, is the same for the same
    rows.
    """
    with path.open("wb") as file:
        if output.suffix == ".parquet":
            with tempfile.TemporaryFile(dir=path.parent) as spool:
                rows = _Rows(spool, schema.root)
                yield rows
                rows.to_parquet(file)
        elif output.suffix == ".gz":
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield _Rows(cast(IO[bytes], packed), None)
        else:
            yield _Rows(file, None)


def _is_lines(output: Path) -> bool:
    name = output.name.removesuffix(".gz")
    return name.endswith(_LINES)


class _Rows:
    """Rows as lines; with a schema, also which of its columns they use."""

    def __init__(self, file: IO[bytes], record: Field | None) -> None:
        self._file = file
        self._record = record
        self._used: dict[str, Any] = {}

    def write(self, row: Mapping[str, Any]) -> None:
        line = compact(row)
        try:
            data = line.encode()
        except UnicodeEncodeError:
            data = _ALONE.sub("\ufffd", line).encode()
        self._file.write(data + b"\n")
        if self._record is not None:
            _note(self._record, row, self._used)

    def to_parquet(self, output: IO[bytes]) -> None:
        """Writes the lines again, in columns: only those that any row has, since others are NULL anyway.

        Which columns an open schema has is known only at the end, hence the detour over lines.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        record = _used(self._record or Field("", "RECORD"), self._used)
        columns = pa.schema([pa.field(name, _arrow_type(field)) for name, field in record.fields.items()])
        self._file.seek(0)
        with pq.ParquetWriter(output, columns, compression="zstd") as parquet:
            while batch := self._file.readlines(_BATCH):
                rows = [_arrow_value(record, json.loads(line)) for line in batch]
                parquet.write_table(pa.Table.from_pylist(rows, columns))


def _note(record: Field, row: Mapping[str, Any], used: dict[str, Any]) -> None:
    """Notes the names in the row, and in its records."""
    for name, value in row.items():
        inside = used.setdefault(name, {})
        if isinstance(value, dict):
            field = record.child(name)
            if field is not None and field.type == "RECORD":
                _note(field, value, inside)


def _used(record: Field, names: Mapping[str, Any]) -> Field:
    """The record with those fields only, in the schema's order, those that are open in alphabetical order."""
    place = {name: number for number, name in enumerate(record.fields)}
    fields = {}
    for name in sorted(names, key=lambda name: (place.get(name.lower(), len(place)), name)):
        field = record.child(name)
        if field is not None:
            fields[field.name] = _used(field, names[name]) if names[name] else field
    return replace(record, fields=fields, open=None)


def _arrow_type(field: Field) -> "pyarrow.DataType":
    import pyarrow as pa

    if field.type == "RECORD":
        kind = pa.struct([pa.field(inner.name, _arrow_type(inner)) for inner in field.fields.values()])
    else:
        known = {"INT64": pa.int64(), "FLOAT64": pa.float64(), "BOOL": pa.bool_()}
        known["TIMESTAMP"] = pa.timestamp("us", tz="UTC")
        kind = known.get(field.type, pa.string())
    return pa.list_(kind) if field.repeated else kind


def _arrow_value(field: Field, value: Any) -> Any:
    """The value as Arrow takes it for a column of `_arrow_type`."""
    if value is None:
        return None
    if field.repeated:
        element = replace(field, repeated=False)
        return [_arrow_value(element, inner) for inner in value]
    if field.type == "RECORD":
        return {name: _arrow_value(field.fields[name.lower()], inner) for name, inner in value.items()}
    if field.type == "TIMESTAMP":
        return datetime.fromisoformat(value.removesuffix(" UTC"))
    if field.type == "FLOAT64":
        return float(value)
    return compact(value) if field.type == "JSON" else value
