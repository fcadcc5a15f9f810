"""Amounts: what a spec counts of each client, as events or as what these are divided by."""

import difflib
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictInt, StrictStr, model_validator

from querygen.conditions import Filter, StrictModel, problem, unused
from querygen.spec_values import OneOrMore, Source

Counted = Literal["pings", "clients", "client_days", "usage_hours"]
WORDS = ("pings", "clients", "client_days", "usage_hours")
Duration = Literal["ms", "s", "min", "h"]

_KINDS = ("histogram", "scalar", "column", "count")
_ONLY_OF_HISTOGRAMS = ("take", "bucket", "at_least")


class Amount(StrictModel):
    """What is summed up over a client's pings: one of `histogram`, `scalar`, `column` and `count`."""

    histogram: StrictStr | None = Field(
        None,
        description="the samples of this histogram, or what `take` says",
        examples=["HTTP_PAGELOAD_IS_SSL"],
    )
    scalar: StrictStr | None = Field(
        None, description="the values of this scalar", examples=["browser.engagement.tab_open_event_count"]
    )
    column: StrictStr | None = Field(
        None,
        description="the values of this column of whole numbers, by its path",
        examples=["payload.info.subsession_length"],
    )
    count: Counted | None = Field(
        None,
        description="pings, clients, client_days, or usage_hours: subsessions, each 0 to 24 hours",
        examples=["pings"],
    )
    take: Literal["samples", "sum"] = Field(
        "samples", description="of a histogram: how many samples it has, or their sum", examples=["sum"]
    )
    bucket: StrictInt | None = Field(
        None, description="of a histogram: only the samples in this bucket", examples=[0]
    )
    at_least: StrictInt | None = Field(
        None, description="of a histogram: only the samples in this bucket and higher ones", examples=[100]
    )
    process: OneOrMore = Field(
        "parent", description="the process that recorded it, as of `histogram`", examples=["content"]
    )
    key: Annotated[
        OneOrMore | None,
        Field(description="of a keyed one: a key, or a list; else all keys", examples=["plugin"]),
    ] = None
    unit: Duration | None = Field(
        None,
        description="of a column of durations: its unit; they count as hours, each from 0 to 24",
        examples=["s"],
    )
    table: Source | None = Field(
        None, description="the table that it is counted in, if another one", examples=["telemetry.crash"]
    )
    filters: dict[StrictStr, Filter] = Field(
        default_factory=dict,
        description="which pings count here, beside the spec's own filters",
        examples=[{"process_type": "main"}],
    )

    @model_validator(mode="before")
    @classmethod
    def _default(cls, data: Any) -> Any:
        """Of another table the pings count, if nothing else is named."""
        if isinstance(data, dict) and "table" in data and not any(kind in data for kind in _KINDS):
            return {**data, "count": "pings"}
        return data

    @model_validator(mode="after")
    def _check_kind(self) -> "Amount":
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            help_ = "name a histogram, a scalar, a column, or what to count, such as `count: pings`"
            raise problem("not-one-amount", "this says not which one thing is counted", help_)
        meaningless = f"means nothing to a {given[0]}"
        if self.histogram is None:
            for key in _ONLY_OF_HISTOGRAMS:
                if key in self.model_fields_set:
                    raise unused(key, meaningless)
        if self.histogram is None and self.scalar is None:
            for key in ("process", "key"):
                if key in self.model_fields_set:
                    raise unused(key, meaningless)
        if self.unit is not None and self.column is None:
            raise unused("unit", meaningless)
        if self.bucket is not None and self.at_least is not None:
            raise unused("at_least", "and `bucket` are both given", "keep one of the two")
        if self.take == "sum" and (self.bucket is not None or self.at_least is not None):
            raise unused("take", "means nothing beside `bucket` and `at_least`, which count samples")
        return self

    @property
    def bounds(self) -> tuple[int | None, int | None]:
        """The lowest and the highest bucket whose samples count; None where there is no limit."""
        return (self.at_least, None) if self.bucket is None else (self.bucket, self.bucket)

    @property
    def is_hours(self) -> bool:
        """Whether it is a length of time."""
        return self.count == "usage_hours" or self.unit is not None

    @property
    def is_whole(self) -> bool:
        """Whether it is shown as a whole number."""
        return self.take == "samples" and not self.is_hours

    @property
    def is_recorded(self) -> bool:
        """Whether it is a histogram's or a scalar's."""
        return self.histogram is not None or self.scalar is not None

    def __str__(self) -> str:
        """In words, for comments and titles."""
        if self.count is not None:
            words = self.count.replace("_", " ").replace("client days", "client-days")
        elif self.histogram is None:
            words = f"{self.scalar or self.column}"
        elif self.bucket is not None:
            words = f"samples of {self.histogram} in bucket {self.bucket}"
        elif self.at_least is not None:
            words = f"samples of {self.histogram} from {self.at_least} on"
        else:
            words = f"{self.take} of {self.histogram}"
        if self.unit is not None:
            words = f"hours of {words}"
        if self.key is not None:
            words += f" ({self.key if isinstance(self.key, str) else ', '.join(self.key)})"
        if self.table is not None:
            words += f" of {self.table if isinstance(self.table, str) else self.table.table}"
        return words


def _named(value: Any) -> Any:
    """A word, or a histogram's name, as the mapping that it stands for."""
    if isinstance(value, str):
        # Built-in schemas take any name for a histogram's, so that nothing else would notice a slip.
        near = () if value in WORDS else difflib.get_close_matches(value, WORDS, n=1, cutoff=0.8)
        if near:
            help_ = f"write `{near[0]}`, or {{histogram: {value}}} if that is its name"
            raise problem("not-one-amount", f"`{value}` is no word for an amount", help_)
        return {"count": value} if value in WORDS else {"histogram": value}
    return value


AmountOrName = Annotated[Amount, BeforeValidator(_named, json_schema_input_type=StrictStr | Amount)]
"""An amount; a text is one of the words for `count`, or the name of a histogram."""
