"""What pages and blocks are laid out with: templates that escape every text, and colours."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from querygen.charts.frame import safe
from querygen.charts.theme import css_variables

_ASSETS = Path(__file__).parent / "assets"


def variables(selector: str, *, dark: bool) -> str:
    """A rule that gives the colours, and what code stands on, to what is selected."""
    return f"{selector} {{ {css_variables(dark=dark)} --qg-code: {'#20232a' if dark else '#f4f5f7'}; }}"


@cache
def resource(name: str) -> str:
    """A file of this package, which holds no text of a spec or of data."""
    return (_ASSETS / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """The templates. Every text is escaped but what is marked as safe."""
    return Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=visible,
    )


def visible(value: Any) -> Any:
    """The value; of a text with what is invisible written out, but for line breaks and tabs."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return "".join(c if c in "\n\t" else safe(c) for c in value)
    return value
