"""States of rates: each has a colour, a shape and a word; and the limit above which there is an alert."""

from querygen.charts.axes import number
from querygen.charts.frame import Frame
from querygen.charts.picture import Sheet, Spec, all_rows
from querygen.charts.theme import HOLLOW_STATES, STATES

_LEGEND = {"symbolSize": 80, "symbolStrokeWidth": 1.5, "padding": 10}  # apart from a legend of series


def states_in(frame: Frame) -> list[str]:
    """The states that any row has, the worst first."""
    found = {row.get("state") for row in all_rows(frame)}
    return [state for state in STATES if state in found]


def state_channels(sheet: Sheet) -> Spec:
    """The channels that tell states apart, with one legend: shape, edge and fill."""
    colours, states = sheet.colours, states_in(sheet.frame)
    names = [STATES[state][0] for state in states]
    edges = [colours[STATES[state][1]] for state in states]
    fills = [colours["paper" if s in HOLLOW_STATES else STATES[s][1]] for s in states]
    shapes = [STATES[state][2] for state in states]
    kind = {"field": "state", "type": "nominal", "legend": _LEGEND}

    def channel(range_: list[str]) -> Spec:
        return {**kind, "scale": {"domain": names, "range": range_}}

    return {"shape": channel(shapes), "stroke": channel(edges), "fill": channel(fills)}


def state_name(state: str | None) -> str | None:
    """What a state is called in a legend."""
    return None if state is None else STATES[state][0]


def limit_rule(sheet: Sheet, channel: Spec, along: str) -> list[Spec]:
    """The limit above which a rate has an alert, across the panel; `along` is the axis of rates."""
    limit = sheet.frame.about.max_rate
    if limit is None:
        return []
    return [
        {
            "data": {"values": [{"rate": limit}]},
            "mark": {"type": "rule", "stroke": sheet.colours["alert"], "strokeDash": [6, 3], "clip": True},
            "encoding": {along: channel},
        }
    ]


def state_notes(frame: Frame) -> list[str]:
    """What the limit is."""
    limit = frame.about.max_rate
    return [] if limit is None else [f"The dashed line is the limit of {number(limit)}."]
