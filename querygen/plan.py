"""The plan: what the SQL will do, decided, as an ordered tuple of named stages.

A stage, its template and its CTE share one name; the last stage is the final SELECT. Stages hold SQL nodes
and comments only, never raw text, so that a template can lay out nothing but what was meant.
"""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from querygen.about import About
from querygen.resources import resource_dir
from querygen.sqltext import Node, comment


class Comment(str):
    """Words that are safe in a comment, whatever they were made of."""

    def __new__(cls, words: str) -> "Comment":
        """Flattens the words to one line that cannot end the comment."""
        return super().__new__(cls, comment(words))


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column of the result: its name and BigQuery type."""

    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One CTE, or the final SELECT. `sentence` says what it does and is printed above it."""

    name: ClassVar[str]
    sentence: Comment
    prefix: str = ""

    @property
    def cte(self) -> str:
        """The CTE's name: the stage's, after a prefix where a stage stands twice."""
        return self.prefix + self.name


@dataclass(frozen=True, kw_only=True)
class Reading(Stage):
    """A stage that reads the CTE `source`, whichever it is; the others know by name what they read."""

    source: Node


@dataclass(frozen=True, kw_only=True)
class Pings(Stage):
    """The scan: rows that pass the filters, with the columns that later stages need.

    Attributes:
        table: with its alias, where it has one.
        each: texts, for each of which a row is looked at as `enrolled_in`.
    """

    name = "pings"
    table: Node
    each: Node | None
    columns: tuple[Node, ...]
    predicates: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Recordings(Reading):
    """One row per ping and recording, where there are several: of processes, or of histograms."""

    name = "recordings"
    columns: tuple[Node, ...]
    predicate: Node


@dataclass(frozen=True, kw_only=True)
class Keys(Reading):
    """One row per ping and key of a keyed histogram.

    Attributes:
        predicate: lets in the keys asked for, if only some are.
        top: the CTE of the top keys, where keys are held against them.
    """

    name = "keys"
    columns: tuple[Node, ...]
    predicate: Node | None
    top: Node | None


@dataclass(frozen=True, kw_only=True)
class TopKeys(Reading):
    """The keys with the most samples."""

    name = "top_keys"
    limit: Node


@dataclass(frozen=True, kw_only=True)
class Decodable(Reading):
    """`histogram_text` is the histogram string where it is of a written form, else NULL."""

    name = "decodable"
    columns: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Sound(Reading):
    """The same, but an error with the ping's id where a recording is damaged.

    Attributes:
        is_undecodable: whether it is.
        guarded: the column that later stages read.
        words: of the error, before the id.
        without_id: what stands for an id that is NULL.
    """

    name = "sound"
    columns: tuple[Node, ...]
    is_undecodable: Node
    guarded: Node
    words: Node
    without_id: Node


@dataclass(frozen=True, kw_only=True)
class Undecodable(Reading):
    """How many recordings of each group cannot be decoded, or not all of them."""

    name = "undecodable"
    dimensions: tuple[Node, ...]
    is_undecodable: Node


@dataclass(frozen=True, kw_only=True)
class Joined(Reading):
    """The rows of one CTE beside those of another, which has one row for each group.

    Attributes:
        columns: of both.
        same_group: what joins a row to that of its group; nothing where the other CTE has a single row.
        keeps_all: rows without such a group are kept.
    """

    name = "joined"
    other: Node
    columns: tuple[Node, ...]
    same_group: tuple[Node, ...]
    keeps_all: bool = False


@dataclass(frozen=True, kw_only=True)
class Histograms(Reading):
    """`buckets` is the histogram as an array of (key, value)."""

    name = "histograms"
    columns: tuple[Node, ...]
    is_text: bool


@dataclass(frozen=True, kw_only=True)
class Cubed(Reading):
    """Each row once for every combination of dimensions that may be `*`, which stands for all values."""

    name = "cubed"
    columns: tuple[Node, ...]
    cells: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class ClientDays(Reading):
    """One row per client and day: its samples, and its entries in one list."""

    name = "client_days"
    dimensions: tuple[Node, ...]
    largest_count: Node


