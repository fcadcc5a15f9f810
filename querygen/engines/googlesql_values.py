"""Arrow tables to and from the messages of Google's evaluator (TypeProto, ValueProto, TableData).

NULL is a ValueProto without content. BigQuery's types and Arrow's:

    STRING string    INT64 int64    FLOAT64 double    BOOL bool    BYTES binary    NUMERIC decimal128(38, 9)
    DATE date32      DATETIME timestamp[us]           TIMESTAMP timestamp[us, tz=UTC]    TIME time64[us]
    ARRAY list       STRUCT struct
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from querygen.errors import EngineError
from querygen.schema import Field, Schema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_NANOS_BITS = 30  # of a packed TIME: the fields of its seconds stand above them
_NUMERIC_SCALE = 9
_NUMERIC_CONTEXT = Context(prec=38)  # the default rounds to 28 digits


@cache
def _types() -> Any:
    """The protocol's numbers for the types; zetasql is imported only once a query runs."""
    from zetasql.wasi._pb2.zetasql.public import type_pb2

    return type_pb2


def _is_text(arrow: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(arrow) or pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow)
    )


def _is_bytes(arrow: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow) or pa.types.is_binary_view(arrow)
    )


def _is_list(arrow: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(arrow) or pa.types.is_large_list(arrow) or pa.types.is_fixed_size_list(arrow)
    )


def _is_datetime(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(arrow) and arrow.tz is None)


def fill_columns(target: Any, schema: pa.Schema) -> None:
    """Writes the columns of an Arrow table into a SimpleTableProto."""
    for field in schema:
        _fill_type(target.column.add(name=field.name).type, field.type)


def fill_fields(target: Any, schema: Schema) -> None:
    """Writes the columns of a schema into a SimpleTableProto."""
    for field in schema.root.fields.values():
        _fill_field(target.column.add(name=field.name).type, field, repeated=field.repeated)


def _fill_field(target: Any, field: Field, *, repeated: bool) -> None:
    types = _types()
    if repeated:
        target.type_kind = types.TYPE_ARRAY
        _fill_field(target.array_type.element_type, field, repeated=False)
    elif field.type == "RECORD":
        target.type_kind = types.TYPE_STRUCT
        target.struct_type.SetInParent()
        for inner in field.fields.values():
            made = target.struct_type.field.add(field_name=inner.name).field_type
            _fill_field(made, inner, repeated=inner.repeated)
    else:
        name = {"FLOAT64": "DOUBLE"}.get(field.type, field.type)
        target.type_kind = types.TypeKind.Value(f"TYPE_{name}")


def _fill_type(target: Any, arrow: pa.DataType) -> None:
    """Writes the BigQuery type of an Arrow type into a TypeProto."""
    types = _types()
    if pa.types.is_dictionary(arrow):
        _fill_type(target, arrow.value_type)
    elif _is_list(arrow):
        target.type_kind = types.TYPE_ARRAY
        _fill_type(target.array_type.element_type, arrow.value_type)
    elif pa.types.is_struct(arrow):
        target.type_kind = types.TYPE_STRUCT
        target.struct_type.SetInParent()
        for field in arrow:
            _fill_type(target.struct_type.field.add(field_name=field.name).field_type, field.type)
    else:
        target.type_kind = _scalar_kind(arrow)


def _scalar_kind(arrow: pa.DataType) -> int:
    types = _types()
    kinds: list[tuple[Callable[[pa.DataType], bool], int]] = [
        (_is_text, types.TYPE_STRING),
        (pa.types.is_integer, types.TYPE_INT64),
        (pa.types.is_null, types.TYPE_INT64),  # as BigQuery types a bare NULL
        (pa.types.is_floating, types.TYPE_DOUBLE),
        (pa.types.is_boolean, types.TYPE_BOOL),
        (_is_bytes, types.TYPE_BYTES),
        (pa.types.is_date, types.TYPE_DATE),
        (pa.types.is_time, types.TYPE_TIME),
        (_is_datetime, types.TYPE_DATETIME),
        (pa.types.is_timestamp, types.TYPE_TIMESTAMP),
        (pa.types.is_decimal, types.TYPE_NUMERIC),
    ]
    for is_kind, kind in kinds:
        if is_kind(arrow):
            return kind
    raise EngineError.of("googlesql", f"the engine googlesql has no type for Arrow's {arrow}")


