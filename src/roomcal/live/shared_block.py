"""Memory that two processes share, and that vanishes with them however they end.

It has no name that could be left behind: on Linux and macOS the child inherits a descriptor of it,
on Windows the system forgets the name with the last process. It is never a file on a disk: a page
that is being written back would stop the audio thread.
"""

import importlib
import mmap
import os
import secrets
import sys
from typing import Any


class SharedBlock:
    """Zeroed memory, made by the parent.

    Parameters
    ----------
    n_bytes : int

    Attributes
    ----------
    memory : mmap
    token : str
        With which the child finds it: `attached(token, n_bytes)`.
    """

    def __init__(self, n_bytes: int) -> None:
        if n_bytes < 1:
            raise ValueError(f"nothing to share: {n_bytes=}")
        self.descriptor = -1
        if sys.platform == "win32":
            self.token = f"roomcal-{secrets.token_hex(16)}"
            self.memory = mmap.mmap(-1, n_bytes, tagname=self.token)
            return
        self.descriptor = _nameless()
        os.ftruncate(self.descriptor, n_bytes)
        self.token = str(self.descriptor)
        self.memory = mmap.mmap(self.descriptor, n_bytes)

    @property
    def inheritance(self) -> dict[str, Any]:
        """Arguments of `subprocess.Popen` with which the child gets it."""
        return {} if self.descriptor < 0 else {"pass_fds": (self.descriptor,)}

    def close(self) -> None:
        """Let go of it; views keep the memory until they are gone."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def attached(token: str, n_bytes: int) -> mmap.mmap:
    """Return the memory that the parent made."""
    if sys.platform == "win32":
        return mmap.mmap(-1, n_bytes, tagname=token)
    descriptor = int(token)
    try:
        return mmap.mmap(descriptor, n_bytes)
    finally:
        os.close(descriptor)


if sys.platform != "win32":

    def _nameless() -> int:
        """Open memory without a name."""
        if sys.platform == "linux":
            return os.memfd_create("roomcal")
        # What multiprocessing.shared_memory is made of; that itself always leaves a name behind.
        _posixshmem: Any = importlib.import_module("_posixshmem")
        name = f"/roomcal-{secrets.token_hex(8)}"  # macOS: 31 characters at most
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
        descriptor: int = _posixshmem.shm_open(name, flags, mode=0o600)
        _posixshmem.shm_unlink(name)
        return descriptor
