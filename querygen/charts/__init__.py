"""Charts: a result becomes a plain Vega-Lite spec, chosen by its measure and its dimensions.

Values are inside the spec and nothing is fetched. Fields have names of ours, and expressions hold numbers and
names of ours only, so that no text of a spec or of data is ever more than text.
"""

import json
import re
from collections.abc import Callable

from querygen.charts.bars import counts, summary
from querygen.charts.compare import compare
from querygen.charts.distribution import distribution
from querygen.charts.frame import Frame
from querygen.charts.percentiles import percentiles
from querygen.charts.picture import Colours, Picture, Spec, titled
from querygen.charts.pings import pings
from querygen.charts.rates import rates
from querygen.charts.theme import Theme, config, palette
from querygen.errors import QuerygenError
from querygen.result import Result

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

CHARTS: dict[str, Callable[[Frame, Colours], Picture]] = {
    "percentiles": percentiles,
    "distribution": distribution,
    "summary": summary,
    "counts": counts,
    "compare": compare,
    "rate": rates,
    "pings": pings,
}
"""The chart of each measure."""


def has_chart(result: Result) -> bool:
    """Whether there is something to be drawn."""
    return len(result) > 0


def chart(result: Result, theme: Theme = "light") -> Spec:
    """The chart of a result.

    Args:
        result: of any query; that of a comparison of histograms shows their distributions, if it was run with
            `overlays`.
        theme: colours for white, for black, or as the variables of a page (`--qg-ink`, …).

    Raises:
        QuerygenError: there are no rows.
    """
    about = result.plan.about
    if not has_chart(result):
        raise QuerygenError.of(
            "nothing-to-draw",
            "there are no rows to draw",
            help="perhaps no ping passes the filters or carries the probe, or all groups have few clients",
        )
    picture = CHARTS[about.measure](Frame.of(result), palette(theme))
    return {"$schema": SCHEMA, **titled(about, picture), "config": config(theme), **picture.spec}


def as_text(spec: Spec) -> str:
    """The chart as JSON, the same for the same chart; each value is a line."""
    text = json.dumps(spec, indent=1, ensure_ascii=False, allow_nan=False)
    # No text of JSON has a line break inside, so that those that are joined are between texts.
    return re.sub(r"\{[^{}\[\]]*\}|\[[^{}\[\]]*\]", lambda flat: re.sub(r"\n *", " ", flat[0]), text) + "\n"
