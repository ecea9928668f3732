"""One run at a time writes to a session and plays on a sound card."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from roomcal.files.folders import new_folder
from roomcal.files.lock import device_lock_path, held, session_lock_path
from roomcal.jobs.conversation import Conversation

_VIRTUAL = "virtual"  # every run has virtual devices of its own


@contextlib.contextmanager
def alone(root: Path, name: str, talk: Conversation, *, device_name: str = "") -> Iterator[None]:
    """Hold a session, and the sound card if there is one, or say who holds them.

    Raises
    ------
    BusyError
        RC-801 for the session, RC-802 for the device.
    """
    folder = new_folder(root, "session", name)
    with held(session_lock_path(folder), f"the session {folder.name}") as killed:
        if killed is not None:
            talk.note(f"recovered: the session was held by {killed.text}, which did not end itself")
        with alone_on_device(device_name):
            yield


@contextlib.contextmanager
def alone_on_device(device_name: str) -> Iterator[None]:
    """Hold a sound card, or say who plays on it; virtual devices and none are free.

    Raises
    ------
    BusyError
        RC-802
    """
    if not device_name or device_name.startswith(_VIRTUAL):
        yield
        return
    lock = device_lock_path(device_name)
    with held(lock, f"the device {device_name}", fault="RC-802"):
        yield
