"""Runs BigQuery's dialect on Google's own reference evaluator, in this process.

The package `zetasql` carries Google's open-source analyzer and evaluator as WebAssembly. It is the judge of
whether a text is valid and of what it means, not a fast engine: a thousand pings take about a second.
Importing this module is cheap; the evaluator is loaded by the first query.
"""

import atexit
import ctypes
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from querygen.engines.googlesql_values import fill_columns, fill_fields, fill_rows, to_arrow
from querygen.errors import EngineError, QuerygenError, Span
from querygen.schema import Schema
from querygen.udfs import Udf, bigquery_function

# What an error says of its place, at the end of the message: `[at 3:14]`.
_PLACE = re.compile(r"\s*\[at (\d+):(\d+)\]\s*$")


def run(sql: str, tables: Mapping[str, pa.Table], functions: Sequence[Udf] = ()) -> pa.Table:
    """Evaluates one query.

    Args:
        sql: a query in BigQuery's dialect, optionally with `CREATE TEMP FUNCTION` statements in front. It
            names each table in one pair of backticks, `` `telemetry.main` ``.
        tables: the tables by that name. Arrow types become BigQuery's: a timestamp with a time zone
            TIMESTAMP, one without DATETIME, a list ARRAY, a struct STRUCT.
        functions: what the query may call as `hist.extract(…)` and as `mozfun.hist.extract(…)`.

    Returns:
        The rows, typed; columns without a name are `f0_`, `f1_`, … as on BigQuery.

    Raises:
        EngineError: zetasql is not installed, the text is invalid, or its evaluation failed.
    """
    zetasql = _zetasql()
    query, creates = _without_functions(sql)
    try:
        with _engine_errors():
            catalog = _catalog(creates)
            for name, table in tables.items():
                fill_columns(catalog.table.add(name=name), table.schema)
            _add_functions(catalog, functions)
            request = zetasql.service.EvaluateQueryRequest(
                sql=query, options=_analyzer_options(), simple_catalog=catalog
            )
            for name, table in tables.items():
                fill_rows(request.table_content[name].table_data, table)
            response = _call("EvaluateQuery", request, zetasql.service.EvaluateQueryResponse)
    except zetasql.ServerError as error:
        raise _error(_refusal(error), sql) from error
    return to_arrow(response.prepared.columns, response.content.table_data.row)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Google's analyzer has against a text, and the place, counted from 1; 0 where it tells none."""

    message: str
    line: int
    column: int


def analyze(sql: str, schemas: Mapping[str, Schema]) -> Refusal | None:
    """Has Google's analyzer check one query, without evaluating it. None if it is valid.

    Schemas of any width will do: a table's schema stays with the evaluator as long as the same object is
    given, so that only the first query pays for it (50 ms for telemetry.main's 10,000 columns).

    Args:
        sql: as for `run`.
        schemas: the tables' columns by the tables' names; open records have the fields they list.

    Raises:
        EngineError: zetasql is not installed, or stopped.
    """
    zetasql = _zetasql()
    query, creates = _without_functions(sql)
    try:
        with _engine_errors():
            catalog = _registered(schemas, tuple(creates))
            # To prepare it is to analyze it, and answers with a number. To analyze it answers with a tree
            # that has the type of each column at each mention, a megabyte for telemetry.main.
            options = _analyzer_options()
            request = zetasql.service.PrepareQueryRequest(
                sql=query, options=options, registered_catalog_id=catalog
            )
            try:
                response = _call("PrepareQuery", request, zetasql.service.PrepareQueryResponse)
            except zetasql.ServerError:
                # What the evaluator lacks is no fault of the text: the analyzer alone has the last word.
                whole = zetasql.service.AnalyzeRequest(
                    sql_statement=query, options=options, registered_catalog_id=catalog
                )
                _call("Analyze", whole, zetasql.service.AnalyzeResponse)
            else:
                number = response.prepared.prepared_query_id
                _call("UnprepareQuery", zetasql.service.UnprepareQueryRequest(prepared_query_id=number))
    except zetasql.ServerError as error:
        return _refusal(error)
    return None


