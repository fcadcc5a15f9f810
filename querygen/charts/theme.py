"""Colours and letters of charts: in light, in dark, and as CSS variables of a page."""

from collections.abc import Mapping
from typing import Any, Literal

Theme = Literal["light", "dark", "css"]

# What each colour is for: on white, on black. Percentiles are of one hue, the median the strongest, so that
# nothing reads as good or bad, and grey print keeps their order.
COLOURS: Mapping[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#16181d"),
    "ink": ("#1c1e23", "#e9e7e2"),
    "soft": ("#565b64", "#aeb2ba"),
    "grid": ("#e4e6ea", "#33373f"),
    "main": ("#123f80", "#cfe2ff"),
    "bar": ("#2b5ca8", "#7aa5e6"),
    "inner": ("#8fb0df", "#4a6fa8"),
    "outer": ("#cfdef3", "#2b4164"),
    "count": ("#9aa0a8", "#7b818b"),
    "mark": ("#8a5a00", "#e0b050"),
    "control": ("#66727f", "#a9b4c0"),
    "watch": ("#a86400", "#f0b64a"),
    "alert": ("#b0122b", "#ff8090"),
}

# What a rate's state is called, its colour and its shape: no state is told by its colour alone. Those that
# are judged by too little are hollow.
STATES: Mapping[str, tuple[str, str, str]] = {
    "alert": ("alert", "alert", "diamond"),
    "watch": ("watch", "watch", "triangle-up"),
    "ok": ("ok", "bar", "circle"),
    "low_data": ("too few data", "bar", "circle"),
    "too_new": ("too new to be judged", "soft", "square"),
}
HOLLOW_STATES = frozenset({"low_data", "too_new"})

# Okabe and Ito's colours, which people with any colour vision tell apart; with dashes and shapes beside them.
SERIES: Mapping[str, tuple[str, str]] = {
    "series1": ("#0072b2", "#56a8e0"),
    "series2": ("#d55e00", "#e8792a"),
    "series3": ("#007d5c", "#2fbf95"),
    "series4": ("#b3578c", "#dd8fbb"),
    "series5": ("#a87400", "#e69f00"),
    "series6": ("#2f8fc4", "#8fd0f5"),
    "series7": ("#1c1e23", "#e9e7e2"),
}
DASHES = ([1, 0], [6, 2], [2, 2], [8, 2, 2, 2], [4, 4], [10, 3], [1, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")

# Widths are those of Arial and its equals, so that a picture looks the same wherever one of them is.
FONT = "Liberation Sans, Arimo, Arial, Helvetica, sans-serif"


def palette(theme: Theme) -> dict[str, str]:
    """The colour of each meaning."""
    every = {**COLOURS, **SERIES}
    if theme == "css":
        return {name: f"var(--qg-{name})" for name in every}
    return {name: pair[theme == "dark"] for name, pair in every.items()}


def css_variables(*, dark: bool) -> str:
    """The declarations that give the variables of the theme `css` their colours."""
    return " ".join(f"--qg-{name}: {pair[dark]};" for name, pair in {**COLOURS, **SERIES}.items())


def config(theme: Theme) -> dict[str, Any]:
    """Vega-Lite's configuration: letters of 12 pixels at least, quiet lines, no frame."""
    colour = palette(theme)
    text = {"labelColor": colour["soft"], "titleColor": colour["soft"], "labelFontSize": 12}
    text |= {"titleFontSize": 12, "titleFontWeight": "normal"}
    return {
        "background": "transparent" if theme == "css" else colour["paper"],
        "font": FONT,
        "axis": {
            **text,
            "gridColor": colour["grid"],
            "domainColor": colour["soft"],
            "tickColor": colour["soft"],
            "labelLimit": 320,
            "maxExtent": 360,
            "titleLimit": 600,
        },
        "axisY": {"minExtent": 34},
        "legend": {
            **text,
            "title": None,
            "labelLimit": 260,
            "orient": "top",
            "columns": 4,
            "columnPadding": 26,
        },
        "title": {
            "color": colour["ink"],
            "subtitleColor": colour["soft"],
            "anchor": "start",
            "fontSize": 15,
            "subtitleFontSize": 12,
            "subtitlePadding": 4,
            "limit": 900,
            "offset": 12,
        },
        "text": {"color": colour["ink"], "fontSize": 12},
        "view": {"stroke": None},
    }
