"""The query in words: its title, what is counted, which filters hold, and the chart that shows the result."""

from querygen import VERSION
from querygen.dimensions import operators
from querygen.plan import Comment
from querygen.redash_chart import RedashChart
from querygen.scan import Scan
from querygen.spec import Spec


def header(spec: Spec, scan: Scan, notes: list[str], chart: RedashChart | None) -> tuple[Comment, ...]:
    """The comments on top of the SQL; `notes` are what was decided for the user."""
    # Redash turns what stands before a colon or between commas of a first comment into job labels.
    lines = [(spec.title or _title(spec, scan)).replace(":", " -").replace(",", " and")]
    if spec.description:
        lines.append(spec.description)
    lines.append(f"Counted: {_counted(spec, bool(scan.dimensions))}")
    lines += [f"Note: {note}" for note in notes]
    if spec.filters:
        lines.append("Filters: " + "; ".join(f"{name} {operators(by)}" for name, by in spec.filters.items()))
    if chart:
        lines.append(f"Chart in STMO: {chart.words(has_series=spec.series)}")
    lines.append(f"Made with querygen {VERSION}")
    return tuple(map(Comment, lines))


def _title(spec: Spec, scan: Scan) -> str:
    by = " by " + " and ".join(d.name for d in scan.dimensions) if scan.dimensions else ""
    names = dict.fromkeys(asked.histogram for asked in scan.asked)
    if spec.events is not None:
        return f"{(spec.measure or '').capitalize()} of {_derived(spec)}{by}"
    if not names:
        return f"{(spec.measure or '').capitalize() if spec.measure == 'pings' else 'Clients and pings'}{by}"
    what = "Comparison" if spec.measure == "compare" else (spec.measure or "").capitalize()
    return f"{what} of {' and '.join(names)}{by}"


def _derived(spec: Spec) -> str:
    """What is counted of each client, and what it is divided by."""
    if spec.exposure_or_default is None:
        return str(spec.events)
    return f"{spec.events} per {spec.exposure_words}"


def _counted(spec: Spec, grouped: bool) -> str:
    group = " within each group" if grouped else ""
    if spec.measure == "pings":
        return "nothing; each row is one ping"
    if spec.measure == "counts":
        return "distinct client ids and pings; pings without a client id are in n_pings only"
    if spec.events is not None:
        if spec.measure == "rate":
            return f"{_derived(spec)}, of all pings; n_clients are the clients that sent any of them"
        words = f"one number per client{group}, {_derived(spec)}"
        return f"{words}; pings without a client id are left out"
    if spec.scalar:
        return f"one number per client{group}, the sum over its pings; pings without a client id have none"
    words = {
        "none": "every recorded sample once",
        "client": f"one vote per client{group}; pings without a client id have none",
        "client_day": f"one vote per client and submission day{group}; pings without a client id have none",
    }[spec.normalization]
    if spec.measure == "compare":
        return words if spec.normalization != "none" else f"{words}; pings without a client id are left out"
    samples = "" if spec.measure == "summary" else ", and n_samples their samples"
    return f"{words}. n_clients are the clients with a sample{samples}"
