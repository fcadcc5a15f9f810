"""What a `*.test.yaml` file consists of, as frozen pydantic models that refuse unknown keys.

Only the shape is checked here. What names of columns, fixtures and CTEs mean is looked up where they are
used.
"""

import contextlib
import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, StrictBool, StrictStr, Tag
from pydantic import model_validator as validator

from querygen.conditions import StrictModel, json_schema_of, problem, unused
from querygen.spec import Spec

Row = dict[StrictStr, Any]


def _day(value: Any) -> Any:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(value)
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise problem("bad-today", f"`{value}` is no day", "write a date such as 2020-04-20")
    return value


Distance = Annotated[float, Field(strict=True, ge=0)]


class Tolerance(StrictModel):
    """How far a FLOAT64 may be from what is expected: `abs`, or `rel` times the expected number."""

    abs: Distance = Field(1e-9, description="the absolute distance", examples=[0.001])
    rel: Distance = Field(
        1e-6, description="the distance as a fraction of the expected number", examples=[0.01]
    )


class RowsFile(StrictModel):
    """Rows that stand in a file."""

    file: StrictStr = Field(
        description="beside the test file: .ndjson, .csv or .parquet as `--data` reads them, a glob or a "
        "folder; or .yaml, a list of rows as they can be written here, below the key `rows`",
        examples=["data/main.ndjson"],
    )


def _kind_of_rows(value: Any) -> str:
    return "file" if isinstance(value, dict | RowsFile) else "rows"


Rows = Annotated[
    Annotated[tuple[Row, ...], Tag("rows")] | Annotated[RowsFile, Tag("file")], Discriminator(_kind_of_rows)
]
Tables = dict[StrictStr, Rows]


def _kind_of_given(value: Any) -> str:
    return "tables" if isinstance(value, dict) else "names" if isinstance(value, list | tuple) else "name"


Given = Annotated[
    Annotated[StrictStr, Tag("name")]
    | Annotated[tuple[StrictStr, ...], Tag("names")]
    | Annotated[Tables, Tag("tables")],
    Discriminator(_kind_of_given),
]


class Expectation(StrictModel):
    """Rows that a result, or a CTE, must have."""

    rows: tuple[Row, ...] = Field(
        description="column: value, null, or a matcher: {approx: 4.2, rel: 0.01}, {between: [0, 1]}, "
        "{matches: '^p'}, {is_null: false}, {any: true}; a column that is not named is not compared",
        examples=[[{"os": "Mac", "percentile": 0.5, "value": 4, "n_clients": 2}]],
    )
    key: Annotated[tuple[StrictStr, ...], Field(min_length=1)] | None = Field(
        None,
        description="the columns that tell rows apart; by default the result's own key, as far as the rows "
        "name its columns",
        examples=[["os"]],
    )
    columns: Literal["subset", "exact"] = Field(
        "subset", description="whether each row must name all columns (`exact`)", examples=["exact"]
    )
    order: Literal["ignore", "strict"] = Field(
        "ignore", description="whether the order of rows counts", examples=["strict"]
    )
    other_rows: Literal["refuse", "ignore"] = Field(
        "refuse", description="what becomes of rows that are not expected", examples=["ignore"]
    )
    tolerance: Tolerance | None = Field(None, description="instead of the test's", examples=[{"rel": 0.01}])


class ExpectedError(StrictModel):
    """An error that the spec must have: all that is given must hold of one finding."""

    code: StrictStr | None = Field(
        None, description="the error's name, such as `unknown-dimension`", examples=["unknown-dimension"]
    )
    path: StrictStr | None = Field(
        None, description="where in the spec, such as `filters.channel`", examples=["filters.channel"]
    )
    matches: StrictStr | None = Field(
        None, description="a regular expression that the message holds", examples=["no column"]
    )

    @validator(mode="after")
    def _check_given(self) -> "ExpectedError":
        if not self.model_fields_set:
            raise problem("empty-expectation", "this expects no error in particular", "add `code: …`")
        return self


