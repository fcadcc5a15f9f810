"""Analyze: Google's own analyzer reads the SQL against the table's whole schema, as BigQuery would.

What a valid spec compiles to is always valid SQL, so a finding is about a schema that is another than
querygen expects, or is a bug of querygen's. It is told at the line of the spec that its place in the SQL came
from, where one did, else at the SQL's line with its stage.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import tokenize
from sqlglot.tokenizer_core import Token, TokenType

from querygen.catalog import Catalog, SourceTable, Table
from querygen.check import CheckedSql
from querygen.conditions import DefinedDimension, Dimension
from querygen.engines import googlesql
from querygen.errors import Diagnostic, Loc, QuerygenError, Span
from querygen.plan import Pings, Plan, Read
from querygen.published import Published
from querygen.scan import scanned
from querygen.schema import Field, Schema
from querygen.sides import amounts_of
from querygen.spec import Spec
from querygen.translate import stage_places

_PARENS = {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}
_CLAUSES = {
    TokenType.SELECT, TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING,
    TokenType.ORDER_BY, TokenType.WINDOW, TokenType.ON, TokenType.QUALIFY, TokenType.LIMIT,
}  # fmt: skip
# Columns of later stages that are the histogram.
_OF_HISTOGRAM = frozenset({"recorded", "recorded_sum", "recordings", "histogram_text"})


def analyze(checked: CheckedSql, catalog: Catalog, spec: Spec, name: str) -> None:
    """Has the SQL analyzed against the schemas of its tables: the user's own, or the built-in ones.

    Args:
        checked: the SQL.
        catalog: the tables' schemas.
        spec: what the SQL was made from.
        name: what errors call the spec.

    Raises:
        QuerygenError: the analyzer refuses the SQL.
        EngineError: the extra is not installed, or the analyzer stopped.
    """
    plan = checked.sql.plan
    sources: dict[str, Table] = {}
    for read in plan.reads:
        found = catalog.table(read.like)
        if found is None:
            raise ValueError(f"the catalog has no table {read.like}")
        sources[read.table] = found
    schemas = {
        read.table: source.schema if source.strict else _listing(source.schema, read.needs)
        for read, source in zip(plan.reads, sources.values(), strict=True)
    }
    refusal = googlesql.analyze(checked.sql.text, schemas)
    if refusal is None:
        return
    place = _place(checked.sql.text, plan, refusal)
    read = next((read for read in plan.reads if place and read.table == place.table), plan.reads[0])
    source = sources[read.table]
    origin = _origin(place, spec, read, source) if place else None
    where = f" in stage {place.stage}" if place else ""
    if origin:
        where += f", line {refusal.line} of the SQL"
    message = f"Google's analyzer refuses the SQL{where}: {_shortened(refusal.message)}"
    if origin:
        finding = Diagnostic(
            "refused", message, None, origin.loc, _help(origin.columns, source), origin.at_key
        )
        raise QuerygenError((finding,))
    span = None
    if refusal.line:
        line = googlesql.line_of(checked.sql.text, refusal.line)
        span = Span(f"{name}, SQL", refusal.line, refusal.column, source_line=line)
    columns = _columns(place, source) if place and place.table else {}
    raise QuerygenError((Diagnostic("refused", message, span, (), _help(columns, source)),))


def _listing(schema: Schema, needs: Iterable[str]) -> Schema:
    """The schema in which open records list the fields that `needs` names."""
    return Schema(schema.table, _with_fields(schema.root, [need.split(".") for need in needs]))


def _with_fields(record: Field, paths: Sequence[Sequence[str]]) -> Field:
    fields = dict(record.fields)
    for first in dict.fromkeys(path[0].lower() for path in paths):
        child = record.child(first)
        if child is not None:
            inner = [path[1:] for path in paths if path[0].lower() == first and len(path) > 1]
            fields[first] = _with_fields(child, inner) if inner else child
    return replace(record, fields=fields)


def _shortened(message: str) -> str:
    """The message without the signatures that a function does have, which may be dozens."""
    message = re.split(r"\s+(?:Supported )?Signatures?:", message, maxsplit=1, flags=re.IGNORECASE)[0]
    return re.sub(r"\s+Argument types:", " with arguments of types", message).rstrip(".;: ")


# ---------------------------------------------------------------------------------------------------------
# From a place in the SQL to the spec


@dataclass(frozen=True, slots=True)
class _Place:
    """The projection or predicate in which the analyzer found something.

    Attributes:
        stage: the CTE that it is in, or `the final SELECT`.
        table: which one that scans; None if it reads another CTE.
        is_predicate: whether it stands behind a WHERE.
        names: the dotted names in it, as written.
    """

    stage: str
    table: str | None
    is_predicate: bool
    names: tuple[str, ...]


def _place(text: str, plan: Plan, refusal: googlesql.Refusal) -> _Place | None:
    if not refusal.line:
        return None
    offset = sum(len(line) + 1 for line in text.split("\n")[: refusal.line - 1]) + refusal.column - 1
    around = [place for place in stage_places(text, plan, "bigquery") if place[0] <= offset]
    if not around:
        return None
    start, end, stage = around[-1]
    tokens = [token for token in tokenize(text, read="bigquery") if start <= token.start < end]
    is_last = stage is plan.final
    for clause, item in _items(tokens, 0 if is_last else 1):
        if item[-1].end >= offset:
            names = tuple(_names(item))
            label = "the final SELECT" if is_last else f"`{stage.cte}`"
            table = scanned(stage) if isinstance(stage, Pings | Published) else None
            return _Place(label, table, clause is TokenType.WHERE, names)
    return None


def _items(tokens: Sequence[Token], level: int) -> Iterator[tuple[TokenType | None, list[Token]]]:
    """The projections, predicates and the like of one SELECT, each with the clause that it is in."""
    depth, clause, in_between = 0, None, False
    item: list[Token] = []
    for token in tokens:
        depth += _PARENS.get(token.token_type, 0)
        kind = token.token_type if depth == level else None
        in_between = in_between or kind is TokenType.BETWEEN
        ends = kind in _CLAUSES or kind is TokenType.COMMA or (kind is TokenType.AND and not in_between)
        if kind is TokenType.AND:
            in_between = False
        if not ends:
            item.append(token)
            continue
        if item:
            yield clause, item
        clause = token.token_type if kind in _CLAUSES else clause
        item = [token]
    if item:
        yield clause, item


def _names(tokens: Sequence[Token]) -> Iterator[str]:
    """The dotted names among the tokens: `payload.histograms.gc_ms`."""
    parts: list[str] = []
    expects_part = True
    for token in tokens:
        if token.token_type is TokenType.DOT:
            expects_part = True
        elif expects_part and parts and token.text.isidentifier():
            parts.append(token.text)
            expects_part = False
        else:
            if parts:
                yield ".".join(parts)
            is_name = token.text.isidentifier() and token.token_type is not TokenType.STRING
            parts, expects_part = ([token.text] if is_name else []), False
    if parts:
        yield ".".join(parts)


def _columns(place: _Place, source: Table) -> dict[str, Field]:
    """The table's columns that a place in a scan reads."""
    prefix = f"{source.alias}." if isinstance(source, SourceTable) and source.alias else ""
    return _fields_at((name.removeprefix(prefix) for name in place.names), source)


