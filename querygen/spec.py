"""The spec: what a question consists of, as a frozen pydantic model that refuses unknown keys.

Only the shape is checked here, and what the keys mean to each other. Names of probes, columns and
dimensions are looked up by `resolve`, which knows the catalog.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr, field_validator, model_validator

from querygen.amounts import Amount, AmountOrName
from querygen.conditions import Dimension, Filter, StrictModel, problem
from querygen.enrolments import Comparison, Experiment, Share, placebo_of
from querygen.parameters import Parameter
from querygen.spec_rules import check_together
from querygen.spec_values import (
    DEFAULT_PERCENTILES,
    HISTOGRAM_FIELDS,
    Alert,
    Aligned,
    Buckets,
    Confidence,
    Experimental,
    Histogram,
    Keys,
    Lint,
    Measure,
    Names,
    Normalization,
    OneOrMore,
    Percentile,
    Seed,
    Source,
    Statistic,
    Today,
    Unit,
    Unrelated,
)
from querygen.times import Interval


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
    events: AmountOrName | None = Field(
        None,
        description="instead of a histogram: what is counted of each client, a name or {histogram, scalar, "
        "column, count, take, bucket, at_least, process, key, table, filters}",
        examples=[{"histogram": "HTTP_PAGELOAD_IS_SSL", "bucket": 0}],
    )
    exposure: AmountOrName | None = Field(
        None,
        description="what `events` are divided by: usage_hours, pings, clients, client_days, or as `events`",
        examples=["usage_hours"],
    )
    per: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="per how much of the exposure events are given: 1, or 1000 hours of a rate",
        examples=[1000],
    )
    interval: Interval | None = Field(
        None, description="a dimension `time`: the first moment of each interval of submission, in UTC"
    )
    align: Aligned | None = Field(
        None,
        description="of a rate: `release`, or {dates, skip_hours}: versions also over the same time since "
        "their release, in `adjusted_` columns; by `interval`, the hours since then",
    )
    alert: Alert | None = Field(
        None,
        description="of a rate: {max_rate, max_change, expected} add `state`: ok, low_data, too_new, watch "
        "or alert",
        examples=[{"max_rate": 10}],
    )
    trim: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="of a rate: leave out this share of its points (of five minutes), those of the highest "
        "rates",
        examples=[0.001],
    )
    fill: StrictBool = Field(
        False, description="of a rate by `interval`: also rows for the intervals without any ping"
    )
    method: Literal["clients", "poisson"] = Field(
        "clients",
        description="of a rate's limits: by how clients differ, or of a Poisson count, whose events are "
        "independent",
    )
    source: Source = Field(
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
        False, description="scale counts from the sample that `sample` or `sample_id` lets in to all clients"
    )
    min_clients: Annotated[StrictInt, Field(gt=0)] | None = Field(
        None, description="groups of fewer clients have `low_data`"
    )
    min_usage_hours: Annotated[float, Field(gt=0)] | None = Field(
        None, description="rates of fewer usage hours have `low_data`"
    )
    low_data: Literal["mark", "drop"] = Field(
        "mark", description="whether rows with `low_data` are kept, or dropped and counted in `n_dropped`"
    )
    sample: Share | None = Field(
        None, description="only a share of clients, such as 10%, the same ones on every engine and every day"
    )
    experiment: Experimental | None = Field(
        None,
        description="only clients enrolled in it, by its slug; `branch` is then a dimension and a filter",
    )
    has_samples: StrictBool = Field(
        False, description="of `counts` and `pings`: only pings whose histogram has a sample"
    )
    filters: dict[StrictStr, Filter] = Field(
        default_factory=dict,
        description="name: value | list (any of) | {from, to, gte, gt, lte, lt, not, is_null, last} | "
        "{parameter: name}",
    )
    parameters: dict[StrictStr, Parameter] = Field(
        default_factory=dict,
        description="what readers in Redash may choose, which filters refer to by {parameter: name}; the "
        "defaults hold everywhere else",
        examples=[{"os": {"kind": "enum", "options": ["Windows", "Mac"], "all": True}}],
    )
    series: StrictBool = Field(
        False,
        description="a column `series`: all that tells the points of a chart apart at the same x, as text",
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
    confidence: Confidence | None = Field(
        None,
        description="0.95 adds `lower` and `upper`, the limits of percentiles, shares and means",
        examples=[0.95],
    )
    buckets: Buckets = Field(
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
    control: StrictStr | None = Field(
        None, description="of `compare`: the branch that the others are compared with"
    )
    branches: Names | None = Field(None, description="of `compare`: the branches that are compared with it")
    placebo: Unrelated | None = Field(
        None,
        description="of `compare`: the slug of an unrelated experiment that is compared in the same way, or "
        "{slug: …, control: …, branches: …}",
    )
    analysis_unit: Literal["client", "ping"] = Field(
        "client", description="of `compare`: who counts as independent; `ping` as if pings were"
    )
    statistics: Annotated[tuple[Statistic, ...], Field(min_length=1)] | None = Field(
        None,
        description="of `compare`: `chi2` (the distance of two distributions), `median`, percentiles, and of "
        "scalars `mean`",
        examples=[["chi2", "median", 0.95]],
    )
    permutations: Annotated[StrictInt, Field(gt=0, le=100_000)] | None = Field(
        None, description="of `compare`: how many; by default 1000, or 40 for each test where that is more"
    )
    cells: Annotated[StrictInt, Field(gt=0, le=10_000)] = Field(
        200, description="of `compare`: how many groups of clients permutations draw from, of equal branches"
    )
    seed: Seed = Field("", description="of `compare`: another one draws other permutations")
    p_value: Literal["corrected", "raw"] = Field(
        "corrected", description="(b + 1) / (m + 1) if b of m permutations differ as much, or b / m"
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
    today: Today | None = Field(
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
        check_together(self)
        return self

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The branches that are compared: of the experiment, and of its placebo."""
        slug = self.experiment
        experiment = Experiment(slug=slug) if isinstance(slug, str) else slug
        real = Comparison(experiment, self.control or "", self.branches or ())
        return (real,) if self.placebo is None else (real, placebo_of(self.placebo, real))

    @property
    def statistics_or_default(self) -> tuple[str | float, ...]:
        """What branches are compared by."""
        return self.statistics or (("median",) if self.is_number else ("chi2",))

    @property
    def is_number(self) -> bool:
        """Whether each client has one number, not a distribution."""
        return self.scalar is not None or self.events is not None

    @property
    def exposure_or_default(self) -> Amount | None:
        """What events are divided by."""
        return self.exposure or (Amount(count="usage_hours") if self.measure == "rate" else None)

    @property
    def per_or_default(self) -> float:
        """How much of the exposure they are given for: 1000 hours, if they are a rate."""
        exposure = self.exposure_or_default
        return self.per or (1000 if self.measure == "rate" and exposure and exposure.is_hours else 1)

    @property
    def exposure_words(self) -> str:
        """How much of which exposure events are given for, for comments and titles."""
        return f"{self.per_or_default:g} {self.exposure_or_default}".removeprefix("1 ")

    @property
    def percentiles_or_default(self) -> tuple[float, ...]:
        """The percentiles asked for, ascending; five of them by default."""
        return self.percentiles or DEFAULT_PERCENTILES


def json_schema() -> dict[str, Any]:
    """The JSON Schema of specs."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Spec.model_json_schema()
