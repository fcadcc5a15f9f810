"""SQL as HTML, with its keywords, literals and comments told apart."""

import re

from markupsafe import Markup, escape

from querygen.report.layout import visible

# Our own text only: it has neither triple quotes nor comments that begin with `#`.
_TOKEN = re.compile(
    r"""(?P<comment> /\*.*?\*/ | --[^\n]* )
      | (?P<text> [rb]{0,2} (?: '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" ) )
      | (?P<name> `[^`]*` | (?<=\.)\w+ )
      | (?P<number> \b\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\b )
      | (?P<keyword> \b[A-Z][A-Z_0-9]+\b(?!\.) )""",
    re.X | re.S,
)


def highlighted(sql: str) -> Markup:
    """The text as HTML, its comments, literals and keywords in elements whose classes say so."""
    parts, end, sql = [], 0, visible(sql)
    for token in _TOKEN.finditer(sql):
        kind, text = token.lastgroup, escape(token[0])
        parts += [escape(sql[end : token.start()]), _marked(kind, text)]
        end = token.end()
    return Markup("").join([*parts, escape(sql[end:])])


def _marked(kind: str | None, text: Markup) -> Markup:
    return text if kind == "name" else Markup('<span class="qg-{}">{}</span>').format(kind, text)
