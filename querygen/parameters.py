"""Parameters: what readers of a query in Redash may choose, and the defaults that stand in for it elsewhere.

Redash puts a reader's choice into the text as it is, without any quoting. So a parameter only ever stands in
place of a literal that the plan has typed, and what it can be is checked here: the members of an enum have no
character that could end a literal, numbers and dates are checked by Redash, and free text must be forced.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

from querygen.conditions import Condition, Reference, StrictModel, Value, problem, unused
from querygen.errors import Loc

Kind = Literal["enum", "number", "date", "date range", "text"]
ALL = "all"
"""The member of an enum that lets in every row."""

_GREATEST = 2**53  # from here on JavaScript, which writes the numbers, has not all of them

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
# What could end a literal, begin a parameter, or divide the members from each other, or the statements.
_UNSAFE = re.compile(
    r"['\"`\\{};\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def _day(value: Any) -> Any:
    """A date, or the text of one; a time is none."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    raise problem("bad-default", f"`{value}` is no day", "write a date such as 2020-04-20")


Day = Annotated[dt.date, BeforeValidator(_day)]


class Days(StrictModel):
    """The default of a range of dates, inclusive at both ends."""

    from_: Day = Field(alias="from", description="the first day", examples=["2020-04-06"])
    to: Day = Field(description="the last day", examples=["2020-04-20"])


def _kind_of_option(value: Any) -> str:
    return "whole number" if isinstance(value, int) and not isinstance(value, bool) else "text"


Option = Annotated[
    Annotated[StrictInt, Tag("whole number")] | Annotated[StrictStr, Tag("text")],
    Discriminator(_kind_of_option),
]


def _kind_of_default(value: Any) -> str:
    if isinstance(value, dict | Days):
        return "days"
    return "list" if isinstance(value, list | tuple) else "value"


Default = Annotated[
    Annotated[Days, Tag("days")]
    | Annotated[Annotated[tuple[Option, ...], Field(min_length=1)], Tag("list")]
    | Annotated[Value, Tag("value")],
    Discriminator(_kind_of_default),
]


class Parameter(StrictModel):
    """One choice that readers have."""

    kind: Kind = Field(
        description="what is chosen: a member of `options`, a number, one or two dates, or text",
        examples=["enum"],
    )
    options: Annotated[tuple[Option, ...], Field(min_length=1)] | None = Field(
        None, description="of an enum: its members, texts or whole numbers", examples=[["Windows", "Mac"]]
    )
    all: StrictBool = Field(
        False, description="of an enum of texts: also the member `all`, for every row", examples=[True]
    )
    multiple: StrictBool = Field(
        False, description="of an enum: several members may be chosen", examples=[True]
    )
    default: Default | None = Field(
        None,
        description="what holds until something is chosen, and outside Redash; of an enum the first",
        examples=["Mac", {"from": "2020-04-06", "to": "2020-04-20"}],
    )
    title: StrictStr | None = Field(
        None, description="what readers see instead of the name", examples=["Operating system"]
    )

    @model_validator(mode="after")
    def _check(self) -> "Parameter":
        if self.kind == "enum":
            self._check_options()
            return self
        for key in ("options", "all", "multiple"):
            if key in self.model_fields_set:
                raise unused(key, f"means nothing to a {self.kind}", "make it an enum, or leave it out")
        if self.default is None:
            help_ = "add `default: …`, which the query is run and checked with"
            raise problem("bad-default", f"a {self.kind} needs a default", help_)
        self._check_default(self.default)
        return self

    def _check_options(self) -> None:
        if self.options is None:
            raise problem("bad-option", "an enum needs `options`", "list them: `options: [a, b]`")
        if len({type(option) for option in self.options}) > 1:
            message = "the members of an enum are either texts or whole numbers"
            raise problem("bad-option", message, "quote the numbers to make them texts", key="options")
        for option in self.options:
            if isinstance(option, str) and (_UNSAFE.search(option) or option.strip() != option or not option):
                message = f"`{option}` cannot be a member: Redash puts it between quotes as it is"
                help_ = (
                    "quotes, backslashes, braces, semicolons, control characters and outer blanks are no part"
                )
                raise problem("bad-option", message, f"{help_} of a member", key="options")
            if isinstance(option, int) and abs(option) >= _GREATEST:
                raise problem("bad-option", f"the number {option} is too large", key="options")
        if len(set(self.members)) < len(self.members):
            raise problem("bad-option", "a member is given twice", "keep one of each", key="options")
        if self.all and not isinstance(self.options[0], str):
            help_ = "leave out `all`, or the filter"
            raise problem("bad-option", "`all` is a text, and the others are numbers", help_, key="all")
        for value in self.chosen:
            if value not in self.members or isinstance(value, bool):
                members = ", ".join(map(str, self.members))
                message = f"the default `{value}` is none of the members"
                raise problem("bad-default", message, f"the members are {members}", key="default")
        if isinstance(self.default, tuple) and not self.multiple:
            message = "the default is a list, of an enum of which one member is chosen"
            raise problem("bad-default", message, "write one, or add `multiple: true`", key="default")

    def _check_default(self, default: Any) -> None:
        is_day = isinstance(default, dt.date) and not isinstance(default, dt.datetime)
        fits = {
            "number": isinstance(default, int | float)
            and not isinstance(default, bool)
            and abs(default) < _GREATEST,
            "date": is_day,
            "date range": isinstance(default, Days),
            "text": isinstance(default, str) and default.strip() != "",
        }[self.kind]
        example = {
            "number": "100",
            "date": "2020-04-20",
            "date range": "{from: 2020-04-06, to: 2020-04-20}",
            "text": "release",
        }[self.kind]
        if not fits:
            message = f"the default is no {self.kind}"
            raise problem("bad-default", message, f"write for example `default: {example}`", key="default")
        if isinstance(default, Days) and default.from_ > default.to:
            raise problem("bad-default", "the default ends before it begins", "swap the ends", key="default")
        if isinstance(default, str) and _UNSAFE.search(default):
            message = f"`{default}` cannot be a default: Redash puts it between quotes as it is"
            raise problem("bad-default", message, "leave out quotes, backslashes and braces", key="default")

    @model_validator(mode="before")
    @classmethod
    def _dates(cls, data: Any) -> Any:
        """JSON has dates as text."""
        if isinstance(data, dict) and data.get("kind") == "date" and isinstance(data.get("default"), str):
            return {**data, "default": _day(data["default"])}
        return data

    @property
    def members(self) -> tuple[str | int, ...]:
        """What an enum lets choose, in order."""
        return ((ALL,) if self.all else ()) + (self.options or ())

    @property
    def chosen(self) -> tuple[Any, ...]:
        """The default's value, or values: of an enum the first member where none is given."""
        if self.default is None:
            return self.members[:1]
        return self.default if isinstance(self.default, tuple) else (self.default,)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a parameter stands in a query.

    Attributes:
        name: what it says: the parameter's, or `days.start` and `days.end` of a range.
        parameter: what may stand here.
    """

    name: str
    parameter: Parameter

    @property
    def placeholder(self) -> str:
        """What Redash replaces, with the quotes that it doesn't add itself."""
        bare = f"{{{{ {self.name} }}}}"
        is_bare = self.parameter.multiple or not isinstance(self.parameter.chosen[0], str | dt.date | Days)
        return bare if is_bare else f"'{bare}'"