@dataclass(frozen=True, slots=True)
class _Origin:
    """What in the spec the place came from.

    Attributes:
        at_key: its name is meant, not its value.
        columns: the table's columns that it means.
    """

    loc: Loc
    at_key: bool
    columns: Mapping[str, Field]


def _origin(place: _Place, spec: Spec, read: Read, source: Table) -> _Origin | None:
    if not isinstance(source, SourceTable):
        return _Origin(("align", "dates"), False, _columns(place, source))
    filters: list[tuple[Loc, list[str]]] = [(("filters", name), [name]) for name in spec.filters]
    amounts = amounts_of(spec, read.table)
    for key, amount in amounts.items():
        filters += [((key, "filters", name), [name]) for name in amount.filters]
    made: list[tuple[Loc, list[str]]] = [
        *((("dimensions", i), _references(dimension)) for i, dimension in enumerate(spec.dimensions)),
        *((("fields", i), [reference]) for i, reference in enumerate(spec.fields or ())),
    ]
    named = {need for _, references in [*filters, *made] for need in _needs(references, source)}
    others = {*read.needs} - named - {source.client_id, source.timestamp}
    asked: Loc = ("histogram",) if spec.histogram is not None else ("scalar",)
    probe = _Origin((next(iter(amounts)),) if amounts else asked, False, _fields_at(others, source))
    if place.table is None:
        words = {name.rpartition(".")[2].lower() for name in place.names}
        for i, dimension in enumerate(spec.dimensions):
            if _dimension_name(dimension) in words:
                return _Origin(("dimensions", i), False, _fields_at(_needs(made[i][1], source), source))
        return probe if words & _OF_HISTOGRAM else None
    columns = _columns(place, source)
    for loc, references in [*filters, *made] if place.is_predicate else [*made, *filters]:
        if columns.keys() & _needs(references, source):
            return _Origin(loc, "filters" in loc, columns)
    return replace(probe, columns=columns) if columns.keys() & others else None


def _dimension_name(dimension: Dimension) -> str:
    name = dimension.name if isinstance(dimension, DefinedDimension) else dimension.rpartition(".")[2]
    return name.lower()


def _references(dimension: Dimension) -> list[str]:
    """The names and paths that a dimension is made of."""
    if not isinstance(dimension, DefinedDimension):
        return [dimension]
    cases = dimension.cases if isinstance(dimension.cases, tuple) else ()
    return [*([dimension.of] if dimension.of else []), *(name for case in cases for name in case.when)]


def _needs(references: Iterable[str], source: SourceTable) -> set[str]:
    """The columns that names and paths mean; those of `made_by` and of earlier dimensions have none here."""
    found = (source.column(reference) for reference in references)
    return {need for column in found if column for need in column.needs}


def _fields_at(paths: Iterable[str], source: Table) -> dict[str, Field]:
    """The table's columns at these paths that have values."""
    found = filter(None, map(source.schema.resolve, paths))
    return {path: field for path, field in found if field.type != "RECORD" or field.repeated}


def _help(columns: Mapping[str, Field], source: Table) -> str:
    if columns and source.strict:
        types = " and ".join(
            f"`{path}` is {field.bigquery_type()}" for path, field in sorted(columns.items())
        )
        return f"by the schema given, {types}: is it this table's? If so, please report this"
    return "this is a bug in querygen; please report it with the spec"
