"""Values as YAML on one line, for files that querygen writes and people read."""

import base64
import datetime as dt
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML

# Words that need no quotes wherever they stand: no digit first, nothing that YAML or JSON gives a meaning.
_PLAIN = re.compile(r"[A-Za-z_][\w./ -]*[\w./]|[A-Za-z_]", re.ASCII)


def flow(value: Any) -> str:
    """The value in YAML's flow style: `{os: Mac, value: 4}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
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
        return repr(value)
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
