"""The part of a spec that says which clients are asked about: shares of them, and experiments."""

import re
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, Field, StrictStr

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

    sample: Share = Field(description="how many of them, such as 10%; the same clients on every engine")
    name: Annotated[StrictStr, Field(min_length=1)] = Field("control", description="what `branch` shows")


class Experiment(StrictModel):
    """An experiment by its slug; `branch` becomes a dimension, and only enrolled clients count."""

    slug: Annotated[StrictStr, Field(min_length=1)] = Field(description="the experiment's slug or id")
    recorded_in: StrictStr | None = Field(
        None,
        description="where enrolments stand: `experiments` (default), or `active_experiment` of old versions",
    )
    control: SyntheticControl | None = Field(
        None, description="{sample: 10%}: add a branch of clients who are not enrolled"
    )
