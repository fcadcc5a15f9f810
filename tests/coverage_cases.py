"""What the coverage run asks: a spec for each distribution and scalar of the schemas, in every form.

Columns are found by walking the schemas' records, not by querygen's own catalog, so that a column that the
catalog overlooks is a failure and not one spec less.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from querygen.catalog import Catalog
from querygen.probes import ProbeDefinition, match_schema
from querygen.schema import Field, Schema

MAIN = "telemetry.main"
GLEAN = "firefox_desktop.metrics"

KeyForm = Literal["unkeyed", "summed", "one key", "dimension key"]
KEY = "a key"
DAYS = {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}}

# What is asked about each distribution, one of these drawn at random.
MEASURES: tuple[dict[str, Any], ...] = (
    {"measure": "distribution"},
    {"measure": "distribution", "normalization": "client"},
    {"measure": "distribution", "normalization": "client_day"},
    {"percentiles": [0.05, 0.5, 0.95], "normalization": "client"},
    {"percentiles": [0.001, 0.999], "normalization": "client_day", "dimensions": ["os", "build_id"]},
    {"measure": "percentiles", "dimensions": ["channel"], "min_clients": 10},
    {"measure": "summary", "normalization": "client", "dimensions": ["app_version"]},
    {"measure": "counts", "dimensions": ["submission_date"]},
    {"measure": "distribution", "normalization": "client", "dimensions": ["os"], "cube": True},
)
MEASURES_ON_A_ROW = MEASURES[:3]

# And about each scalar, of which a client has one number.
MEASURES_OF_NUMBERS: tuple[dict[str, Any], ...] = (
    {"measure": "distribution"},
    {"measure": "summary"},
    {"percentiles": [0.05, 0.5, 0.95], "dimensions": ["os", "build_id"]},
    {"measure": "percentiles", "dimensions": ["channel"], "min_clients": 10},
    {"measure": "summary", "dimensions": ["app_version"], "min_clients": 10, "low_data": "drop"},
    {"measure": "counts", "dimensions": ["submission_date"]},
    {"measure": "summary", "dimensions": ["os"], "cube": True},
)
NUMBERS_ON_A_ROW = MEASURES_OF_NUMBERS[:2]

# Of a defined distribution: with a row for every bucket. The definition's hundreds of bounds in the text make
# it ten times slower to check, so that only some ask for it.
ALL_BUCKETS = ({"buckets": "all"}, {"buckets": "all", "normalization": "client"})
DEFINED = ({"measure": "distribution"},)
SHARE_OF_ALL_BUCKETS = 0.05


# The records that hold scalars, and what Glean calls those that are numbers.
NUMBERS = ("scalars", "keyed_scalars", "counter", "quantity", "labeled_counter", "labeled_quantity")


@dataclass(frozen=True)
class FoundColumn:
    """A column that holds a distribution or a scalar.

    Attributes:
        kind: the record that it stands in.
        process: None where the table doesn't tell.
    """

    path: str
    kind: str
    name: str
    process: str | None
    is_keyed: bool


@dataclass(frozen=True)
class Case:
    """A spec, and what must come of it.

    Attributes:
        kind, process, keys: what the summary counts it under.
        is_number: whether it asks for a scalar.
        spec: without a measure.
        asks: the measure, its normalization and dimensions.
        columns: the distributions that the query must read, and it must read no other.
        decoys: columns of the same name, which must not be read.
        names: what the error must name, if the spec is a mistake; then no SQL comes of it.
        definition: what the definitions say of it, if it is compiled with them.
        is_defined: whether it is about what the definition says.
        scale: what its recorded buckets are multiplied by.
        on_row: the seed of the row that it also runs on, if it does.
    """

    kind: str
    process: str
    keys: KeyForm
    spec: Mapping[str, Any]
    asks: Mapping[str, Any]
    columns: tuple[FoundColumn, ...]
    decoys: tuple[FoundColumn, ...] = ()
    names: tuple[str, ...] = ()
    definition: ProbeDefinition | None = None
    is_defined: bool = False
    scale: Fraction = Fraction(1)
    on_row: int | None = None
    is_number: bool = False

    @property
    def table(self) -> str:
        """The table that is asked."""
        return str(self.spec["source"])

    @property
    def whole_spec(self) -> dict[str, Any]:
        """The spec with its measure."""
        dimensions = [*self.spec.get("dimensions", []), *self.asks.get("dimensions", [])]
        return {**self.spec, **self.asks, "dimensions": dimensions, "filters": DAYS}


def found_columns(schema: Schema) -> Iterator[FoundColumn]:
    """Every distribution: a field of a record of histograms, or of distributions."""
    for column, _ in _fields_of(schema, lambda name: name.endswith(("histograms", "_distribution"))):
        yield column


def found_numbers(schema: Schema) -> tuple[list[FoundColumn], list[FoundColumn]]:
    """Every field of a record of scalars: those that are numbers, and those that are text or truth values."""
    numbers: list[FoundColumn] = []
    others: list[FoundColumn] = []
    for column, field in _fields_of(schema, lambda name: name in NUMBERS):
        value = field.fields["value"] if field.repeated else field
        (numbers if value.type == "INT64" else others).append(column)
    return numbers, others


def _fields_of(schema: Schema, is_wanted: Callable[[str], bool]) -> Iterator[tuple[FoundColumn, Field]]:
    def walk(record: Field, path: str) -> Iterator[tuple[FoundColumn, Field]]:
        for child in record.fields.values():
            here = f"{path}.{child.name}" if path else child.name
            if child.type != "RECORD" or child.repeated:
                continue
            if is_wanted(child.name):
                process = {"payload": "parent", "metrics": None}.get(path, path.rpartition(".")[2])
                for field in child.fields.values():
                    full = f"{here}.{field.name}"
                    yield FoundColumn(full, child.name, field.name, process, field.repeated), field
            else:
                yield from walk(child, here)

    return walk(schema.root, "")


def schema_cases(catalog: Catalog, table: str) -> Iterator[Case]:
    """The specs of all distributions of a table."""
    source = catalog.get(table)
    assert source, table
    by_name: dict[str, list[FoundColumn]] = defaultdict(list)
    for column in found_columns(source.schema):
        by_name[column.name].append(column)
    for name, columns in by_name.items():
        yield from _glean_cases(name, columns) if source.dotted_names else _legacy_cases(name, columns)
    yield from _scalar_cases(source.schema, table)


def _scalar_cases(schema: Schema, table: str) -> Iterator[Case]:
    """The specs of all scalars of a table; those that are no numbers are mistakes."""
    numbers, others = found_numbers(schema)
    by_name: dict[str, list[FoundColumn]] = defaultdict(list)
    for column in numbers:
        by_name[column.name].append(column)
    for name, columns in by_name.items():
        keyed, plain = [c for c in columns if c.is_keyed], [c for c in columns if not c.is_keyed]
        for process, chosen in [*_processes(keyed), *_processes(plain)]:
            # Of a name that stands for several kinds, only the path means the one or the other.
            kinds = len({column.kind for column in columns}) > 1
            read = chosen[:1] if kinds else chosen
            spec: dict[str, Any] = {"scalar": read[0].path if kinds else name}
            if process not in ("", "parent"):
                spec["process"] = read[0].process if kinds else process
            rest = tuple(column for column in columns if column not in read)
            for case in _forms(read[0].kind, process, table, spec, tuple(read), rest):
                yield replace(case, is_number=True)
    for name in dict.fromkeys(column.name for column in others if column.name not in by_name):
        spec = {"scalar": name, "source": table}
        names = ("holds no scalar", name)
        yield Case(
            "scalar that is no number: refused", "", "unkeyed", spec, {}, (), names=names, is_number=True
        )


def _legacy_cases(name: str, columns: list[FoundColumn]) -> Iterator[Case]:
    keyed = [column for column in columns if column.is_keyed and column.kind == "keyed_histograms"]
    plain = [column for column in columns if not column.is_keyed]
    # A keyed histogram among the unkeyed ones is no mistake of ours: 42 are, in the real schema. By its name
    # the column in the keyed record is meant.
    strays = [column for column in columns if column.is_keyed and column.kind != "keyed_histograms"]
    for column in strays:
        at = {"histogram": column.path, "process": column.process}
        others = tuple(other for other in columns if other != column)
        yield from _forms("keyed, among unkeyed", column.process or "", MAIN, at, (column,), others)
    for same in (keyed, plain):
        for process, chosen in _processes(same):
            spec: dict[str, Any] = {"histogram": name.upper()} | (
                {} if process == "parent" else {"process": process}
            )
            others = tuple(other for other in columns if other not in chosen)
            kind = "keyed histogram" if same is keyed else "histogram"
            yield from _forms(kind, process, MAIN, spec, tuple(chosen), others)


def _processes(columns: list[FoundColumn]) -> Iterator[tuple[str, list[FoundColumn]]]:
    """Each process, all of them and all children, with their columns."""
    for column in columns:
        yield column.process or "", [column]
    if len(columns) > 1:
        yield "combined", columns
    children = [column for column in columns if column.process != "parent"]
    if len(children) > 1:
        yield "children", children


def _glean_cases(name: str, columns: list[FoundColumn]) -> Iterator[Case]:
    for column in columns:
        spec = {"histogram": name if len(columns) == 1 else column.path}
        others = tuple(other for other in columns if other != column)
        yield from _forms(column.kind, "", GLEAN, spec, (column,), others)
    if len(columns) > 1:
        paths = tuple(column.path for column in columns)
        spec = {"histogram": name, "source": GLEAN}
        yield Case("of several types: refused", "", "unkeyed", spec, {}, (), names=paths)


def _forms(  # noqa: PLR0917
    kind: str,
    process: str,
    table: str,
    spec: Mapping[str, Any],
    columns: tuple[FoundColumn, ...],
    decoys: tuple[FoundColumn, ...],
) -> Iterator[Case]:
    """The key forms of one spec."""
    forms: dict[KeyForm, dict[str, Any]] = {"unkeyed": {}}
    if columns[0].is_keyed:
        forms = {"summed": {}, "one key": {"key": KEY}, "dimension key": {"key": "*", "dimensions": ["key"]}}
    for keys, more in forms.items():
        yield Case(kind, process, keys, {**spec, "source": table, **more}, {}, columns, decoys)


# ---------------------------------------------------------------------------------------------------------
# With probe definitions


def _defined_columns(catalog: Catalog, table: str) -> dict[int, tuple[FoundColumn, ...]]:
    """The columns of each defined distribution, by the definition's id."""
    source, definitions = catalog.get(table), catalog.definitions
    assert source and definitions
    found = {column.path: column for column in found_columns(source.schema)}
    columns: dict[int, tuple[FoundColumn, ...]] = {}
    for path, probe in match_schema(definitions, source.schema).columns.items():
        if probe.is_distribution:
            columns[id(probe)] = (*columns.get(id(probe), ()), found[path])
    return columns


