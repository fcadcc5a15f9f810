"""When each version of Firefox was released."""

import datetime as dt
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML


@cache
def releases() -> Mapping[int, dt.date]:
    """The day of each release of Firefox, by its version."""
    text = (Path(__file__).parent / "releases.yaml").read_text(encoding="utf-8")
    days: dict[int, dt.date] = YAML(typ="safe", pure=True).load(text)
    return days
