"""Filters and dimensions as a spec writes them: values, operators, bands and cases."""

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError


def problem(code: str, message: str, help: str = "", key: str = "") -> PydanticCustomError:  # noqa: A002
    """An error of ours in a pydantic validator; `help` and the `key` it is about travel in its context."""
    context = {"code": code, "message": message, "help": help, "key": key}
    return PydanticCustomError("querygen", "{message}", context)


def unused(key: str, why: str, help: str = "") -> PydanticCustomError:  # noqa: A002
    """The error for a key that has no meaning beside the others."""
    return problem("unused-key", f"`{key}` {why}", help or f"leave out `{key}`", key=key)


class StrictModel(BaseModel):
    """The base of every part of a spec: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


class _ForEditors(GenerateJsonSchema):
    """JSON Schema as editors show it: no titles that repeat a key, no null to be filled in."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> dict[str, Any]:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def tagged_union_schema(self, schema: Any) -> dict[str, Any]:
        # Tags are ours and not JSON's: a value may have the form of two alternatives, and mean one of them.
        made = super().tagged_union_schema(schema)
        return {"anyOf": made["oneOf"]} if set(made) == {"oneOf"} else made


def json_schema_of(model: type[StrictModel]) -> dict[str, Any]:
    """The JSON Schema of a part of a spec, and of all that is in it."""
    return model.model_json_schema(schema_generator=_ForEditors)


def _kind_of_scalar(value: Any) -> str:
    """Which branch of `Scalar` a value takes; None has none, so that it is refused in words of ours."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "whole number"
    if isinstance(value, float):
        return "number"
    if isinstance(value, dt.datetime):
        return "time"
    if isinstance(value, dt.date):
        return "date"
    return "text" if isinstance(value, str) else "nothing"


Value = Annotated[
    Annotated[StrictBool, Tag("true or false")]
    | Annotated[StrictInt, Tag("whole number")]
    | Annotated[StrictFloat, Tag("number")]
    | Annotated[dt.datetime, Tag("time")]
    | Annotated[dt.date, Tag("date")]
    | Annotated[StrictStr, Tag("text")],
    Discriminator(
        _kind_of_scalar,
        custom_error_type="querygen_value",
        custom_error_message="expected a value: text, a number, a date, true or false",
    ),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
Values = Annotated[tuple[Value, ...], Field(min_length=1)]
Number = Annotated[
    Annotated[StrictInt, Tag("whole number")] | Annotated[StrictFloat, Tag("number")],
    Discriminator(
        _kind_of_scalar, custom_error_type="querygen_number", custom_error_message="expected a number"
    ),
    WithJsonSchema({"type": "number"}),
]


class Reference(StrictModel):
    """A parameter's name where a value could stand."""

    parameter: StrictStr = Field(description="the name of one of `parameters`", examples=["os"])


def _value_kind(value: Any) -> str:
    return "list" if isinstance(value, list | tuple) else "value"


def _bound_kind(value: Any) -> str:
    return "parameter" if isinstance(value, dict | Reference) else "value"


Bound = Annotated[
    Annotated[Value, Tag("value")] | Annotated[Reference, Tag("parameter")], Discriminator(_bound_kind)
]


class Condition(StrictModel):
    """A filter with operators; several of them in one mapping must all hold."""

    from_: Bound | None = Field(
        None, alias="from", description="at least this, inclusive", examples=["2020-04-06"]
    )
    to: Bound | None = Field(
        None, description="at most this, inclusive; all builds of a `to` day count", examples=["2020-04-20"]
    )
    gte: Bound | None = Field(None, description="greater than or equal", examples=["51"])
    gt: Bound | None = Field(None, description="greater than this", examples=[4096])
    lte: Bound | None = Field(None, description="less than or equal", examples=["20200420"])
    lt: Bound | None = Field(None, description="less than this", examples=["52"])
    not_: (
        Annotated[Annotated[Value, Tag("value")] | Annotated[Values, Tag("list")], Discriminator(_value_kind)]
        | None
    ) = Field(
        None,
        alias="not",
        description="none of these values; rows without a value are kept",
        examples=["Windows", ["6.1", "6.3"]],
    )
    contains: Annotated[StrictStr, Field(min_length=1)] | None = Field(
        None, description="text that has this in it, to the letter", examples=["beta"]
    )
    is_null: StrictBool | None = Field(
        None, description="only rows without (true) or with (false) a value", examples=[True]
    )
    last: StrictStr | None = Field(
        None, description="`14 days` or `2 weeks`, the last of which is `today`", examples=["14 days"]
    )
    parameter: StrictStr | None = Field(
        None, description="what this one of `parameters` says", examples=["os"]
    )

    @field_validator("last", mode="before")
    @classmethod
    def _check_last(cls, last: Any) -> Any:
        length = last if isinstance(last, str) else ""
        if last is not None and not re.fullmatch(r"[1-9][0-9]{0,4} (?:day|week)s?", length, re.ASCII):
            help_ = (
                f"write `{last} days`"
                if isinstance(last, int)
                else "write for example `14 days` or `2 weeks`"
            )
            raise problem("bad-last", f"`{last}` is no length of time", help_)
        return last

    @model_validator(mode="after")
    def _check_operators(self) -> "Condition":
        given = self.model_fields_set
        if not given:
            raise problem("empty-filter", "a filter needs an operator", "write for example {from: …, to: …}")
        for one, other in (
            ("from_", "gte"),
            ("from_", "gt"),
            ("gte", "gt"),
            ("to", "lte"),
            ("to", "lt"),
            ("lte", "lt"),
        ):
            if one in given and other in given:
                raise problem(
                    "two-bounds",
                    f"`{one.rstrip('_')}` and `{other}` both set the same end of the range",
                    "keep one of the two",
                    key=other,
                )
        if "last" in given and given & {"from_", "to", "gte", "gt", "lte", "lt"}:
            message = "`last` already sets both ends of the range"
            raise problem("two-bounds", message, "keep `last`, or from and to", key="last")
        if "parameter" in given and len(given) > 1:
            message = "`parameter` is a whole filter, which stands alone"
            raise problem("two-bounds", message, "keep `parameter`, or the operators", key="parameter")
        for name in given:
            if getattr(self, name) is None:
                key = name.rstrip("_")
                raise problem(
                    "empty-operator",
                    f"`{key}` has no value",
                    "for rows without a value write {is_null: true}",
                    key=key,
                )
        return self

    @property
    def days(self) -> int | None:
        """The length of `last` in days."""
        if self.last is None:
            return None
        count, unit = self.last.split()
        return int(count) * (7 if unit.startswith("week") else 1)


