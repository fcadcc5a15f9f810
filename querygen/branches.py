"""Which branches `measure: compare` holds against which: those of an experiment, and of its placebo."""

from collections.abc import Callable

from sqlglot import exp

from querygen.dimensions import ResolvedDimension
from querygen.errors import Diagnostic
from querygen.facts import Facts
from querygen.populations import BRANCH, EXPERIMENT, Population
from querygen.spec import Spec
from querygen.sqltext import Node, column, text


def find_branch(
    spec: Spec,
    dimensions: tuple[ResolvedDimension, ...],
    people: Population,
    facts: Facts,
    report: Callable[[Diagnostic], None],
) -> tuple[ResolvedDimension, ...]:
    """The dimensions with the branch, which `compare` needs, and before it the experiment, if there are two.

    What hinders the comparison is reported.

    Args:
        spec: the question.
        dimensions: those that it names.
        people: who is asked about; its experiment tells the branches, if there is one.
        facts: what is known about the histograms.
        report: takes findings.
    """
    branch = ResolvedDimension(BRANCH, people.branch) if people.branch else None
    found = next((d for d in dimensions if d.name == BRANCH), branch)
    if found is None and spec.experiment is not None:
        return dimensions  # what is wrong with it has been told
    if found is None:
        message = "`measure: compare` needs branches, and nothing tells which client is in which"
        help_ = "add `experiment: SLUG`, or a dimension {name: branch, of: …}"
        report(Diagnostic("no-branch", message, loc=("measure",), help=help_))
        return dimensions
    if found.type != "STRING":
        message = f"the dimension `branch` is a {found.type}, branches have names"
        report(
            Diagnostic(
                "wrong-type", message, loc=("dimensions",), help="define it by `cases: {name: filter}`"
            )
        )
    if facts.is_categories and set(spec.statistics_or_default) - {"chi2"}:
        message = "the buckets of this probe are categories, which have no percentiles"
        help_ = "ask for `statistics: [chi2]`"
        report(Diagnostic("percentiles-of-categories", message, loc=("statistics",), help=help_))
    dimensions = dimensions if found in dimensions else (*dimensions, found)
    if people.experiment is None:
        return dimensions
    for d in dimensions:
        if d.name in (BRANCH, EXPERIMENT) and d.source not in (people.branch, people.experiment):
            message = (
                f"with a `placebo`, `{d.name}` is that of the experiments, and no other dimension's name"
            )
            help_ = f"give it another name: {{name: …, of: {d.name}}}"
            report(Diagnostic("reserved-name", message, loc=("dimensions",), help=help_))
    if any(d.name == EXPERIMENT for d in dimensions):
        return dimensions
    slugs = tuple(compared.experiment.slug for compared in spec.comparisons if compared.experiment)
    which = ResolvedDimension(EXPERIMENT, people.experiment, slugs)
    place = dimensions.index(found)
    return (*dimensions[:place], which, *dimensions[place:])


def treatments(spec: Spec) -> list[str]:
    """All branches that are compared with a control, each once."""
    return list(dict.fromkeys(branch for compared in spec.comparisons for branch in compared.branches))


def are_compared(spec: Spec) -> Node:
    """Whether a row is of the treatment beside it, or of its control."""

    def are(control: str) -> Node:
        branch, treatment = column(BRANCH), column("treatment")
        return exp.or_(
            exp.EQ(this=branch, expression=treatment), exp.EQ(this=branch.copy(), expression=text(control))
        )

    if len({(compared.control, compared.branches) for compared in spec.comparisons}) == 1:
        return are(spec.control or "")
    tests = [
        exp.and_(
            exp.EQ(this=column(EXPERIMENT), expression=text(compared.experiment.slug)),
            exp.In(this=column("treatment"), expressions=[text(branch) for branch in compared.branches]),
            exp.Paren(this=are(compared.control)),
        )
        for compared in spec.comparisons
        if compared.experiment
    ]
    return exp.or_(*tests)


def control_of(spec: Spec) -> Node:
    """The name of a row's control."""
    real, *others = spec.comparisons
    placebo = next((other for other in others if other.control != real.control), None)
    if placebo is None or real.experiment is None:
        return text(real.control)
    is_real = exp.EQ(this=column(EXPERIMENT), expression=text(real.experiment.slug))
    return exp.If(this=is_real, true=text(real.control), false=text(placebo.control))
