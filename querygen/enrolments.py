"""The part of a spec that says which clients are asked about: shares of them, and experiments."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, StrictStr, Tag

from querygen.conditions import StrictModel, problem


def _check_share(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?%", value, re.ASCII) or not 0 < share_of(value) <= 1:
        raise problem("bad-share", f"`{value}` is no share of clients", "write for example 10% or 0.5%")
    return value


def share_of(percent: str) -> Fraction:
    """The fraction that a text such as `10%` stands for."""
    return Fraction(percent.removesuffix("%")) / 100


Share = Annotated[StrictStr, AfterValidator(_check_share)]


class SyntheticControl(StrictModel):
    """Clients who could have been enrolled and are not, as a branch to compare with."""

    sample: Share = Field(
        description="how many of them, such as 10%; the same clients on every engine", examples=["10%"]
    )
    name: Annotated[StrictStr, Field(min_length=1)] = Field(
        "control", description="what `branch` shows", examples=["not enrolled"]
    )


class Experiment(StrictModel):
    """An experiment by its slug; `branch` becomes a dimension, and only enrolled clients count."""

    slug: Annotated[StrictStr, Field(min_length=1)] = Field(
        description="the experiment's slug or id", examples=["tab-warming-nightly-77"]
    )
    recorded_in: StrictStr | None = Field(
        None,
        description="where enrolments stand: `experiments` (default), or `active_experiment` of old versions",
        examples=["active_experiment"],
    )
    control: SyntheticControl | None = Field(
        None,
        description="{sample: 10%}: add a branch of clients who are not enrolled",
        examples=[{"sample": "10%"}],
    )


def _kind_of_control(value: Any) -> str:
    return "sample" if isinstance(value, dict | SyntheticControl) else "branch"


class Placebo(StrictModel):
    """An experiment that should show no difference, compared in the same way; what isn't said is the same."""

    slug: Annotated[StrictStr, Field(min_length=1)] = Field(
        description="the placebo's slug or id", examples=["startup-cache-nightly-77"]
    )
    recorded_in: StrictStr | None = Field(
        None, description="where its enrolments stand", examples=["active_experiment"]
    )
    control: (
        Annotated[
            Annotated[StrictStr, Tag("branch")] | Annotated[SyntheticControl, Tag("sample")],
            Discriminator(_kind_of_control),
        ]
        | None
    ) = Field(
        None,
        description="its branch that is the control, or {sample: 10%} of clients not enrolled",
        examples=["off", {"sample": "10%"}],
    )
    branches: Annotated[tuple[StrictStr, ...], Field(min_length=1)] | None = Field(
        None, description="its branches that are compared with it", examples=[["on"]]
    )


@dataclass(frozen=True)
class Comparison:
    """Branches that are compared with a control.

    Attributes:
        experiment: whose branches they are; None where a dimension tells them.
    """

    experiment: Experiment | None
    control: str
    branches: tuple[str, ...]


def placebo_of(placebo: str | Placebo, real: Comparison) -> Comparison:
    """The comparison of the placebo, which is that of the real experiment but for what is said of it."""
    given = Placebo(slug=placebo) if isinstance(placebo, str) else placebo
    experiment = real.experiment or Experiment(slug=given.slug)
    synthetic, control = experiment.control, real.control
    if isinstance(given.control, SyntheticControl):
        synthetic, control = given.control, given.control.name
    elif given.control is not None:
        synthetic, control = None, given.control
    recorded_in = experiment.recorded_in if given.recorded_in is None else given.recorded_in
    enrolled = Experiment(slug=given.slug, recorded_in=recorded_in, control=synthetic)
    return Comparison(enrolled, control, given.branches or real.branches)