def fill_rows(target: Any, table: pa.Table) -> None:
    """Writes the rows of a table into a TableData."""
    target.SetInParent()  # without rows it is an empty table, not one without content
    columns = [(column.to_pylist(), _writer(column.type)) for column in table.columns]
    for index in range(table.num_rows):
        cells = target.row.add().cell
        for values, write in columns:
            write(values[index], cells.add())


def _writer(arrow: pa.DataType) -> Callable[[Any, Any], None]:
    """A function that writes a value of an Arrow type into a ValueProto; NULL is one without content."""
    if pa.types.is_dictionary(arrow):
        return _writer(arrow.value_type)
    if _is_list(arrow):
        return _list_writer(_writer(arrow.value_type))
    if pa.types.is_struct(arrow):
        return _struct_writer([(field.name, _writer(field.type)) for field in arrow])
    types = _types()
    special: dict[int, Callable[[Any, Any], None]] = {
        types.TYPE_DATE: _write_date,
        types.TYPE_TIME: _write_time,
        types.TYPE_DATETIME: _write_datetime,
        types.TYPE_TIMESTAMP: _write_timestamp,
        types.TYPE_NUMERIC: _write_numeric,
    }
    plain = {
        types.TYPE_STRING: "string_value",
        types.TYPE_INT64: "int64_value",
        types.TYPE_DOUBLE: "double_value",
        types.TYPE_BOOL: "bool_value",
        types.TYPE_BYTES: "bytes_value",
    }
    kind = _scalar_kind(arrow)
    return special[kind] if kind in special else _plain_writer(plain[kind])


def _plain_writer(attribute: str) -> Callable[[Any, Any], None]:
    def write(value: Any, target: Any) -> None:
        if value is not None:
            setattr(target, attribute, value)

    return write


