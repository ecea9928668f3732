"""What a run that was killed left behind in a session: cleaned, adopted, and said."""

import contextlib
import dataclasses
import re
from pathlib import Path

from roomcal.errors import InputError, StorageError
from roomcal.files.documents import backup_path
from roomcal.files.folders import document_path
from roomcal.files.session_store import NOT_JUDGED, SessionStore, digest
from roomcal.files.wav import inspect_audio
from roomcal.model.session import StoredFile, TakeRecord
from roomcal.units import counted

INCOMPLETE = "incomplete: the run ended before it was judged"
ADOPTED = "incomplete: the run ended before it was written down"

_UNFINISHED = re.compile(r"\..+\.\d+\.tmp")  # the temporary names of `files.atomic`
_CAPTURE = re.compile(r"(?P<path>.+)\.take-(?P<number>\d+)\.capture\.wav")


def recover(store: SessionStore) -> list[str]:
    """Bring a session in order; nothing that was finished is touched.

    Only the holder of the session's lock may call it: what looks left behind could be at work.

    Returns
    -------
    notes : list of str
        What was found; empty after a run that ended by itself.
    """
    if not store.folder.is_dir():
        return []
    notes = []
    removed = _remove_unfinished(store.folder)
    if removed:
        notes.append(f"recovered: {counted(removed, 'unfinished file')} removed")
    takes = []
    for take in store.session.takes:
        if take.reason == NOT_JUDGED:
            take = dataclasses.replace(take, reason=INCOMPLETE)
            notes.append(f"recovered: {_name(take)} incomplete, ignored")
        takes.append(take)
    for take in _orphans(store):
        takes.append(take)
        notes.append(f"recovered: {_name(take)} incomplete, kept as rejected")
    if tuple(takes) != store.session.takes:
        store.save(dataclasses.replace(store.session, takes=tuple(takes)))
    return notes


def refuse_lost_document(folder: Path) -> None:
    """Refuse to begin in a folder that holds responses, but no document that tells of them.

    Raises
    ------
    StorageError
        RC-602
    """
    count = len(list(folder.glob("*.ir.wav"))) if folder.is_dir() else 0
    document = document_path(folder, "session")
    if count and not document.exists() and not backup_path(document).exists():
        raise StorageError(
            "RC-602",
            f"{folder} holds {counted(count, 'response')} and no {document.name}, which tells "
            "of them",
            hint=f"restore {document.name} from a backup, choose another name, or --force to "
            "begin anew and write over them",
            path=str(folder),
        )


def _name(take: TakeRecord) -> str:
    return f"{take.speaker} at {take.position}, take {take.number}"


def _remove_unfinished(folder: Path) -> int:
    """Remove files under a temporary name; return how many there were."""
    left = [f for f in folder.iterdir() if f.is_file() and _UNFINISHED.fullmatch(f.name)]
    for file in left:
        with contextlib.suppress(OSError):
            file.unlink()
    return len(left)


def _orphans(store: SessionStore) -> list[TakeRecord]:
    """Return records for captures that the session does not mention."""
    known = {take.capture.name for take in store.session.takes}
    found = []
    for file in sorted(store.folder.glob("*.capture.wav")):
        match = _CAPTURE.fullmatch(file.name)
        if file.name in known or match is None:
            continue
        try:
            info = inspect_audio(file)
        except InputError:
            continue  # put here by somebody else: it is not ours to judge
        speaker, position = _path(store, match["path"])
        found.append(
            TakeRecord(
                speaker=speaker,
                position=position,
                number=int(match["number"]),
                capture=StoredFile(file.name, info.n_samples, digest(file)),
                plan=None,
                reference_speaker="",
                status="rejected",
                reason=ADOPTED,
                has_loopback=info.n_channels > 1,
            )
        )
    return found


def _path(store: SessionStore, stem: str) -> tuple[str, str]:
    """Speaker and position in the name of a capture; either may hold a dash."""
    studio = store.session.studio
    for speaker in studio.speakers if studio else ():
        if stem.startswith(f"{speaker.name}-"):
            return speaker.name, stem[len(speaker.name) + 1 :]
    speaker_name, _, position = stem.rpartition("-")
    return speaker_name, position
