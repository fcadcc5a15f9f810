"""Fill: a spec with parameters becomes one with their defaults, which are then values like any other.

So everything after it renders, runs, checks and verifies a spec with parameters as if these were values; only
`sqltext` asks a value for its parameter, to mark the literal that Redash's parameter may stand in for.
"""

from typing import Any

from querygen.amounts import Amount
from querygen.conditions import DefinedDimension
from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help
from querygen.parameters import NAME, Misused, filled, slots_in
from querygen.spec import Spec


def fill(spec: Spec) -> Spec:
    """The spec with each reference to a parameter replaced by its default.

    Raises:
        QuerygenError: a reference is wrong, or a parameter has no use; all findings at once.
    """
    filling = _Filling(spec)
    made = filling.spec()
    if filling.findings:
        raise QuerygenError(tuple(filling.findings))
    return made


class _Filling:
    """Works through the filters of one spec, collecting findings."""

    def __init__(self, spec: Spec) -> None:
        self.findings: list[Diagnostic] = []
        self._spec = spec
        self._used: set[str] = set()

    def spec(self) -> Spec:
        """The spec with defaults; not to be used after findings."""
        spec = self._spec
        for name in spec.parameters:
            if not NAME.fullmatch(name):
                message = f"`{name}` is no name that a parameter can have"
                help_ = "use a letter, then letters, digits and underscores"
                self._report("bad-parameter-name", message, ("parameters", name), help_)
        changed: dict[str, Any] = {"filters": self._filters(spec.filters, ("filters",))}
        changed["dimensions"] = tuple(
            self._dimension(one, ("dimensions", i)) if isinstance(one, DefinedDimension) else one
            for i, one in enumerate(spec.dimensions)
        )
        for key in ("events", "exposure"):
            amount = getattr(spec, key)
            if isinstance(amount, Amount):
                changed[key] = self._in(amount, "filters", (key, "filters"))
        if spec.align is not None and spec.align.table is not None:
            dates = self._in(spec.align.table, "filters", ("align", "dates", "filters"))
            changed["align"] = spec.align.model_copy(update={"dates": dates})
        for name in spec.parameters:
            if name not in self._used and not self.findings:
                message = f"no filter refers to the parameter `{name}`"
                help_ = f"write for example `os: {{parameter: {name}}}` in `filters`, or leave it out"
                self._report("unused-parameter", message, ("parameters", name), help_)
        return spec.model_copy(update=changed)

    def _dimension(self, dimension: DefinedDimension, loc: Loc) -> Any:
        if isinstance(dimension.cases, dict):
            return self._in(dimension, "cases", (*loc, "cases"))
        if dimension.cases is None:
            return dimension
        cases = tuple(
            self._in(case, "when", (*loc, "cases", i, "when")) for i, case in enumerate(dimension.cases)
        )
        return dimension.model_copy(update={"cases": cases})

    def _in(self, part: Any, key: str, loc: Loc) -> Any:
        """The part of a spec with the filters that it has under a key."""
        return part.model_copy(update={key: self._filters(getattr(part, key), loc)})

    def _filters(self, filters: dict[str, Any], loc: Loc) -> dict[str, Any]:
        return {name: self._filter(condition, (*loc, name)) for name, condition in filters.items()}

    def _filter(self, condition: Any, loc: Loc) -> Any:
        try:
            made = filled(condition, self._spec.parameters)
        except Misused as wrong:
            names = ", ".join(self._spec.parameters)
            nearest = f"the parameters are {names}" if names else "add it to `parameters`"
            if wrong.code == "unknown-parameter":
                asked = wrong.message.split("`")[1]
                nearest = similar_name_help(asked, self._spec.parameters, "a parameter") or nearest
            self._report(wrong.code, wrong.message, (*loc, *wrong.loc), wrong.help or nearest)
            return condition
        self._used |= {slot.name.partition(".")[0] for slot in slots_in(made)}
        return made

    def _report(self, code: str, message: str, loc: Loc, help_: str) -> None:
        at_key = loc[0] == "parameters"
        self.findings.append(Diagnostic(code, message, loc=loc, help=help_, at_key=at_key))
