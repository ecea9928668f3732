"""Where a running engine listens to its owner on Linux and macOS: a Unix socket.

It lies in a folder that only its owner may enter. One line of UTF-8 text goes in, one comes out, so
that any program can speak: nothing is unpickled.
"""

import contextlib
import os
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from roomcal.errors import StorageError

LONGEST_LINE_BYTES = 4096
# A path in a Unix socket's address holds 104 bytes on macOS and 108 on Linux, the zero included.
_LONGEST_ADDRESS_BYTES = 103
_ACCEPT_S = 0.2  # how soon a listener notices that it was closed
_TALKS = 8  # at the same time

Answer = Callable[[str], str]  # a line without its end, and the answer to it


def runtime_folder() -> Path:
    """Return the folder of this user's sockets, made and proven private.

    Raises
    ------
    StorageError
        RC-601 when somebody else could look into it.
    """
    own = f"roomcal-{os.getuid()}"
    given = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    candidates = [given / "roomcal"] if given.is_absolute() and given.is_dir() else []
    candidates += [Path(tempfile.gettempdir()) / own, Path("/tmp") / own]
    longest = f"{2**31}.sock"
    folder = next(
        (p for p in candidates if len(os.fsencode(p / longest)) <= _LONGEST_ADDRESS_BYTES),
        candidates[-1],
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise StorageError(
            "RC-601",
            f"{folder} is not private: an engine cannot be controlled from there",
            hint=f"remove it, or: chmod 700 {folder}",
            path=str(folder),
        )
    return folder


def own_address() -> str:
    """Return the address at which this process listens."""
    return str(runtime_folder() / f"{os.getpid()}.sock")


def addresses() -> list[str]:
    """Return where engines of this user may listen; some may have been killed."""
    return [str(path) for path in sorted(runtime_folder().glob("*.sock"))]


def forget(address: str) -> None:
    """Remove what an engine that was killed left behind."""
    Path(address).unlink(missing_ok=True)


def ask(address: str, line: str, *, deadline_s: float) -> str:
    """Send one line and return the answer.

    Raises
    ------
    ConnectionError
        When nobody listens there.
    TimeoutError
        When the answer does not come in time.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(deadline_s)
        try:
            channel.connect(address)
        except FileNotFoundError as error:
            raise ConnectionRefusedError(str(error)) from error
        channel.sendall(line.encode() + b"\n")
        return next(_lines(channel), "")


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
        self._talks = threading.BoundedSemaphore(_TALKS)
        self._closed = threading.Event()
        forget(address)  # of a killed process that had our number
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.bind(address)
        Path(address).chmod(0o600)
        self._door.listen(_TALKS)
        self._door.settimeout(_ACCEPT_S)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closed.set()
        self._thread.join()
        self._door.close()
        forget(self.address)

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                channel, _ = self._door.accept()
            except OSError:  # nobody came; or whoever came has left
                continue
            if self._talks.acquire(blocking=False):
                threading.Thread(target=self._talk, args=(channel,), daemon=True).start()
            else:
                channel.close()

    def _talk(self, channel: socket.socket) -> None:
        try:
            with channel, contextlib.suppress(OSError):
                channel.settimeout(None)
                for line in _lines(channel):
                    with self._one_line:
                        answer = self._answer(line)
                    channel.sendall(answer.encode() + b"\n")
        finally:
            self._talks.release()


def _lines(channel: socket.socket) -> Iterator[str]:
    """Yield whole lines; one without end that is too long ends the talk."""
    waiting = b""
    while len(waiting) <= LONGEST_LINE_BYTES:
        line, end, rest = waiting.partition(b"\n")
        if end:
            waiting = rest
            yield line.decode(errors="replace").strip()
            continue
        part = channel.recv(LONGEST_LINE_BYTES)
        if not part:
            return
        waiting += part
