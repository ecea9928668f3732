"""One writer at a time: a lock of the operating system, with a name tag for the message.

The lock ends with the process that holds it, however that ends, so it cannot go stale. The name
tag can: it then tells that the last run was killed.
"""

import contextlib
import datetime
import errno
import hashlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from roomcal.errors import BusyError
from roomcal.files.atomic import cannot_write

# Windows locks ranges of bytes against reading too: far behind the name tag, which others read.
_LOCKED_BYTE = 1 << 20
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)  # flock; EACCES and EDEADLK: msvcrt
_LONGEST_TAG_BYTES = 4096


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, or held it when it was killed."""

    pid: int
    host: str
    since: str  # UTC, ISO 8601

    @property
    def text(self) -> str:
        """Who and since when, in local time: pid 4711 since 12:03."""
        where = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"pid {self.pid}{where} since {_local_time(self.since)}"


def session_lock_path(folder: Path) -> Path:
    """Lock file of a session: beside its folder, which a new session does not have yet."""
    return folder.with_name(f".{folder.name}.lock")


def device_lock_path(device_name: str) -> Path:
    """Lock file of a sound card: one for each user of this computer."""
    owner = "user"  # the folder for temporary files is each user's own on Windows
    if sys.platform != "win32":
        owner = str(os.getuid())
    digest = hashlib.sha256(device_name.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"roomcal-{owner}-{digest}.lock"


@contextlib.contextmanager
def held(path: Path, what: str, *, fault: str = "RC-801") -> Iterator[Holder | None]:
    """Hold a lock.

    Parameters
    ----------
    path : Path
        Of the lock file; its folder is made if need be.
    what : str
        What is held, for the message: "the session before".
    fault : str

    Yields
    ------
    Holder or None
        The run that was killed while it held the lock.

    Raises
    ------
    BusyError
        If another run holds it.
    StorageError
        RC-601 if the lock file cannot be made.
    """
    descriptor = _acquire(path, what, fault)
    try:
        killed = _read_tag(path)
        _write_tag(descriptor)
        yield killed
    finally:
        _release(path, descriptor)


def _acquire(path: Path, what: str, fault: str) -> int:
    """Open and lock the file that is at `path` now."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(path, flags, 0o600)
            try:
                free = _lock(descriptor)
                current = free and _is_at(descriptor, path)
            except BaseException:
                os.close(descriptor)
                raise
            if current:
                return descriptor
            os.close(descriptor)
            if not free:
                raise _busy(path, what, fault)
            # The run that held it removed the file between our opening and our locking it.
    except OSError as error:
        raise cannot_write(path, error) from error


def _busy(path: Path, what: str, fault: str) -> BusyError:
    holder = _read_tag(path)
    who = f" by {holder.text}" if holder else " by another run"
    return BusyError(
        fault,
        f"{what} is in use{who}",
        hint="wait for that run, or end it",
        pid=holder.pid if holder else None,
        since=holder.since if holder else None,
        path=str(path),
    )


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        """Lock an open file; False if another process has it."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True

    def _release(path: Path, descriptor: int) -> None:
        """Unlock and remove; another run may have opened the file already and then keeps it."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        os.ftruncate(descriptor, 0)
        os.close(descriptor)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)

else:
    import fcntl

    # A file system that knows no locks (some network shares): then nothing is promised.
    _NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)

    def _lock(descriptor: int) -> bool:
        """Lock an open file; False if another process has it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            if error.errno not in _NO_LOCKS:
                raise
        return True

    def _release(path: Path, descriptor: int) -> None:
        """Remove and unlock, in this order: nobody can lock a file that is about to vanish."""
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _read_tag(path: Path) -> Holder | None:
    """Read who holds a lock; None where nothing, or nothing sensible, is written."""
    try:
        with path.open("rb") as file:
            tag = json.loads(file.read(_LONGEST_TAG_BYTES))
        return Holder(int(tag["pid"]), str(tag["host"]), str(tag["since"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write_tag(descriptor: int) -> None:
    """Write who holds the lock; without room on the disk it is held without a name."""
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    tag = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(tag).encode())


def _local_time(since: str) -> str:
    """Time of day; with the date if that was not today."""
    try:
        moment = datetime.datetime.fromisoformat(since).astimezone()
    except ValueError:
        return since
    today = datetime.datetime.now().astimezone().date()
    return f"{moment:%H:%M}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"
