"""The check refuses whatever the plan did not mean, and names the construct and its stage."""

import itertools
import re
from dataclasses import replace
from functools import cache

import pytest
from specs import ALL, query_of
from sqlglot import exp

from querygen.check import check
from querygen.errors import EngineError
from querygen.render import render


@cache
def rendered(name, udfs="inline"):
    return render(query_of(name).plan(), udfs)


def refusal(name, old, new, udfs="inline"):
    """What is said about the text with `old` replaced by `new`, once."""
    sql = rendered(name, udfs)
    assert old in sql.text, f"{old!r} is not in\n{sql.text}"
    with pytest.raises(EngineError) as refused:
        check(replace(sql, text=sql.text.replace(old, new, 1)))
    assert refused.value.exit_code == 3
    (finding,) = refused.value.diagnostics
    assert "please report it" in finding.help
    return finding.message


CLIENT = "percentiles by client of groups"
MUTATIONS = {
    "a second statement": ("\nORDER BY", ";\nDROP TABLE x;\nSELECT 1\nORDER BY", "parse|statement"),
    "a second query": ("/* Made", "SELECT 1;\n/* Made", "in front of the query"),
    "a deletion": ("WITH\n", "DELETE FROM `telemetry.main` WHERE TRUE; WITH\n", "in front of the query"),
    "a function of its own": ("WITH\n", "CREATE TEMP FUNCTION f() AS (1); WITH\n", "in front of the query"),
    "a declaration": ("WITH\n", "DECLARE x INT64; WITH\n", "in front of the query|parse"),
    "another table": (
        "`telemetry.main`",
        "`telemetry.other`",
        r"in stage pings: the table `telemetry\.other`",
    ),
    "another project": (
        "`telemetry.main`",
        "`p.telemetry.main`",
        r"in stage pings: the table `p\.telemetry\.main`",
    ),
    "a table beside": ("`telemetry.main`", "`telemetry.main`, `x.y`", r"in stage pings: .*`x\.y`"),
    "a table in a subquery": (
        "client_id IS NOT NULL",
        "client_id IN (SELECT client_id FROM `x.y`)",
        r"in stage pings: .*(`x\.y`|In)",
    ),
    "the table in another stage": ("  FROM\n    pings\n", "  FROM\n    shares\n", "referenced"),
    "an extra CTE": ("WITH\n", "WITH\nextra AS (SELECT 1 AS x),\n", r"the CTEs are \['extra'"),
    "a renamed CTE": ("decodable AS (", "decoded AS (", r"the CTEs are .*'decoded'"),
    "a CTE referenced twice": (
        "  FROM\n    clients\n",
        "  FROM\n    clients\n  CROSS JOIN\n    clients AS others\n",
        "in stage clients: .*referenced 2 times",
    ),
    "a CTE referenced never": (
        "FROM\n  shares\n",
        "FROM\n  buckets\n",
        "in stage (shares|buckets): .*referenced",
    ),
    "a recursion": ("WITH\n", "WITH RECURSIVE\n", "recursi|Recursi"),
    "an unknown function": ("MIN(bucket)", "ANY_VALUE(bucket)", "the final SELECT: AnyValue"),
    "an unknown function of the warehouse": ("MIN(bucket)", "SOME_UDF(bucket)", "the function `SOME_UDF`"),
    "one of ours, unmeant": ("MIN(bucket)", "querygen.build_date(bucket)", "the function `build_date`"),
    "mozfun's, unmeant": ("MIN(bucket)", "mozfun.hist.extract(bucket)", "the final SELECT: "),
    "an external query": ("MIN(bucket)", "ERROR('x')", "the final SELECT: "),
    "the user": ("MIN(bucket)", "SESSION_USER()", "the final SELECT: "),
    "an implicit UNNEST": ("UNNEST(clients.entries) AS entry", "UNNEST(clients.entries)", "stage buckets: "),
    "a subquery of another table": (
        "MIN(bucket)",
        "(SELECT MIN(bucket) FROM `x.y`)",
        r"the final SELECT: (the table `x\.y`|Subquery)",
    ),
    "a subquery of a stage": (
        "MIN(bucket)",
        "(SELECT MIN(bucket) FROM buckets)",
        "stage buckets: .*referenced 2|the final SELECT: Subquery",
    ),
    "an extra column": (
        "  n_clients,\n  n_samples,\nFROM",
        "  n_clients,\n  n_samples,\n  1 AS x,\nFROM",
        "returns",
    ),
    "a missing column": ("  n_clients,\n  n_samples,\nFROM", "  n_clients,\nFROM", "the query returns"),
    "columns in another order": (
        "  n_clients,\n  n_samples,\nFROM",
        "  n_samples,\n  n_clients,\nFROM",
        "the query returns",
    ),
    "all columns": ("  percentile,\n  MIN(bucket)", "  *,\n  MIN(bucket)", "the query returns"),
    "a comment that swallows": (
        "  n_clients,\n  n_samples,\nFROM",
        "  /* n_clients,\n  n_samples,\n */FROM",
        "returns",
    ),
    "a comment that opens": ("  client_id,", "  /* client_id,", "parse|CTEs"),
    "a line comment that swallows": (
        "  n_clients,\n  n_samples,\nFROM",
        "  --\n  n_samples,\nFROM",
        "returns",
    ),
    "broken SQL": ("GROUP BY", "GROUP BYE", "does not parse"),
    "an open literal": ("DATE '2020-04-06'", "DATE '2020-04-06", "does not parse"),
    "a union": ("\nORDER BY", "\nUNION ALL SELECT 1\nORDER BY", "Union|UNION|returns"),
    "a sample": (
        "`telemetry.main`",
        "`telemetry.main` TABLESAMPLE SYSTEM (1 PERCENT)",
        "stage pings: TableSample",
    ),
    "time travel": (
        "`telemetry.main`",
        "`telemetry.main` FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()",
        "in stage pings: ",
    ),
    "a regular expression": (
        "client_id IS NOT NULL",
        "REGEXP_CONTAINS(client_id, 'a')",
        "in stage pings: RegexpLike",
    ),
    "another date function": (
        "DATE(submission_timestamp) BETWEEN",
        "DATE_TRUNC(submission_timestamp, DAY) BETWEEN",
        "in stage pings: ",
    ),
    "a placeholder": ("DATE '2020-04-06'", "@start", "in stage pings: Parameter"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_is_refused_with_its_construct_and_stage(mutation):
    old, new, said = MUTATIONS[mutation]
    message = refusal(CLIENT, old, new)
    assert re.search(said, message), message


def test_a_body_that_is_not_ours_is_refused():
    """A pattern in the grammar that was loosened is no function of ours any more."""
    assert "stage decodable: " in refusal(CLIENT, r"(?:0|[1-9]\d{0,17})", r"[0-9]{1,18}")
    assert "in front of the query" in refusal(
        CLIENT, "CREATE TEMP FUNCTION querygen_histogram_text", "CREATE TEMP FUNCTION other", "temp"
    )
    assert "in stage histograms: " in refusal(CLIENT, "mozfun.hist.extract", "other.hist.extract", "mozfun")


def test_a_temporary_functions_body_is_held_against_ours():
    message = refusal(CLIENT, r"(?:0|[1-9]\d{0,17})", r"[0-9]{1,18}", "temp")
    assert "the temporary function for querygen.histogram_text is not ours" in message


@pytest.mark.parametrize("name", ALL)
def test_the_three_forms_are_one_tree(name):
    trees = {udfs: check(rendered(name, udfs)).query for udfs in ("inline", "temp", "mozfun")}
    assert trees["inline"] == trees["temp"] == trees["mozfun"]
    calls = [
        f"{node.parent.this.name}.{node.name}"
        for node in trees["inline"].find_all(exp.Anonymous)
        if isinstance(node.parent, exp.Dot)
    ]
    assert sorted(set(calls)) == sorted(rendered(name).functions)


def stages_of(tree):
    """Each CTE with the names of the CTEs and tables that it reads."""
    names = [cte.alias for cte in tree.ctes]
    reads = {cte.alias: [table.name for table in cte.this.find_all(exp.Table)] for cte in tree.ctes}
    inside = {id(table) for cte in tree.ctes for table in cte.find_all(exp.Table)}
    reads["the final SELECT"] = [table.name for table in tree.find_all(exp.Table) if id(table) not in inside]
    return names, reads


@pytest.mark.parametrize("name", ALL)
def test_every_cte_up_to_the_first_aggregate_is_referenced_once(name):
    """BigQuery evaluates a CTE anew for each reference."""
    tree = check(rendered(name)).query
    names, reads = stages_of(tree)
    references = [table for tables in reads.values() for table in tables if table in names]
    assert sorted(references) == sorted(names)
    # And in chains: each begins with a scan of the table, and each other stage reads the one before; but for
    # what another scan finds for it: the top keys, all clients, or what cannot be decoded; and permutations,
    # which are drawn from no table.
    ends = {"drawn": "draws", "keys": "top_keys", "clients_joined": "all_counts", "joined": "undecodable"}
    ends |= {"windowed": "releases_compared", "exposure_joined": "groups_groups"}
    ends["releases_joined"] = "published"
    ends["together"] = "exposure_joined" if "exposure_joined" in names else "exposure_counted"
    joins = {stage: other for stage, other in ends.items() if other in names}
    scans = [stage for stage in names if not reads[stage] or reads[stage][0] not in names]
    assert len(scans) == 1 + len(joins)
    for before, stage in itertools.pairwise(names):
        if stage in joins:
            assert len(reads[stage]) == 2
            assert joins[stage] in reads[stage]
        elif stage not in scans:
            assert reads[stage] == [before]


@pytest.mark.parametrize("name", ALL)
def test_no_whole_histogram_is_aggregated(name):
    """ARRAY_AGG takes single entries, never arrays: those of a large group would not fit in one row."""
    tree = check(rendered(name)).query
    for aggregate in tree.find_all(exp.ArrayAgg):
        assert isinstance(aggregate.this, exp.Struct)
        fields = [value.sql() for value in aggregate.this.find_all(exp.Dot, exp.Column)]
        assert "buckets" not in " ".join(fields)
