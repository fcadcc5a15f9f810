"""The entry point: runs one command, and turns every error into a message and an exit code."""

import gc
import os
import sys

from querygen.cli.output import say
from querygen.cli.parser import parse
from querygen.errors import EngineError, QuerygenError


def main() -> None:
    """Runs the command that the process was called with, and exits with its code; never a traceback."""
    # These cost a cold `render` a quarter of its time: collecting garbage while importing, and again at the
    # end, where there is next to none; and pydantic's search for plugins in all installed packages.
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        sys.exit(_call())
    except QuerygenError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has seen enough (`querygen run … | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("QUERYGEN_DEBUG"):
            raise
        bug = EngineError.of(
            "internal",
            f"querygen failed: {type(error).__name__}: {error}",
            help="this is a bug in querygen; set QUERYGEN_DEBUG=1 to see where, and please report it",
        )
        say(str(bug))
        sys.exit(bug.exit_code)
    finally:
        if not gc.isenabled():  # a command that ran a query has enabled it, and has something to clean up
            gc.freeze()


def _call() -> int:
    arguments = parse(sys.argv[1:])
    code: int = arguments.act(arguments)
    return code
