"""The first stages of every query: the scan, and the way from a ping to each of its histograms.

    pings → [recordings] → [keys] → [decodable] → …

`recordings` where several columns are asked together (processes, histograms), `keys` where they are keyed,
`decodable` where they are text.
"""

from dataclasses import dataclass, field, replace

from sqlglot import exp

from querygen import plan
from querygen.amounts import Amount
from querygen.catalog import Column, SourceTable
from querygen.dimensions import ResolvedDimension
from querygen.plan import Comment, OutputColumn, Stage
from querygen.published import Published, ReleaseDates
from querygen.recordings import Recording
from querygen.spec import Spec
from querygen.spec_values import TopKeys
from querygen.sqltext import (
    Node,
    column,
    field_of,
    is_given,
    is_missing,
    literal,
    name,
    own_function,
    path,
    table,
    text,
)
from querygen.times import STARTS

LARGEST_COUNT = 2**40  # GLAM's cap: larger counts are corrupt
UNDECODABLE = "undecodable data in the ping "  # what an engine's error says, before the ping's id
WITHOUT_ID = "(without an id)"  # in the place of a ping's id that is NULL or blank
OTHER = "(other)"  # the key of all keys that are not among the top ones


@dataclass(frozen=True)
class Asked:
    """A recording that the spec asks for, and what its rows are called.

    Attributes:
        histogram: the name as the spec gives it.
        process: what `process` shows for it: its own process, or `children`, or `combined`.
    """

    recording: Recording
    histogram: str
    process: str | None


@dataclass(frozen=True)
class Side:
    """One of two amounts that are divided: its own scan, of whichever table, and what is summed up there."""

    scan: "Scan"
    amount: Amount


@dataclass(frozen=True)
class Derived:
    """What each client's number is made of: events, divided by an exposure if there is one.

    Attributes:
        per: how much of the exposure they are given for.
    """

    events: Side
    exposure: Side | None
    per: float

    @property
    def sides(self) -> tuple[Side, ...]:
        """Those that there are."""
        return (self.events,) if self.exposure is None else (self.events, self.exposure)


