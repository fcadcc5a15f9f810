"""Drawing: a Vega-Lite spec becomes SVG or PNG, by vl-convert, without a browser or a network."""

import json
import re
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from querygen.errors import EngineError

VERSION = "6.4"
"""Of Vega-Lite, whose newest one in vl-convert may change with it."""

_CLIP = re.compile(r'(?<=<clipPath id=")clip\d+(?=">)|(?<= clip-path="url\(#)clip\d+(?=\)")')


@cache
def _converter() -> ModuleType:
    if find_spec("vl_convert") is None:
        raise EngineError.of(
            "missing-extra",
            "pictures are drawn by vl-convert, which is not installed",
            help="pip install 'querygen[charts]'; `querygen plot SPEC -o FILE.json` needs nothing more",
        )
    import vl_convert

    return vl_convert


def svg(spec: dict[str, Any]) -> str:
    """The chart as SVG.

    Raises:
        EngineError: the extra `charts` is not installed.
    """
    made: str = _converter().vegalite_to_svg(json.dumps(spec), vl_version=VERSION, allowed_base_urls=[])
    # Vega numbers the clip paths of all pictures of a process.
    names = {name: f"clip{i}" for i, name in enumerate(re.findall(r'<clipPath id="(clip\d+)">', made), 1)}
    return _CLIP.sub(lambda found: names.get(found[0], found[0]), made)


def png(spec: dict[str, Any], scale: float = 2.0) -> bytes:
    """The chart as PNG, with so many pixels for each of its own.

    Raises:
        EngineError: the extra `charts` is not installed.
    """
    made: bytes = _converter().vegalite_to_png(
        json.dumps(spec), vl_version=VERSION, scale=scale, allowed_base_urls=[]
    )
    return made
