@dataclass(frozen=True)
class Dimension:
    """A column of the answer: how a row's value is found; of bands and cases, the labels in written order."""

    name: str
    value: Callable[[Row], Any]
    labels: tuple[str, ...] | None = None

    def place(self, value: Any) -> tuple[int, Any]:
        """Sorts "NULLs first, text by code point, bands/cases in their written order"."""
        if value is None:
            return (0, 0)
        return (1, self.labels.index(value) if self.labels else value)


def dimension(definition: Any, today: date | None) -> Dimension:
    """A dimension from its form in a spec: a name, a path, or a definition by `of`, `bands` or `cases`."""
    if isinstance(definition, str):
        # A path's column is called what BigQuery calls it: its last part.
        return Dimension(definition.split(".")[-1], lambda row: named(row, definition))
    name, of = definition["name"], definition.get("of")
    if "bands" in definition:
        bounds = definition["bands"]
        return Dimension(name, lambda row: band(named(row, of), bounds), band_labels(bounds))
    if "cases" not in definition:
        return Dimension(name, lambda row: named(row, of))
    cases = _cases(definition)
    other = definition.get("else")

    def value(row: Row) -> str | None:
        """The "first that is TRUE wins; otherwise `else` (default NULL)"."""
        return next((label for label, when in cases if passes(row, when, {}, today)), other)

    written = [*(label for label, _ in cases), *([] if other is None else [other])]
    return Dimension(name, value, tuple(dict.fromkeys(written)))


def _cases(definition: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The cases as (label, filters), of both forms: a list of {value, when}, or {label: filter on `of`}."""
    cases = definition["cases"]
    if isinstance(cases, Mapping):
        return [(label, {definition["of"]: condition}) for label, condition in cases.items()]
    return [(case["value"], case["when"]) for case in cases]


def band_labels(bounds: Sequence[float]) -> tuple[str, ...]:
    """`[a, b, c]` give "under a", "a to b", "b to c", "c and over"."""
    between = (f"{low} to {high}" for low, high in pairwise(bounds))
    return (f"under {bounds[0]}", *between, f"{bounds[-1]} and over")


def band(value: Fraction | int | None, bounds: Sequence[float]) -> str | None:
    """The value's band: "lower bound inclusive, upper exclusive; NULL stays NULL"."""
    if value is None:
        return None
    return band_labels(bounds)[sum(value >= bound for bound in bounds)]
