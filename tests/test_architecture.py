"""The house is as its plan says: stages, import direction, names, sizes."""

import ast
import dataclasses
import graphlib
import inspect
import itertools
import re
import typing
from importlib import import_module
from pathlib import Path

import pytest

from querygen import check, plan, render, resolve, running, show, source, translate, udfs, validate
from querygen.cli import parser
from querygen.resources import resource_dir
from querygen.spec import Spec

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "querygen"
LONGEST_MODULE = 500

# Each module may import from those before it only. A package counts as one, its modules must have no cycle.
LAYERS = """
    __init__ errors extras explain names resources atomic cache calls buckets yaml_syntax yamltext
    source conditions parameters enrolments times spec_values amounts spec_rules spec filling sides overlays
    validate
    schema sqltext udfs probes catalog recordings facts listing units
    about plan filters sampling dimensions published scan populations asking quantiles constants
    intervals grouping derived numbers permutations arms branches comparisons aligned rates measures adjust
    alerts redash_chart wording resolve caveats meaning
    render recognise check releases row_lints lints redash stmo translate ctes
    result data_coerce data_locate data_read data sample ingest engines running show
    charts report provenance display answer
    analyze corners comparing verify
    builder api magic cases start cli __main__ pytest_plugin
"""
ORDER = LAYERS.split()


# --- Stages --------------------------------------------------------------------------------------

STAGES = {
    "load": [source.load_text],
    "validate": [validate.validate],
    "resolve": [resolve.resolve],
    "render": [render.render],
    "check": [check.check],
    "translate": [translate.translate],
    "run": [running.run],
    "show": list(show.FORMATS.values()),
}


def stage_table():
    """The page's rows: stage, module, what it takes, what it returns."""
    lines = (REPOSITORY / "docs" / "design.md").read_text(encoding="utf-8").splitlines()
    header = "| stage | module | takes → returns |"
    assert header in lines, f"design.md has no table that begins with {header!r}"
    start = lines.index(header) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        stage, module, types = (cell.strip() for cell in line.strip("|").split("|"))
        takes, _, returns = types.partition("→")
        names = [re.findall(r"`(\w+)`", text) for text in (module, takes, returns)]
        rows.append((stage, *names))
    return rows


def signature(function):
    """The names of the parameters' types and of the returned one, and which of them are querygen's own."""
    hints = typing.get_type_hints(function, vars(inspect.getmodule(function)) | {"duckdb": running})
    returned = hints.pop("return")
    own = [getattr(kind, "__module__", "").startswith("querygen") for kind in hints.values()]
    return [getattr(kind, "__name__", str(kind)) for kind in hints.values()], returned.__name__, own


def test_the_table_has_all_stages():
    assert [row[0] for row in stage_table()] == list(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_takes_and_returns_what_the_table_says(stage, monkeypatch):
    monkeypatch.setattr(running, "DuckDBPyConnection", object, raising=False)
    (row,) = (row for row in stage_table() if row[0] == stage)
    _, module, takes, returns = row
    for function in STAGES[stage]:
        assert function.__module__ == f"querygen.{module[0]}"
        parameters, returned, own = signature(function)
        assert parameters[: len(takes)] == takes
        assert not any(own[len(takes) :]), f"{stage} also takes {parameters}"
        assert [returned] == returns


def test_each_stage_takes_what_the_one_before_returns():
    rows = stage_table()
    for (*_, returns), (stage, _, takes, _) in itertools.pairwise(rows):
        # `run` takes checked text, since only one of its engines needs the translation.
        assert returns[0] in takes or stage == "run"


@pytest.mark.parametrize(
    "kind", [source.Source, plan.Plan, render.SqlText, check.CheckedSql, translate.DuckSql]
)
def test_what_flows_cannot_be_changed(kind):
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert Spec.model_config["frozen"]


# --- Modules -------------------------------------------------------------------------------------

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))
}