@cache
def _zetasql() -> SimpleNamespace:
    """The modules of the package that are needed here: its protocol messages, and the client below them.

    Its documented Python API converts every message once more, value by value, which takes longer than the
    evaluation does.
    """
    try:
        from zetasql.core import wasm_client
        from zetasql.core.exceptions import ServerError
        from zetasql.wasi import get_wasm_path
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2
        from zetasql.wasi._pb2.zetasql.proto import function_pb2, options_pb2, simple_catalog_pb2
        from zetasql.wasi._pb2.zetasql.public import options_pb2 as public_options_pb2
        from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_node_kind_pb2
    except ImportError as error:
        raise EngineError.of(
            "missing-extra",
            f"the engine googlesql is not installed ({error})",
            help="pip install 'querygen[googlesql]'",
        ) from error
    return SimpleNamespace(
        wasm_client=wasm_client,
        ServerError=ServerError,
        wasm_path=get_wasm_path,
        service=local_service_pb2,
        function=function_pb2,
        options=options_pb2,
        catalog=simple_catalog_pb2,
        public=public_options_pb2,
        nodes=resolved_node_kind_pb2,
    )


@cache
def _client() -> Any:
    """The evaluator of this process: 8 to 20 seconds the first time ever, 0.3 out of wasmtime's cache."""
    wasm_client = _zetasql().wasm_client
    base: Any = wasm_client.WasmClient

    class Client(base):  # type: ignore[misc]
        """Copies messages at once; the package's own client does it byte by byte, in Python."""

        def _address(self, pointer: int) -> int:
            start = ctypes.cast(self.memory.data_ptr(), ctypes.c_void_p).value
            assert start is not None  # noqa: S101 the memory of an instance is never at address 0
            return start + pointer

        def write_bytes(self, pointer: int, data: bytes) -> None:
            ctypes.memmove(self._address(pointer), data, len(data))

        def read_bytes(self, pointer: int, size: int) -> bytes:
            return ctypes.string_at(self._address(pointer), size)

    # The client makes a Config of its own; it must be one that keeps the compiled module on disk.
    uncached_config = wasm_client.Config
    wasm_client.Config = _caching_config
    # Let go of it before the interpreter takes wasmtime's modules apart, which ends in warnings.
    atexit.register(_client.cache_clear)
    try:
        return Client(_zetasql().wasm_path())
    finally:
        wasm_client.Config = uncached_config


def _caching_config() -> Any:
    import wasmtime

    config = wasmtime.Config()
    try:
        config.cache = True
    except wasmtime.WasmtimeError:  # no folder to write to: compile anew
        return wasmtime.Config()
    return config


@cache
def _analyzer_options() -> Any:
    """All of the language as BigQuery's users see it, in UTC (the evaluator itself is in Los Angeles)."""
    zetasql = _zetasql()
    language = _call(
        "GetLanguageOptions",
        zetasql.service.LanguageOptionsRequest(maximum_features=True),
        zetasql.options.LanguageOptionsProto,
    )
    language.product_mode = zetasql.public.PRODUCT_EXTERNAL
    language.supported_statement_kinds.append(zetasql.nodes.RESOLVED_CREATE_FUNCTION_STMT)
    defaults = _call(
        "GetAnalyzerOptions", zetasql.service.AnalyzerOptionsRequest(), zetasql.options.AnalyzerOptionsProto
    )
    rewrites = {*defaults.enabled_rewrites, zetasql.public.REWRITE_INLINE_SQL_FUNCTIONS}
    return zetasql.options.AnalyzerOptionsProto(
        language_options=language,
        default_timezone="UTC",
        enabled_rewrites=sorted(rewrites),
        error_message_mode=zetasql.public.ERROR_MESSAGE_ONE_LINE,  # with the place at the end
    )


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Turns whatever stops the evaluator into an EngineError; what it says of a text (ServerError) passes."""
    try:
        yield
    except (_zetasql().ServerError, QuerygenError):
        raise
    except Exception as error:
        # A trap leaves the instance in an unknown state: the next query gets another one.
        _client.cache_clear()
        _kept.clear()
        raise EngineError.of("googlesql", f"the evaluator stopped: {error}") from error


def _call(method: str, request: Any, response: Any = None) -> Any:
    """Calls one method of the evaluator's service."""
    answer = () if response is None else (response,)
    return _client().call_grpc_func(f"ZetaSqlLocalService_{method}", request, *answer)


def _refusal(error: Any) -> Refusal:
    # The package's own parser of this drops all lines but the first.
    message = re.sub(r"\ACode: \d+, Message: ", "", error.raw_error)
    place = _PLACE.search(message)
    if not place:
        return Refusal(message, 0, 0)
    return Refusal(message[: place.start()], int(place[1]), int(place[2]))


def _error(refusal: Refusal, sql: str) -> QuerygenError:
    if not refusal.line:
        return EngineError.of("googlesql", refusal.message)
    span = Span("query", refusal.line, refusal.column, source_line=line_of(sql, refusal.line))
    return EngineError.of("googlesql", refusal.message, span=span)