class TestCase(StrictModel):
    """One test: rows, and what becomes of them."""

    description: StrictStr | None = Field(
        None,
        description="why this test is there",
        examples=["a client that sends much must not outweigh the others"],
    )
    given: Given | None = Field(
        None,
        description="{table: rows}, {table: {file: PATH}}, the name of a fixture, or a list of names",
        examples=[
            {"telemetry.main": [{"client_id": "a", "hist": {"1": 2, "4": 1}}]},
            {"telemetry.main": {"file": "data/main.ndjson"}},
            "two clients",
        ],
    )
    with_: dict[StrictStr, Any] = Field(
        default_factory=dict,
        alias="with",
        description="keys of the spec with other values; of `filters` each by itself; null takes a key out",
        examples=[{"percentiles": [0.5], "filters": {"os": None}}],
    )
    tolerance: Tolerance | None = Field(None, description="instead of the file's", examples=[{"abs": 0.001}])
    expect: Expectation | None = Field(
        None, description="the result's rows", examples=[{"rows": [{"percentile": 0.5, "value": 4}]}]
    )
    expect_cte: Annotated[dict[StrictStr, Expectation], Field(min_length=1)] | None = Field(
        None,
        description="the rows of single CTEs",
        examples=[{"clients": {"rows": [{"client_id": "a", "n_samples": 3}]}}],
    )
    expect_error: ExpectedError | None = Field(
        None,
        description="the error that the spec, or its data, has",
        examples=[{"code": "unknown-dimension"}],
    )
    snapshot: StrictBool = Field(
        False, description="compare the result with the rows stored beside the file", examples=[True]
    )
    sql_snapshot: Literal["bigquery", "duckdb"] | None = Field(
        None, description="compare the SQL text with the one stored beside the file", examples=["bigquery"]
    )

    @validator(mode="after")
    def _check_expectations(self) -> "TestCase":
        of_rows = [name for name in ("expect", "expect_cte", "snapshot") if getattr(self, name)]
        if not of_rows and self.expect_error is None and self.sql_snapshot is None:
            raise problem("no-expectation", "this test expects nothing", "add `expect:`, or `snapshot: true`")
        if self.expect_error is not None and (of_rows or self.sql_snapshot):
            raise unused("expect_error", "leaves no rows to expect", "make it a test of its own")
        if of_rows and self.given is None:
            raise problem("no-rows", f"`{of_rows[0]}` needs rows", "add `given: {telemetry.main: […]}`")
        return self


class Defaults(StrictModel):
    """What holds for all tests of the file that don't say otherwise."""

    today: Annotated[dt.date, BeforeValidator(_day)] | None = Field(
        None, description="the day that `last: 14 days` ends on, as `--today`", examples=["2020-04-20"]
    )
    tolerance: Tolerance = Field(
        default_factory=Tolerance, description="how far a FLOAT64 may be off", examples=[{"rel": 0.01}]
    )
    row: Row = Field(
        default_factory=dict,
        description="what each row given here has, unless it says otherwise",
        examples=[{"channel": "nightly", "os": "Windows"}],
    )


class CaseFile(StrictModel):
    """A test file. `querygen schema --tests` prints this model as a JSON Schema."""

    spec: StrictStr | dict[StrictStr, Any] = Field(
        description="the spec's path, beside the test file; or the spec itself",
        examples=["spinner.yaml", {"measure": "counts", "allow_full_scan": True}],
    )
    probes: StrictStr | None = Field(
        None, description="probe definitions, as `--probes`", examples=["probes"]
    )
    schema_: dict[StrictStr, StrictStr] = Field(
        default_factory=dict,
        alias="schema",
        description="table: what `bq show --schema` prints, as `--schema`",
        examples=[{"telemetry.main": "main.5.bq.xz"}],
    )
    defaults: Defaults = Field(
        default_factory=Defaults,
        description="what holds for all tests",
        examples=[{"row": {"channel": "nightly"}}],
    )
    fixtures: dict[StrictStr, Tables] = Field(
        default_factory=dict,
        description="rows that several tests are given, by a name",
        examples=[{"two clients": {"telemetry.main": [{"client_id": "a"}, {"client_id": "b"}]}}],
    )
    tests: Annotated[dict[StrictStr, TestCase], Field(min_length=1)] = Field(
        description="the tests, by name",
        examples=[
            {
                "counts clients": {
                    "given": {"telemetry.main": [{"client_id": "a"}]},
                    "expect": {"rows": [{"n_clients": 1}]},
                }
            }
        ],
    )


# The model of the keys below a key of this name.
PARTS: dict[str, type[StrictModel]] = {
    "defaults": Defaults,
    "expect": Expectation,
    "expect_cte": Expectation,
    "expect_error": ExpectedError,
    "fixtures": RowsFile,
    "given": RowsFile,
    "tests": TestCase,
    "tolerance": Tolerance,
}


def _or_null(key: dict[str, Any]) -> dict[str, Any]:
    """The schema of a key that null takes out; what is said of it stays where editors look for it."""
    rest = {name: value for name, value in key.items() if name not in ("description", "examples", "default")}
    return {**_said(key), "anyOf": [rest, {"type": "null"}]}


def _said(key: dict[str, Any]) -> dict[str, Any]:
    return {name: key[name] for name in ("description", "examples")}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of test files, with the spec's in it."""
    made = json_schema_of(CaseFile)
    spec = json_schema_of(Spec)
    made["$defs"] |= spec.pop("$defs")
    filters = spec["properties"]["filters"]
    filters = {
        **filters,
        "additionalProperties": {"anyOf": [filters["additionalProperties"], {"type": "null"}]},
    }
    relaxed = {name: _or_null(value) for name, value in {**spec["properties"], "filters": filters}.items()}
    made["$defs"] |= {"Spec": spec, "Overrides": {**spec, "title": "Overrides", "properties": relaxed}}
    written = made["properties"]["spec"]
    written["anyOf"] = [{"type": "string"}, {"$ref": "#/$defs/Spec"}]
    case = made["$defs"]["TestCase"]["properties"]
    case["with"] = {"$ref": "#/$defs/Overrides", **_said(case["with"])}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | made
