"""`align: release`: rates of versions over the same time since their release, as in Mission Control.

releases_pings → releases_seen → [+ published] → releases_dated → releases_compared ┐
                                                               pings → … → together ┴ windowed
windowed → exposed → … → divided → adjusted

A version was released when its first ping came, unless the spec or a table says. The newest version's age is
the time from then to the last ping. Of each older version only the same time counts in the `adjusted_`
columns, or the time until the next version came, if that is shorter.
"""

import datetime as dt
from dataclasses import dataclass, replace

from sqlglot import exp

from querygen.catalog import Column
from querygen.dimensions import ResolvedDimension
from querygen.grouping import Measured
from querygen.plan import Comment, Joined, OutputColumn, Reading, Stage
from querygen.published import RELEASE_DATE, ReleaseDates
from querygen.scan import Scan, aliased, prefixed, start_of
from querygen.spec_values import Alignment
from querygen.sqltext import Node, column, literal, name, own_function, path, text
from querygen.times import FIVE_MINUTES, TIME

ADJUSTED = "is_adjusted"
"""The column that tells the rows of the time that is compared from those of all time."""

_DAY = 86_400
_PREFIX = "releases_"


@dataclass(frozen=True, kw_only=True)
class Seen(Reading):
    """One row per version and group: when it was released, and when its last ping came."""

    name = "seen"
    dimensions: tuple[Node, ...]
    started: Node


@dataclass(frozen=True, kw_only=True)
class Dated(Reading):
    """The same in seconds, beside the release of the next version and of the newest, and the last ping.

    Attributes:
        dimensions: that are passed on.
        version: tells those of the same rank apart, such as 102.0 and 102.0esr.
        others: the dimensions beside it.
    """

    name = "dated"
    dimensions: tuple[Node, ...]
    version: Node
    others: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Compared(Reading):
    """The time of each version that is compared: so many `seconds` from `first_second` on; NULL if none is.

    Attributes:
        skip: seconds after the release that are left out; None for none.
        least_age, least_time: if the newest is older than this, and the version was the newest for longer.
    """

    name = "compared"
    dimensions: tuple[Node, ...]
    skip: Node | None
    least_age: Node
    least_time: Node


@dataclass(frozen=True, kw_only=True)
class Windowed(Reading):
    """Each row of events or exposure, and once more if it is of the time that is compared.

    Attributes:
        other: the stage of these times.
        second: when the row's pings came.
        columns: that are passed on.
        same_version: what joins a row to its version.
    """

    name = "windowed"
    other: Node
    second: Node
    columns: tuple[Node, ...]
    same_version: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Adjusted(Reading):
    """One row per group: what holds for all time, and beside it what does for the time that is compared."""

    name = "adjusted"
    dimensions: tuple[Node, ...]
    columns: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Aged(Reading):
    """The rows by the hours since each version's release, with each version's share of all exposure.

    Attributes:
        time: the column of the time.
        seconds_of_hour: what a difference in seconds is divided by.
        series: what a version's rows have in common.
        moment: what the rows of all versions at one time have in common.
        started: when the version was released.
    """

    name = "aged"
    columns: tuple[Node, ...]
    time: Node
    series: tuple[Node, ...]
    moment: tuple[Node, ...]
    started: Node


def version_of(dimensions: tuple[ResolvedDimension, ...]) -> ResolvedDimension | None:
    """The dimension that tells versions apart, if there is one."""
    return next((d for d in dimensions if d.version_rank is not None), None)


def ranked(version: ResolvedDimension) -> Column:
    """What orders versions as versions, over the table's columns."""
    if version.source is None:
        raise ValueError(f"{version.name} is no column")
    if not version.source.is_version:
        return version.source
    key = own_function("querygen.version_key", version.source.node)
    return Column(key, "STRING", version.source.needs)


