"""The values that a spec's keys take: their types, and what is refused in each alone."""

import contextlib
import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

from querygen import buckets
from querygen.conditions import Filter, StrictModel, problem
from querygen.enrolments import Experiment, Placebo

Measure = Literal["percentiles", "distribution", "summary", "counts", "pings", "compare", "rate"]
Normalization = Literal["none", "client", "client_day"]
Lint = Literal[
    "build-id-as-text",
    "few-permutations",
    "full-scan",
    "legacy-probe",
    "percentile-in-overflow",
    "probe-ended",
    "redash-braces",
    "redash-split",
    "redash-type",
    "too-rare",
    "unscaled-sample",
    "unsteady-mean",
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
        examples=["telemetry.main_1pct"],
    )
    like: StrictStr = Field(description="the known table whose shape it has", examples=["telemetry.main"])


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

    top: Annotated[StrictInt, Field(gt=0, le=1000)] = Field(description="how many keys", examples=[10])


def _kind_of_keys(value: Any) -> str:
    return "top keys" if isinstance(value, dict | TopKeys) else _one_or_more(value)


Keys = Annotated[
    Annotated[StrictStr, Tag("name")] | Annotated[Names, Tag("list")] | Annotated[TopKeys, Tag("top keys")],
    Discriminator(_kind_of_keys),
]


class BucketShape(StrictModel):
    """The buckets that a probe has, in the words of a ping (`range` and `bucket_count`) or of Glean."""

    exponential: tuple[StrictInt, StrictInt, StrictInt] | None = Field(
        None, description="low, high and bucket_count, growing by a factor", examples=[[1, 1000, 20]]
    )
    linear: tuple[StrictInt, StrictInt, StrictInt] | None = Field(
        None, description="low, high and bucket_count, in equal steps", examples=[[1, 100, 12]]
    )
    functional: tuple[StrictInt, StrictInt, StrictInt] | None = Field(
        None, description="base, buckets per power of it, and the largest value", examples=[[2, 8, 100000]]
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


def _kind_of_experiment(value: Any) -> str:
    return "definition" if isinstance(value, dict | Experiment) else "slug"


def _kind_of_placebo(value: Any) -> str:
    return "definition" if isinstance(value, dict | Placebo) else "slug"


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


def _check_confidence(confidence: float) -> float:
    if 0.5 <= confidence < 1:
        return float(confidence)
    hint = f"write {confidence / 100:g}" if 50 <= confidence < 100 else "write for example 0.95"
    raise problem("confidence-range", f"a confidence is from 0.5 to below 1, not {confidence:g}", hint)


Percentile = Annotated[float, Field(strict=True), AfterValidator(_check_percentile)]


def _check_seed(seed: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{0,32}", seed):
        raise problem(
            "bad-seed", "a seed is up to 32 letters, digits, `_`, `.` and `-`", "write for example a"
        )
    return seed


def _kind_of_statistic(value: Any) -> str:
    return "name" if isinstance(value, str) else "percentile"


Statistic = Annotated[
    Annotated[Literal["chi2", "median", "mean"], Tag("name")] | Annotated[Percentile, Tag("percentile")],
    Discriminator(_kind_of_statistic),
]

Source = Annotated[
    Annotated[StrictStr, Tag("name")] | Annotated[DeclaredSource, Tag("declaration")],
    Discriminator(_source_kind),
]
Experimental = Annotated[
    Annotated[StrictStr, Field(min_length=1), Tag("slug")] | Annotated[Experiment, Tag("definition")],
    Discriminator(_kind_of_experiment),
]
Unrelated = Annotated[
    Annotated[StrictStr, Field(min_length=1), Tag("slug")] | Annotated[Placebo, Tag("definition")],
    Discriminator(_kind_of_placebo),
]
Buckets = Annotated[
    Annotated[Literal["observed", "all"], Tag("name")] | Annotated[BucketShape, Tag("shape")],
    Discriminator(_kind_of_buckets),
]
Today = Annotated[dt.date | Literal["current"], BeforeValidator(_check_today)]
Confidence = Annotated[float, Field(strict=True), AfterValidator(_check_confidence)]


class ReleaseTable(StrictModel):
    """A table that tells when versions were released, a row for each."""

    table: Source = Field(
        description="telemetry.releases, one like it, or one whose schema is given by --schema TABLE=FILE",
        examples=["telemetry.releases"],
    )
    version: StrictStr = Field("version", description="its column of versions", examples=["label"])
    date: StrictStr = Field("date", description="its column of dates or times", examples=["released"])
    filters: dict[StrictStr, Filter] = Field(
        default_factory=dict,
        description="which of its rows count",
        examples=[{"product": "firefox", "category": ["major", "stability"]}],
    )


def _kind_of_dates(value: Any) -> str:
    is_table = isinstance(value, ReleaseTable) or (isinstance(value, dict) and "table" in value)
    return "table of dates" if is_table else "dates"


Dates = Annotated[
    Annotated[
        dict[StrictStr, dt.datetime | dt.date],
        Tag("dates"),
        Field(json_schema_extra={"not": {"required": ["table"]}}),
    ]
    | Annotated[ReleaseTable, Tag("table of dates")],
    Discriminator(_kind_of_dates),
]


class Alignment(StrictModel):
    """How versions are compared over the same time since their release."""

    dates: Dates = Field(
        default_factory=dict,
        description="when versions were released, where that isn't when their first ping came: by version, "
        "or {table, version, date, filters}",
        examples=[{"58.0": "2018-01-23"}, {"table": "telemetry.releases"}],
    )
    skip_hours: Annotated[StrictInt, Field(ge=0, le=24 * 28)] = Field(
        0,
        description="hours after the release that are left out, once the newest is more than a day old",
        examples=[24],
    )

    @property
    def given(self) -> dict[str, dt.datetime | dt.date]:
        """The dates that the spec itself has, by version."""
        return self.dates if isinstance(self.dates, dict) else {}

    @property
    def table(self) -> ReleaseTable | None:
        """The table that has them."""
        return self.dates if isinstance(self.dates, ReleaseTable) else None


class Alert(StrictModel):
    """What a rate is judged by, for the column `state`."""

    max_rate: Annotated[float, Field(gt=0)] | None = Field(
        None, description="a rate that is surely above this is an alert", examples=[10]
    )
    max_change: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="how much higher than that of the version before it a rate may be at the same age",
        examples=[0.25],
    )
    expected: Annotated[float, Field(gt=0.5, lt=1)] | None = Field(
        None,
        description="a rate above the range that this share of versions is expected in, by those before "
        "it, is an alert",
        examples=[0.97],
    )

    @model_validator(mode="after")
    def _check_any(self) -> "Alert":
        if not self.model_fields_set:
            raise problem("empty-alert", "`alert` needs something to judge by", "add for example max_rate")
        return self


def _alignment(value: Any) -> Any:
    return {} if value == "release" else value


Aligned = Annotated[
    Alignment, BeforeValidator(_alignment, json_schema_input_type=Literal["release"] | Alignment)
]
Seed = Annotated[StrictStr, AfterValidator(_check_seed)]
