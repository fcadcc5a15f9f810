"""The spec: what a question consists of, as a frozen pydantic model that refuses unknown keys.

Only the shape is checked here, and what the keys mean to each other. Names of probes, columns and
dimensions are looked up by `resolve`, which knows the catalog.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr, field_validator, model_validator

from querygen.amounts import Amount, AmountOrName
from querygen.conditions import Dimension, Filter, StrictModel, json_schema_of, problem
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
        None,
        description="a dimension `time`: the first moment of each interval of submission, in UTC",
        examples=["hour"],
    )
    align: Aligned | None = Field(
        None,
        description="of a rate: `release`, or {dates, skip_hours}: versions also over the same time since "
        "their release, in `adjusted_` columns; by `interval`, the hours since then",
        examples=["release", {"dates": {"58.0": "2018-01-23"}, "skip_hours": 24}],
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
        False,
        description="of a rate by `interval`: also rows for the intervals without any ping",
        examples=[True],
    )
    method: Literal["clients", "poisson"] = Field(
        "clients",
        description="of a rate's limits: by how clients differ, or of a Poisson count, whose events are "
        "independent",
        examples=["poisson"],
    )
    source: Source = Field(
        "telemetry.main",
        description="the table asked, or {table: …, like: …} for one of the same shape",
        examples=["firefox_desktop.metrics", {"table": "telemetry.main_1pct", "like": "telemetry.main"}],
    )
    process: OneOrMore = Field(
        "parent",
        description="the process that recorded it, a list, `children` (all but parent), or `combined` (all)",
        examples=["content", ["parent", "content"], "children", "combined"],
    )
    key: Keys | None = Field(
        None,
        description="of keyed and labelled metrics: one key, a list, `*`, or {top: 10} for those with most "
        "samples and `(other)`; without it all are summed",
        examples=["google.urlbar", ["a", "b"], "*", {"top": 10}],
    )
    unit: Unit | None = Field(
        None, description="the unit that values are given in (Glean records ns and bytes)", examples=["ms"]
    )
    cube: StrictBool = Field(
        False,
        description="also the rows of all values, called `*`, of every combination of dimensions",
        examples=[True],
    )
    scale: StrictBool = Field(
        False,
        description="scale counts from the sample that `sample` or `sample_id` lets in to all clients",
        examples=[True],
    )
    min_clients: Annotated[StrictInt, Field(gt=0)] | None = Field(
        None, description="groups of fewer clients have `low_data`", examples=[100]
    )
    min_usage_hours: Annotated[float, Field(gt=0)] | None = Field(
        None, description="rates of fewer usage hours have `low_data`", examples=[500]
    )
    low_data: Literal["mark", "drop"] = Field(
        "mark",
        description="whether rows with `low_data` are kept, or dropped and counted in `n_dropped`",
        examples=["drop"],
    )
    sample: Share | None = Field(
        None,
        description="only a share of clients, such as 10%, the same ones on every engine and every day",
        examples=["10%"],
    )
    experiment: Experimental | None = Field(
        None,
        description="only clients enrolled in it, by its slug; `branch` is then a dimension and a filter",
        examples=["tab-warming-nightly-77", {"slug": "tab-warming-nightly-77", "control": {"sample": "10%"}}],
    )
    has_samples: StrictBool = Field(
        False, description="of `counts` and `pings`: only pings whose histogram has a sample", examples=[True]
    )
    filters: dict[StrictStr, Filter] = Field(
        default_factory=dict,
        description="name: value | list (any of) | {from, to, gte, gt, lte, lt, not, is_null, last} | "
        "{parameter: name}",
        examples=[
            {
                "channel": "nightly",
                "os": ["Windows", "Mac"],
                "submission_date": {"from": "2020-04-06", "to": "2020-04-20"},
            },
            {"submission_date": {"last": "14 days"}},
        ],
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
        examples=[True],
    )
    dimensions: tuple[Dimension, ...] = Field(
        (),
        description="what the result is split by",
        examples=[["os", "build_date"], [{"name": "memory", "of": "memory_mb", "bands": [4096, 8192]}]],
    )
    normalization: Normalization = Field(
        "none",
        description="who has one vote: nobody (every sample counts), each client, or each client and day",
        examples=["client"],
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
        examples=["interpolated"],
    )
    confidence: Confidence | None = Field(
        None,
        description="0.95 adds `lower` and `upper`, the limits of percentiles, shares, means and differences",
        examples=[0.95],
    )
    buckets: Buckets = Field(
        "observed",
        description="of a distribution: buckets with samples, or all that the probe has, as its definition "
        "or a ping says: {exponential: [low, high, bucket_count]}, {linear: …}, {functional: …}",
        examples=["all", {"exponential": [1, 1000, 20]}],
    )
    prior: Literal["dirichlet"] | None = Field(
        None,
        description="smooth shares as GLAM does: each bucket begins with an equal part of one vote",
        examples=["dirichlet"],
    )
    measure: Measure | None = Field(
        None,
        description="what is computed: percentiles (the default where they are given), distribution (the "
        "default otherwise: each bucket's count and share), summary (count, sum and mean), counts (clients "
        "and pings), pings (single ones), compare (branches of an experiment), rate (events by exposure)",
        examples=["summary"],
    )
    control: StrictStr | None = Field(
        None, description="of `compare`: the branch that the others are compared with", examples=["control"]
    )
    branches: Names | None = Field(
        None,
        description="of `compare`: the branches that are compared with it",
        examples=[["treatment-a", "treatment-b"]],
    )
    placebo: Unrelated | None = Field(
        None,
        description="of `compare`: the slug of an unrelated experiment that is compared in the same way, or "
        "{slug: …, control: …, branches: …}",
        examples=[
            "startup-cache-nightly-77",
            {"slug": "startup-cache-nightly-77", "control": "off", "branches": ["on"]},
        ],
    )
    analysis_unit: Literal["client", "ping"] = Field(
        "client",
        description="of `compare`: who counts as independent; `ping` as if pings were",
        examples=["ping"],
    )
    statistics: Annotated[tuple[Statistic, ...], Field(min_length=1)] | None = Field(
        None,
        description="of `compare`: `chi2` (the distance of two distributions), `median`, percentiles, and of "
        "scalars `mean`",
        examples=[["chi2", "median", 0.95]],
    )
    permutations: Annotated[StrictInt, Field(gt=0, le=100_000)] | None = Field(
        None,
        description="of `compare`: how many; by default 1000, or 40 for each test where that is more",
        examples=[5000],
    )
    cells: Annotated[StrictInt, Field(gt=0, le=10_000)] = Field(
        200,
        description="of `compare`: how many groups of clients permutations draw from, of equal branches",
        examples=[500],
    )
    seed: Seed = Field(
        "", description="of `compare`: another one draws other permutations", examples=["second"]
    )
    p_value: Literal["corrected", "raw"] = Field(
        "corrected",
        description="(b + 1) / (m + 1) if b of m permutations differ as much, or b / m",
        examples=["raw"],
    )
    fields: tuple[StrictStr, ...] | None = Field(
        None,
        min_length=1,
        description=f"of `measure: pings`: columns, dimensions, {', '.join(HISTOGRAM_FIELDS)}",
        examples=[["client_id", "app_version", "sum"]],
    )
    limit: Annotated[StrictInt, Field(gt=0, le=2**63 - 1)] | None = Field(
        None, description="for `measure: pings`: rows at most", examples=[10]
    )
    title: StrictStr | None = Field(
        None, description="the first line of the SQL's header", examples=["Tab spinners by build"]
    )
    description: StrictStr | None = Field(
        None,
        description="a line of the header, for readers of the SQL",
        examples=["How long the spinner is seen, since the change of 6 April."],
    )
    today: Today | None = Field(
        None,
        description="the day that `last` ends on; `current` prints CURRENT_DATE()",
        examples=["2020-04-20", "current"],
    )
    strict: StrictBool = Field(
        False, description="fail, with the ping's id, where a recording cannot be decoded", examples=[True]
    )
    n_undecodable: StrictBool = Field(
        False,
        description="also the column `n_undecodable`: the group's recordings that cannot be decoded",
        examples=[True],
    )
    allow_full_scan: StrictBool = Field(
        False, description="permit a query without a bounded range of dates", examples=[True]
    )
    silence: tuple[Lint, ...] = Field(
        (), description="codes of warnings that are not to be given", examples=[["legacy-probe"]]
    )

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
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | json_schema_of(Spec)