class _Text(str):
    slot: Slot


class _Whole(int):
    slot: Slot


class _Real(float):
    slot: Slot


class _Date(dt.date):
    slot: Slot


def _with_slot(value: Any, slot: Slot) -> Any:
    """The value, which is used like any other, but knows the parameter that it stands in for."""
    made: _Text | _Whole | _Real | _Date
    if isinstance(value, str):
        made = _Text(value)
    elif isinstance(value, dt.date):
        made = _Date(value.year, value.month, value.day)
    else:
        made = _Whole(value) if isinstance(value, int) else _Real(value)
    made.slot = slot
    return made


def slot_of(value: object) -> Slot | None:
    """The parameter that a value stands in for, if it does."""
    return getattr(value, "slot", None)


def slots_in(condition: Any) -> Iterator[Slot]:
    """Those of a filter whose parameters have their defaults."""
    values = [condition]
    if isinstance(condition, Condition):
        values = [getattr(condition, key) for key in condition.model_fields_set]
    elif isinstance(condition, tuple):
        values = [*condition]
    for value in values:
        slot = slot_of(value)
        if slot is not None:
            yield slot


class Misused(Exception):  # noqa: N818 it never leaves this package as an error
    """A reference that cannot stand where it does: its code, what is wrong, the help, and the place."""

    def __init__(self, code: str, message: str, help_: str | None, loc: Loc) -> None:
        super().__init__(message)
        self.code, self.message, self.help, self.loc = code, message, help_, loc


def filled(condition: Any, parameters: Mapping[str, Parameter]) -> Any:
    """The filter with each reference replaced by the default of its parameter.

    Raises:
        Misused: there is no such parameter, or it cannot stand there.
    """
    if not isinstance(condition, Condition):
        return condition
    if condition.parameter is not None:
        return _whole(condition.parameter, _known(condition.parameter, parameters, ("parameter",)))
    changed = {}
    for key in condition.model_fields_set:
        value = getattr(condition, key)
        if isinstance(value, Reference):
            loc: Loc = (key.rstrip("_"), "parameter")
            changed[key] = _bound(value.parameter, _known(value.parameter, parameters, loc), loc)
    return condition.model_copy(update=changed) if changed else condition


def _known(name: str, parameters: Mapping[str, Parameter], loc: Loc) -> Parameter:
    if name not in parameters:
        raise Misused("unknown-parameter", f"no parameter is called `{name}`", None, loc)
    return parameters[name]


def _whole(name: str, parameter: Parameter) -> Any:
    """A filter that is a parameter alone."""
    default = parameter.chosen[0]
    if isinstance(default, Days):
        ends = {
            "from_": _with_slot(default.from_, Slot(f"{name}.start", parameter)),
            "to": _with_slot(default.to, Slot(f"{name}.end", parameter)),
        }
        return Condition.model_construct({*ends}, **ends)
    slot = Slot(name, parameter)
    if parameter.multiple:
        return tuple(_with_slot(value, slot) for value in parameter.chosen)
    return _with_slot(default, slot)


def _bound(name: str, parameter: Parameter, loc: Loc) -> Any:
    """One end of a range."""
    default = parameter.chosen[0]
    if isinstance(default, Days) or parameter.multiple or parameter.all:
        what = "two dates" if isinstance(default, Days) else "more than one value"
        help_ = "make it the whole filter: `{parameter: …}`"
        raise Misused("not-one-value", f"`{name}` is {what}, this is one end of a range", help_, loc)
    return _with_slot(default, Slot(name, parameter))
