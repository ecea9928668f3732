"""The parent's side: starts the child that plays, watches its heartbeat, replaces it when it dies.

When a device or its server dies, callbacks stop, no error is reported, and closing the stream may
hang for ever. So the sound lives in a child process that can be killed: the parent sees that the
count of callbacks stands still, kills the child, and starts another, which waits for the very same
device.
"""

import contextlib
import dataclasses
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO, Any, Literal

import msgspec

from roomcal.devices.watchdog import Watchdog
from roomcal.errors import DeviceError
from roomcal.live.messages import Lines, Message, fault_of, send
from roomcal.live.request import RunRequest
from roomcal.live.shared_block import SharedBlock

CHILD = (sys.executable, "-P", "-m", "roomcal.live.child")
# A cold start compiles: 20 s, and minutes where other programs take the processor.
PREPARE_DEADLINE_S = 300.0
OPEN_DEADLINE_S = 20.0  # ASIO and Bluetooth wake up slowly
STOP_DEADLINE_S = 1.5  # the fade takes 50 ms, closing the stream as long as the driver likes
_HASTY_S = 5.0  # a child that dies sooner than this after its start
_HASTY_TIMES = 3  # in a row, and starting more of them is no use
_LAST_WORDS = 20  # lines of the child's standard error

State = Literal["preparing", "opening", "playing", "waiting", "ended"]


class Supervisor:
    """Keeps one child playing.

    Parameters
    ----------
    n_bytes : int
        Of the memory that parent and child share.
    beats : callable
        Reads the count of callbacks from that memory.
    reconnect : bool
        False: when the device vanishes, that is the end.
    command : sequence of str
        What starts a child.

    Attributes
    ----------
    memory : mmap
        Shared with every child.
    state : str
    playing : Message or None
        What the child said when it began to play: rate, latency, routing.
    restarts : int
        How often the device, or the child, was lost.
    """

    now: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(
        self,
        *,
        n_bytes: int,
        beats: Callable[[], int],
        reconnect: bool = True,
        command: Sequence[str] = CHILD,
    ) -> None:
        self._block = SharedBlock(n_bytes)
        self.memory = self._block.memory
        self._request: RunRequest
        self._beats = beats
        self._reconnect = reconnect
        self._command = command
        self._child: subprocess.Popen[str] | None = None
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._hasty = 0
        self._dog: Watchdog | None = None
        self.state: State = "ended"
        self.playing: Message | None = None
        self.restarts = 0

    def start(self, request: RunRequest) -> None:
        """Let a child prepare; `poll` sees what becomes of it."""
        self._request = dataclasses.replace(request, memory=self._block.token)
        if self._child is None:
            self.warm_up()
        self._started_s = self.now()
        self._expect("preparing", PREPARE_DEADLINE_S)
        self.tell({"do": "prepare", "request": msgspec.to_builtins(self._request)})

    def change(self, **fields: Any) -> None:  # noqa: ANN401 - of RunRequest
        """Change the request of later children."""
        self._request = dataclasses.replace(self._request, **fields)

    def warm_up(self) -> None:
        """Start a child, which loads what it will need while nothing is asked of it."""
        child: subprocess.Popen[str] = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            **self._block.inheritance,
            **_apart(),
        )
        if child.stdout is None or child.stderr is None:
            raise AssertionError("unreachable: both are pipes")
        self._child = child
        self._words.clear()
        threading.Thread(target=self._listen, args=(child.stderr,), daemon=True).start()
        self._lines = Lines(child.stdout)

    def tell(self, message: Message) -> None:
        """Send the child a message; one that is gone hears nothing."""
        if self._child is not None and self._child.stdin is not None:
            send(self._child.stdin, message)

    def open(self) -> None:
        """Let the child that has found its device play on it."""
        self._expect("opening", OPEN_DEADLINE_S)
        self.tell({"do": "open"})

    def poll(self, timeout_s: float) -> list[Message]:
        """Look after the child for about so long, and return what it said.

        Raises
        ------
        RoomcalError
            A fault of the child that waiting does not mend; or RC-403 when the device vanished
            and it is not to be waited for.
        """
        said = []
        message = self._lines.next(timeout_s)
        while message is not None:
            said += self._take(message)
            message = self._lines.next(0.0) if self.state != "ended" else None
        if self.state == "playing" and self._dog is not None:
            if self._dog.has_vanished(self._beats(), self.now()):
                said += self._lost("its callbacks stopped")
        elif self.state != "ended" and self.now() > self._until_s:
            waited_s = self.now() - self._since_s
            said += self._lost(f"it does not answer for {waited_s:.0f} s ({self.state})")
        return said

    def stop(self) -> None:
        """Let the child fade out and end; kill it if it does not."""
        if self._child is not None and self.state == "playing":
            self.tell({"do": "stop"})
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(STOP_DEADLINE_S)
        self.kill()
        self._block.close()
        self.state = "ended"

    def _take(self, message: Message) -> list[Message]:
        """Follow what the child says."""
        event = message.get("event")
        if event == "failed":
            self.kill()
            self.state = "ended"
            raise fault_of(message)
        if event == "ended":
            return self._lost(self._how_it_ended())
        if event == "gone":
            return self._lost(message["how"])
        if event == "found":
            self._request = dataclasses.replace(
                self._request, found_source=message["source"], found_output=message["output"]
            )
        elif event == "waiting":
            self._expect("waiting", OPEN_DEADLINE_S + message["next_s"])
        elif event == "opening":
            self._expect("opening", OPEN_DEADLINE_S)
        elif event == "playing":
            self.state, self.playing = "playing", message
            self._dog = Watchdog(self.now())
        return [message]

    def _lost(self, how: str) -> list[Message]:
        """Kill the child and start another, or give up."""
        words = list(self._words)
        was_playing = self.playing is not None
        hasty = self.now() - self._started_s < _HASTY_S
        self._hasty = self._hasty + 1 if hasty else 0
        self.kill()
        device = self._request.found_output or self._request.route.output_device
        if not was_playing or not self._reconnect or self._hasty >= _HASTY_TIMES:
            self.state = "ended"
            raise DeviceError(
                "RC-403" if was_playing else "RC-406",
                f"{device} vanished: {how}" if was_playing else f"{device} does not play: {how}",
                hint="was it unplugged, or the sound server stopped? plug it in and give the same "
                "command again; without --no-reconnect roomcal waits for it"
                if was_playing
                else "`roomcal doctor` says what is missing",
                device=device,
                restarts=self.restarts,
                last_words=words,
            )
        self.restarts += 1
        self.start(self._request)
        return [{"event": "lost", "device": device, "how": how}]

    def _how_it_ended(self) -> str:
        code = None
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._child.wait(STOP_DEADLINE_S)
        last = f": {self._words[-1]}" if self._words else ""
        return f"the audio process ended (code {code}){last}"

    def _expect(self, state: State, deadline_s: float) -> None:
        self.state = state
        self._since_s = self.now()
        self._until_s = self._since_s + deadline_s

    def kill(self) -> None:
        """End the child at once, whatever it does."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()

    def _listen(self, words: IO[str]) -> None:
        """Keep the last lines that the child, or a library in it, printed."""
        with contextlib.suppress(OSError, ValueError):
            for line in words:
                self._words.append(line.rstrip())


def _apart() -> dict[str, Any]:
    """Keep the terminal's signals from the child, which the parent fades out; let it go first."""
    if sys.platform == "win32":
        apart, first = subprocess.CREATE_NEW_PROCESS_GROUP, subprocess.HIGH_PRIORITY_CLASS
        return {"creationflags": apart | first}
    return {"process_group": 0}
