"""Mutants of templates and of the bodies of UDFs: small changes that an executing test must notice.

They are found by reading the files, so that a new template has its mutants without another word. A change is
made where it leaves SQL that an engine still takes, as far as the text can tell: a mutant that only breaks
the syntax would be caught by anything.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Edit:
    """`new` in the place of `text[start:end]`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Mutant:
    """A change of one file.

    Attributes:
        file: relative to the project.
        line: the first changed line, as it was.
        what: the change in a few words.
        edits: what is changed, in ascending order.
        number: tells it from others with the same line and the same change.
        reach: of Python, the lines of which a test must run one to notice; empty for "any".
    """

    file: str
    line: str
    what: str
    edits: tuple[Edit, ...]
    number: int = 1
    reach: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """A name that stays while the line does; without the line's number."""
        number = f" | {self.number}" if self.number > 1 else ""
        return f"{self.file} | {self.line} | {self.what}{number}"

    def apply(self, text: str) -> str:
        """The file's text with the change."""
        for edit in reversed(self.edits):
            text = text[: edit.start] + edit.new + text[edit.end :]
        return text


def mutant(file: str, text: str, what: str, edits: Sequence[Edit], reach: tuple[int, ...] = ()) -> Mutant:
    """A mutant that is named after the line of its first change."""
    ordered = tuple(sorted(edits, key=lambda edit: edit.start))
    first = ordered[0].start
    line = text[text.rfind("\n", 0, first) + 1 : (text + "\n").find("\n", first)]
    return Mutant(file, line.strip(), what, ordered, reach=reach)


def numbered(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Without changes that were found twice; those with the same name are counted in the file's order."""
    distinct = {made.edits: made for made in reversed(mutants)}.values()
    seen: Counter[str] = Counter()
    found = []
    for made in sorted(distinct, key=lambda made: (made.edits[0].start, made.what)):
        seen[made.id] += 1
        found.append(replace(made, number=seen[made.id]))
    return found


# ---- What stands where -----------------------------------------------------------------------------------

PRINTED = "\x02"  # stands for each character of a {{ printed value }}, so that places stay
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_WORDS_OF_SQL = re.compile(r"--[^\n]*|r?'(?:[^'\\]|\\.|'')*'")


def masked(text: str) -> str:
    """The SQL alone, each character in its place: no Jinja, no comments, no string literals."""

    def blank(match: re.Match[str]) -> str:
        filling = PRINTED if match[0].startswith("{{") else " "
        return re.sub(r"[^\n]", filling, match[0])

    return _WORDS_OF_SQL.sub(lambda match: "'" * len(match[0]), _JINJA.sub(blank, text))


# ---- Changes of a word -----------------------------------------------------------------------------------

_NUMBER = r"(?<![\w.$])\d+(?:\.\d+)?(?![\w.])"
_BETWEEN = re.compile(r"\bBETWEEN\s+\S+\s+(AND)\s+(\x02+|\d+)")

# A pattern, and what its first group (or the whole match) becomes, one after the other; @ is what it was.
_SWAPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(?<= )>=(?= )", (">",)),
    (r"(?<= )<=(?= )", ("<",)),
    (r"(?<= )>(?= )", (">=",)),
    (r"(?<= )<(?= )", ("<=",)),
    (r"(?<= )=(?= )", ("!=",)),
    (r"(?<= )(?:!=|<>)(?= )", ("=",)),
    (r"\bIS NOT NULL\b", ("IS NULL",)),
    (r"\bIS NULL\b", ("IS NOT NULL",)),
    (r"\bAND\b", ("OR",)),
    (r"\bOR\b", ("AND",)),
    (r"(?<!IS )(?<!IF )\bNOT (?!NULL|IN\b|EXISTS)", ("",)),
    (r"\bTRUE\b", ("FALSE",)),
    (r"\bFALSE\b", ("TRUE",)),
    (r"\bIF\(([\w.]+)(?=,)", ("NOT @",)),
    (rf"\b(?:COUNT)?IF\(\s*({PRINTED}+)", ("NOT (@)",)),
    (r"\bSUM\(", ("COUNT(", "MIN(")),
    (r"\bMIN\(", ("MAX(",)),
    (r"\bMAX\(", ("MIN(",)),
    (r"\bCOUNTIF\(", ("COUNT(",)),
    (r"\bCOUNT\(DISTINCT ", ("COUNT(",)),
    (r"\bCOUNT\(\*\)(?= AS\b)", ("MIN(1)",)),
    (r"\bSELECT DISTINCT\b", ("SELECT",)),
    (r"(?<=GENERATE_ARRAY\()[\w.]+(?=,)", ("@ + 1",)),
    (r"\bLEFT JOIN\b", ("JOIN",)),
    (r"\bINNER JOIN\b", ("LEFT JOIN",)),
    (r"(?<=[\w)\x02] )/(?= [\w(\x02])", ("*",)),
    (r"(?<=[\w)\x02] )\*(?= [\w(\x02])", ("/",)),
    (r"(?<=[\w)\x02] )\+(?= [\w(\x02])", ("-",)),
    (r"(?<=[\w)\x02] )-(?= [\w(\x02])", ("+",)),
    (r" DESC\b", ("",)),
    (r"\bOVER up_to_bucket\b", ("OVER whole_group",)),
    (r"\bOVER whole_group\b", ("OVER up_to_bucket",)),
    (r"(?<=\() *PARTITION BY [^)]+(?=\))", ("",)),
    (r" ORDER BY [\w.]+(?=\))", ("", "@ DESC")),
    (r"^LIMIT\n\s*\x02+\n", ("",)),
    # One column for another. Not where a name is given, nor in a GROUP BY, which has only one column a line.
    (r"(?<!AS )(?<!\w)n_clients\b(?!,?$)", ("n_samples",)),
    (r"(?<!AS )(?<!\w)n_samples\b(?!,?$)", ("n_clients",)),
    (r"(?<!AS )(?<!\w)votes\b(?!,?$)", ("n_samples",)),
    (r"(?<=\.)key\b(?!,?$)", ("value",)),
    (r"(?<=\.)value\b(?!,?$)", ("key",)),
    (r"^ON\s+([\w.]+)(?= = )", ("",)),
    (r"\bquerygen\.\w+\(\w+\)", ("",)),
)


