"""The spec: what a question consists of, as frozen pydantic models that refuse unknown keys.

Only the shape is checked here, and what the keys mean to each other. Names of probes, columns and
dimensions are looked up by `resolve`, which knows the catalog.
"""

import contextlib
import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from querygen import buckets

Measure = Literal["percentiles", "distribution", "summary", "counts", "pings"]
Normalization = Literal["none", "client", "client_day"]

DEFAULT_PERCENTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
HISTOGRAM_FIELDS = (
    "histogram",
    "bucket_count",
    "histogram_type",
    "sum",
    "range_low",
    "range_high",
    "n_samples",
)


def _problem(code: str, message: str, help: str = "", key: str = "") -> PydanticCustomError:  # noqa: A002
    """An error of ours in a pydantic validator; `help` and the `key` it is about travel in its context."""
    context = {"code": code, "message": message, "help": help, "key": key}
    return PydanticCustomError("querygen", "{message}", context)


def _unused(key: str, why: str, help: str = "") -> PydanticCustomError:  # noqa: A002
    """The error for a key that has no meaning beside the others."""
    return _problem("unused-key", f"`{key}` {why}", help or f"leave out `{key}`", key=key)


class StrictModel(BaseModel):
    """The base of every part of a spec: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


def _kind_of_scalar(value: Any) -> str:
    """Which branch of `Scalar` a value takes; None has none, so that it is refused in words of ours."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "whole number"
    if isinstance(value, float):
        return "number"
    if isinstance(value, dt.datetime):
        return "time"
    if isinstance(value, dt.date):
        return "date"
    return "text" if isinstance(value, str) else "nothing"


