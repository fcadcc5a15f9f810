"""Runs the command line on a terminal of its own, as somebody who sits at it does."""

import os
import select
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


class Session:
    """A process on a pseudo terminal: what it shows, what is typed, and how it ends."""

    def __init__(self, *arguments, cwd=REPOSITORY, columns=100, program=("-m", "querygen")):
        self.shown = ""
        self.pid, self._terminal = os.forkpty()
        if self.pid == 0:
            os.chdir(cwd)
            # Somebody looks at it, even where a CI runs these tests.
            environment = {**os.environ, "CI": "", "TERM": "xterm"}
            environment |= {"COLUMNS": str(columns), "PYTHONPATH": str(REPOSITORY)}
            os.execvpe(sys.executable, [sys.executable, *program, *map(str, arguments)], environment)

    def _more(self, seconds):
        if not select.select([self._terminal], [], [], seconds)[0]:
            return False
        try:
            part = os.read(self._terminal, 65536)
        except OSError:  # Linux: nobody holds the other side any more
            return False
        self.shown += part.decode(errors="replace")
        return bool(part)

    def wait_for(self, text, seconds=30):
        """Reads until the text is shown."""
        until = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < until and (self._more(0.2) or self._alive()), self.shown
        return self

    def _alive(self):
        return os.waitpid(self.pid, os.WNOHANG) == (0, 0)

    def type(self, line):
        os.write(self._terminal, f"{line}\n".encode())
        return self

    def press_ctrl_c(self):
        os.write(self._terminal, b"\x03")
        return self

    def end(self):
        """The exit code, once everything is read."""
        while self._more(30):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(status)
