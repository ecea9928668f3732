"""One thread makes every PortAudio call, so that a call that never returns hangs nobody else.

Some host APIs (ASIO, WASAPI) want all calls from the thread that initialised them, and some calls
never return: closing a stream of a JACK server that was killed is one. So everyone else waits with
a deadline, and a thread that is stuck is given up.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from roomcal.errors import DeviceError

_T = TypeVar("_T")
_Task = tuple["Future[Any]", Callable[[], Any]]


class AudioThread:
    """Runs calls one after the other, each with a deadline."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stuck_in = ""

    def call(self, function: Callable[[], _T], what: str, *, deadline_s: float) -> _T:
        """Run a function on the audio thread and return what it returns, or raise what it raises.

        Parameters
        ----------
        function : callable
        what : str
            For the message: "opening the stream".
        deadline_s : float

        Raises
        ------
        DeviceError
            RC-406 when it does not return in time, or an earlier call never did.
        """
        if self._stuck_in:
            raise self._gone(self._stuck_in)
        future = self.post(function)
        try:
            return future.result(timeout=deadline_s)
        except TimeoutError:
            if future.done():  # the function itself raised it
                raise
            self._stuck_in = what
            raise self._gone(f"{what} for {deadline_s:g} s") from None

    def post(self, function: Callable[[], _T]) -> "Future[_T]":
        """Run a function on the audio thread, and wait for nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="audio", daemon=True)
            self._thread.start()
        future: Future[_T] = Future()
        self._tasks.put((future, function))
        return future

    def is_idle(self, *, deadline_s: float) -> bool:
        """Wait until nothing is left to do, at most so long, and tell whether it is so."""
        if self._thread is None:
            return True
        if self._stuck_in:
            return False
        try:
            self.post(lambda: None).result(timeout=deadline_s)
        except TimeoutError:
            return False
        return True

    def _work(self) -> None:
        while True:
            future, function = self._tasks.get()
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
            del future, function  # a stream must not live on in here

    @staticmethod
    def _gone(what: str) -> DeviceError:
        return DeviceError(
            "RC-406",
            f"the audio system does not answer ({what})",
            hint="is the sound server running? start roomcal again; the takes so far are safe",
        )


AUDIO = AudioThread()
