"""The talk of parent and child beside the sound: one JSON document a line, through pipes.

The parent writes to the child's standard input; when that ends, the parent is gone, and the child
ends too. The child answers on what was its standard output; a C library that prints writes to
standard error instead.
"""

import itertools
import json
import os
import queue
import sys
import threading
from typing import IO, Any

from roomcal.errors import (
    BusyError,
    DeviceError,
    InputError,
    ProofError,
    RoomcalError,
    SafetyStop,
    StorageError,
)

Message = dict[str, Any]
ENDED: Message = {"event": "ended"}  # the other side is gone

_KINDS = {
    kind.exit_code: kind
    for kind in (InputError, DeviceError, StorageError, SafetyStop, BusyError, ProofError)
}


class Lines:
    """Reads messages in a thread, so that nobody has to wait for one.

    Parameters
    ----------
    stream : text file
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._waiting: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="messages", daemon=True).start()

    def next(self, timeout_s: float) -> Message | None:
        """Return the next message, or None when none comes in time."""
        try:
            return self._waiting.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            return None

    def _read(self) -> None:
        try:
            for line in self._stream:
                try:
                    self._waiting.put(json.loads(line))
                except ValueError:
                    continue  # not ours
        except (OSError, ValueError):
            pass
        self._waiting.put(ENDED)


class Requests:
    """Questions that were sent, and wait for the answer with their number."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._asked: dict[int, queue.SimpleQueue[Message | None]] = {}

    def begin(self) -> int:
        """Return the number of a new question."""
        number = next(self._numbers)
        self._asked[number] = queue.SimpleQueue()
        return number

    def answer(self, message: Message) -> None:
        """Hand an answer to whoever waits for it."""
        asked = self._asked.get(message["number"])
        if asked is not None:
            asked.put(message)

    def give_up(self) -> None:
        """Let everyone know that no answer will come."""
        for asked in list(self._asked.values()):
            asked.put(None)

    def wait(self, number: int, deadline_s: float) -> Message | None:
        """Return the answer, or None when none comes in time."""
        try:
            return self._asked[number].get(timeout=deadline_s)
        except queue.Empty:
            return None
        finally:
            del self._asked[number]


def send(stream: IO[str], message: Message) -> bool:
    """Write a message; False when nobody reads any more."""
    try:
        stream.write(json.dumps(message) + "\n")
        stream.flush()
    except (OSError, ValueError):
        return False
    return True


def own_answers() -> IO[str]:
    """Keep standard output for messages, and let everything that is printed go to stderr."""
    kept = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(kept, "w", encoding="utf-8")


def fault_message(error: RoomcalError) -> Message:
    """Return a fault as a message."""
    return {
        "event": "failed",
        "id": error.fault,
        "exit": error.exit_code,
        "message": error.message,
        "hint": error.hint,
        "evidence": {k: _plain(v) for k, v in error.evidence.items()},
    }


def fault_of(message: Message) -> RoomcalError:
    """Return the fault of a message."""
    kind = _KINDS.get(message["exit"], RoomcalError)
    return kind(
        message["id"], message["message"], hint=message["hint"], **message.get("evidence", {})
    )


def _plain(value: object) -> object:
    """Keep what JSON knows; everything else becomes its words."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