def imported(path):
    """The modules of querygen's that a file imports, also inside functions, but for type checking only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    names = {name.removeprefix("querygen.") for name in found if name.startswith("querygen.")}
    packages = {name.removesuffix(".__init__") for name in MODULES}
    return names & packages


def unit(name):
    """What stands in ORDER for a module: itself, or its package."""
    return name.split(".")[0]


def test_every_module_has_its_place():
    assert sorted({unit(name) for name in MODULES}) == sorted(ORDER)
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name):
    place = ORDER.index(unit(name))
    for other in imported(MODULES[name]):
        assert unit(other) == unit(name) or ORDER.index(unit(other)) < place, f"{name} imports {other}"


def test_no_module_imports_itself_in_a_circle():
    graph = {name.removesuffix(".__init__"): imported(path) for name, path in MODULES.items()}
    graph = {name: others - {name} for name, others in graph.items()}
    for name in [name for name in graph if f"{name}.__init__" in MODULES]:
        for inner in [inner for inner in graph if inner.startswith(f"{name}.")]:
            graph[inner].discard(name)  # a package is there before its modules
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", MODULES)
def test_no_module_is_too_long_to_read(name):
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def test_every_command_is_in_the_module_that_the_parser_names():
    written = {
        command: name.removeprefix("cli.")
        for name in MODULES
        if name.startswith("cli.")
        for command in getattr(import_module(f"querygen.{name}"), "COMMANDS", ())
    }
    assert written == parser.HOMES
    for name, module in parser.HOMES.items():
        command = import_module(f"querygen.cli.{module}").COMMANDS[name]
        assert command.act.__doc__, f"querygen {name} --help is empty"


DECIDING = [
    "plan",
    "filters",
    "dimensions",
    "scan",
    "measures",
    "wording",
    "resolve",
    "catalog",
    "recordings",
    "units",
]


@pytest.mark.parametrize("name", DECIDING)
def test_no_sql_is_written_where_decisions_are_made(name):
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    docstrings = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    }
    for text in set(texts) - docstrings:
        assert not re.search(r"\b(SELECT|FROM|WHERE|GROUP BY|JOIN|UNNEST)\b", text), text


# --- Templates and functions ---------------------------------------------------------------------


def all_stages(kind=plan.Stage):
    return [kind, *(inner for sub in kind.__subclasses__() for inner in all_stages(sub))]


def test_a_stage_and_its_template_share_a_name():
    names = [stage.name for stage in all_stages() if "name" in vars(stage)]
    templates = [
        path.name.removesuffix(".sql.j2") for path in (resource_dir("templates") / "stages").iterdir()
    ]
    assert sorted(names) == sorted(templates)
    for stage in all_stages():
        if "name" in vars(stage):
            assert stage.name == re.sub(r"(?<!^)(?=[A-Z])", "_", stage.__name__).lower()
            assert stage.__dataclass_params__.frozen


FOLDERS = sorted(path for path in resource_dir("udfs").glob("*/*") if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}.{path.name}")
def test_a_functions_folder_is_complete(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "bigquery.sql",
        "duckdb.sql",
        "examples.yaml",
        "metadata.yaml",
    ]
    udf = udfs.load_udf(f"{folder.parent.name}.{folder.name}")
    assert udf.description.endswith(".")
    assert udf.examples
    names = {argument.name for argument in udf.arguments}
    for body in (udf.bigquery, udf.duckdb):
        assert all(re.search(rf"\b{name}\b", body) for name in names)


def test_functions_of_ours_are_all_used():
    written = "".join(
        path.read_text(encoding="utf-8") for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.yaml"))
    )
    written += "".join(path.read_text(encoding="utf-8") for path in resource_dir("templates").rglob("*.j2"))
    for folder in FOLDERS:
        if folder.parent.name == "querygen":
            short = folder.name.removeprefix("histogram_")
            assert folder.name in written or f'"{short}"' in written or f'"n_{short}"' in written, folder.name


# --- The repository ------------------------------------------------------------------------------

TEXTS = [
    ".md",
    ".ipynb",
    ".py",
    ".sql",
    ".j2",
    ".yaml",
    ".json",
    ".toml",
    ".txt",
    ".cfg",
    ".lock",
    ".yml",
    "",
]
OUTSIDE = [
    ".git",
    ".venv",
    "dist",
    "build",
    "__pycache__",
    ".hypothesis",
    ".ruff_cache",
    ".mypy_cache",
    ".pytest_cache",
]


def test_nothing_names_a_place_on_someones_machine():
    places = re.compile(
        "|".join(["/" + word + "/[a-z]" for word in ("home", "root", "work", "Users", "tmp")])
    )
    for path in REPOSITORY.rglob("*"):
        inside = path.relative_to(REPOSITORY)
        if path.is_file() and path.suffix in TEXTS and not set(inside.parts) & set(OUTSIDE):
            found = places.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{inside}: {found[0]}"