@dataclass(frozen=True, kw_only=True)
class Clients(Reading):
    """One row per client: its samples, and its entries in one list.

    Attributes:
        from_days: made of `client_days` (each entry with its vote) instead of `histograms`.
        unidentified: pings without a client id stand each for themselves, so that no list grows with them.
        tells_alone: what tells these apart, `alone_at`, is passed on.
    """

    name = "clients"
    dimensions: tuple[Node, ...]
    largest_count: Node
    from_days: bool
    unidentified: bool
    tells_alone: bool


@dataclass(frozen=True, kw_only=True)
class Buckets(Stage):
    """One row per group and bucket: its votes, samples, and the clients whose first entry it is."""

    name = "buckets"
    dimensions: tuple[Node, ...]
    votes_per_client: bool
    votes_per_day: bool

    @property
    def votes(self) -> bool:
        """Whether clients vote, so that pings without a client id are left out."""
        return self.votes_per_client or self.votes_per_day


@dataclass(frozen=True, kw_only=True)
class Filled(Reading):
    """The same with a row for each bucket that the definition has, observed or not.

    Attributes:
        spread: whether the sums for intervals are passed on.
        empty: an array of the buckets to add.
        prior: what each of them has before anyone votes, for the column `smoothed`; or None.
    """

    name = "filled"
    dimensions: tuple[Node, ...]
    empty: Node
    prior: Node | None
    spread: bool


@dataclass(frozen=True, kw_only=True)
class Shares(Reading):
    """Each bucket's share of its group, alone or with all lower ones, beside the group's counts.

    Attributes:
        partition: the dimensions, as a window can be divided by them.
        weight: the column that shares are of.
        own: with `cumulative`, whether the bucket's own share is needed, too.
        spread: whether the sums for intervals are passed on.
    """

    name = "shares"
    dimensions: tuple[Node, ...]
    partition: tuple[Node, ...]
    weight: Node
    cumulative: bool
    own: bool
    spread: bool


@dataclass(frozen=True, kw_only=True)
class WithSamples(Reading):
    """Only the rows whose recording has a sample."""

    name = "with_samples"
    columns: tuple[Node, ...]
    has_samples: Node


@dataclass(frozen=True, kw_only=True)
class Samples(Reading):
    """One row per recording: the number of its samples and their sum."""

    name = "samples"
    columns: tuple[Node, ...]
    is_text: bool


@dataclass(frozen=True, kw_only=True)
class Totals(Reading):
    """One row per client (and day, where days vote): its samples and their `sum`, in the result's unit.

    Attributes:
        unidentified: pings without a client id stand each for themselves.
    """

    name = "totals"
    dimensions: tuple[Node, ...]
    by_day: bool
    sum: Node
    unidentified: bool


@dataclass(frozen=True, kw_only=True)
class Numbers(Reading):
    """One row per client: its number, and of how many recordings it is made.

    Attributes:
        predicate: which rows count, or None for all.
        having: which clients have a number, or None for all.
    """

    name = "numbers"
    dimensions: tuple[Node, ...]
    number: Node
    n_recorded: Node
    predicate: Node | None
    having: Node | None


@dataclass(frozen=True, kw_only=True)
class Tallies(Stage):
    """One row per group and number, as its bucket: the clients that have it, each a vote.

    Attributes:
        spread: whether the sums for intervals are given, too.
    """

    name = "tallies"
    dimensions: tuple[Node, ...]
    spread: bool


@dataclass(frozen=True, kw_only=True)
class TotalsOfNumbers(Stage):
    """Count, sum and mean of the clients' numbers, and how many of them are above zero.

    Attributes:
        spread: whether the standard error of the mean is given, too.
    """

    name = "totals_of_numbers"
    dimensions: tuple[Node, ...]
    spread: bool


