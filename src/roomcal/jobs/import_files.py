"""Bring impulse responses and recordings of sweeps from elsewhere into a session."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roomcal.errors import InputError, StorageError
from roomcal.files.folders import document_path, new_folder
from roomcal.files.session_store import SessionStore
from roomcal.files.wav import Wav, read_mono
from roomcal.jobs.conversation import Conversation
from roomcal.measure.recording import responses_from_recording
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.session import Session
from roomcal.model.studio import check_name


@dataclass(frozen=True)
class ImportRequest:
    """Which files, and what they hold."""

    files: tuple[Path, ...]
    speakers: tuple[str, ...] = ()  # in the order in which they play in the recording
    position: str | None = None
    sweep: Path | None = None  # the files are recordings of this sweep
    force: bool = False  # replace paths that the session has


def import_files(root: Path, name: str, request: ImportRequest, talk: Conversation) -> SessionStore:
    """Add the responses in `files` to a session, new or existing; all of them or none.

    Raises
    ------
    InputError
        For any file that cannot be used, before anything is written.
    StorageError
        RC-602 if a path is in the session already and `force` is not given.
    """
    sweep = read_mono(request.sweep) if request.sweep else None
    found: list[tuple[ImpulseResponse, Path]] = []
    for file in request.files:
        wav = read_mono(file)
        names = _names(file, request, recording=sweep is not None)
        responses = (
            _from_recording(wav, file, sweep, *names)
            if sweep
            else [_from_response(wav, names[0][0], names[1])]
        )
        found += [(response, file) for response in responses]
    _refuse_twins(found)
    store = _open_session(root, name)
    _refuse_mixed_rates(found, store)
    if not request.force:
        for response, file in found:
            _refuse_existing(store, response, file)
    for response, file in found:
        store.save_response(response, origin=file.name, force=request.force)
        talk.note(f"{file.name}: {response.speaker} at {response.position}")
    return store


def _names(file: Path, request: ImportRequest, *, recording: bool) -> tuple[tuple[str, ...], str]:
    """Speakers and position of a file: as asked, else from a name like L-p1.wav."""
    stem = file.name.split(".")[0]
    parts = stem.rsplit("-", 1)
    speakers = request.speakers or (tuple(parts[0].split(",")) if len(parts) == 2 else ())
    position = request.position or (parts[1] if len(parts) == 2 else "p1")
    if not speakers:
        raise InputError(
            "RC-309",
            f"{file}: which speaker is it?",
            hint="give --speaker (and --position), or name the file like L-p1.wav",
            path=str(file),
        )
    if not recording and len(speakers) > 1:
        raise InputError(
            "RC-305",
            f"{file} is one impulse response, but {len(speakers)} speakers are named",
            hint="import one file a speaker; several speakers in one file need --sweep",
        )
    for speaker in speakers:
        check_name(speaker, "speaker")
    return speakers, check_name(position, "position")


def _from_response(wav: Wav, speaker: str, position: str) -> ImpulseResponse:
    return ImpulseResponse(samples=wav.samples[0], fs=wav.fs, speaker=speaker, position=position)


def _from_recording(
    wav: Wav, file: Path, sweep: Wav, speakers: tuple[str, ...], position: str
) -> list[ImpulseResponse]:
    if wav.fs != sweep.fs:
        raise InputError(
            "RC-304",
            f"{file} has {wav.fs} Hz, the sweep {sweep.fs} Hz",
            hint="record at the rate of the sweep; a resampled recording is not the same sweep",
            path=str(file),
        )
    try:
        return list(
            responses_from_recording(
                wav.samples[0], sweep.samples[0], wav.fs, speakers=speakers, position=position
            )
        )
    except InputError as error:
        raise error.within(str(file)) from error


def _open_session(root: Path, name: str) -> SessionStore:
    folder = new_folder(root, "session", name)
    if document_path(folder, "session").exists():
        return SessionStore.open(root, name)
    created_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return SessionStore.create(root, Session(name=name, created_at=created_at))


def _refuse_twins(found: Sequence[tuple[ImpulseResponse, Path]]) -> None:
    seen: dict[tuple[str, str], Path] = {}
    for response, file in found:
        key = (response.speaker, response.position)
        if key in seen:
            raise InputError(
                "RC-309",
                f"{file} and {seen[key]} both claim to be {key[0]} at {key[1]}",
                hint="name them apart: L-p1.wav, L-p2.wav, ... or import them one by one",
            )
        seen[key] = file


def _refuse_mixed_rates(found: Sequence[tuple[ImpulseResponse, Path]], store: SessionStore) -> None:
    rates = {record.fs for record in store.session.responses}
    for response, file in found:
        rates.add(response.fs)
        if len(rates) > 1:
            raise InputError(
                "RC-304",
                f"{file} has {response.fs} Hz; the session {store.folder.name} would hold "
                f"{' and '.join(str(r) for r in sorted(rates))} Hz",
                hint="import it into a session of its own",
                path=str(file),
            )


def _refuse_existing(store: SessionStore, response: ImpulseResponse, file: Path) -> None:
    if store.response_record(response.speaker, response.position):
        raise StorageError(
            "RC-602",
            f"{store.folder.name} has a response of {response.speaker} at {response.position} "
            f"already; {file.name} is not imported",
            hint="use another --position or --session, or --force to replace it",
        )
