"""SQL as text that a notebook shows with its keywords told apart."""


class Sql(str):
    """The text of a query. It is a `str`: `client.query(sql)` and `connection.sql(sql)` take it as it is.

    >>> from querygen import load
    >>> sql = load("examples/tutorial/03-percentiles-of-one-day.yaml").sql()
    >>> isinstance(sql, str), sql.splitlines()[-1]
    (True, '  percentile')
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        from querygen.display.blocks import sql_block

        return sql_block(self)