def _words(text: str, sql: str) -> Iterator[tuple[str, Edit]]:
    of_between = {match.start(1) for match in _BETWEEN.finditer(sql)}
    for pattern, becomes in _SWAPS:
        for match in re.finditer(pattern, sql, re.MULTILINE):
            if match.start() in of_between:
                continue
            start, end = match.span(1) if match.re.groups else match.span()
            for new in becomes:
                made = new.replace("@", text[start:end])
                if pattern.startswith("^ON"):  # the other side of the comparison, which then always holds
                    made = sql[end:].split(" = ")[1].split()[0]
                elif pattern.startswith(r"\bquerygen"):  # the argument, as if it needed no function
                    made = match[0].partition("(")[2].rstrip(")")
                yield f"{_short(text[start:end])} → {_short(made) or 'nothing'}", Edit(start, end, made)
    for match in re.finditer(_NUMBER, sql):
        value = float(match[0]) if "." in match[0] else int(match[0])
        for new in (value + 1, value - 1):
            yield f"{match[0]} → {new}", Edit(*match.span(), str(new))
    for match in _BETWEEN.finditer(sql):
        if not match[2].isdigit():
            for more in (" + 1", " - 1"):
                yield f"upper bound{more}", Edit(match.end(2), match.end(2), more)


def _short(words: str) -> str:
    return " ".join(words.split())


# ---- Changes of a clause ---------------------------------------------------------------------------------

_ANY_KEY = "IF(TRUE, 1, 1)"  # the same for all rows; engines take no mere 1, which would be a place


def _clause(sql: str, head: str) -> Iterator[tuple[int, int]]:
    """Start and end of each item of a clause: the lines after its head, up to one that holds no item."""
    for match in re.finditer(rf"^{head}\n", sql, re.MULTILINE):
        at = match.end()
        while at < len(sql):
            end = sql.find("\n", at)
            end = len(sql) if end < 0 else end
            line = sql[at:end]
            if not line.startswith(("  ", PRINTED)) or not line.strip():
                if line.strip():
                    break
                at = end + 1  # a line of Jinja
                continue
            item = line.strip()
            start = at + line.index(item)
            yield start, start + len(item)
            at = end + 1