def definition_cases(catalog: Catalog, table: str) -> Iterator[Case]:
    """A spec for each distribution that is defined and that the schema has."""
    source, definitions = catalog.get(table), catalog.definitions
    assert source and definitions
    by_name = Counter(column.name for column in found_columns(source.schema))
    columns = _defined_columns(catalog, table)
    for probe in definitions.probes:
        if id(probe) not in columns:
            continue
        first = columns[id(probe)][0]
        ambiguous = source.dotted_names and by_name[first.name] > 1
        spec: dict[str, Any] = {"histogram": first.path if ambiguous else probe.name, "source": table}
        if first.process not in (None, "parent"):
            spec["process"] = first.process
        keys: KeyForm = "summed" if first.is_keyed else "unkeyed"
        kind = f"defined as {probe.kind}"
        yield Case(kind, "", keys, spec, {}, (first,), definition=probe, is_defined=True)


def mirror_cases(catalog: Catalog, table: str) -> tuple[list[Case], Counter[str]]:
    """Each pair of distributions asked of one table by the name of the other's, or why it cannot be."""
    source, definitions = catalog.get(table), catalog.definitions
    assert source and definitions
    match = match_schema(definitions, source.schema)
    columns = _defined_columns(catalog, table)
    kinds: dict[str, set[str]] = defaultdict(set)
    for column in found_columns(source.schema):
        kinds[column.name].add(column.kind)
    cases: list[Case] = []
    reasons: Counter[str] = Counter()
    for pair in definitions.mirrors:
        if pair.form != "distribution":
            continue
        probe, named = (pair.glean, pair.legacy) if source.dotted_names else (pair.legacy, pair.glean)
        found = columns.get(id(probe), ())
        if not found:
            other = ", ".join(sorted(kinds[probe.column]))
            reason = match.absent.get(probe.name, "the schema has no column for it")
            reasons[f"{probe.kind} by its definition, {other} in the schema" if other else reason] += 1
            continue
        spec = {"histogram": named.name, "source": table}
        if not source.dotted_names:
            spec["process"] = "combined"
        kind = "mirror, by its legacy name" if source.dotted_names else "mirror, by its Glean name"
        keys: KeyForm = "summed" if found[0].is_keyed else "unkeyed"
        scale = 1 / pair.scale if source.dotted_names else pair.scale
        asks = {"measure": "distribution"}
        cases.append(Case(kind, "", keys, spec, asks, found, definition=probe, scale=scale))
    return cases, reasons


# ---------------------------------------------------------------------------------------------------------


def drawn(cases: Sequence[Case], seed: int, on_row: float, sample: int | None = None) -> list[Case]:
    """The cases, or a sample of them, with their measures, and a share of them with the seed of a row."""
    rng = random.Random(seed)
    if sample is not None:
        cases = [cases[i] for i in sorted(rng.sample(range(len(cases)), min(sample, len(cases))))]
    valid = [i for i, case in enumerate(cases) if not case.names]
    runs = set(rng.sample(valid, round(len(valid) * on_row)))
    made = []
    for i, case in enumerate(cases):
        choice = MEASURES_ON_A_ROW if i in runs else MEASURES
        if case.is_number:
            choice = NUMBERS_ON_A_ROW if i in runs else MEASURES_OF_NUMBERS
        if case.is_defined:
            choice = ALL_BUCKETS if i in runs or rng.random() < SHARE_OF_ALL_BUCKETS else DEFINED
        asks = case.asks or rng.choice(choice)
        made.append(replace(case, asks=asks, on_row=rng.randrange(2**32) if i in runs else None))
    return made
