"""The process that plays: it prepares the engine, waits for its device, and hands C a pointer.

Python only prepares, connects and listens here; the sound is made by compiled code that the audio
system calls. The process may be killed at any moment. It ends by itself, with a fade, when the
parent asks for it or is gone.
"""

import contextlib
import itertools
import os
import signal
import sys
import threading
import time
from typing import IO

import msgspec

from roomcal.convolver.compiled import announcing
from roomcal.errors import DeviceError, RoomcalError
from roomcal.live.engine import Engine
from roomcal.live.messages import ENDED, Lines, Message, fault_message, own_answers, send
from roomcal.live.panel import N_BYTES, STATES, Panel
from roomcal.live.place import Place
from roomcal.live.places import place_for
from roomcal.live.request import RunRequest
from roomcal.live.shared_block import attached

# Pauses between attempts to open a device that was lost, s (FAULTS 34); the last one stays.
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# How often it is looked for meanwhile: it is opened at once when it is back.
LOOK_S = 0.7
CONNECT_S = 0.5  # how often connections and counters are looked after
FADE_DEADLINE_S = 0.3  # of the engine's own fade, 50 ms at most, and a long block
_PRIORITY = -11  # that of PipeWire's own clients
EXIT_DEADLINE_S = 1.0  # closing a stream may take for ever


class Child:
    """Obeys the parent.

    Parameters
    ----------
    orders : Lines
    answers : text file
    """

    def __init__(self, orders: Lines, answers: IO[str]) -> None:
        self._orders = orders
        self._answers = answers
        self._sending = threading.Lock()
        self._request: RunRequest
        self._panel: Panel
        self._engine: Engine | None = None
        self._place: Place | None = None
        self._is_found = False

    def run(self) -> None:
        """Prepare, play, and return after the fade.

        Raises
        ------
        RoomcalError
            What makes it impossible to play.
        """
        order = self._orders.next(timeout_s=3600.0)
        if order is None or order.get("do") != "prepare":
            return
        self._request = msgspec.convert(order["request"], RunRequest)
        self._panel = Panel(memoryview(attached(self._request.memory, N_BYTES)))
        self._place = place_for(self._request)
        if not self._open_or_wait():
            return
        self._say(self._playing())
        self._attend()
        self._fade_out()

    def _open_or_wait(self) -> bool:
        """Play on the device, or wait for one that was there before. False: asked to end."""
        if not self._request.found_output:
            return self._open()
        for number, pause_s in enumerate(
            itertools.chain(PAUSES_S, itertools.repeat(PAUSES_S[-1])), start=1
        ):
            try:
                return self._open()
            except DeviceError as error:
                self._say(
                    {
                        "event": "waiting",
                        "number": number,
                        "next_s": pause_s,
                        "why": error.message,
                    }
                )
            if not self._pause(pause_s):
                return False
        raise AssertionError("unreachable: it waits for ever")

    def _pause(self, pause_s: float) -> bool:
        """Wait, but not longer than until the device is back. False: asked to end."""
        place = self._here()
        until_s = time.monotonic() + pause_s
        while time.monotonic() < until_s:
            order = self._orders.next(min(LOOK_S, pause_s))
            if order is not None and _is_end(order):
                return False
            # One that is there and does not open is left in peace until the pause is over.
            if not self._is_found and place.looks_are_cheap and place.is_there():
                break
        return True

    def _open(self) -> bool:
        """Find the device, prepare the engine for it, and open it when the parent says so."""
        place = self._here()
        self._is_found = False
        try:
            found = place.find()
            self._is_found = True
            if self._request.dry:
                self._say(self._found([]))
                self._orders.next(timeout_s=3600.0)  # the parent has seen enough
                return False
            if self._engine is None or not self._engine.fits(found):
                with announcing(lambda: self._say({"event": "compiling"})):
                    self._engine = Engine(self._request, found, self._panel)
            self._say(self._found(self._engine.described()))
            order = self._orders.next(timeout_s=3600.0)
            while order is not None and order.get("do") != "open":
                if _is_end(order):
                    return False
                order = self._orders.next(timeout_s=3600.0)
            self._say({"event": "opening"})
            place.open(self._engine, lambda how: self._say({"event": "gone", "how": how}))
        except BaseException:
            place.close()
            raise
        return True

    def _found(self, banks: list[Message]) -> Message:
        place = self._here()
        return {
            "event": "found",
            "source": place.found.source,
            "output": place.found.output,
            "fs": place.found.fs,
            "block": place.found.block,
            "banks": banks,
            "routing": place.planned(),
        }

    def _playing(self) -> Message:
        place, engine = self._here(), self._ready()
        return {
            "event": "playing",
            "fs": place.found.fs,
            "block": place.found.block,
            "source": place.found.source,
            "output": place.found.output,
            "system_latency_s": place.latency_s(),
            "engine_latency_s": engine.latency_samples / place.found.fs,
            "warnings": place.warnings(),
            "routing": place.routing(),
        }

    def _attend(self) -> None:
        """Obey until the parent asks for the end, or is gone."""
        place = self._here()
        told: Message = {}
        due_s = time.monotonic()
        while True:
            order = self._orders.next(max(0.0, due_s - time.monotonic()))
            if order is not None:
                if _is_end(order):
                    return
                if order.get("do") == "load":
                    self._load(order)
                continue
            due_s = time.monotonic() + CONNECT_S
            place.connect()
            news: Message = {
                "event": "news",
                "xruns": place.xruns(),
                "routing": place.routing(),
                "system_latency_s": place.latency_s(),
            }
            if news != told:
                told = news
                self._say(news)

    def _load(self, order: Message) -> None:
        """Put a bank into a slot that is not heard, while the sound goes on."""
        try:
            described = self._ready().load(order["bank"], order["slot"])
        except RoomcalError as error:
            self._say({**fault_message(error), "event": "refused", "number": order["number"]})
        else:
            self._say({"event": "loaded", "number": order["number"], "bank": described})

    def _fade_out(self) -> None:
        """Let the engine fade, then close the stream; neither may hold up the end."""
        threading.Timer(EXIT_DEADLINE_S, os._exit, (0,)).start()
        self._panel.command(stop=1)
        until_s = time.monotonic() + FADE_DEADLINE_S
        while STATES[int(self._panel["state"])] != "stopped" and time.monotonic() < until_s:
            time.sleep(0.002)
        self._here().close()

    def _here(self) -> Place:
        if self._place is None:
            raise ValueError("there is no place yet")
        return self._place

    def _ready(self) -> Engine:
        if self._engine is None:
            raise ValueError("no engine is prepared yet")
        return self._engine

    def _say(self, message: Message) -> None:
        with self._sending:
            send(self._answers, message)


def _is_end(order: Message) -> bool:
    return order == ENDED or order.get("do") == "stop"


def main() -> None:
    """Talk to the parent through the standard streams until the end."""
    for name in ("SIGINT", "SIGHUP", "SIGBREAK"):  # of the terminal: the parent decides
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(AttributeError, OSError):  # who may, goes first; Windows: the parent
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    answers = own_answers()
    child = Child(Lines(sys.stdin), answers)
    try:
        child.run()
    except RoomcalError as error:
        send(answers, fault_message(error))
    finally:
        sys.stderr.flush()
        if sys.exc_info()[0] is not None:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)  # PortAudio's own end may never return


if __name__ == "__main__":
    main()
