"""The verbs of a `Query`: each is an edit of its spec, and gives a copy.

There is nothing else to a verb: what it gives is the `Query` of the edited spec, with that spec's own errors.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Self

from querygen.spec_rules import MEANT_FOR


class Verbs:
    """Copies of a query with another spec; `Query` says how they are made.

    >>> from querygen import Query
    >>> query = Query(histogram="GC_MS").over("2020-04-06", "2020-04-20").where(os="Windows").by("os_version")
    >>> print(query.percentiles(0.5, 0.95).normalize("client").to_yaml(), end="")
    histogram: GC_MS
    filters: {submission_date: {from: "2020-04-06", to: "2020-04-20"}, os: Windows}
    dimensions: [os_version]
    measure: percentiles
    percentiles: [0.5, 0.95]
    normalization: client
    """

    __slots__ = ()

    @property
    def data(self) -> Mapping[str, Any]:
        """The spec's keys and values, as they were given."""
        raise NotImplementedError

    def _edited(self, data: Mapping[str, Any]) -> Self:
        """The query of another spec."""
        raise NotImplementedError

    def replace(self, **keys: Any) -> Self:
        """With other values of the spec's keys; a key that is given None is taken out.

        >>> from querygen import Query
        >>> query = Query(measure="counts", filters={"submission_date": "2020-04-20"}, title="One day")
        >>> query.replace(measure="pings", limit=10, title=None)
        Query(measure='pings', filters={'submission_date': '2020-04-20'}, limit=10)

        Raises:
            QuerygenError: the spec is no longer valid.
        """
        data = {**self.data, **keys}
        return self._edited({key: value for key, value in data.items() if keys.get(key, value) is not None})

    def where(self, conditions: Mapping[str, Any] | None = None, /, **named: Any) -> Self:
        """With further `filters`, or others of the same names.

        Args:
            conditions: those of columns, whose paths are no names of Python's.
            named: those of friendly names. As in a spec a condition is a value, a list of which any will do,
                or a mapping such as `{"not": "Mac"}`.

        >>> from querygen import Query
        >>> query = Query(measure="counts", filters={"submission_date": "2020-04-20", "os": "Mac"})
        >>> query.where(os=["Windows", "Linux"], memory_mb={"gte": 4096}).spec.filters["os"]
        ('Windows', 'Linux')

        Raises:
            QuerygenError: the spec is no longer valid.
        """
        return self.replace(filters={**self.data.get("filters", {}), **(conditions or {}), **named})

    def over(self, first: str | dt.date, last: str | dt.date, *, of: str = "submission_date") -> Self:
        """With the days from `first` to `last`, both included.

        Args:
            first: the first day.
            last: the last one.
            of: whose days: `submission_date`, or `build_date`.

        >>> from querygen import Query
        >>> query = Query(histogram="GC_MS").over("2020-04-06", "2020-04-20")
        >>> query.over("2020-04-01", "2020-04-20", of="build_date").data["filters"]["build_date"]
        {'from': '2020-04-01', 'to': '2020-04-20'}

        Raises:
            QuerygenError: the spec is no longer valid.
        """
        return self.where({of: {"from": first, "to": last}})

    def by(self, *dimensions: str | Mapping[str, Any]) -> Self:
        """Split by these `dimensions`, and by no others; `by()` is not split.

        >>> from querygen import load
        >>> load("examples/tutorial/03-percentiles-of-one-day.yaml").by("os", "country").spec.dimensions
        ('os', 'country')

        Raises:
            QuerygenError: the spec is no longer valid.
        """
        return self.replace(dimensions=dimensions or None)

    def normalize(self, to: str) -> Self:
        """With another `normalization`: `none`, `client` or `client_day`.

        >>> from querygen import load
        >>> query = load("examples/tutorial/03-percentiles-of-one-day.yaml").normalize("client_day")
        >>> query.spec.normalization
        'client_day'

        Raises:
            QuerygenError: the spec is no longer valid.
        """
        return self.replace(normalization=to)

    def measure(self, name: str, **keys: Any) -> Self:
        """With another `measure`. Keys that only other measures have are taken out.

        Args:
            name: `distribution`, `summary`, `counts`, …
            keys: further keys, as for `replace`.

        >>> from querygen import load
        >>> query = load("examples/tutorial/03-percentiles-of-one-day.yaml").measure("distribution")
        >>> query.spec.measure, query.spec.percentiles
        ('distribution', None)

        Raises:
            QuerygenError: the spec is not valid.
        """
        gone = {key: None for key in self.data if name not in MEANT_FOR.get(key, (name,))}
        return self.replace(**{**gone, "measure": name, **keys})

    def percentiles(self, *fractions: float) -> Self:
        """With `measure: percentiles`, and these; 0.95 is the 95th.

        >>> from querygen import load
        >>> load("examples/charts/distribution-by-os.yaml").percentiles(0.5, 0.99).spec.percentiles
        (0.5, 0.99)

        Raises:
            QuerygenError: the spec is not valid.
        """
        return self.measure("percentiles", percentiles=fractions)

    def compare(
        self,
        experiment: str | Mapping[str, Any] | None = None,
        *,
        control: str,
        branches: Sequence[str],
        **keys: Any,
    ) -> Self:
        """With `measure: compare`: each of the branches is compared with the control.

        Args:
            experiment: its slug; without it, `branch` must be a dimension.
            control: the branch that the others are compared with.
            branches: those.
            keys: further ones, such as `statistics`.

        >>> from querygen import Query
        >>> query = Query(histogram="GC_MS").over("2020-04-06", "2020-04-20").percentiles(0.5)
        >>> query.compare("tab-warming", control="off", branches=["on"], statistics=["median"]).spec.measure
        'compare'

        Raises:
            QuerygenError: the spec is not valid.
        """
        asked = {} if experiment is None else {"experiment": experiment}
        return self.measure("compare", **asked, control=control, branches=branches, **keys)