@dataclass(frozen=True, kw_only=True)
class Fields(Reading):
    """One row per ping: the fields asked for."""

    name = "fields"
    columns: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Percentiles(Reading):
    """The lowest bucket at which the cumulative share reaches each percentile.

    Attributes:
        reaches: whether a bucket's share reaches a percentile; None where buckets that don't are needed, too.
        lower, upper: limits of the value, or None.
        value: that bucket, in the unit asked for, or a place inside it.
        at_least: whether it is the open-ended last bucket; None where its bound is not known.
    """

    name = "percentiles"
    dimensions: tuple[Node, ...]
    percentiles: Node
    reaches: Node | None
    value: Node
    at_least: Node | None
    lower: Node | None
    upper: Node | None


@dataclass(frozen=True, kw_only=True)
class Distribution(Reading):
    """Each bucket's count and share.

    Attributes:
        lower, upper: limits of the share, or None.
        bucket: in the unit asked for.
        label: the bucket's name, where it stands for a category.
    """

    name = "distribution"
    dimensions: tuple[Node, ...]
    bucket: Node
    label: Node | None
    lower: Node | None
    upper: Node | None


@dataclass(frozen=True, kw_only=True)
class Summary(Stage):
    """Count, sum and mean of each group; `votes` where each client (or client-day) has one."""

    name = "summary"
    dimensions: tuple[Node, ...]
    votes: bool


@dataclass(frozen=True, kw_only=True)
class Counts(Reading):
    """Clients and pings of each group.

    Attributes:
        pings: counts them.
    """

    name = "counts"
    dimensions: tuple[Node, ...]
    pings: Node


@dataclass(frozen=True, kw_only=True)
class Rows(Reading):
    """The fields asked for."""

    name = "rows"
    columns: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Marked(Reading):
    """Rows of few clients (or usage hours) marked as `low_data`, or dropped and counted."""

    name = "marked"
    columns: tuple[Node, ...]
    is_low: Node
    is_enough: Node
    drop: bool


@dataclass(frozen=True, kw_only=True)
class Scaled(Reading):
    """The same with counts of the sample scaled to all clients."""

    name = "scaled"
    columns: tuple[Node, ...]


PREFIXES = ("all_", "clients_", "exposure_", "groups_", "judged_", "releases_")
"""What stands before the names of stages that a query has twice."""


@cache
def stage_names() -> frozenset[str]:
    """The names of all stages, without prefixes: each has a template of its name."""
    return frozenset(file.name.partition(".")[0] for file in resource_dir("templates").glob("stages/*.j2"))


@dataclass(frozen=True)
class Read:
    """A table that is scanned.

    Attributes:
        table: the name that data is given under.
        like: the known table whose shape it has (most often itself).
        needs: paths of the columns that the query reads, in the schema's spelling.
    """

    table: str
    like: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Everything that the SQL text is made of.

    Attributes:
        header: the one-line comments on top.
        reads: the tables; first the spec's source, if it is one of them.
        histograms: the histograms asked for, as the result names them.
        columns: the result's columns, in order.
        key: the columns that together identify a row of the result.
        order: what the rows are ordered by.
        limit: how many rows there are at most, or None.
        about: the query in words, and what the result's numbers mean.
    """

    header: tuple[Comment, ...]
    reads: tuple[Read, ...]
    histograms: tuple[str, ...]
    stages: tuple[Stage, ...]
    columns: tuple[OutputColumn, ...]
    key: tuple[str, ...]
    order: tuple[Node, ...]
    limit: Node | None
    about: About

    @property
    def table(self) -> str:
        """The table that the spec asks."""
        return self.reads[0].table

    @property
    def like(self) -> str:
        """The known table whose shape it has."""
        return self.reads[0].like

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of that table that the query reads."""
        return self.reads[0].needs

    @property
    def ctes(self) -> tuple[Stage, ...]:
        """All stages but the last."""
        return self.stages[:-1]

    @property
    def final(self) -> Stage:
        """The last stage, which is the final SELECT."""
        return self.stages[-1]
