"""The only place that makes SQL leaves: identifiers, paths and literals as sqlglot nodes, and their text.

A node is printed here and nowhere else, so that quoting is right by construction. User text can only ever
become a string literal; identifiers come from the catalog or are checked against `NAME`.
"""

import datetime as dt
import re
import sys
from collections.abc import Sequence

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery

from querygen.errors import EngineError, QuerygenError
from querygen.parameters import slot_of

Node = exp.Expr

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPED_LITERALS = {
    "DATE": "DATE",
    "DATETIME": "DATETIME",
    "TIMESTAMPTZ": "TIMESTAMP",
    "TIMESTAMP": "DATETIME",
}
_LONGEST_LINE = 100
# Around a literal that a parameter may stand in for, and between its placeholder and itself. These are halves
# of characters, which no text can have that becomes a literal, a name or a comment.
_OPEN, _MIDDLE, _CLOSE = "\ud800", "\ud801", "\ud802"
_MARKED = re.compile(f"{_OPEN}([^{_MIDDLE}]*){_MIDDLE}([^{_CLOSE}]*){_CLOSE}")
_GREATEST = int(sys.float_info.max)
# GoogleSQL reserves fewer; the others (CURRENT_DATE, OFFSET, …) would not be read as names everywhere.
_RESERVED = {
    word.lower()
    for words in (
        BigQuery.Generator.RESERVED_KEYWORDS,
        BigQuery.Tokenizer.KEYWORDS,
        BigQuery.Parser.NO_PAREN_FUNCTION_PARSERS,
    )
    for word in words
}


class _Emitted(BigQuery):
    """BigQuery as Mozilla writes it: `DATE '2020-04-20'` instead of a cast."""

    class Generator(BigQuery.Generator):  # type: ignore[misc,valid-type]
        """Prints casts of string literals to dates and times as typed literals."""

        def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
            """One cast, or a typed literal."""
            kind = _TYPED_LITERALS.get(expression.to.this.name)
            if (
                kind
                and isinstance(expression.this, exp.Literal)
                and expression.this.is_string
                and not safe_prefix
            ):
                return f"{kind} {self.sql(expression, 'this')}"
            return str(super().cast_sql(expression, safe_prefix))

        def literal_sql(self, expression: exp.Literal) -> str:
            """A literal, marked if a parameter may stand in for it."""
            return _marked(expression, str(super().literal_sql(expression)))

        def in_sql(self, expression: exp.In) -> str:
            """A list, whose values are marked together if a parameter may stand in for all of them."""
            if _PARAMETER not in expression.meta:
                return str(super().in_sql(expression))
            values = ", ".join(self.sql(value) for value in expression.expressions)
            return f"{self.sql(expression, 'this')} IN ({_marked(expression, values)})"

        def add_sql(self, expression: exp.Add) -> str:
            """A sum, which takes several lines where it is long."""
            return self._chained(expression, "+")

        def sub_sql(self, expression: exp.Sub) -> str:
            """A difference, likewise."""
            return self._chained(expression, "-")

        def _chained(self, expression: exp.Binary, operator: str) -> str:
            left, right = self.sql(expression, "this"), self.sql(expression, "expression")
            width = len(left.rpartition("\n")[2]) + len(" + ") + len(right.partition("\n")[0])
            before = "\n  " if self.pretty and width > _LONGEST_LINE else " "
            return f"{left}{before}{operator} {right}"

        def currentdate_sql(self, expression: exp.CurrentDate) -> str:
            """With the parentheses that Mozilla's SQL has."""
            return f"CURRENT_DATE({self.sql(expression, 'this')})"

        def not_sql(self, expression: exp.Not) -> str:
            """`a IS NOT NULL` and `a NOT IN (…)` as people write them."""
            inner = expression.this
            if isinstance(inner, exp.Is):
                return f"{self.sql(inner, 'this')} IS NOT {self.sql(inner, 'expression')}"
            if isinstance(inner, exp.In):
                left = self.sql(inner, "this")
                return f"{left} NOT IN{self.in_sql(inner).removeprefix(f'{left} IN')}"
            return str(super().not_sql(expression))


def to_sql(node: Node) -> str:
    """The BigQuery text of a node; CASE expressions and whatever is long take several lines.

    Raises:
        EngineError: sqlglot is the compiled one.
    """
    try:
        flat = node.sql(dialect=_Emitted)
    except TypeError as error:
        # Classes that mypyc compiled refuse to be subclassed by others, but only when they are used.
        if "compiled" not in str(error):
            raise
        raise EngineError.of(
            "compiled-sqlglot",
            "sqlglot's compiled build (sqlglotc) is installed, which cannot be extended as querygen does",
            help="pip uninstall sqlglotc; sqlglot itself stays",
        ) from None
    if len(with_defaults(flat)) <= _LONGEST_LINE and node.find(exp.Case) is None:
        return flat
    return node.sql(dialect=_Emitted, pretty=True, max_text_width=_LONGEST_LINE)


_PARAMETER = "parameter"


def _marked(node: Node, printed: str) -> str:
    placeholder = node.meta.get(_PARAMETER)
    return printed if placeholder is None else f"{_OPEN}{placeholder}{_MIDDLE}{printed}{_CLOSE}"


def with_defaults(printed: str) -> str:
    """The text of nodes with the literals, where parameters may stand in for them."""
    return _MARKED.sub(r"\2", printed)


