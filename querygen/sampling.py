"""Samples: which share of all clients a query is of, so that the header can say it, and counts be scaled."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from querygen.catalog import Column, SourceTable
from querygen.enrolments import share_of
from querygen.errors import Diagnostic
from querygen.filters import SAMPLE_IDS, Report, sample_ids
from querygen.parameters import slots_in
from querygen.spec import Spec
from querygen.sqltext import Node


@dataclass(frozen=True)
class Sample:
    """A random share of all clients.

    Attributes:
        share: above 0 and below 1.
        how: they are chosen, in words.
    """

    share: Fraction
    how: str

    @property
    def percent(self) -> str:
        """The share, as `10%`."""
        return f"{float(self.share * 100):g}%"

    def note(self, spec: Spec) -> str:
        """What the header says of it."""
        words = f"of {self.percent} of all clients, chosen by {self.how}"
        if spec.scale:
            return f"{words}; counts are scaled to all clients"
        what = "rows" if spec.measure == "pings" else "counts"
        return f"{words}; {what} are those of this sample"


def sample_of(
    spec: Spec, source: SourceTable, restricted: Sequence[tuple[str, Column, list[Node]]]
) -> Sample | None:
    """The sample that `sample` and filters by `sample_id` let in; None if that is everybody, or left open.

    Args:
        spec: the question.
        source: the table.
        restricted: the filters, each with its column and predicates.
    """
    passed = SAMPLE_IDS
    for reference, column, _ in restricted:
        if column.expression == source.node("sample_id") and reference in spec.filters:
            if any(slots_in(spec.filters[reference])):
                return None
            passed &= sample_ids(spec.filters[reference])
    share = Fraction(len(passed), len(SAMPLE_IDS))
    how = ["sample_id"] if len(passed) < len(SAMPLE_IDS) else []
    if spec.sample is not None:
        share *= share_of(spec.sample)
        how += ["a hash of their ids"] if share_of(spec.sample) < 1 else []
    return Sample(share, " and ".join(how)) if 0 < share < 1 else None


def held_by(table: str) -> str | None:
    """Which share of all clients a table holds, by its name: `1%` of telemetry.main_1pct."""
    found = re.search(r"_([0-9]{1,2})pct$", table, re.ASCII)
    return f"{found[1]}%" if found else None


def not_scaled(
    spec: Spec, source: SourceTable, restricted: Sequence[tuple[str, Column, list[Node]]], report: Report
) -> None:
    """Reports why counts cannot be scaled where there is no sample."""
    for reference, column, _ in restricted:
        is_sample_id = column.expression == source.node("sample_id") and reference in spec.filters
        if is_sample_id and any(slots_in(spec.filters[reference])):
            message = "`scale` needs to know the sample, which a parameter leaves open"
            help_ = "write the value itself, or leave out `scale`"
            report(Diagnostic("not-a-parameter", message, loc=("filters", reference), help=help_))
            return
    report(
        Diagnostic(
            "nothing-to-scale",
            "`scale` needs a sample: `sample`, or a filter by `sample_id`",
            loc=("scale",),
            help="add `sample: 10%`, or `sample_id: {lt: 10}` to `filters`, for a tenth of all clients; or "
            "leave out `scale`",
        )
    )
