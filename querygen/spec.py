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
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    Tag,
    field_validator,
    model_validator,
)

from querygen import buckets
from querygen.conditions import Dimension, Filter, StrictModel, problem, unused

Measure = Literal["percentiles", "distribution", "summary", "counts", "pings"]
Normalization = Literal["none", "client", "client_day"]
Lint = Literal[
    "build-id-as-text",
    "full-scan",
    "legacy-probe",
    "percentile-in-overflow",
    "probe-ended",
    "redash-braces",
    "redash-type",
    "unscaled-sample",
    "version-as-text",
]

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

    exponential: tuple[StrictInt, StrictInt, StrictInt] | None = Field(
        None, description="low, high and bucket_count, growing by a factor"
    )
    linear: tuple[StrictInt, StrictInt, StrictInt] | None = Field(
        None, description="low, high and bucket_count, in equal steps"
    )
    functional: tuple[StrictInt, StrictInt, StrictInt] | None = Field(
        None, description="base, buckets per power of it, and the largest value"
    )

    @model_validator(mode="after")
    def _check_bounds(self) -> "BucketShape":
        if len(self.model_fields_set) != 1:
            help_ = "write for example {exponential: [1, 1000, 20]}"
            raise problem("bad-buckets", "`buckets` is either exponential, linear or functional", help_)
        try:
            most = len(self.bounds)
        except (ValueError, OverflowError) as error:
            raise problem(
                "bad-buckets", f"there are no such buckets: {error}", "low, high, bucket_count"
            ) from None
        if most > MOST_BUCKETS:
            raise problem("bad-buckets", f"{most} buckets are too many", f"at most {MOST_BUCKETS}")
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
    raise problem("percentile-range", f"percentiles are fractions from 0 to 1, not {p:g}", hint)


def _check_today(value: Any) -> Any:
    is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    if value is None or is_day or value == "current":
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(value)
    raise problem("bad-today", f"`{value}` is no day", "write a date such as 2020-04-20, or `current`")


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
    strict: StrictBool = Field(
        False, description="fail, with the ping's id, where a recording cannot be decoded"
    )
    n_undecodable: StrictBool = Field(
        False, description="also the column `n_undecodable`: the group's recordings that cannot be decoded"
    )
    allow_full_scan: StrictBool = Field(False, description="permit a query without a bounded range of dates")
    silence: tuple[Lint, ...] = Field((), description="codes of warnings that are not to be given")

    @field_validator("percentiles")
    @classmethod
    def _check_percentiles(cls, percentiles: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if percentiles is not None and len(set(percentiles)) < len(percentiles):
            raise problem("duplicate-percentile", "a percentile is given twice", "keep one of each")
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
            raise problem(
                "two-probes", "`histogram` and `scalar` are both given", "write a spec for each", key="scalar"
            )
        probed = self.histogram is not None or self.scalar is not None
        if not probed and self.measure not in ("counts", "pings"):
            raise problem("no-histogram", "a spec needs a `histogram`", "add `histogram: NAME`")
        if self.scalar is not None:
            self._check_scalar()
        shown = {name.lower() for name in self.dimensions if isinstance(name, str)}
        if isinstance(self.key, TopKeys) and "key" not in shown:
            raise problem("unused-key", "`key: {top: …}` tells keys apart", "add `key` to `dimensions`")
        if isinstance(self.key, TopKeys) and (self.scalar is not None or self.measure == "counts"):
            raise problem("unused-key", "`key: {top: …}` counts a histogram's samples", "list the keys")
        meaningless = f"means nothing to `measure: {self.measure}`"
        distributed = self.measure in ("percentiles", "distribution")
        given = {
            "percentiles": self.percentiles is not None and self.measure != "percentiles",
            "percentile_method": self.percentile_method != "bucket" and self.measure != "percentiles",
            "buckets": self.buckets == "all" and self.measure != "distribution",
            "prior": self.prior is not None and not distributed,
            "unit": self.unit is not None and not distributed,
            "normalization": self.normalization != "none" and self.measure in ("pings", "counts"),
            "fields": self.fields is not None and self.measure != "pings",
            "limit": self.limit is not None and self.measure != "pings",
            "scale": self.scale and self.measure == "pings",
            "strict": self.strict and self.measure in ("pings", "counts"),
            "n_undecodable": self.n_undecodable and self.measure == "pings",
            "min_clients": self.min_clients is not None and self.measure == "pings",
        }
        for key in (key for key, is_given in given.items() if is_given):
            raise unused(key, meaningless)
        if self.measure == "pings" and self.dimensions:
            raise unused("dimensions", meaningless, "ask for its columns in `fields`")
        if self.low_data == "drop" and self.min_clients is None:
            raise unused("low_data", "needs to know how few is low", "add `min_clients: 100`")
        if self.n_undecodable and not probed:
            raise unused("n_undecodable", "is about a histogram or scalar", "add `histogram: NAME`")
        if self.n_undecodable and self.strict:
            raise unused("n_undecodable", "is always 0 under `strict`", "leave out one of the two")
        if self.cube and not self.dimensions:
            raise unused("cube", "needs `dimensions` to take all values of")
        return self

    def _check_scalar(self) -> None:
        """What means nothing for scalars, of which each client has one number."""
        given = {
            "normalization": self.normalization != "none",
            "percentile_method": self.percentile_method != "bucket",
            "buckets": self.buckets != "observed",
            "prior": self.prior is not None,
            "unit": self.unit is not None,
        }
        for key in (key for key, is_given in given.items() if is_given):
            raise unused(key, "means nothing to a scalar, of which each client has one number")
        if self.measure == "pings":
            raise unused("scalar", "means nothing to `measure: pings`", "ask for its column in `fields`")

    @property
    def percentiles_or_default(self) -> tuple[float, ...]:
        """The percentiles asked for, ascending; five of them by default."""
        return self.percentiles or DEFAULT_PERCENTILES


def json_schema() -> dict[str, Any]:
    """The JSON Schema of specs."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Spec.model_json_schema()