def with_placeholders(printed: str) -> str:
    """The text of nodes with parameters, as Redash writes them, in place of the literals."""
    return _MARKED.sub(r"\1", printed)


def listed(this: Node, values: Sequence[Node]) -> exp.In:
    """`this IN (values)`; one parameter stands in for all values if it does for the first."""
    made = exp.In(this=this, expressions=[value.copy() for value in values])
    placeholders = [inner.meta.pop(_PARAMETER, None) for value in made.expressions for inner in value.walk()]
    if any(placeholders):
        made.meta[_PARAMETER] = next(filter(None, placeholders))
    return made


def name(text: str) -> exp.Identifier:
    """An identifier, in backticks only where the word has a meaning in SQL.

    Raises:
        QuerygenError: it has other characters than names of columns have, as a user's schema may.
    """
    if not NAME.fullmatch(text):
        raise _no_name(text)
    return exp.to_identifier(text, quoted=text.lower() in _RESERVED)


def column(text: str) -> exp.Column:
    """A column of the present scope."""
    return exp.Column(this=name(text))


def path(dotted: str) -> Node:
    """A column or a nested field (`payload.info.subsession_length`).

    A field after a dot may be any word in GoogleSQL, so that only the first part is ever quoted.
    """
    first, *rest = dotted.split(".")
    node: Node = column(first)
    for part in rest:
        if not NAME.fullmatch(part):
            raise _no_name(dotted)
        node = exp.Dot(this=node, expression=exp.to_identifier(part, quoted=False))
    return node


def _no_name(text: str) -> QuerygenError:
    return QuerygenError.of(
        "bad-name",
        f"`{text}` cannot stand in the SQL, where names have letters, digits and underscores",
        help="ask for another column",
    )


def field_of(record: Node, text: str) -> Node:
    """A field of a record."""
    return exp.Dot(this=record.copy(), expression=exp.to_identifier(text, quoted=False))


def table(dotted: str) -> exp.Identifier:
    """A table as one quoted name, valid in BigQuery and a single name for Google's evaluator."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", dotted):
        raise ValueError(f"{dotted!r} is no table name")
    return exp.to_identifier(dotted, quoted=True)


def text(value: str) -> exp.Literal:
    """A string literal.

    Raises:
        QuerygenError: it has half of a character, which no file and no engine can hold.
    """
    if any("\ud800" <= character <= "\udfff" for character in value):
        message = f"the text {value!a} has half a character"
        raise QuerygenError.of("bad-text", message, help="write the character itself")
    return exp.Literal.string(value)


def literal(value: str | int | float | bool | dt.date | dt.datetime, kind: str) -> Node:
    """A value as a literal of a BigQuery type; the value must already be of that type.

    A default of a parameter is a literal that the parameter may stand in for, sign and all.

    Raises:
        QuerygenError: a number is greater than FLOAT64 goes, or a text has half of a character.
    """
    slot = slot_of(value)
    if slot is not None:
        made = _literal(value, kind)
        if isinstance(made, exp.Neg):
            made = exp.Literal(this=f"-{made.this.this}", is_string=False)
        inner = made.find(exp.Literal)
        if inner is not None:
            inner.meta[_PARAMETER] = slot.placeholder
        return made
    return _literal(value, kind)


def _literal(value: str | int | float | bool | dt.date | dt.datetime, kind: str) -> Node:
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int) and kind != "INT64" and abs(value) >= 2**63:
        if abs(value) > _GREATEST:
            message = f"a number of {len(str(_GREATEST))} digits or more is outside the range of {kind}"
            raise QuerygenError.of("wrong-type", message, help=f"the largest is {float(_GREATEST):g}")
        value = float(value)  # digits alone would be an INT64 out of its range
    if isinstance(value, int | float):
        number = exp.Literal.number(repr(abs(value)))
        return exp.Neg(this=number) if value < 0 else number
    if isinstance(value, dt.datetime):
        if kind == "TIMESTAMP":
            utc = value.astimezone(dt.UTC) if value.tzinfo else value
            return exp.cast(text(utc.replace(tzinfo=None).isoformat(" ") + "+00:00"), "TIMESTAMPTZ")
        return exp.cast(text(value.isoformat(" ")), "DATETIME")
    if isinstance(value, dt.date):
        return exp.cast(text(value.isoformat()), "DATE")
    return text(value)


def is_missing(node: Node) -> Node:
    """`node IS NULL`."""
    return exp.Is(this=node, expression=exp.null())


def own_function(dotted: str, argument: Node) -> Node:
    """A call of one of querygen's own functions, `querygen.histogram_text(argument)`."""
    dataset, _, function = dotted.partition(".")
    call = exp.Anonymous(this=function, expressions=[argument.copy()])
    return exp.Dot(this=exp.to_identifier(dataset), expression=call)


def is_given(node: Node) -> Node:
    """`node IS NOT NULL`."""
    return exp.Not(this=is_missing(node))


def comment(words: str) -> str:
    """Text that is safe inside a one-line comment: no line breaks, no end of comment, no Redash parameter."""
    flat = re.sub(
        r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+", " ", words
    ).strip()
    return re.sub(r"\*(?=/)|/(?=\*)|\{(?=\{)|\}(?=\})", r"\g<0> ", flat)
