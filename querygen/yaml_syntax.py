"""What is wrong with YAML that cannot be read: the parser's findings in words of ours, with a cure."""

import re

from ruamel.yaml.error import MarkedYAMLError, StringMark

# (part of the parser's context, part of its problem, our sentence, our help, whether the place is where the
# unfinished thing starts). The first that fits is told.
_FINDINGS = (
    ("quoted scalar", "end of stream", "this quote is never closed", "add the closing quote", True),
    (
        "flow sequence",
        "expected ','",
        "a comma or the closing `]` is missing in this list",
        "write [a, b]",
        True,
    ),
    (
        "flow mapping",
        "expected ','",
        "a comma or the closing `}` is missing in this mapping",
        "write {a: 1, b: 2}",
        True,
    ),
    (
        "",
        "<stream end>",
        "the text ends where a value is expected",
        "close the bracket, or add the value",
        False,
    ),
    (
        "",
        r"character '\t'",
        "a tab cannot indent a line of YAML",
        "use blanks instead",
        False,
    ),
    (
        "scanning an alias",
        "",
        "`*` begins an alias in YAML",
        'quote a text that begins with it: "*"',
        True,
    ),
    (
        "",
        "another document",
        "a second document starts here",
        "a file is one spec; put each into a file of its own",
        False,
    ),
    (
        "",
        "but found '<scalar>'",
        "this text follows a value that has ended",
        "quote the value as a whole; a quote inside single quotes is doubled: 'it''s'",
        False,
    ),
    (
        "",
        "expected <block end>",
        "this line does not continue what stands above it",
        "indent it like the lines that it belongs to",
        False,
    ),
    ("", "could not find expected ':'", "a colon is missing after this key", "write `key: value`", True),
)


def explain(error: MarkedYAMLError, text: str, language: str) -> tuple[str, str, StringMark | None]:
    """(one sentence, one help, the place) for a syntax error; `language` is what the text is meant to be."""
    problem = str(error.problem or error.context or "it cannot be read").split("\n", 1)[0]
    mark = error.problem_mark or error.context_mark
    if "mapping values are not allowed" in problem and mark is not None:
        return "a key cannot stand here", _misplaced_key(mark, text), mark
    if found := re.search(r"character '(\S)' that cannot start", problem):
        return f"`{found[1]}` cannot begin a value", f'quote the text: "{found[1]}…"', mark
    if found := re.search(r"undefined alias '(.*)'", problem):
        help_ = f"write `&{found[1]}` before the value that is meant, or quote the text if it is one"
        return f"`*{found[1]}` stands for nothing: there is no anchor `&{found[1]}` above", help_, mark
    for context, part, message, help_, at_start in _FINDINGS:
        if context in str(error.context) and part in problem:
            return message, help_, error.context_mark if at_start and error.context_mark else mark
    help_ = "look for a missing blank after a colon, an unclosed quote or bracket, or uneven indentation"
    return f"this is not valid {language}: {problem[:1].lower()}{problem[1:]}", help_, mark


def _misplaced_key(mark: StringMark, text: str) -> str:
    """The likeliest cause of a key where none can stand."""
    lines = text.splitlines()
    before, above = lines[mark.line][: mark.column], lines[mark.line - 1] if mark.line else ""
    if ": " in before:
        return "quote a text that holds a colon"
    if re.fullmatch(r"\s*[\w\"']+:\S.*", above):
        return f"put a blank after the colon in line {mark.line}"
    if above and ":" not in above and re.match(r"\s*\w+ ", above):
        return f"put a colon after the key in line {mark.line}"
    return "indent it as its neighbours are; quote a text that holds a colon"