def line_of(sql: str, line: int) -> str | None:
    """A line of a text, counted from 1, as the analyzer counts them; None if there is none."""
    lines = re.split(r"\r\n|\r|\n", sql)
    return lines[line - 1] if line <= len(lines) else None


def _without_functions(sql: str) -> tuple[str, list[str]]:
    """Splits off the CREATE TEMP FUNCTIONs: the query, and those statements, each at its old place."""
    from sqlglot.dialects.bigquery import BigQuery
    from sqlglot.errors import TokenError
    from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

    if not re.search(r"\bCREATE\b", sql, re.IGNORECASE):
        return sql, []
    try:
        tokens = BigQuery().tokenize(sql)
    except TokenError as error:
        raise EngineError.of("googlesql", str(error)) from error
    creates: list[str] = []
    begin = 0  # of the statement that is being read
    is_create: bool | None = None
    for token in tokens:
        if is_create is None:
            is_create = token.token_type == TokenType.CREATE
        if token.token_type == TokenType.SEMICOLON and is_create:
            creates.append(_blank(sql[:begin]) + sql[begin : token.start])
            begin, is_create = token.end + 1, None
    return _blank(sql[:begin]) + sql[begin:], creates


def _blank(text: str) -> str:
    """As many blanks, so that what follows keeps its line and column."""
    return re.sub(r"[^\n]", " ", text)


@lru_cache(maxsize=256)
def _function(create: str) -> Any:
    """The message that defines the function of a CREATE FUNCTION, checked by the analyzer."""
    zetasql = _zetasql()
    options = _analyzer_options()
    request = zetasql.service.AnalyzeRequest(
        options=options, simple_catalog=_empty_catalog("checked"), sql_statement=create
    )
    response = _call("Analyze", request, zetasql.service.AnalyzeResponse)
    created = response.resolved_statement.resolved_create_statement_node.resolved_create_function_stmt_node
    function = zetasql.function.FunctionProto(
        name_path=created.parent.name_path,
        # The only group of functions with a body that the evaluator takes from outside. The body is analyzed
        # anew at every call, with the types that it has there.
        group="Templated_SQL_Function",
        signature=[created.signature],
        templated_sql_function_argument_name=created.argument_name_list,
    )
    function.parse_resume_location.input = created.code
    return function


def _empty_catalog(name: str) -> Any:
    zetasql = _zetasql()
    builtin = zetasql.options.ZetaSQLBuiltinFunctionOptionsProto(
        language_options=_analyzer_options().language_options
    )
    return zetasql.catalog.SimpleCatalogProto(name=name, builtin_function_options=builtin)


def _catalog(creates: Sequence[str]) -> Any:
    """What a query can name besides its tables: the language's functions, and those in front of the query."""
    catalog = _empty_catalog("query")
    catalog.custom_function.extend(map(_function, creates))
    return catalog


def _add_functions(catalog: Any, functions: Sequence[Udf]) -> None:
    """Puts our functions at both of their places."""
    datasets: dict[str, Any] = {}
    for udf in functions:
        function = _zetasql().function.FunctionProto()
        function.CopyFrom(_function(bigquery_function(udf, temporary=True).rstrip().removesuffix(";")))
        function.name_path[:] = udf.name.split(".")[1:]
        dataset = datasets.setdefault(udf.dataset, _zetasql().catalog.SimpleCatalogProto(name=udf.dataset))
        dataset.custom_function.append(function)
    catalog.catalog.extend(datasets.values())
    if datasets:
        catalog.catalog.add(name="mozfun").catalog.extend(datasets.values())


@dataclass(frozen=True, slots=True)
class _Kept:
    """A catalog that stays with the evaluator, and what it was made of."""

    number: int
    schemas: Mapping[str, Schema]
    creates: tuple[str, ...]


_kept: dict[tuple[str, ...], _Kept] = {}


def _registered(schemas: Mapping[str, Schema], creates: tuple[str, ...]) -> int:
    """The number of the catalog of these tables and functions; one is kept for each set of tables."""
    zetasql = _zetasql()
    tables = tuple(sorted(schemas))
    kept = _kept.get(tables)
    if kept and kept.creates == creates and all(kept.schemas[name] is schemas[name] for name in tables):
        return kept.number
    catalog = _catalog(creates)
    for name, schema in schemas.items():
        fill_fields(catalog.table.add(name=name), schema)
    request = zetasql.service.RegisterCatalogRequest(simple_catalog=catalog)
    number: int = _call("RegisterCatalog", request, zetasql.service.RegisterResponse).registered_id
    if kept:
        del _kept[tables]
        _call("UnregisterCatalog", zetasql.service.UnregisterRequest(registered_id=kept.number))
    _kept[tables] = _Kept(number, schemas, creates)
    return number