Value = Annotated[
    Annotated[StrictBool, Tag("true or false")]
    | Annotated[StrictInt, Tag("whole number")]
    | Annotated[StrictFloat, Tag("number")]
    | Annotated[dt.datetime, Tag("time")]
    | Annotated[dt.date, Tag("date")]
    | Annotated[StrictStr, Tag("text")],
    Discriminator(
        _kind_of_scalar,
        custom_error_type="querygen_value",
        custom_error_message="expected a value: text, a number, a date, true or false",
    ),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
Values = Annotated[tuple[Value, ...], Field(min_length=1)]
Number = Annotated[
    Annotated[StrictInt, Tag("whole number")] | Annotated[StrictFloat, Tag("number")],
    Discriminator(
        _kind_of_scalar, custom_error_type="querygen_number", custom_error_message="expected a number"
    ),
    WithJsonSchema({"type": "number"}),
]


def _value_kind(value: Any) -> str:
    return "list" if isinstance(value, list | tuple) else "value"


class Condition(StrictModel):
    """A filter with operators; several of them in one mapping must all hold."""

    from_: Value | None = Field(None, alias="from", description="at least this, inclusive")
    to: Value | None = Field(None, description="at most this, inclusive; all builds of a `to` day count")
    gte: Value | None = Field(None, description="greater than or equal")
    gt: Value | None = Field(None, description="greater than")
    lte: Value | None = Field(None, description="less than or equal")
    lt: Value | None = Field(None, description="less than")
    not_: (
        Annotated[Annotated[Value, Tag("value")] | Annotated[Values, Tag("list")], Discriminator(_value_kind)]
        | None
    ) = Field(None, alias="not", description="none of these values; rows without a value are kept")
    is_null: StrictBool | None = Field(None, description="only rows without (true) or with (false) a value")
    last: StrictStr | None = Field(
        None, description="`14 days` or `2 weeks`, the last of which is `today`", examples=["14 days"]
    )

    @field_validator("last", mode="before")
    @classmethod
    def _check_last(cls, last: Any) -> Any:
        if last is not None and not re.fullmatch(r"[1-9][0-9]{0,4} (?:day|week)s?", str(last), re.ASCII):
            help_ = (
                f"write `{last} days`"
                if isinstance(last, int)
                else "write for example `14 days` or `2 weeks`"
            )
            raise _problem("bad-last", f"`{last}` is no length of time", help_)
        return last

    @model_validator(mode="after")
    def _check_operators(self) -> "Condition":
        given = self.model_fields_set
        if not given:
            raise _problem("empty-filter", "a filter needs an operator", "write for example {from: …, to: …}")
        for one, other in (
            ("from_", "gte"),
            ("from_", "gt"),
            ("gte", "gt"),
            ("to", "lte"),
            ("to", "lt"),
            ("lte", "lt"),
        ):
            if one in given and other in given:
                raise _problem(
                    "two-bounds",
                    f"`{one.rstrip('_')}` and `{other}` both set the same end of the range",
                    "keep one of the two",
                    key=other,
                )
        if "last" in given and given & {"from_", "to", "gte", "gt", "lte", "lt"}:
            message = "`last` already sets both ends of the range"
            raise _problem("two-bounds", message, "keep `last`, or from and to", key="last")
        for name in given:
            if getattr(self, name) is None:
                key = name.rstrip("_")
                raise _problem(
                    "empty-operator",
                    f"`{key}` has no value",
                    "for rows without a value write {is_null: true}",
                    key=key,
                )
        return self

    @property
    def days(self) -> int | None:
        """The length of `last` in days."""
        if self.last is None:
            return None
        count, unit = self.last.split()
        return int(count) * (7 if unit.startswith("week") else 1)


def _filter_kind(value: Any) -> str:
    if isinstance(value, dict | Condition):
        return "operators"
    return _value_kind(value)


Filter = Annotated[
    Annotated[Value, Tag("value")] | Annotated[Values, Tag("list")] | Annotated[Condition, Tag("operators")],
    Discriminator(_filter_kind),
]


class Case(StrictModel):
    """One row of a dimension's cases: the value where all of `when` holds."""

    value: StrictStr = Field(description="the dimension's value for these rows")
    when: dict[StrictStr, Filter] = Field(min_length=1, description="filters that must all hold")


def _cases_kind(value: Any) -> str:
    return "list" if isinstance(value, list | tuple) else "labels"


class DefinedDimension(StrictModel):
    """A dimension that needs a definition: another name, bands of a number, or cases."""

    name: StrictStr = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", description="the column's name in the result")
    of: StrictStr | None = Field(None, description="the dimension or column that it is made of")
    bands: tuple[Number, ...] | None = Field(
        None, min_length=1, description="ascending edges; a band holds its lower edge, not its upper"
    )
    cases: (
        Annotated[
            Annotated[tuple[Case, ...], Tag("list")] | Annotated[dict[StrictStr, Filter], Tag("labels")],
            Discriminator(_cases_kind),
        ]
        | None
    ) = Field(None, description="value and conditions, the first that holds; or label: filter on `of`")
    else_: StrictStr | None = Field(
        None, alias="else", description="the value of all other rows (default NULL)"
    )

    @model_validator(mode="after")
    def _check(self) -> "DefinedDimension":
        if self.bands is not None and self.cases is not None:
            message = "a dimension has either `bands` or `cases`"
            raise _problem("bands-and-cases", message, "make it two dimensions", key="cases")
        if self.bands is not None and list(self.bands) != sorted(set(self.bands)):
            help_ = f"write {sorted(set(self.bands))}"
            raise _problem("unordered-bands", "the edges of `bands` must ascend", help_, key="bands")
        if self.of is None and (self.cases is None or isinstance(self.cases, dict)):
            raise _problem(
                "nothing-to-define", f"`{self.name}` lacks `of`: the column it is made of", "add `of: COLUMN`"
            )
        if isinstance(self.cases, tuple) and self.of is not None:
            message = "cases with `when` name their columns themselves"
            raise _problem("unused-of", message, "leave out `of`", key="of")
        if self.cases is not None and not self.cases:
            raise _problem("empty-cases", "`cases` is empty", "add at least one case", key="cases")
        if self.else_ is not None and self.cases is None:
            raise _problem("unused-else", "`else` belongs to `cases`", "leave out `else`", key="else")
        return self


def _dimension_kind(value: Any) -> str:
    return "definition" if isinstance(value, dict | DefinedDimension) else "name"


Dimension = Annotated[
    Annotated[StrictStr, Tag("name")] | Annotated[DefinedDimension, Tag("definition")],
    Discriminator(_dimension_kind),
]


class DeclaredSource(StrictModel):
    """A table of the same shape as a known one (`telemetry.main_1pct` is like `telemetry.main`)."""

    table: StrictStr = Field(
        pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){1,2}$",
        description="`dataset.table` or `project.dataset.table`",
    )
    like: StrictStr = Field(description="the known table whose shape it has")


