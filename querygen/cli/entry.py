"""The entry point: runs one command, and turns every error into a message and an exit code."""

import gc
import os
import sys

from querygen.cli.interrupt import CODE, SAID, Interrupts, interruptible
from querygen.cli.output import say
from querygen.cli.parser import parse
from querygen.errors import EngineError, QuerygenError


def main() -> None:
    """Runs the command that the process was called with, and exits with its code; never a traceback."""
    # These cost a cold `render` a quarter of its time: collecting garbage while importing, and again at the
    # end, where there is next to none; and pydantic's search for plugins in all installed packages.
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if "_ARGCOMPLETE" in os.environ:
        from querygen.cli.completing import complete

        complete()
    try:
        with interruptible() as interrupts:
            code = _outcome(interrupts)
    except KeyboardInterrupt:  # when everything was done, and only the end of it was left
        say(SAID)
        code = CODE
    finally:
        if not gc.isenabled():  # a command that ran a query has enabled it, and has something to clean up
            gc.freeze()
    sys.exit(code)


def _outcome(interrupts: Interrupts) -> int:
    """Does the command, and says what went wrong; the exit code."""
    try:
        return _call()
    except Exception as error:
        if not interrupts.came:
            return _failed(error)
    except KeyboardInterrupt:
        pass
    if interrupts.came:
        interrupts.end()
    say(SAID)
    return CODE


def _failed(error: Exception) -> int:
    if isinstance(error, QuerygenError):
        say(str(error))
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # The reader of a pipe has seen enough (`querygen run … | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if os.environ.get("QUERYGEN_DEBUG"):
        raise error
    bug = EngineError.of(
        "internal",
        f"querygen failed: {type(error).__name__}: {error}",
        help="this is a bug in querygen; set QUERYGEN_DEBUG=1 to see where, and please report it",
    )
    say(str(bug))
    return bug.exit_code


def _call() -> int:
    arguments = parse(sys.argv[1:])
    code: int = arguments.act(arguments)
    return code
