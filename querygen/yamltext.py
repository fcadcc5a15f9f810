"""Values as YAML, for files that querygen writes and people read."""

import base64
import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML

# Words that need no quotes wherever they stand: no digit first, nothing that YAML or JSON gives a meaning.
_PLAIN = re.compile(r"[A-Za-z_][\w./ -]*[\w./]|[A-Za-z_]", re.ASCII)
_WIDEST = 100  # characters of a line that is not broken


def block(data: Mapping[str, Any]) -> str:
    """A file: a line for each key, and for each key and item inside where a line would be long."""
    return "".join(f"{line}\n" for line in _lines(data)) or "{}\n"


def _lines(value: Mapping[str, Any] | list[Any] | tuple[Any, ...]) -> Iterator[str]:
    """The value in YAML's block style, whose innermost parts are in flow style where they are short."""
    if isinstance(value, Mapping):
        pairs = [(f"{scalar(key)}:", inner) for key, inner in value.items()]
    else:
        pairs = [("-", inner) for inner in value]
    for head, inner in pairs:
        line = f"{head} {flow(inner, quotes_numbers=True)}"
        if len(line) <= _WIDEST or not inner or not isinstance(inner, Mapping | list | tuple):
            yield line
        else:
            yield head
            yield from (f"  {below}" for below in _lines(inner))


def flow(value: Any, *, quotes_numbers: bool = False) -> str:
    """The value in YAML's flow style: `{os: Mac, value: 4}`.

    Args:
        value: plain data.
        quotes_numbers: whether a key such as `7` has quotes, without which a spec takes it for a number.
    """
    if isinstance(value, Mapping):
        pairs = (
            f"{scalar(key) if quotes_numbers else _key(key)}: {flow(inner, quotes_numbers=quotes_numbers)}"
            for key, inner in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner, quotes_numbers=quotes_numbers) for inner in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A single value; read as YAML 1.2 it is the same again, or the text that stands for it in test files."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if not math.isfinite(value):
            return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
        return float.__repr__(value)  # numpy's are floats, too, and repr themselves otherwise
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, dt.datetime):
        text = value.isoformat(" ") if value.tzinfo is None else value.astimezone(dt.UTC).isoformat(" ")
        return text.replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    text = base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
    if _PLAIN.fullmatch(text) and isinstance(_loaded(text), str):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in quoted) + '"'


def _key(key: str) -> str:
    return key if re.fullmatch(r"-?\d+", key) else scalar(key)


def _loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)
