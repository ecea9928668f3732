"""Write files and folders whole or not at all: temporary name, fsync, rename, fsync the folder."""

import contextlib
import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from roomcal.errors import StorageError

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_MB = 1e6

# Virus scanners and indexers hold new files open for a moment on Windows.
_WINDOWS_TRIES = 10
_WINDOWS_WAIT_S = 0.1


def refuse_unwritable(folder: Path) -> None:
    """Refuse a folder in which nothing can be written, before long work is done for it.

    Raises
    ------
    StorageError
        RC-601.
    """
    trial = folder / f".{os.getpid()}.trial.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        with contextlib.suppress(OSError):
            trial.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    StorageError
        RC-601 if it cannot be written, RC-603 if the disk is full; an older file of that name is
        as it was.
    """
    with replacing(path) as temporary:
        try:
            temporary.write_bytes(data)
        except OSError as error:
            raise cannot_write(path, error, needed_bytes=len(data)) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of `path` if nothing goes wrong.

    Raises
    ------
    StorageError
        RC-601 if it cannot be written; an older file of that name is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        put_in_place(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it takes the place of `folder` if nothing goes wrong.

    Raises
    ------
    StorageError
        RC-601 if it cannot be written; an older folder of that name is as it was.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        if folder.exists():
            _replace(folder, old)
        put_in_place(temporary, folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            _replace(old, folder)
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename what is written and synced to its real name, so that a power cut keeps it."""
    _replace(temporary, path)
    _sync_folder(path.parent)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse to overwrite.

    Raises
    ------
    StorageError
        RC-602 if something is at `path` and `force` is not given.
    """
    if path.exists() and not force:
        raise StorageError(
            "RC-602",
            f"{path} exists",
            hint="choose another name, or --force to replace it",
            path=str(path),
        )


def refuse_full_disk(path: Path, needed_bytes: int) -> None:
    """Refuse to begin what will not fit on the disk.

    Parameters
    ----------
    path : Path
        What will be written; the folder need not exist yet.
    needed_bytes : int

    Raises
    ------
    StorageError
        RC-603 if there is less room.
    """
    free = _free_bytes(path)
    if free is not None and free < needed_bytes:
        raise _disk_full(path, needed_bytes, free)


def cannot_write(path: Path, error: OSError, *, needed_bytes: int | None = None) -> StorageError:
    """Build the error for a file or folder that the system refuses to write."""
    if error.errno in _FULL:
        return _disk_full(path, needed_bytes, _free_bytes(path))
    return StorageError(
        "RC-601",
        f"cannot write {path}: {error.strerror or error}",
        hint="check that the folder exists, is writable and has room",
        path=str(path),
    )


def _disk_full(path: Path, needed_bytes: int | None, free_bytes: int | None) -> StorageError:
    free = "0" if not free_bytes else f"{free_bytes / _MB:.1f} MB"
    need = "" if needed_bytes is None else f"need {max(needed_bytes / _MB, 0.1):.1f} MB, "
    return StorageError(
        "RC-603",
        f"disk full writing {path} ({need}{free} free)",
        hint="make room, then run the same command again: what is finished is kept",
        path=str(path),
        needed_bytes=needed_bytes,
        free_bytes=free_bytes,
    )


def _free_bytes(path: Path) -> int | None:
    """Room on the disk that a path will lie on; None where the system does not say."""
    for folder in path.absolute().parents:
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def _replace(source: Path, target: Path) -> None:
    """Rename, with patience on Windows."""
    for attempt in range(_WINDOWS_TRIES):
        try:
            source.replace(target)
        except PermissionError:
            if sys.platform != "win32" or attempt == _WINDOWS_TRIES - 1:
                raise
            time.sleep(_WINDOWS_WAIT_S)
        else:
            return


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut; Windows cannot open folders and needs not."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