def windowed(scan: Scan, version: ResolvedDimension, alignment: Alignment, rows: Stage) -> list[Stage]:
    """The rows of events and exposure, those that are compared twice.

    Args:
        scan: whose dimensions they have.
        version: the one that tells versions apart.
        alignment: how versions are compared.
        rows: the stage whose rows have a client, `five_minutes`, `events` and `exposure`.
    """
    shared = tuple(d for d in scan.dimensions if d.source is not None)
    again = replace(scan, asked=(), dimensions=shared, predicates=[*scan.predicates], needs=[], derived=None)
    rank = ("version_rank", ranked(version))
    stages: list[Stage] = [again.pings([(FIVE_MINUTES, start_of(again.source, "5 minutes")), rank])]
    scan.needs += again.needs
    partition = zip(again.partition, shared, strict=True)
    first = exp.Min(this=column(FIVE_MINUTES))
    stages.append(
        Seen(
            sentence=Comment("When each version's first and last ping came."),
            source=name(stages[-1].cte),
            dimensions=again.names,
            started=_started(version, alignment, first),
        )
    )
    stages = [prefixed(stage, _PREFIX) for stage in stages]
    passed = again.names
    if scan.released is not None:
        stages += _published(scan.released, version, stages[-1], (*again.names, column("version_rank")))
        passed = (*passed, column(RELEASE_DATE))
    stages.append(
        Dated(
            prefix=_PREFIX,
            sentence=Comment("The same, with the releases of the next version and of the newest."),
            source=name(stages[-1].cte),
            dimensions=passed,
            version=column(version.name),
            others=tuple(node for node, d in partition if d.name != version.name),
        )
    )
    stages.append(
        Compared(
            prefix=_PREFIX,
            sentence=Comment(
                "What is compared: as long since each version's release as the newest has been out, but not "
                f"longer than until the next one came{_skipped(alignment)}."
            ),
            source=name(stages[-1].cte),
            dimensions=passed,
            skip=literal(alignment.skip_hours * 3600, "INT64") if alignment.skip_hours else None,
            least_age=literal(_DAY, "INT64"),
            least_time=literal(2 * _DAY, "INT64"),
        )
    )
    compared = stages[-1].cte
    kept = (*scan.names, *map(column, ("client_id", "alone_at", FIVE_MINUTES, "events", "exposure")))
    columns = [aliased(path(f"{rows.cte}.{node.name}"), node.name) for node in kept]
    if scan.released is not None:
        columns.append(aliased(path(f"{compared}.{RELEASE_DATE}"), RELEASE_DATE))
    return [
        *stages,
        Windowed(
            sentence=Comment("Each amount, and once more if it is of the time that is compared."),
            source=name(rows.cte),
            other=name(compared),
            second=exp.UnixSeconds(this=path(f"{rows.cte}.{FIVE_MINUTES}")),
            columns=tuple(columns),
            same_version=tuple(
                # A version that is compared is known; and an outer join needs an equality.
                (exp.EQ if d.name == version.name else exp.NullSafeEQ)(
                    this=path(f"{rows.cte}.{d.name}"), expression=path(f"{compared}.{d.name}")
                )
                for d in shared
            ),
        ),
    ]


def _published(
    released: ReleaseDates, version: ResolvedDimension, seen: Stage, passed: tuple[Node, ...]
) -> list[Stage]:
    """The dates that a table has, beside what was seen of each version."""
    dates = released.stage.cte
    moment = exp.Coalesce(this=released.moment, expressions=[path(f"{seen.cte}.started")])
    return [
        released.stage,
        _beside_dates(
            "The same, released on that date where there is one.",
            version,
            seen,
            dates,
            (
                *(aliased(path(f"{seen.cte}.{node.name}"), node.name) for node in passed),
                exp.alias_(moment, "started"),
                column("last_seen"),
                column(RELEASE_DATE),
            ),
        ),
    ]


def _beside_dates(
    words: str, version: ResolvedDimension, rows: Stage, dates: str, columns: tuple[Node, ...]
) -> Joined:
    """The rows of a stage beside the dates of their versions, where there are such."""
    same = exp.EQ(this=path(f"{rows.cte}.{version.name}"), expression=path(f"{dates}.{version.name}"))
    return Joined(
        prefix=_PREFIX,
        sentence=Comment(words),
        source=name(rows.cte),
        other=name(dates),
        columns=columns,
        same_group=(same,),
        keeps_all=True,
    )


