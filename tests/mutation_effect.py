"""How a mutant takes effect in a running process, as if its file had always been so."""

import ast
import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from mutation_mutants import ROOT, Mutant

from querygen import render
from querygen.udfs import load_udf


def take_effect(made: Mutant) -> None:
    """Changes this process as if the file had always been so.

    Raises:
        LookupError: a function that the mutant is in was not found.
    """
    path = ROOT / made.file
    text = made.apply(path.read_text(encoding="utf-8"))
    if path.suffix == ".j2":
        _replace_template(path.relative_to(ROOT / "templates").as_posix(), text)
    elif path.suffix == ".sql":
        udf = load_udf(f"{path.parent.parent.name}.{path.parent.name}")
        object.__setattr__(udf, path.stem, text.strip())
    else:
        _recode(importlib.import_module(f"querygen.{path.stem}"), text, made)


def _replace_template(name: str, text: str) -> None:
    """Gives the templates' loader another text of one of them; the others stay compiled."""
    environment = render._environment()
    from_file = environment.loader.get_source

    def get_source(environment: Any, asked: str) -> Any:
        return (text, None, None) if asked == name else from_file(environment, asked)

    environment.loader.get_source = get_source
    for key in [key for key in environment.cache.keys() if key[1] == name]:  # noqa: SIM118 it is no dict
        del environment.cache[key]


def _recode(module: types.ModuleType, text: str, made: Mutant) -> None:
    """Gives functions the code that they have in the changed text, wherever they are referred to from."""
    name = str(module.__file__)
    before = dict(_codes(compile((ROOT / made.file).read_text(encoding="utf-8"), name, "exec")))
    after = dict(_codes(compile(text, name, "exec")))
    place = made.edits[0].start
    for statement in ast.parse(text).body:
        begin = sum(map(len, text.splitlines(keepends=True)[: statement.lineno - 1]))
        end = sum(map(len, text.splitlines(keepends=True)[: statement.end_lineno]))
        if begin <= place < end and isinstance(statement, ast.Assign | ast.AnnAssign):
            _rebind(module, statement)
            return
    found = dict(_functions(vars(module), module.__name__))
    touched = [name for name in found if name in after and after[name] != before.get(name)]
    if not touched:
        raise LookupError(f"no function of {module.__name__} has the mutant {made.id}")
    for name in touched:
        found[name].__code__ = after[name]


def _rebind(module: types.ModuleType, statement: ast.stmt) -> None:
    """Runs an assignment of the module anew, for all modules that have the value by its name."""
    before = dict(vars(module))
    exec(compile(ast.Module([statement], []), str(module.__file__), "exec"), vars(module))
    new = {name: value for name, value in vars(module).items() if before.get(name, module) is not value}
    for other in [m for name, m in sys.modules.items() if name.startswith("querygen.")]:
        for name, value in new.items():
            if name in before and vars(other).get(name) is before[name]:
                setattr(other, name, value)


def _codes(code: types.CodeType) -> Iterator[tuple[str, types.CodeType]]:
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield inner.co_qualname, inner
            yield from _codes(inner)


def _functions(names: dict[str, Any], module: str) -> Iterator[tuple[str, types.FunctionType]]:
    """The functions of a module or class by their qualified names, out of what is wrapped around them."""
    for value in list(names.values()):
        if isinstance(value, type) and value.__module__ == module:
            yield from _functions(dict(vars(value)), module)
            continue
        for attribute in ("fget", "__func__", "func", "__wrapped__"):
            value = getattr(value, attribute, value)  # noqa: PLW2901
        if isinstance(value, types.FunctionType) and value.__module__ == module:
            yield value.__qualname__, value
