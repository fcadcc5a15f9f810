"""Where the templates and the UDFs stand: inside the package once installed, beside it in a checkout."""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


@cache
def resource_dir(name: str) -> Path:
    """Returns the folder `name` (`templates`, `udfs`), whether querygen runs from a wheel or a checkout.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / name).is_dir():
            return parent / name
    raise FileNotFoundError(f"the folder {name}/ is neither inside nor beside {_PACKAGE}")