@dataclass
class Scan:
    """What is read, and the stages from the table to one row per histogram.

    Attributes:
        asked: the recordings; none for measures that need no histogram.
        predicates: what pings must pass.
        needs: grows by what the stages read.
        derived: for `events`, the scans that they are counted by; this one is then of the same clients.
        each: the experiments for which each ping is looked at, where there are two.
        released: the dates of versions' releases, where a table tells them.
    """

    spec: Spec
    source: SourceTable
    dimensions: tuple[ResolvedDimension, ...]
    asked: tuple[Asked, ...]
    predicates: list[Node]
    needs: list[str] = field(default_factory=list)
    derived: Derived | None = None
    each: Node | None = None
    released: ReleaseDates | None = None

    @property
    def names(self) -> tuple[Node, ...]:
        """The dimensions as columns, for stages that pass them on or group by them."""
        return tuple(column(d.name) for d in self.dimensions)

    def names_beside_entries(self, source: str) -> tuple[Node, ...]:
        """The dimensions in a stage that unnests entries, whose field `key` is a column there, too."""
        return tuple(path(f"{source}.key") if d.name == "key" else column(d.name) for d in self.dimensions)

    @property
    def partition(self) -> tuple[Node, ...]:
        """The dimensions in a PARTITION BY, where BigQuery takes no FLOAT64."""
        return tuple(
            exp.cast(column(o.name), "STRING") if o.type == "FLOAT64" else column(o.name)
            for o in self.outputs
        )

    @property
    def outputs(self) -> list[OutputColumn]:
        """The dimensions as columns of the result."""
        return [OutputColumn(d.name, "STRING" if self.spec.cube else d.type) for d in self.dimensions]

    @property
    def order(self) -> tuple[Node, ...]:
        """What rows are ordered by first."""
        order: list[Node] = []
        for dimension in self.dimensions:
            if dimension.name == "key" and isinstance(self.spec.key, TopKeys):
                order.append(exp.EQ(this=column("key"), expression=text(OTHER)))
            if dimension.source is not None and dimension.source.is_version:
                order.append(dimension.version_rank or column(dimension.name))
            order.append(dimension.order(with_all=self.spec.cube))
        return tuple(order)

    @property
    def group(self) -> str:
        """A group in words."""
        return "each " + " and ".join(d.name for d in self.dimensions) if self.dimensions else "all together"

    @property
    def is_text(self) -> bool:
        """Whether histograms are strings, which must be decoded."""
        return all(asked.recording.is_text for asked in self.asked)

    @property
    def is_scalar(self) -> bool:
        """Whether scalars are asked for, not histograms."""
        return self.spec.scalar is not None

    @property
    def is_number(self) -> bool:
        """Whether each client has one number: that of a scalar, or events."""
        return self.is_scalar or self.derived is not None

    @property
    def number_type(self) -> str:
        """BigQuery's name of the type of each client's number."""
        if self.derived is None:
            return "INT64"
        whole = self.derived.exposure is None and self.derived.events.amount.is_whole
        return "INT64" if whole else "FLOAT64"

    @property
    def is_array(self) -> bool:
        """Whether histograms are arrays of keys and counts, as Glean's are."""
        return all(asked.recording.form == "array" for asked in self.asked)

    @property
    def is_keyed(self) -> bool:
        """Whether there is a histogram for each key."""
        return any(asked.recording.is_keyed for asked in self.asked)

    def own(self, dotted: str, kind: str) -> Column:
        """A column of the table that the query itself needs."""
        return Column(self.source.node(dotted), kind, (dotted,))

    def pings(self, extra: list[tuple[str, Column]]) -> plan.Pings:
        """The scan with the dimensions' columns and further ones."""
        wanted = [(d.name, d.source) for d in self.dimensions if d.source is not None] + extra
        self.needs += [need for _, made in wanted for need in made.needs]
        self.needs += [need for asked in self.asked for need in asked.recording.needs]
        predicates = [*self.predicates]
        carried = [self._is_carried(asked.recording) for asked in self.asked]
        if carried:
            predicates.append(carried[0] if len(carried) == 1 else exp.Paren(this=exp.or_(*carried)))
        passed = "that pass the filters" if self.predicates else "of all days"
        what = "scalar" if self.is_scalar else "histogram"
        carries = f" and that carry the {what}" if self.asked else ""
        if self.spec.analysis_unit == "ping":
            carries += "; client_id is the id of the ping, which stands for itself"
        scanned = table(self.source.table)
        return plan.Pings(
            sentence=Comment(f"The pings of {self.source.table} {passed}{carries}."),
            table=exp.alias_(scanned, self.source.alias) if self.source.alias else scanned,
            each=self.each,
            columns=tuple(aliased(made.node, alias) for alias, made in wanted),
            predicates=tuple(predicates),
        )

    def _is_carried(self, recording: Recording) -> Node:
        """Whether a ping has the recording: a string, an array that is not empty, or a wanted key in it.

        Other measures than these two go on to a stage that chooses the keys.
        """
        node = self.source.node(recording.path)
        is_wanted = self._is_wanted_key() if recording.is_keyed else None
        if is_wanted and self.spec.measure in ("counts", "pings"):
            entries = exp.Unnest(expressions=[node], alias=exp.TableAlias(columns=[name("keyed")]))
            return exp.Exists(this=exp.select("1").from_(entries).where(is_wanted))
        if recording.form != "array" and not recording.is_keyed:
            return is_given(node)
        array = node if recording.is_keyed else field_of(node, "values")
        return _is_filled(array)

    def to_histograms(
        self, client_columns: list[tuple[str, Column]], *, keeps_recorded: bool = False
    ) -> tuple[list[Stage], tuple[Node, ...]]:
        """The stages up to one row per histogram, and the columns that they pass on.

        The last stage has the histogram as `histogram_text` if it is text (and as `recorded`, with
        `keeps_recorded`), else as the array `recorded` with `recorded_sum` beside it.
        """
        is_strict = self.spec.strict and not keeps_recorded
        if is_strict:
            client_columns = [*client_columns, ("ping_id", self.own(self.source.ping_id, "STRING"))]
        stages, passed = self.to_recorded(client_columns)
        if self.is_text:
            also = [column("recorded")] if keeps_recorded or is_strict else []
            stages.append(
                plan.Decodable(
                    sentence=Comment("Strings of the forms that Firefox writes; others contribute nothing."),
                    source=name(stages[-1].cte),
                    columns=(*passed, *also),
                )
            )
        if is_strict:
            passed = tuple(node for node in passed if node.name != "ping_id")
            guarded = column("histogram_text" if self.is_text else "recorded")
            has_sum = self.is_array
            stages.append(
                plan.Sound(
                    sentence=Comment("A ping that cannot be decoded ends the query, with its id."),
                    source=name(stages[-1].cte),
                    columns=(*passed, *([column("recorded_sum")] if has_sum else [])),
                    is_undecodable=self.is_undecodable,
                    guarded=guarded,
                    words=text(UNDECODABLE),
                    without_id=text(WITHOUT_ID),
                )
            )
        return stages, passed

    @property
    def is_undecodable(self) -> Node:
        """Whether a recording cannot be decoded, or has an impossible count; not TRUE where there is none."""
        if self.is_scalar:
            possible = exp.Between(
                this=column("recorded"),
                low=literal(0, "INT64"),
                high=literal(LARGEST_COUNT, "INT64"),
            )
            return exp.Not(this=possible)
        none = literal(0, "INT64")
        if not self.is_text:
            damaged = own_function("querygen.distribution_impossible", column("recorded"))
            return exp.GT(this=damaged, expression=none)
        impossible = own_function("querygen.histogram_impossible", column("histogram_text"))
        damaged = exp.Coalesce(this=impossible, expressions=[literal(1, "INT64")])
        return exp.and_(is_given(column("recorded")), exp.GT(this=damaged, expression=none))

    def to_recorded(self, client_columns: list[tuple[str, Column]]) -> tuple[list[Stage], tuple[Node, ...]]:
        """The stages up to one row per recording, which is `recorded`, and the columns that they pass on."""
        passed: list[Node] = [column(d.name) for d in self.dimensions if d.source is not None]
        passed += [column(alias) for alias, _ in client_columns]
        several = len(self.asked) > 1
        extra = [*client_columns]
        if several:
            extra.append(("recordings", self._recordings()))
        elif not self.is_array or self.is_keyed:
            extra.append(self.recorded(self.asked[0].recording))
        else:
            extra += self._values_of(self.asked[0].recording)
        if not several:
            labels = self._labels(self.asked[0])
            extra += [(label, Column(text(value), "STRING", ())) for label, value in labels.items()]
        stages: list[Stage] = [self.pings(extra)]
        if several:
            stages.append(self._recordings_stage(passed))
        passed += [column(d.name) for d in self.dimensions if d.made_by == "recordings"]
        if self.is_keyed:
            if isinstance(self.spec.key, TopKeys):
                stages = [*self._top_keys(self.spec.key.top), *stages]
            stages.append(self._keys_stage(stages[-1], passed))
            passed += [column(d.name) for d in self.dimensions if d.made_by == "keys"]
        return stages, tuple(passed)

    def recorded(self, recording: Recording) -> tuple[str, Column]:
        """The column `recorded`: a string, a number, or an array of keys and counts, or of keys and these."""
        node = self.source.node(recording.path)
        if recording.form == "array" and not recording.is_keyed:
            node = field_of(node, "values")
        return "recorded", Column(node, "", recording.needs)

    def _values_of(self, recording: Recording) -> list[tuple[str, Column]]:
        """A distribution's entries and sum."""
        node = self.source.node(recording.path)
        return [
            self.recorded(recording),
            ("recorded_sum", Column(field_of(node, "sum"), "INT64", ())),
        ]

    def _labels(self, asked: Asked) -> dict[str, str]:
        """The values of the dimensions `histogram` and `process` for one recording."""
        values = {"histogram": asked.histogram, "process": asked.process}
        wanted = [d.name for d in self.dimensions if d.made_by == "recordings"]
        return {label: value for label in wanted if (value := values[label]) is not None}

    def _recordings(self) -> Column:
        """The recordings of one ping as an array, each with its labels."""
        structs: list[Node] = []
        for asked in self.asked:
            fields = [exp.alias_(text(value), label) for label, value in self._labels(asked).items()]
            if not self.is_array or self.is_keyed:
                fields.append(aliased(self.source.node(asked.recording.path), "recorded"))
            else:
                fields += [aliased(made.node, alias) for alias, made in self._values_of(asked.recording)]
            structs.append(exp.Struct(expressions=fields))
        needs = tuple(need for asked in self.asked for need in asked.recording.needs)
        return Column(exp.Array(expressions=structs), "ARRAY", needs)

    def _recordings_stage(self, passed: list[Node]) -> plan.Recordings:
        labels = [d.name for d in self.dimensions if d.made_by == "recordings"]
        fields = [*labels, "recorded"] + (["recorded_sum"] if self.is_array and not self.is_keyed else [])
        recorded = path("recording.recorded")
        what = " and ".join(labels) if labels else "column that holds it"
        return plan.Recordings(
            sentence=Comment(f"One row per ping and {what}."),
            source=name(plan.Pings.name),
            columns=(*passed, *(aliased(path(f"recording.{label}"), label) for label in fields)),
            predicate=_is_filled(recorded) if self.is_array or self.is_keyed else is_given(recorded),
        )

    def _top_keys(self, count: int) -> list[Stage]:
        """A scan of its own that finds the keys with the most samples, since each CTE is read only once."""
        keys = replace(
            self,
            spec=self.spec.model_copy(update={"key": "*", "strict": False}),
            # Where items of `process` overlap, their samples count once.
            asked=tuple({one.recording: one for one in self.asked}.values()),
            dimensions=(ResolvedDimension("key", None),),
            predicates=[*self.predicates],
        )
        stages, passed = keys.to_histograms([])
        self.needs += keys.needs
        stages.append(
            plan.Samples(
                sentence=Comment("Each histogram's number of samples."),
                source=name(stages[-1].cte),
                columns=passed,
                is_text=self.is_text,
            )
        )
        words = f"The {count} keys with the most samples."
        found = [prefixed(stage, "all_") for stage in stages]
        found.append(
            plan.TopKeys(sentence=Comment(words), source=name(found[-1].cte), limit=literal(count, "INT64"))
        )
        return found

    def _keys_stage(self, before: Stage, passed: list[Node]) -> plan.Keys:
        top = isinstance(self.spec.key, TopKeys)
        shown = any(d.made_by == "keys" for d in self.dimensions)
        value = path("keyed.value")
        columns: list[Node] = [*passed]
        if shown:
            columns.append(aliased(_top_or_other() if top else path("keyed.key"), "key"))
        if not self.is_array:
            columns.append(aliased(value, "recorded"))
        else:
            columns += [
                aliased(field_of(value, "values"), "recorded"),
                aliased(field_of(value, "sum"), "recorded_sum"),
            ]
        which = "and key" if shown else "and key, which are then taken together"
        return plan.Keys(
            sentence=Comment(f"One row per recording {which}."),
            source=name(before.cte),
            columns=tuple(columns),
            predicate=self._is_wanted_key(),
            top=name(plan.TopKeys.name) if top else None,
        )

    def _is_wanted_key(self) -> Node | None:
        """Whether an entry's key is one of those asked for; None where all are."""
        wanted = self.spec.key
        if wanted is None or isinstance(wanted, TopKeys) or "*" in (keys := _listed(wanted)):
            return None
        tests = [literal(key, "STRING") for key in keys]
        key = path("keyed.key")
        if len(tests) == 1:
            return exp.EQ(this=key, expression=tests[0])
        return exp.In(this=key, expressions=tests)


