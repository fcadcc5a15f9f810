"""What a user writes, as mypy sees it; `make lint` and a test have it checked."""

from pathlib import Path

from querygen import Answer, EngineError, Plot, Provenance, Query, QuerygenError, Result, Sql, load

query: Query = load("spec.yaml").where(os=["Windows", "Mac"], memory_mb={"gte": 4096})
query = query.over("2020-04-06", "2020-04-20").by("os", {"name": "version", "of": "app_version"})
query = query.percentiles(0.5, 0.95).normalize("client").replace(min_clients=100)
compared: Query = query.compare("x", control="a", branches=["b"])
sql: Sql = query.sql("duckdb")
text: str = query.sql() + query.to_yaml()
try:
    answer: Answer = query.run(Path("data"), repeatable=True)
except (QuerygenError, EngineError) as error:
    message: str | None = error.diagnostics[0].help
result: Result = answer
names: list[str] = [str(row["os"]) for row in result]
plot: Plot = answer.plot("dark")
plot.save("a.svg")
provenance: Provenance = answer.provenance
known: tuple[str, int] = (provenance.rows_sha256, len(answer))

# What is no error any more is one itself: an unused `ignore`.
load("spec.yaml").run(engine="mysql")  # type: ignore[arg-type]
load("spec.yaml").percentiles("0.5")  # type: ignore[arg-type]
load("spec.yaml").run().plot("pink")  # type: ignore[arg-type]
load("spec.yaml").group_by("os")  # type: ignore[attr-defined]
number: int = load("spec.yaml").sql()  # type: ignore[assignment]