def _filter_kind(value: Any) -> str:
    if isinstance(value, dict | Condition):
        return "operators"
    return _value_kind(value)


Filter = Annotated[
    Annotated[Value, Tag("value")] | Annotated[Values, Tag("list")] | Annotated[Condition, Tag("operators")],
    Discriminator(_filter_kind),
]


class Case(StrictModel):
    """One row of a dimension's cases: the value where all of `when` holds."""

    value: StrictStr = Field(description="the dimension's value for these rows", examples=["small"])
    when: dict[StrictStr, Filter] = Field(
        min_length=1,
        description="filters that must all hold",
        examples=[{"os": "Windows", "memory_mb": {"lt": 4096}}],
    )


def _cases_kind(value: Any) -> str:
    return "list" if isinstance(value, list | tuple) else "labels"


class DefinedDimension(StrictModel):
    """A dimension that needs a definition: another name, bands of a number, or cases."""

    name: StrictStr = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_]*$", description="the column's name in the result", examples=["memory"]
    )
    of: StrictStr | None = Field(
        None, description="the dimension or column that it is made of", examples=["memory_mb"]
    )
    bands: tuple[Number, ...] | None = Field(
        None,
        min_length=1,
        description="ascending edges; a band holds its lower edge, not its upper",
        examples=[[4096, 8192]],
    )
    cases: (
        Annotated[
            Annotated[tuple[Case, ...], Tag("list")] | Annotated[dict[StrictStr, Filter], Tag("labels")],
            Discriminator(_cases_kind),
        ]
        | None
    ) = Field(
        None,
        description="value and conditions, the first that holds; or label: filter on `of`",
        examples=[{"seven": "6.1", "ten": "10.0"}, [{"value": "small", "when": {"memory_mb": {"lt": 4096}}}]],
    )
    else_: StrictStr | None = Field(
        None, alias="else", description="the value of all other rows (default NULL)", examples=["other"]
    )

    @model_validator(mode="after")
    def _check(self) -> "DefinedDimension":
        if self.bands is not None and self.cases is not None:
            message = "a dimension has either `bands` or `cases`"
            raise problem("bands-and-cases", message, "make it two dimensions", key="cases")
        if self.bands is not None and list(self.bands) != sorted(set(self.bands)):
            help_ = f"write {sorted(set(self.bands))}"
            raise problem("unordered-bands", "the edges of `bands` must ascend", help_, key="bands")
        if self.of is None and (self.cases is None or isinstance(self.cases, dict)):
            raise problem(
                "nothing-to-define", f"`{self.name}` lacks `of`: the column it is made of", "add `of: COLUMN`"
            )
        if isinstance(self.cases, tuple) and self.of is not None:
            message = "cases with `when` name their columns themselves"
            raise problem("unused-of", message, "leave out `of`", key="of")
        if self.cases is not None and not self.cases:
            raise problem("empty-cases", "`cases` is empty", "add at least one case", key="cases")
        if self.else_ is not None and self.cases is None:
            raise problem("unused-else", "`else` belongs to `cases`", "leave out `else`", key="else")
        return self


def _dimension_kind(value: Any) -> str:
    return "definition" if isinstance(value, dict | DefinedDimension) else "name"


Dimension = Annotated[
    Annotated[StrictStr, Tag("name")] | Annotated[DefinedDimension, Tag("definition")],
    Discriminator(_dimension_kind),
]