def _list_writer(write_element: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def write(value: Any, target: Any) -> None:
        if value is not None:
            target.array_value.SetInParent()
            for element in value:
                write_element(element, target.array_value.element.add())

    return write


def _struct_writer(fields: list[tuple[str, Callable[[Any, Any], None]]]) -> Callable[[Any, Any], None]:
    def write(value: Any, target: Any) -> None:
        if value is not None:
            target.struct_value.SetInParent()
            for name, write_field in fields:
                write_field(value[name], target.struct_value.field.add())

    return write


def _write_date(value: date | None, target: Any) -> None:
    if value is not None:
        target.date_value = (value - _EPOCH_DAY).days


def _write_time(value: time | None, target: Any) -> None:
    if value is not None:
        seconds = value.hour << 12 | value.minute << 6 | value.second
        target.time_value = seconds << _NANOS_BITS | value.microsecond * 1000


def _write_datetime(value: datetime | None, target: Any) -> None:
    if value is not None:
        # Google's packed form: the fields beside each other, each as wide as it needs.
        packed = value.year << 26 | value.month << 22 | value.day << 17
        packed |= value.hour << 12 | value.minute << 6 | value.second
        target.datetime_value.bit_field_datetime_seconds = packed
        target.datetime_value.nanos = value.microsecond * 1000


def _write_timestamp(value: datetime | None, target: Any) -> None:
    if value is not None:
        seconds, microseconds = divmod((value - _EPOCH) // _MICROSECOND, 1_000_000)
        target.timestamp_value.seconds = seconds
        target.timestamp_value.nanos = microseconds * 1000


def _write_numeric(value: Decimal | None, target: Any) -> None:
    if value is not None:
        scaled = int(_NUMERIC_CONTEXT.scaleb(value, _NUMERIC_SCALE))
        target.numeric_value = scaled.to_bytes(scaled.bit_length() // 8 + 1, "little", signed=True)


def to_arrow(columns: Sequence[Any], rows: Sequence[Any]) -> pa.Table:
    """A typed table out of the columns (name and type) and rows of an answer."""
    readers = [_reader(column.type) for column in columns]
    arrays = [
        pa.array([read(row.cell[index]) for row in rows], arrow)
        for index, (arrow, read) in enumerate(readers)
    ]
    return pa.Table.from_arrays(arrays, names=_column_names([column.name for column in columns]))


def _column_names(names: Sequence[str]) -> list[str]:
    """The names of the columns; those without one (the analyzer calls them `$col1`) get BigQuery's."""
    anonymous = 0
    result = []
    for name in names:
        if not name or name.startswith("$"):
            result.append(f"f{anonymous}_")
            anonymous += 1
        else:
            result.append(name)
    return result


def _reader(target: Any) -> tuple[pa.DataType, Callable[[Any], Any]]:
    """The Arrow type of a TypeProto, and a function from its ValueProtos to Python values."""
    types = _types()
    kind = target.type_kind
    if kind == types.TYPE_ARRAY:
        element_type, read_element = _reader(target.array_type.element_type)
        return pa.list_(element_type), _nullable(
            lambda value: [read_element(element) for element in value.array_value.element]
        )
    if kind == types.TYPE_STRUCT:
        names = [
            field.field_name or f"_field_{number}" for number, field in enumerate(target.struct_type.field, 1)
        ]
        fields = [_reader(field.field_type) for field in target.struct_type.field]
        reads = [read for _, read in fields]
        return pa.struct([(name, arrow) for name, (arrow, _) in zip(names, fields, strict=True)]), _nullable(
            lambda value: {
                name: read(field)
                for name, read, field in zip(names, reads, value.struct_value.field, strict=True)
            }
        )
    scalars: dict[int, tuple[pa.DataType, Callable[[Any], Any]]] = {
        types.TYPE_STRING: (pa.string(), lambda value: value.string_value),
        types.TYPE_INT64: (pa.int64(), lambda value: value.int64_value),
        types.TYPE_DOUBLE: (pa.float64(), lambda value: value.double_value),
        types.TYPE_BOOL: (pa.bool_(), lambda value: value.bool_value),
        types.TYPE_BYTES: (pa.binary(), lambda value: value.bytes_value),
        types.TYPE_DATE: (pa.date32(), lambda value: _EPOCH_DAY + timedelta(days=value.date_value)),
        types.TYPE_TIME: (pa.time64("us"), _read_time),
        types.TYPE_DATETIME: (pa.timestamp("us"), _read_datetime),
        types.TYPE_TIMESTAMP: (pa.timestamp("us", tz="UTC"), _read_timestamp),
        types.TYPE_NUMERIC: (pa.decimal128(38, _NUMERIC_SCALE), _read_numeric),
    }
    if kind not in scalars:
        name = types.TypeKind.Name(kind).removeprefix("TYPE_")
        raise EngineError.of("googlesql", f"the engine googlesql cannot return a column of type {name}")
    arrow, read = scalars[kind]
    return arrow, _nullable(read)


def _nullable(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value.WhichOneof("value") is None else read(value)


def _read_time(value: Any) -> time:
    seconds, nanos = divmod(value.time_value, 1 << _NANOS_BITS)
    return time(seconds >> 12, seconds >> 6 & 0x3F, seconds & 0x3F, nanos // 1000)


def _read_datetime(value: Any) -> datetime:
    packed = value.datetime_value.bit_field_datetime_seconds
    return datetime(
        packed >> 26,
        packed >> 22 & 0xF,
        packed >> 17 & 0x1F,
        packed >> 12 & 0x1F,
        packed >> 6 & 0x3F,
        packed & 0x3F,
        value.datetime_value.nanos // 1000,
    )


def _read_timestamp(value: Any) -> datetime:
    moment = value.timestamp_value
    return _EPOCH + timedelta(seconds=moment.seconds, microseconds=moment.nanos // 1000)


def _read_numeric(value: Any) -> Decimal:
    scaled = int.from_bytes(value.numeric_value, "little", signed=True)
    return _NUMERIC_CONTEXT.scaleb(Decimal(scaled), -_NUMERIC_SCALE)
