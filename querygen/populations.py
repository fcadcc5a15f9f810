"""Populations: which clients a query is about, by a sample of them or by their enrolment in an experiment.

A sample is of clients, never of pings, by a hash of the client's id that is the same on every engine. Each
purpose has a salt of its own, so that two samples of a spec are independent of each other.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from sqlglot import exp

from querygen.catalog import Column, SourceTable
from querygen.enrolments import Experiment, share_of
from querygen.errors import Diagnostic, similar_name_help
from querygen.spec import Spec
from querygen.sqltext import Node, column, literal, name, own_function, path, text

BRANCH = "branch"
"""The dimension that an experiment adds."""

EXPERIMENT = "experiment"
"""The dimension that a placebo adds: which of the two experiments a row is about."""

_WHICH = "enrolled_in"  # what a ping is looked at for, where there are two experiments

_CAVEAT = (
    "are a sample of clients that could have been enrolled and were not; they may differ from enrolled ones "
    "in more than the experiment"
)


@dataclass(frozen=True)
class Population:
    """Who is asked about.

    Attributes:
        predicates: what a ping must pass.
        branch: the dimension of that name, where there is an experiment.
        experiment: the dimension of that name, where there is a placebo, too.
        each: the slugs of both, for each of which a ping is looked at.
        needs: paths of the columns that the predicates read.
        notes: what the header says.
    """

    predicates: tuple[Node, ...] = ()
    branch: Column | None = None
    experiment: Column | None = None
    each: Node | None = None
    needs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def population(spec: Spec, source: SourceTable, findings: list[Diagnostic]) -> Population:
    """The population of a spec; what is wrong with it is added to `findings`."""
    predicates: list[Node] = []
    needs: list[str] = []
    notes: list[str] = []
    if spec.sample is not None:
        predicates += _sampled(source, share_of(spec.sample), "sample")
        needs.append(source.client_id)
    experiments = [compared.experiment for compared in spec.comparisons if compared.experiment]
    keys = ("experiment", "placebo")
    arms = [_arms(*each, source, findings) for each in zip(keys, experiments, strict=False)]
    found = [each for each in arms if each is not None]
    if len(found) < len(arms):
        return Population()
    needs += [need for each in found for need in each.needs]
    notes += dict.fromkeys(note for each in found for note in each.notes)
    if len(found) < 2:
        predicates += [each.is_in for each in found if each.is_in]
        branch = Column(found[0].branch, "STRING", tuple(needs)) if found else None
        return Population(tuple(predicates), branch, needs=tuple(needs), notes=tuple(notes))
    real, placebo = found
    notes.append(f"{placebo.slug} is a placebo, which should show no difference; what it shows is no effect")
    which = column(_WHICH)
    is_real = exp.EQ(this=which, expression=text(real.slug))
    is_placebo = exp.EQ(this=which.copy(), expression=text(placebo.slug))
    either = [exp.and_(test, each.is_in) for test, each in ((is_real, real), (is_placebo, placebo))]
    return Population(
        (*predicates, exp.Paren(this=exp.or_(*either))),
        Column(exp.If(this=is_real.copy(), true=real.branch, false=placebo.branch), "STRING", tuple(needs)),
        Column(which.copy(), "STRING", ()),
        exp.Array(expressions=[text(each.slug) for each in found]),
        tuple(needs),
        tuple(notes),
    )


@dataclass(frozen=True)
class _Arms:
    """The clients of an experiment, its synthetic control included.

    Attributes:
        is_in: whether a ping is of one of them; None if all are.
        branch: which one it is of.
    """

    slug: str
    is_in: Node | None
    branch: Node
    needs: tuple[str, ...]
    notes: tuple[str, ...] = ()


def _arms(key: str, experiment: Experiment, source: SourceTable, findings: list[Diagnostic]) -> _Arms | None:
    """Who is in the experiment that the spec has under a key; None after a finding."""
    enrolment = _enrolment(key, experiment, source, findings)
    if enrolment is None:
        return None
    is_enrolled, branch, needs = enrolment
    if experiment.control is None:
        return _Arms(experiment.slug, is_enrolled, branch, needs)
    control = experiment.control
    others = _sampled(source, share_of(control.sample), "control")
    is_in = exp.Paren(this=exp.or_(is_enrolled.copy(), *others)) if others else None
    branch = exp.If(this=is_enrolled, true=branch, false=text(control.name))
    caveat = f"the clients of {control.name} ({control.sample}) {_CAVEAT}"
    return _Arms(experiment.slug, is_in, branch, (*needs, source.client_id), (caveat,))


def _sampled(source: SourceTable, share: Fraction, purpose: str) -> list[Node]:
    """What a client of the sample passes: the first 32 bits of its hash are below the share of them."""
    bound = math.ceil(share * 2**32)
    if bound == 2**32:
        return []
    salted = exp.Concat(expressions=[text(f"querygen-{purpose}-"), source.node(source.client_id)])
    head = exp.Substring(
        this=own_function("querygen.hash", salted), start=literal(1, "INT64"), length=literal(8, "INT64")
    )
    return [exp.LT(this=head, expression=text(f"{bound:08x}"))]


def _enrolment(
    key: str, experiment: Experiment, source: SourceTable, findings: list[Diagnostic]
) -> tuple[Node, Node, tuple[str, ...]] | None:
    """Whether a ping is of an enrolled client, its branch, and the columns that say so."""
    wanted = next(iter(source.experiments)) if experiment.recorded_in is None else experiment.recorded_in
    place = source.experiments.get(wanted)
    if place is None:
        message = f"{source.table} records no experiments in `{wanted}`"
        help_ = similar_name_help(wanted, source.experiments, "a place")
        help_ = help_ or f"it does in {', '.join(source.experiments)}"
        findings.append(Diagnostic("unknown-enrolment", message, loc=(key, "recorded_in"), help=help_))
        return None
    slug = text(experiment.slug)
    if "record" in place:
        record = place["record"]
        id_, its_branch = f"{record}.id", f"{record}.branch"
        is_it = exp.EQ(this=source.node(id_), expression=slug)
        is_enrolled = exp.Coalesce(this=is_it, expressions=[exp.false()])
        return is_enrolled, source.node(its_branch), (id_, its_branch)
    entries = exp.Unnest(
        expressions=[source.node(place["map"])], alias=exp.TableAlias(columns=[name("enrolment")])
    )
    is_it = exp.EQ(this=path("enrolment.key"), expression=slug)
    enrolled = exp.Exists(this=exp.select("1").from_(entries.copy()).where(is_it.copy()))
    branch = exp.select(exp.Max(this=path("enrolment.value.branch"))).from_(entries).where(is_it)
    return enrolled, exp.Subquery(this=branch), (place["map"],)
