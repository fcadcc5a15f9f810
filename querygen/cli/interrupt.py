"""Ctrl-C: one line and exit code 130, soon, even while an engine doesn't return to Python."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn

from querygen.atomic import discard_unfinished
from querygen.cli.output import CLEAR, is_terminal

CODE = 130
SAID = "interrupted"
_PATIENCE = 0.5  # seconds for engines and files to be closed in their own way


@dataclass
class Interrupts:
    """Whether somebody has pressed Ctrl-C.

    Engines make all kinds of errors of it, so that whoever catches one has to ask.
    """

    came: bool = False
    _ending: threading.Lock = field(default_factory=threading.Lock)

    def end(self) -> NoReturn:
        """Ends the process, whatever else it is at, and says so once."""
        self._ending.acquire()
        discard_unfinished()
        os.write(2, f"{CLEAR if is_terminal() else ''}{SAID}\n".encode())
        # Not sys.exit: engines may still be at work, and Python itself may have noted the signal for its end.
        os._exit(CODE)


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """While this holds, Ctrl-C raises KeyboardInterrupt, or ends the process if that changes nothing."""
    interrupts = Interrupts()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupts  # somebody else's process, or one that is to ignore it
        return

    def told(number: int, frame: FrameType | None) -> None:
        interrupts.came = True
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, told)
    try:
        if os.name == "posix":
            with _impatient(interrupts):
                yield interrupts
        else:
            yield interrupts
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _impatient(interrupts: Interrupts) -> Iterator[None]:
    """A thread that the signal wakes at once, while Python's own handler waits for the engine to return."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    over = threading.Event()
    thread = threading.Thread(target=_end_after_patience, args=(reading, over, interrupts), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.write(writing, b"\0")
        thread.join()
        os.close(reading)
        os.close(writing)


def _end_after_patience(reading: int, over: threading.Event, interrupts: Interrupts) -> None:
    while os.read(reading, 1) != bytes([signal.SIGINT]):
        if over.is_set():
            return
    if not over.wait(_PATIENCE):
        interrupts.end()
