"""A chart's SVG inside a page: only shapes and text, with identifiers of its own."""

from xml.etree import ElementTree as ET

_NAMESPACE = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset({"svg", "g", "path", "line", "rect", "circle", "text", "tspan", "defs", "clipPath"})
_ATTRIBUTES = frozenset({
    "clip-path", "cx", "cy", "d", "display", "dx", "dy", "fill", "fill-opacity", "font-family",
    "font-size", "font-style", "font-weight", "height", "id", "opacity", "pointer-events", "r", "rx",
    "ry", "stroke", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin",
    "stroke-miterlimit", "stroke-opacity", "stroke-width", "text-anchor", "transform", "viewBox",
    "width", "x", "x1", "x2", "y", "y1", "y2",
})  # fmt: skip


def embedded(svg: str, identifier: str, spoken: str) -> str:
    """The SVG as part of an HTML page: an image with a description, whatever was in it.

    Only elements and attributes that draw are kept, so that nothing of it can run, be fetched, or be styled
    by others; identifiers begin with `identifier`, so that several fit on one page.

    Args:
        svg: the chart.
        identifier: unique on the page.
        spoken: the description for who cannot see it.
    """
    root = ET.fromstring(svg)  # noqa: S314 vl-convert's own, which has no document type
    made = _kept(root, identifier)
    made.attrib.update({"xmlns": _NAMESPACE.strip("{}"), "role": "img", "aria-label": spoken})
    return ET.tostring(made, encoding="unicode", short_empty_elements=True)


def _kept(node: ET.Element, identifier: str) -> ET.Element:
    made = ET.Element(node.tag.removeprefix(_NAMESPACE))
    made.text, made.tail = node.text, node.tail
    for name, value in node.attrib.items():
        if name not in _ATTRIBUTES:
            continue
        if name == "id":
            made.set(name, f"{identifier}-{value}")
        elif value.startswith("url(#"):
            made.set(name, value.replace("url(#", f"url(#{identifier}-"))
        elif "url(" not in value:
            made.set(name, value)
    made.extend(_kept(child, identifier) for child in node if child.tag.removeprefix(_NAMESPACE) in _ELEMENTS)
    return made
