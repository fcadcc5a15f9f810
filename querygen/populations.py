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
from querygen.sqltext import Node, literal, name, own_function, path, text

BRANCH = "branch"
"""The dimension that an experiment adds."""

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
        needs: paths of the columns that the predicates read.
        notes: what the header says.
    """

    predicates: tuple[Node, ...] = ()
    branch: Column | None = None
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
        notes.append(f"of {spec.sample} of all clients, chosen by a hash of their ids")
    if spec.experiment is None:
        return Population(tuple(predicates), None, tuple(needs), tuple(notes))
    experiment = spec.experiment
    if isinstance(experiment, str):
        experiment = Experiment(slug=experiment)
    enrolment = _enrolment(experiment, source, findings)
    if enrolment is None:
        return Population()
    is_enrolled, branch, reads = enrolment
    needs += reads
    if experiment.control is None:
        predicates.append(is_enrolled)
    else:
        control = experiment.control
        others = _sampled(source, share_of(control.sample), "control")
        if others:
            predicates.append(exp.Paren(this=exp.or_(is_enrolled.copy(), *others)))
        branch = exp.If(this=is_enrolled, true=branch, false=text(control.name))
        needs.append(source.client_id)
        notes.append(f"the clients of {control.name} ({control.sample}) {_CAVEAT}")
    return Population(tuple(predicates), Column(branch, "STRING", reads), tuple(needs), tuple(notes))


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
    experiment: Experiment, source: SourceTable, findings: list[Diagnostic]
) -> tuple[Node, Node, tuple[str, ...]] | None:
    """Whether a ping is of an enrolled client, its branch, and the columns that say so."""
    wanted = next(iter(source.experiments)) if experiment.recorded_in is None else experiment.recorded_in
    place = source.experiments.get(wanted)
    if place is None:
        message = f"{source.table} records no experiments in `{wanted}`"
        help_ = similar_name_help(wanted, source.experiments, "a place")
        help_ = help_ or f"it does in {', '.join(source.experiments)}"
        findings.append(
            Diagnostic("unknown-enrolment", message, loc=("experiment", "recorded_in"), help=help_)
        )
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
