"""What a spec asks of each table that it reads, as if it asked that table alone."""

from typing import Any

from querygen.amounts import Amount
from querygen.spec import Spec
from querygen.spec_values import DeclaredSource


def table_name(source: str | DeclaredSource) -> str:
    """The name that a source's data is given under."""
    return source if isinstance(source, str) else source.table


def amounts_of(spec: Spec, table: str) -> dict[str, Amount]:
    """The amounts that are counted in a table, by their keys in the spec: `events`, `exposure`, or both."""
    if spec.events is None:
        return {}
    given = {"events": spec.events, "exposure": spec.exposure_or_default}
    return {
        key: amount
        for key, amount in given.items()
        if amount is not None and table_name(amount.table or spec.source) == table
    }


def spec_of(spec: Spec, table: str) -> Spec:
    """The spec as it asks one of its tables: with the filters, and the recording of the amount counted there.

    Where both amounts are counted there, filters are only those that hold for both.
    """
    if spec.events is None:
        return spec
    amounts = list(amounts_of(spec, table).values())
    changes: dict[str, Any] = {"events": None, "exposure": None}
    if amounts:
        changes["source"] = amounts[0].table or spec.source
    if len(amounts) == 1:
        changes["filters"] = {**amounts[0].filters, **spec.filters}
    recorded = [amount for amount in amounts if amount.is_recorded]
    if len(recorded) == 1:
        changes |= {name: getattr(recorded[0], name) for name in ("histogram", "scalar", "process", "key")}
    return spec.model_copy(update=changes)
