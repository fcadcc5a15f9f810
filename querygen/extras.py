"""Packages that querygen can do without: what is said where one is missing."""

from importlib.util import find_spec

from querygen.errors import EngineError


def require(module: str, install: str, instead: str = "") -> None:
    """Nothing, where a module can be imported.

    Args:
        module: what will be imported.
        install: what `pip install` takes.
        instead: what can be done without it.

    Raises:
        EngineError: it is not installed.
    """
    try:
        found = find_spec(module)
    except ModuleNotFoundError:  # of the package that it is in
        found = None
    if found is None:
        raise EngineError.of(
            "missing-extra",
            f"{module} is not installed",
            help=f"pip install '{install}'" + (f"; {instead}" if instead else ""),
        )