def _listed(wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted


def _top_or_other() -> Node:
    """The key, if it is joined to one of the top ones, else OTHER."""
    return exp.If(this=is_missing(path("wanted.key")), true=text(OTHER), false=path("keyed.key"))


def scanned(stage: plan.Pings | Published) -> str:
    """The name of the table that a stage scans."""
    table = stage.table.this if isinstance(stage.table, exp.Alias) else stage.table
    return str(table.name)


def start_of(source: SourceTable, interval: str) -> Column:
    """The first moment of the interval that a ping came in."""
    moment = own_function(STARTS[interval], source.node(source.timestamp))
    return Column(moment, "TIMESTAMP", (source.timestamp,))


def prefixed(stage: Stage, prefix: str) -> Stage:
    """The stage under another name, after one that has the same prefix."""
    longer = prefix + stage.prefix
    if not isinstance(stage, plan.Reading):
        return replace(stage, prefix=longer)
    stage = replace(stage, prefix=longer, source=name(prefix + stage.source.name))
    if isinstance(stage, plan.Keys) and stage.top:
        return replace(stage, top=name(prefix + stage.top.name))
    return stage


def aliased(node: Node, alias: str) -> Node:
    """`node AS alias`, or the node alone where it has that name already."""
    if isinstance(node, exp.Column) and node.sql() == alias:
        return node
    return exp.Alias(this=node, alias=name(alias))


def _is_filled(array: Node) -> Node:
    return exp.GT(this=exp.ArraySize(this=array), expression=exp.Literal.number(0))
