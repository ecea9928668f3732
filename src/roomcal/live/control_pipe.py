"""Where a running engine listens to its owner on Windows: a named pipe.

The system lets nobody but the owner, and administrators, write to it. One message of UTF-8 text
goes in, one comes out: what `control_socket` does elsewhere, and nothing is unpickled here either.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Client
from multiprocessing.connection import Listener as PipeListener
from typing import Any

LONGEST_LINE_BYTES = 4096
_PIPES = r"\\.\pipe" + "\\"
_PREFIX = "roomcal-"
_FAMILY = "AF_PIPE"

Answer = Callable[[str], str]


def own_address() -> str:
    """Return the address at which this process listens."""
    return f"{_PIPES}{_PREFIX}{os.getpid()}"


def addresses() -> list[str]:
    """Return where engines may listen."""
    return [_PIPES + name for name in sorted(os.listdir(_PIPES)) if name.startswith(_PREFIX)]  # noqa: PTH208 - no folder


def forget(address: str) -> None:
    """Do nothing: the name of a pipe vanishes with its process."""


def ask(address: str, line: str, *, deadline_s: float) -> str:
    """Send one line and return the answer.

    Raises
    ------
    ConnectionError
        When nobody listens there.
    TimeoutError
        When the answer does not come in time.
    """
    try:
        channel = Client(address, _FAMILY)
    except (FileNotFoundError, PermissionError) as error:
        raise ConnectionRefusedError(str(error)) from error
    with channel:
        channel.send_bytes(line.encode())
        if not channel.poll(deadline_s):
            raise TimeoutError(f"no answer within {deadline_s:g} s")
        try:
            return channel.recv_bytes().decode(errors="replace")
        except EOFError as error:
            raise ConnectionResetError("the engine ended") from error


class Listener:
    """Answers the lines of everyone who connects.

    Parameters
    ----------
    address : str
    answer : callable
        Called in other threads, one line at a time.
    """

    def __init__(self, address: str, answer: Answer) -> None:
        self.address = address
        self._answer = answer
        self._one_line = threading.Lock()
        self._closed = False
        self._door = PipeListener(address, _FAMILY)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more: a last caller, who says nothing, opens the door from inside."""
        self._closed = True
        with contextlib.suppress(OSError), Client(self.address, _FAMILY):
            pass
        self._thread.join()
        self._door.close()

    def _serve(self) -> None:
        while not self._closed:
            try:
                channel = self._door.accept()
            except (OSError, EOFError):  # whoever came has left
                continue
            threading.Thread(target=self._talk, args=(channel,), daemon=True).start()

    def _talk(self, channel: Any) -> None:  # noqa: ANN401 - Connection or PipeConnection
        with channel, contextlib.suppress(OSError, EOFError):
            while True:
                line = channel.recv_bytes(LONGEST_LINE_BYTES).decode(errors="replace").strip()
                with self._one_line:
                    answer = self._answer(line)
                channel.send_bytes(answer.encode())
