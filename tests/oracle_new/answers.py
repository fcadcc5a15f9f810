def answer(spec: Spec, rows: Iterable[Row]) -> list[Output]:
    """The rows that the spec asks for: "flat, one per dimensions × percentile (or bucket), ordered".

    Args:
        spec: as YAML gives it; dates as `datetime.date` or ISO text.
        rows: rows of telemetry.main as nested dicts; `submission_timestamp` as a datetime or ISO text.

    Returns:
        Rows with columns in the contract's order. INT64 is int, FLOAT64 is Fraction, NULL is None.
    """
    today = today_of(spec)
    dimensions = [dimension(definition, today) for definition in spec.get("dimensions") or ()]
    defined = _defined(spec, today)
    passing = [row for row in rows if passes(row, spec.get("filters") or {}, defined, today)]
    measure = measure_of(spec)
    if measure == "pings":
        return ping_rows(spec, passing, today)
    if measure == "counts":
        results = count_rows(spec, passing, dimensions)
    else:
        groups = voting_pings(spec, passing, dimensions)
        results = {group: MEASURES[measure](spec, pings) for group, pings in groups.items()}
    names = [dimension.name for dimension in dimensions]
    return [
        dict(zip(names, group, strict=True)) | result
        for group in sorted(results, key=lambda group: places(dimensions, group))
        for result in results[group]
    ]


def places(dimensions: Sequence[Dimension], values: Sequence[Any]) -> list[tuple[int, Any]]:
    """Sorts rows by their dimensions, in the dimensions' order."""
    return [dimension.place(value) for dimension, value in zip(dimensions, values, strict=True)]


def _defined(spec: Spec, today: date | None) -> dict[str, Dimension]:
    """The dimensions that the spec defines itself, by name."""
    definitions = [*(spec.get("dimensions") or ()), *(spec.get("fields") or ())]
    return {d["name"]: dimension(d, today) for d in definitions if isinstance(d, Mapping)}


def count_rows(spec: Spec, rows: Iterable[Row], dimensions: Sequence[Dimension]) -> dict[Group, list[Output]]:
    """`n_clients` and `n_pings` of all pings, or of those that carry the histogram if one is named."""
    clients: dict[Group, list[str | None]] = defaultdict(list)
    for row in rows:
        if spec.get("histogram") and histogram_text(spec, row) is None:
            continue
        clients[tuple(dimension.value(row) for dimension in dimensions)].append(column(row, "client_id"))
    return {group: [{"n_clients": n_clients(ids), "n_pings": len(ids)}] for group, ids in clients.items()}


# What `fields` of `measure: pings` may name besides dimensions and columns.
HISTOGRAM_FIELDS: dict[str, Callable[[Decoded], Any]] = {
    "sum": lambda histogram: histogram.sum,
    "bucket_count": lambda histogram: histogram.bucket_count,
    "histogram_type": lambda histogram: histogram.histogram_type,
}


def ping_rows(spec: Spec, rows: Iterable[Row], today: date | None) -> list[Output]:
    """`pings`: one row per ping, "ordered by the fields asked for, in their order, then LIMIT".

    Where the spec names a histogram, only pings that carry it, as in the tutorial's first query. `histogram`
    is the string as it is stored; its parts are NULL where it isn't decodable.
    """
    fields = [_field(spec, field, today) for field in spec["fields"]]
    carrying = [row for row in rows if "histogram" not in spec or histogram_text(spec, row) is not None]
    answers = [[field.value(row) for field in fields] for row in carrying]
    answers.sort(key=lambda values: places(fields, values))
    names = [field.name for field in fields]
    return [dict(zip(names, values, strict=True)) for values in answers[: spec.get("limit")]]


def _field(spec: Spec, field: Any, today: date | None) -> Dimension:
    """A field: a dimension in any form, or something of the histogram."""
    if not isinstance(field, str):
        return dimension(field, today)
    if field == "histogram":
        return Dimension(field, lambda row: histogram_text(spec, row))
    if field in HISTOGRAM_FIELDS:

        def part(row: Row) -> Any:
            decoded = decode(histogram_text(spec, row))
            return decoded and HISTOGRAM_FIELDS[field](decoded)

        return Dimension(field, part)
    return _defined(spec, today).get(field) or dimension(field, today)