def _skipped(alignment: Alignment) -> str:
    if not alignment.skip_hours:
        return ""
    return (
        f"; without the first {alignment.skip_hours} hours, if the newest is more than a day old and the "
        "version was the newest for more than two"
    )


def _started(version: ResolvedDimension, alignment: Alignment, seen: Node) -> Node:
    """When a version was released: as the spec says, or else when its first ping came."""
    if not alignment.given:
        return seen
    ifs = [
        exp.If(this=_shown(shown, version), true=literal(_moment(day), "TIMESTAMP"))
        for shown, day in alignment.given.items()
    ]
    return exp.Coalesce(this=exp.Case(this=column(version.name), ifs=ifs), expressions=[seen])


def _shown(text_: str, version: ResolvedDimension) -> Node:
    """A version as its column has it."""
    return literal(int(text_), "INT64") if version.type == "INT64" else text(text_)


def _moment(day: dt.date) -> dt.datetime:
    return day if isinstance(day, dt.datetime) else dt.datetime.combine(day, dt.time(), dt.UTC)


def adjusted(scan: Scan, source: Stage, columns: list[OutputColumn]) -> tuple[Stage, list[OutputColumn]]:
    """What holds for all time and for the time that is compared, of one group in one row."""
    whole = [c for c in columns if c.name not in {d.name for d in scan.dimensions}]
    compared = [OutputColumn(f"adjusted_{c.name}", c.type) for c in whole]
    made: list[Node] = []
    for output, is_adjusted in [*((c, False) for c in whole), *((c, True) for c in compared)]:
        flag: Node = column(ADJUSTED) if is_adjusted else exp.Not(this=column(ADJUSTED))
        value = column(output.name.removeprefix("adjusted_") if is_adjusted else output.name)
        made.append(exp.alias_(exp.Max(this=exp.If(this=flag, true=value, false=exp.null())), output.name))
    also = [] if scan.released is None else [OutputColumn(RELEASE_DATE, scan.released.type)]
    made += [exp.alias_(exp.Max(this=column(output.name)), output.name) for output in also]
    stage = Adjusted(
        sentence=Comment("One row per group, with what holds for the time that is compared beside the rest."),
        source=name(source.cte),
        dimensions=scan.names,
        columns=tuple(made),
    )
    return stage, [*columns, *compared, *also]


def aged(scan: Scan, version: ResolvedDimension, alignment: Alignment, measured: Measured) -> Measured:
    """A series by time as one by the hours since each version's release."""
    partition = list(zip(scan.partition, scan.dimensions, strict=True))
    seen: Node = column(TIME)
    if scan.spec.fill:
        seen = exp.If(this=column("is_gap"), true=exp.null(), false=seen)
    series = tuple(node for node, d in partition if d.name != TIME)
    started = _started(version, alignment, exp.Window(this=exp.Min(this=seen), alias=name("series")))
    stages, columns = [*measured.stages], [*measured.columns]
    if scan.released is not None:
        rows, dates = stages[-1], scan.released.stage.cte
        ours = [aliased(path(f"{rows.cte}.{c.name}"), c.name) for c in columns]
        ours += [column("is_gap")] if scan.spec.fill else []
        words = "The same beside the date of each version's release."
        beside = _beside_dates(words, version, rows, dates, (*ours, column(RELEASE_DATE)))
        stages += [scan.released.stage, beside]
        columns.append(OutputColumn(RELEASE_DATE, scan.released.type))
        started = exp.Coalesce(this=scan.released.moment, expressions=[started])
    stage = Aged(
        sentence=Comment(
            "Hours since the version's release, and its share of the exposure of all versions at that time."
        ),
        source=name(stages[-1].cte),
        columns=tuple(column(c.name) for c in columns),
        time=column(TIME),
        series=series,
        moment=tuple(node for node, d in partition if d.name != version.name),
        started=started,
    )
    added = [OutputColumn("hours_since_release", "FLOAT64"), OutputColumn("share_of_exposure", "FLOAT64")]
    return Measured([*stages, stage], [*columns, *added], measured.key, measured.order)
