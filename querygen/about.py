"""What a query is about: in words, and in what its rows' numbers mean. Charts and reports are made of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Split:
    """A dimension of the result, as a picture needs to know it.

    Attributes:
        name: the column.
        is_time: whether its values are dates or times, or build ids, which begin with one.
        labels: for bands and cases, the values in their written order.
        is_version: whether its values are versions of Firefox.
    """

    name: str
    is_time: bool = False
    labels: tuple[str, ...] = ()
    is_version: bool = False


@dataclass(frozen=True)
class About:
    """A query in words, and what the numbers of its result mean.

    Attributes:
        measure: what is computed.
        title: one line, the user's own or made of the question.
        description: the user's own, or empty.
        counted: who and what counts.
        filters: which pings pass, a phrase each.
        notes: what was decided for the user.
        splits: the dimensions.
        unit: of values and buckets as the result gives them; None where it is not known.
        bounds: the lower bound of each bucket that the probe has, ascending, in that unit; empty where they
            are not known.
        overflow: the bound of the open-ended last bucket, in that unit.
        is_categories: whether buckets are categories, so that neither order nor sums of them mean anything.
        is_interpolated: whether percentiles are places inside buckets.
        min_clients: groups of fewer have `low_data`, or were dropped.
        min_usage_hours: so have rates of fewer usage hours.
        confidence: of the columns `lower` and `upper`; None without them.
        events, exposure: what is divided by what, in words; empty where nothing is.
        per: how much of the exposure events are given for.
        step: the seconds between two times of a rate; None where it has no interval.
        max_rate: above which a rate has an alert; None without such a limit.
    """

    measure: str
    title: str
    description: str = ""
    counted: str = ""
    filters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    splits: tuple[Split, ...] = ()
    unit: str | None = None
    bounds: tuple[float, ...] = ()
    overflow: float | None = None
    is_categories: bool = False
    is_interpolated: bool = False
    min_clients: int | None = None
    min_usage_hours: float | None = None
    confidence: float | None = None
    events: str = ""
    exposure: str = ""
    per: float = 1
    step: int | None = None
    max_rate: float | None = None
