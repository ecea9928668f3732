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
    with contextlib.ExitStack() as stack:
        lock = session_lock_path(folder)
        killed = stack.enter_context(held(lock, f"the session {folder.name}"))
        if killed is not None:
            talk.note(f"recovered: the session was held by {killed.text}, which did not end itself")
        if device_name and not device_name.startswith(_VIRTUAL):
            lock = device_lock_path(device_name)
            stack.enter_context(held(lock, f"the device {device_name}", fault="RC-802"))
        yield
