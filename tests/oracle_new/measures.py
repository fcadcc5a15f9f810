class Ping(NamedTuple):
    """A ping that has a say: its client, its unit (whoever's histograms sum to 1) and its histogram."""

    client: str | None
    unit: Any
    histogram: Decoded

    @property
    def total(self) -> int:
        """How many samples the ping recorded."""
        return sum(count for _, count in self.histogram.counted())


def histogram_text(spec: Spec, row: Row) -> str | None:
    """The string of the spec's histogram: a column path, or a probe of the parent process, in any case."""
    name = spec["histogram"]
    return column(row, name if "." in name else f"payload.histograms.{name}")


def voting_pings(spec: Spec, rows: Iterable[Row], dimensions: Sequence[Dimension]) -> dict[Group, list[Ping]]:
    """The pings that count, by group. "A group without positive counts has no row", so it isn't here either.

    Under `client` and `client_day` "NULL client ids have no vote", "and count under `none`".
    """
    normalization = spec.get("normalization", "none")
    groups: dict[Group, list[Ping]] = defaultdict(list)
    for row in rows:
        client = column(row, "client_id")
        unit = {"none": None, "client": client, "client_day": (client, named(row, "submission_date"))}[
            normalization
        ]
        histogram = decode(histogram_text(spec, row))
        has_vote = client is not None or normalization == "none"
        if histogram and histogram.counted() and has_vote:
            group = tuple(dimension.value(row) for dimension in dimensions)
            groups[group].append(Ping(client, unit, histogram))
    return groups


def unit_weights(spec: Spec, pings: Iterable[Ping]) -> dict[Any, Fraction | int]:
    """The weight of a unit's samples: "every unit is scaled by 1/total"; under `none` each weighs 1."""
    totals: dict[Any, int] = defaultdict(int)
    for ping in pings:
        totals[ping.unit] += ping.total
    plain = spec.get("normalization", "none") == "none"
    return {unit: 1 if plain else Fraction(1, total) for unit, total in totals.items()}


def bucket_counts(spec: Spec, pings: Sequence[Ping]) -> dict[int, Fraction | int]:
    """Bucket → count in ascending order: samples under `none`, votes otherwise. Zero buckets aren't there."""
    weights = unit_weights(spec, pings)
    counts: dict[int, Fraction | int] = defaultdict(int)
    for ping in pings:
        for key, count in ping.histogram.counted():
            counts[key] += count * weights[ping.unit]
    return dict(sorted(counts.items()))


def n_clients(clients: Iterable[str | None]) -> int:
    """How many "distinct non-NULL client ids"; '' is an id like any other."""
    return len({client for client in clients if client is not None})


def group_counts(pings: Sequence[Ping]) -> Output:
    """`n_clients` and `n_samples`, which "both belong to the group"."""
    return {
        "n_clients": n_clients(ping.client for ping in pings),
        "n_samples": sum(ping.total for ping in pings),
    }


# --- Measures: the rows of one group --------------------------------------------------------------


def percentile_value(counts: Mapping[int, Fraction | int], percentile: Fraction) -> int:
    """The "lowest bucket whose cumulative share is ≥ p, where a share within 1e-9 of p has reached it"."""
    total = Fraction(sum(counts.values()))
    cumulative = Fraction(0)
    for bucket, count in sorted(counts.items()):
        cumulative += count
        if cumulative / total >= percentile - Fraction(1, 10**9):
            return bucket
    raise ValueError(f"no bucket reaches {percentile}")


def percentile_rows(spec: Spec, pings: Sequence[Ping]) -> list[Output]:
    """`percentile`, `value`, `n_clients`, `n_samples`, in ascending order of percentile."""
    counts = bucket_counts(spec, pings)
    return [
        {"percentile": percentile, "value": percentile_value(counts, percentile), **group_counts(pings)}
        for percentile in sorted({exact(number) for number in spec["percentiles"]})
    ]


def distribution_rows(spec: Spec, pings: Sequence[Ping]) -> list[Output]:
    """`bucket`, `count`, `share`, `n_clients`, `n_samples`; "share = count / sum of counts in the group"."""
    counts = bucket_counts(spec, pings)
    total = sum(counts.values())
    return [
        {"bucket": bucket, "count": count, "share": Fraction(count) / total, **group_counts(pings)}
        for bucket, count in counts.items()
    ]


def summary_rows(spec: Spec, pings: Sequence[Ping]) -> list[Output]:
    """`count`, `sum`, `mean` (sum/count, untruncated), `n_clients`; "a NULL sum adds 0".

    Under a normalization "sum = sum over units of unit_sum/unit_total", count = "number of voting units".
    """
    weights = unit_weights(spec, pings)
    count = int(sum(ping.total * weights[ping.unit] for ping in pings))
    total = Fraction(sum((ping.histogram.sum or 0) * weights[ping.unit] for ping in pings))
    clients = n_clients(ping.client for ping in pings)
    return [{"count": count, "sum": total, "mean": total / count, "n_clients": clients}]


MEASURES = {"percentiles": percentile_rows, "distribution": distribution_rows, "summary": summary_rows}


def measure_of(spec: Spec) -> str:
    """The spec's measure: "percentiles given -> percentiles, else histogram given -> distribution"."""
    default = "percentiles" if spec.get("percentiles") else "distribution" if spec.get("histogram") else None
    measure = spec.get("measure") or default
    if measure is None:
        raise ValueError("a spec needs a histogram or a measure")
    return str(measure)