def _source_kind(value: Any) -> str:
    return "declaration" if isinstance(value, dict | DeclaredSource) else "name"


def _histogram_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "by table"
    return "list" if isinstance(value, list | tuple) else "name"


def _one_or_more(value: Any) -> str:
    return "list" if isinstance(value, list | tuple) else "name"


Names = Annotated[tuple[StrictStr, ...], Field(min_length=1)]
OneOrMore = Annotated[
    Annotated[StrictStr, Tag("name")] | Annotated[Names, Tag("list")], Discriminator(_one_or_more)
]


class TopKeys(StrictModel):
    """The keys with the most samples; all others are one row, `(other)`."""

    top: Annotated[StrictInt, Field(gt=0, le=1000)] = Field(description="how many keys")


def _kind_of_keys(value: Any) -> str:
    return "top keys" if isinstance(value, dict | TopKeys) else _one_or_more(value)


Keys = Annotated[
    Annotated[StrictStr, Tag("name")] | Annotated[Names, Tag("list")] | Annotated[TopKeys, Tag("top keys")],
    Discriminator(_kind_of_keys),
]


class BucketShape(StrictModel):
    """The buckets that a probe has, in the words of a ping (`range` and `bucket_count`) or of Glean."""

    exponential: tuple[StrictInt, StrictInt, StrictInt] | None = None
    linear: tuple[StrictInt, StrictInt, StrictInt] | None = None
    functional: tuple[StrictInt, StrictInt, StrictInt] | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> "BucketShape":
        if len(self.model_fields_set) != 1:
            help_ = "write for example {exponential: [1, 1000, 20]}"
            raise _problem("bad-buckets", "`buckets` is either exponential, linear or functional", help_)
        try:
            most = len(self.bounds)
        except (ValueError, OverflowError) as error:
            raise _problem(
                "bad-buckets", f"there are no such buckets: {error}", "low, high, bucket_count"
            ) from None
        if most > MOST_BUCKETS:
            raise _problem("bad-buckets", f"{most} buckets are too many", f"at most {MOST_BUCKETS}")
        return self

    @property
    def bounds(self) -> tuple[int, ...]:
        """The lower bound of each bucket, ascending."""
        if self.exponential:
            return buckets.exponential(*self._checked(self.exponential))
        if self.linear:
            return buckets.linear(*self._checked(self.linear))
        base, steps, high = self.functional or (0, 0, 0)
        if base < 2 or steps < 1 or not 0 < high < 2**63:
            raise ValueError("base from 2, steps from 1, high from 1")
        return buckets.functional(base, steps, high)

    @staticmethod
    def _checked(shape: tuple[int, int, int]) -> tuple[int, int, int]:
        low, high, count = shape
        if not 0 <= low < high < 2**63 or not 3 <= count <= MOST_BUCKETS:
            raise ValueError(f"low below high, and 3 to {MOST_BUCKETS} buckets")
        return shape


MOST_BUCKETS = 1000


def _kind_of_buckets(value: Any) -> str:
    return "shape" if isinstance(value, dict | BucketShape) else "name"


Histogram = Annotated[
    Annotated[StrictStr, Tag("name")]
    | Annotated[Names, Tag("list")]
    | Annotated[dict[StrictStr, OneOrMore], Field(min_length=1), Tag("by table")],
    Discriminator(_histogram_kind),
]
Unit = Literal["ns", "us", "ms", "s", "min", "h", "bytes", "KiB", "MiB", "GiB"]


def _check_percentile(p: float) -> float:
    if 0 <= p <= 1:
        return float(p)
    fraction = p / 100
    hint = f"write {fraction:g}" if 0 < fraction <= 1 else "0.5 is the median, 0.95 the 95th percentile"
    raise _problem("percentile-range", f"percentiles are fractions from 0 to 1, not {p:g}", hint)