def _conditions(text: str, sql: str) -> Iterator[tuple[str, Edit]]:
    """Each condition dropped, of as many as a clause has."""
    for head in ("WHERE", "HAVING", "QUALIFY"):
        for start, end in _clause(sql, head):
            condition = re.sub(r"^(?:AND|OR)\s+", "", sql[start:end])
            begin = end - len(condition)
            if condition != "TRUE" and condition.count("(") == condition.count(")"):
                yield "condition dropped", Edit(begin, end, "TRUE")
    # One of several conditions, printed behind the AND that separates them.
    for match in re.finditer(r"AND \{% endif %\}(\{\{ \w+ \}\})$", text, re.MULTILINE):
        yield "condition dropped", Edit(*match.span(1), "TRUE")


def _keys(text: str, sql: str) -> Iterator[tuple[str, tuple[Edit, ...]]]:
    """Each key of a GROUP BY or ORDER BY dropped; the column that it was is then the least of its values."""
    for start, end in _clause(sql, "ORDER BY"):
        has_comma = sql[start:end].endswith(",")
        yield "key dropped", (Edit(start, end, "IF(TRUE, 1, 1)" + ("," if has_comma else "")),)
    for start, end in _clause(sql, "GROUP BY"):
        key = text[start:end].removesuffix(",")
        comma = "," if sql[start:end].endswith(",") else ""
        listed = re.fullmatch(r"\{\{ (listed|alone)\((stage\.\w+)\) \}\}", key)
        if listed:
            item = "{{ item }}"
            each = f"{{% for item in {listed[2]} %}}MIN({item}) AS {item}, {{% endfor %}}"
            place = text.find(f"{{{{ listed({listed[2]}) }}}}")
            if 0 <= place < start:
                size = len(f"{{{{ listed({listed[2]}) }}}}")
                kept = "" if listed[1] == "listed" else _ANY_KEY
                yield "keys dropped", (Edit(place, place + size, each), Edit(start, end, kept))
            continue
        yield "key dropped", (*_least(text, sql, key, start), Edit(start, end, _ANY_KEY + comma))


def _least(text: str, sql: str, key: str, before: int) -> tuple[Edit, ...]:
    """The key in the SELECT list above its GROUP BY as an aggregate; nothing where it isn't there."""
    line = rf"^  (?:([\w.]+) AS {re.escape(key)}|({re.escape(key)})(?: AS \w+)?),$"
    for match in re.finditer(line, sql[:before], re.MULTILINE):
        if match[1]:
            return (Edit(*match.span(1), f"MIN({match[1]})"),)
        named = "" if " AS " in match[0] else f" AS {key.rpartition('.')[2]}"
        return (Edit(*match.span(2), f"MIN({match[2]}){named}"),)
    return ()


def _branches(text: str) -> Iterator[tuple[str, Edit]]:
    """Each `if` of the template the other way round."""
    for match in re.finditer(r"\{%\+? (?:if|elif) ((not )?[^%]+?) %\}", text):
        start, end = match.span(1)
        condition = text[start:end]
        yield "if inverted", Edit(start, end, condition[4:] if match[2] else f"not {condition}")


# ---- Files -----------------------------------------------------------------------------------------------


def of_template(file: str, text: str) -> list[Mutant]:
    """All mutants of a template."""
    sql = masked(text)
    single: list[Callable[[], Iterator[tuple[str, Edit]]]] = [
        lambda: _words(text, sql),
        lambda: _conditions(text, sql),
        lambda: _branches(text),
    ]
    found = [mutant(file, text, what, (edit,)) for make in single for what, edit in make()]
    found += [mutant(file, text, what, edits) for what, edits in _keys(text, sql)]
    return numbered(found)


def of_udf(file: str, text: str) -> list[Mutant]:
    """All mutants of a UDF's body: comparisons, constants, conditions and operators."""
    sql = masked(text)
    found = [
        mutant(file, text, what, (edit,)) for what, edit in (*_words(text, sql), *_conditions(text, sql))
    ]
    return numbered(found)


def sql_mutants() -> list[Mutant]:
    """The mutants of all templates and UDFs."""
    found: list[Mutant] = []
    for path in sorted((ROOT / "templates").rglob("*.j2")):
        found += of_template(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "udfs").glob("*/*/*.sql")):
        found += of_udf(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    return found
