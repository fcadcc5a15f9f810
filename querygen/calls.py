"""Calls of querygen's own functions in SQL text, and what is put in their place.

Text, not a tree, so that a function's body is printed as it was written, with its comments. Tokens are read,
so that a string literal which looks like a call is never mistaken for one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import tokenize
from sqlglot.tokenizer_core import Token, TokenType

DATASET = "querygen"


@dataclass(frozen=True, slots=True)
class Call:
    """A call `querygen.name(argument)`: the function's dotted name, and the argument's text."""

    function: str
    argument: str
    start: int
    end: int


def find_calls(text: str, dialect: str) -> list[Call]:
    """The calls in the order of the text. All of querygen's own functions take one argument."""
    tokens = tokenize(text, read=dialect)
    found = []
    for i in range(len(tokens) - 3):
        dataset, dot, function, opening = tokens[i : i + 4]
        if (
            dataset.text == DATASET
            and dataset.token_type is TokenType.VAR
            and dot.token_type is TokenType.DOT
            and opening.token_type is TokenType.L_PAREN
        ):
            closing = _closing(tokens, i + 3)
            argument = text[opening.end + 1 : closing.start].strip()
            found.append(Call(f"{DATASET}.{function.text}", argument, dataset.start, closing.end + 1))
    return found


def place(text: str, dialect: str, body: Callable[[Call], str]) -> str:
    """The text with `body(call)` in the place of each call, indented like the line it stands in."""
    for call in reversed(find_calls(text, dialect)):
        line = text[text.rfind("\n", 0, call.start) + 1 : call.start]
        indent = " " * (len(line) - len(line.lstrip()))
        text = text[: call.start] + _indented(body(call).strip(), indent, dialect) + text[call.end :]
    return text


def _indented(text: str, indent: str, dialect: str) -> str:
    """The text with its further lines indented, but not those that a string literal has."""
    tokens = [(token.start, token.end) for token in tokenize(text, read=dialect)]

    def broken(line_break: re.Match[str]) -> str:
        is_in_literal = any(start < line_break.start() < end for start, end in tokens)
        return "\n" if is_in_literal else f"\n{indent}"

    return re.sub(r"\n(?=[^\n])", broken, text)


def with_arguments(body: str, arguments: Mapping[str, str], dialect: str) -> str:
    """The body with each parameter replaced by its argument's text."""
    text = body.strip()
    tokens = tokenize(text, read=dialect)
    for i in reversed(range(len(tokens))):
        token = tokens[i]
        is_field = i > 0 and tokens[i - 1].token_type is TokenType.DOT
        if token.token_type is TokenType.VAR and token.text in arguments and not is_field:
            text = text[: token.start] + arguments[token.text] + text[token.end + 1 :]
    return text


def _closing(tokens: list[Token], opening: int) -> Token:
    depth = 0
    for token in tokens[opening:]:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth == 0:
            return token
    raise ValueError("unbalanced parentheses")
