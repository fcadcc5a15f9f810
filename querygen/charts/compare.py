"""Comparisons: where branches differ, by how much, and whether chance alone would do as well."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from querygen.charts.branches import Facet, branch_names, facets_of, overlay
from querygen.charts.differences import (
    DISTANCE,
    SURE,
    forest,
    is_corrected_in,
    is_sure,
    lines_of,
    p_words,
    signed_words,
    statistic_name,
    value_words,
)
from querygen.charts.frame import Frame, Row, shown
from querygen.charts.limits import has_limits, limits_note
from querygen.charts.picture import (
    MOST_CATEGORIES,
    MOST_PANELS,
    MOST_SERIES,
    Colours,
    Picture,
    Sheet,
    Spec,
    all_rows,
    notes_of,
)


def compare(frame: Frame, colours: Colours) -> Picture:
    """The distributions over each other, if they are known, and each difference beside what chance does."""
    facets = facets_of(frame)
    kept = sorted(facets, key=lambda facet: -_clients(facet))[:MOST_PANELS]
    kept = [facet for facet in facets if facet in kept]
    # The test of two distributions is told where they are drawn; of several branches it takes a table.
    is_told = bool(facets) and len(kept) == len(facets) and all(len(facet.groups) == 2 for facet in facets)
    panels: list[Spec] = []
    notes: list[str] = []
    if kept:
        panels.append(_overlays(Sheet(frame, colours), kept, is_told=is_told))
        notes += _overlay_notes(frame, kept, len(facets), is_told=is_told)
    by_statistic: dict[str, list[Row]] = {}
    for row in all_rows(frame):
        by_statistic.setdefault(row["statistic"], []).append(row)
    forests = [
        forest(Sheet(frame, colours), statistic, rows)
        for statistic, rows in by_statistic.items()
        if statistic != DISTANCE or not is_told
    ]
    notes += _forest_notes(frame, by_statistic) if forests else []
    notes += [_verdict(frame), *_placebo_note(frame), *notes_of(frame)]
    return Picture({"vconcat": [*panels, *forests], "spacing": 30}, _told(frame), notes)


def _overlay_notes(frame: Frame, kept: Sequence[Facet], n_facets: int, *, is_told: bool) -> list[str]:
    """What the panels are."""
    notes = []
    if len(kept) > 1:
        notes.append("One panel for each distribution that is compared.")
    elif is_told:
        notes += [" ".join(_tested(row, is_corrected=is_corrected_in(frame))) for row in _distances(kept[0])]
    if len(kept) < n_facets:
        notes.append(f"The {len(kept)} with most clients of {n_facets} are shown.")
    below = "Below each" if len(kept) > 1 else "Below"
    return [*notes, f"{below}: the branch less the control, in percentage points."]


def _distances(facet: Facet) -> list[Row]:
    return [row for row in facet.rows if row["statistic"] == DISTANCE]


def _clients(facet: Facet) -> int:
    return max(int(row.get("n_clients", row.get("n_pings")) or 0) for row in facet.rows)


# --- The distributions -------------------------------------------------------------------------------------


def _overlays(sheet: Sheet, facets: Sequence[Facet], *, is_told: bool) -> Spec:
    """A panel for each distribution that is compared, if so with the test in its title."""
    names = branch_names(facets)
    largest = [max((row["share"] for group in f.groups for row in group.rows), default=1.0) for f in facets]
    if "histogram" not in sheet.frame.by:
        largest = [max(largest)] * len(facets)
    if len(facets) == 1:
        return overlay(replace(sheet, frame=facets[0].frame), facets[0], names, largest[0])
    panels = []
    for facet, most in zip(facets, largest, strict=True):
        on = replace(sheet.small, height=120, frame=facet.frame)
        tests = [
            _tested(row, is_corrected=is_corrected_in(sheet.frame)) for row in _distances(facet) if is_told
        ]
        title: Spec = {"text": lines_of(facet.name, 40), "subtitle": [line for one in tests for line in one]}
        title |= {"fontSize": 13, "offset": 10, "frame": "group"}
        panels.append({"title": title, **overlay(on, facet, names, most)})
    return {"concat": panels, "columns": 2, "spacing": {"row": 30, "column": 36}}


def _tested(row: Row, *, is_corrected: bool) -> list[str]:
    """A distance with its p-value and its clients, in two lines."""
    units = "n_pings" if "n_pings" in row else "n_clients"
    who = f"{row[units] or 0:,} and {row['n_control'] or 0:,} {units.removeprefix('n_')}"
    words = p_words(row, is_corrected=is_corrected)
    corrected = " (Holm)" if is_corrected else ""
    return [
        f"{shown(row['branch'])}: distance {value_words(row['difference'])}, {words}{corrected};",
        f"{who}.",
    ]


# --- In words ----------------------------------------------------------------------------------------------


def _forest_notes(frame: Frame, by_statistic: Mapping[str, Sequence[Row]]) -> list[str]:
    """What the marks of differences are."""
    notes = ["Grey bars: differences that chance alone makes of these clients 19 times in 20."]
    if any(has_limits(rows) for rows in by_statistic.values()):
        notes += limits_note(frame.about, "Lines through the points")
    if any(len(rows) > MOST_CATEGORIES for rows in by_statistic.values()):
        notes.append(f"Only the {MOST_CATEGORIES} with most clients are drawn.")
    return notes


def _placebo_note(frame: Frame) -> list[str]:
    """That a difference is no effect, where a placebo has it, too."""
    if "experiment" not in frame.by:
        return []
    rows = all_rows(frame)
    real = next(row["experiment"] for row in rows)
    sure = [row for row in rows if is_sure(row, is_corrected=is_corrected_in(frame))]
    both = {row["statistic"] for row in sure if row["experiment"] == real}
    both &= {row["statistic"] for row in sure if row["experiment"] != real}
    return (
        ["The placebo differs, too: what it has in common with the experiment is no effect of it."]
        if both
        else []
    )


def _verdict(frame: Frame) -> str:
    """How many tests there are, and how many chance does not explain."""
    corrected = is_corrected_in(frame)
    tested = [row for row in all_rows(frame) if row["p_value"] is not None]
    sure = sum(is_sure(row, is_corrected=corrected) for row in tested)
    if not tested:
        return "Nothing could be tested."
    if not corrected:
        does = "Chance alone would hardly do this" if sure else "Chance alone would do as much"
        return f"{does} ({p_words(tested[0], is_corrected=False)})."
    those = "none has" if not sure else "1 has" if sure == 1 else f"{sure} have"
    return f"Of {len(tested)} tests {those} a p (corrected by Holm for all of them) of at most {SURE}."


def _told(frame: Frame) -> list[str]:
    """Each comparison in a sentence, as many as a listener bears."""
    corrected, sentences = is_corrected_in(frame), []
    for group in frame.groups[:MOST_SERIES]:
        for row in group.rows:
            name = f"{group.name}: {statistic_name(row['statistic'])}"
            if row["statistic"] == DISTANCE:
                what = f"{name} {value_words(row['difference'])}"
            else:
                what = f"{name} {value_words(row['value'])}, "
                what += f"{value_words(row['control_value'])} of {shown(row['control'])}"
                if row.get("lower") is not None:
                    what += f", {signed_words(row['lower'])} to {signed_words(row['upper'])}"
            sentences.append(f"{what}, {p_words(row, is_corrected=corrected)}.")
    counts = [row.get("n_clients", row.get("n_pings")) for row in all_rows(frame)]
    most = max((count for count in counts if count is not None), default=0)
    least = min((count for count in counts if count is not None), default=0)
    sentences.append(
        f"Clients of a branch: {least:,} to {most:,}." if least < most else f"Clients of a branch: {most:,}."
    )
    return sentences
