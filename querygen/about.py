"""What a query is about: in words, and in what its rows' numbers mean. Charts and reports are made of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Split:
    """A dimension of the result, as a picture needs to know it.

    Attributes:
        name: the column.
        is_time: whether its values are dates or times, or build ids, which begin with one.
        labels: for bands and cases, the values in their written order.
    """

    name: str
    is_time: bool = False
    labels: tuple[str, ...] = ()


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