def _check_today(value: Any) -> Any:
    is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    if value is None or is_day or value == "current":
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(value)
    raise _problem("bad-today", f"`{value}` is no day", "write a date such as 2020-04-20, or `current`")


Percentile = Annotated[float, Field(strict=True), AfterValidator(_check_percentile)]


class Spec(StrictModel):
    """One question to telemetry. `querygen schema` prints this model as a JSON Schema."""

    histogram: Histogram | None = Field(
        None,
        description="the probe or metric (case-insensitive), the path of its column, a list of them, "
        "or {table: name} for each table that the spec is compiled for",
        examples=["FX_TAB_SWITCH_SPINNER_VISIBLE_MS", "browser.tabswitch.spinner_visible"],
    )
    scalar: StrictStr | None = Field(
        None,
        description="instead of a histogram: a scalar, counter or quantity; each client's sum counts",
        examples=["browser.engagement.tab_open_event_count"],
    )
    source: Annotated[
        Annotated[StrictStr, Tag("name")] | Annotated[DeclaredSource, Tag("declaration")],
        Discriminator(_source_kind),
    ] = Field(
        "telemetry.main", description="the table asked, or {table: …, like: …} for one of the same shape"
    )
    process: OneOrMore = Field(
        "parent",
        description="the process that recorded it, a list, `children` (all but parent), or `combined` (all)",
    )
    key: Keys | None = Field(
        None,
        description="of keyed and labelled metrics: one key, a list, `*`, or {top: 10} for those with most "
        "samples and `(other)`; without it all are summed",
    )
    unit: Unit | None = Field(
        None, description="the unit that values are given in (Glean records ns and bytes)"
    )
    cube: StrictBool = Field(
        False, description="also the rows of all values, called `*`, of every combination of dimensions"
    )
    scale: StrictBool = Field(
        False, description="scale counts from the sample that `sample_id` lets in to all clients"
    )
    min_clients: Annotated[StrictInt, Field(gt=0)] | None = Field(
        None, description="groups of fewer clients have `low_data`"
    )
    low_data: Literal["mark", "drop"] = Field(
        "mark", description="whether rows with `low_data` are kept, or dropped and counted in `n_dropped`"
    )
    filters: dict[StrictStr, Filter] = Field(
        default_factory=dict,
        description="name: value | list (any of) | {from, to, gte, gt, lte, lt, not, is_null, last}",
    )
    dimensions: tuple[Dimension, ...] = Field((), description="what the result is split by")
    normalization: Normalization = Field(
        "none",
        description="who has one vote: nobody (every sample counts), each client, or each client and day",
    )
    percentiles: tuple[Percentile, ...] | None = Field(
        None,
        min_length=1,
        description="fractions from 0 to 1; 0.95 is the 95th percentile",
        examples=[[0.5, 0.95]],
    )
    percentile_method: Literal["bucket", "interpolated"] = Field(
        "bucket",
        description="the bucket that holds the percentile, or the place inside it (needs its bounds)",
    )
    buckets: Annotated[
        Annotated[Literal["observed", "all"], Tag("name")] | Annotated[BucketShape, Tag("shape")],
        Discriminator(_kind_of_buckets),
    ] = Field(
        "observed",
        description="of a distribution: buckets with samples, or all that the probe has, as its definition "
        "or a ping says: {exponential: [low, high, bucket_count]}, {linear: …}, {functional: …}",
    )
    prior: Literal["dirichlet"] | None = Field(
        None, description="smooth shares as GLAM does: each bucket begins with an equal part of one vote"
    )
    measure: Measure | None = Field(
        None, description="what is computed; percentiles where percentiles are given, otherwise distribution"
    )
    fields: tuple[StrictStr, ...] | None = Field(
        None,
        min_length=1,
        description=f"of `measure: pings`: columns, dimensions, {', '.join(HISTOGRAM_FIELDS)}",
    )
    limit: Annotated[StrictInt, Field(gt=0, le=2**63 - 1)] | None = Field(
        None, description="for `measure: pings`: rows at most"
    )
    title: StrictStr | None = Field(None, description="the first line of the SQL's header")
    description: StrictStr | None = Field(None, description="a line of the header, for readers of the SQL")
    today: Annotated[dt.date | Literal["current"], BeforeValidator(_check_today)] | None = Field(
        None, description="the day that `last` ends on; `current` prints CURRENT_DATE()"
    )
    allow_full_scan: StrictBool = Field(False, description="permit a query without a bounded range of dates")

    @field_validator("percentiles")
    @classmethod
    def _check_percentiles(cls, percentiles: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if percentiles is not None and len(set(percentiles)) < len(percentiles):
            raise _problem("duplicate-percentile", "a percentile is given twice", "keep one of each")
        return None if percentiles is None else tuple(sorted(percentiles))

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: Any) -> Any:
        """Fills in the measure, so that it is always known afterwards."""
        if isinstance(data, dict) and data.get("measure") is None:
            return {
                **data,
                "measure": "percentiles" if data.get("percentiles") is not None else "distribution",
            }
        return data

    @model_validator(mode="after")
    def _check_together(self) -> "Spec":
        if self.histogram is not None and self.scalar is not None:
            raise _problem(
                "two-probes", "`histogram` and `scalar` are both given", "write a spec for each", key="scalar"
            )
        probed = self.histogram is not None or self.scalar is not None
        if not probed and self.measure not in ("counts", "pings"):
            raise _problem("no-histogram", "a spec needs a `histogram`", "add `histogram: NAME`")
        if self.scalar is not None:
            self._check_scalar()
        if isinstance(self.key, TopKeys) and "key" not in self.dimensions:
            raise _problem("unused-key", "`key: {top: …}` tells keys apart", "add `key` to `dimensions`")
        if isinstance(self.key, TopKeys) and (self.scalar is not None or self.measure == "counts"):
            raise _problem("unused-key", "`key: {top: …}` counts a histogram's samples", "list the keys")
        meaningless = f"means nothing to `measure: {self.measure}`"
        distributed = self.measure in ("percentiles", "distribution")
        unused = {
            "percentiles": self.percentiles is not None and self.measure != "percentiles",
            "percentile_method": self.percentile_method != "bucket" and self.measure != "percentiles",
            "buckets": self.buckets == "all" and self.measure != "distribution",
            "prior": self.prior is not None and not distributed,
            "unit": self.unit is not None and not distributed,
            "normalization": self.normalization != "none" and self.measure in ("pings", "counts"),
            "fields": self.fields is not None and self.measure != "pings",
            "limit": self.limit is not None and self.measure != "pings",
            "scale": self.scale and self.measure == "pings",
            "min_clients": self.min_clients is not None and self.measure == "pings",
        }
        for key in (key for key, is_unused in unused.items() if is_unused):
            raise _unused(key, meaningless)
        if self.measure == "pings" and self.dimensions:
            raise _unused("dimensions", meaningless, "ask for its columns in `fields`")
        if self.low_data == "drop" and self.min_clients is None:
            raise _unused("low_data", "needs to know how few is low", "add `min_clients: 100`")
        if self.cube and not self.dimensions:
            raise _unused("cube", "needs `dimensions` to take all values of")
        return self

    def _check_scalar(self) -> None:
        """What means nothing for scalars, of which each client has one number."""
        unused = {
            "normalization": self.normalization != "none",
            "percentile_method": self.percentile_method != "bucket",
            "buckets": self.buckets != "observed",
            "prior": self.prior is not None,
            "unit": self.unit is not None,
        }
        for key in (key for key, is_unused in unused.items() if is_unused):
            raise _unused(key, "means nothing to a scalar, of which each client has one number")
        if self.measure == "pings":
            raise _unused("scalar", "means nothing to `measure: pings`", "ask for its column in `fields`")

    @property
    def percentiles_or_default(self) -> tuple[float, ...]:
        """The percentiles asked for, ascending; five of them by default."""
        return self.percentiles or DEFAULT_PERCENTILES


def json_schema() -> dict[str, Any]:
    """The JSON Schema of specs."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Spec.model_json_schema()
