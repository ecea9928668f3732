"""Ctrl-C, SIGTERM and SIGHUP: what they mean in general, and while sound plays.

In general they end the program as Ctrl-C does. While a sound card plays, the first fades the sound
out and the second mutes it at once; the device then raises `Interrupted` with what was recorded.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomcal.devices.device import Recording

# SIGHUP (the terminal was closed) is unknown on Windows, SIGBREAK (Ctrl-Break) elsewhere.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_WORDS = {"SIGINT": "Ctrl-C"}

Handler = Callable[[int, FrameType | None], None]


class Interrupted(KeyboardInterrupt):
    """Sound was faded out because the user asked for the end.

    Parameters
    ----------
    reason : str
        "Ctrl-C", "SIGTERM", ...
    recording : Recording
        What had come in until then.
    """

    def __init__(self, reason: str, recording: "Recording") -> None:
        super().__init__(reason)
        self.reason = reason
        self.recording = recording


class Requests:
    """The signals that have arrived, by the name that a user knows."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.reasons)


@contextlib.contextmanager
def requests(first: Callable[[], None], again: Callable[[], None]) -> Iterator[Requests]:
    """Collect signals instead of being ended by them.

    Parameters
    ----------
    first : callable
        Called at the first signal, from within the handler.
    again : callable
        Called at every further one.
    """
    heard = Requests()

    def handle(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        heard.reasons.append(_WORDS.get(name, name))
        (first if len(heard.reasons) == 1 else again)()

    with _handled_by(handle):
        yield heard


@contextlib.contextmanager
def ending_like_ctrl_c() -> Iterator[None]:
    """Let every signal that asks for the end raise KeyboardInterrupt, as Ctrl-C does."""

    def handle(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    with _handled_by(handle):
        yield


@contextlib.contextmanager
def _handled_by(handler: Handler) -> Iterator[None]:
    """Install a handler and put the old ones back; outside of the main thread do nothing.

    A signal that whoever started us ignores (nohup, a job in the background) stays ignored.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            # None: a handler that was not installed by Python cannot be put back by it.
            signal.signal(number, signal.SIG_DFL if old is None else old)
