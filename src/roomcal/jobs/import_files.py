"""Bring impulse responses and recordings of sweeps from elsewhere into a session."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roomcal.errors import InputError, StorageError
from roomcal.files.folders import document_path, new_folder
from roomcal.files.foreign_response import ForeignResponse
from roomcal.files.recording import read_recording
from roomcal.files.response_files import read_responses
from roomcal.files.rew_api import read_rew_api
from roomcal.files.rew_server import DEFAULT_PORT
from roomcal.files.session_recovery import recover
from roomcal.files.session_store import SessionStore
from roomcal.files.wav import Wav, read_mono
from roomcal.jobs.alone import alone
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.import_takes import import_takes, recognise, warn_of_device
from roomcal.measure.calibration import without_microphone
from roomcal.measure.recording import sweeps_in_recording
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.session import Session
from roomcal.model.studio import check_name
from roomcal.units import FloatArray

# Below, a calibration is extrapolation, and its correction would lift noise.
LOWEST_CALIBRATED_HZ = 5.0


@dataclass(frozen=True)
class ImportRequest:
    """Which files, and what they hold."""

    files: tuple[Path, ...]
    speakers: tuple[str, ...] = ()  # in the order in which they play in the recording
    position: str | None = None
    sweep: Path | None = None  # the files are recordings of this sweep
    channel: int | None = None  # of such recordings, counted from 1, if they have several
    spacing_s: float | None = None  # from one sweep's start to the next, if the player is known
    fs: int | None = None  # of files that do not say it
    calibrate: bool = False  # take out the microphone's response that comes with a response
    force: bool = False  # replace paths that the session has
    rew: str = ""  # measurements of a running REW: "all", or numbers like "1,3"
    rew_port: int = DEFAULT_PORT


@dataclass(frozen=True)
class _Found:
    """A response, the file it comes from, and where in it."""

    response: ImpulseResponse
    file: Path
    where: str


def import_files(root: Path, name: str, request: ImportRequest, talk: Conversation) -> SessionStore:
    """Add the responses in `files` to a session, new or existing; all of them or none.

    Raises
    ------
    InputError
        For any file that cannot be used, before anything is written.
    StorageError
        RC-602 if a path is in the session already and `force` is not given.
    BusyError
        If another run writes to the session.
    """
    take_file = recognise(request.sweep) if request.sweep else None
    if take_file is not None:
        return import_takes(
            root,
            name,
            take_file,
            {file: _position(file, request) for file in request.files},
            talk,
            speakers=request.speakers,
            channel=request.channel,
            force=request.force,
        )
    sweep = read_mono(request.sweep) if request.sweep else None
    found: list[_Found] = []
    if request.rew:
        fetched = read_rew_api(request.rew, request.rew_port)
        found += _owned(Path("REW"), fetched, request, talk)
    for file in request.files:
        if sweep is None:
            found += _from_responses(file, request, talk)
            continue
        speakers, position = _names(file, request)
        found += _from_recording(
            read_recording(file, request.channel),
            file,
            sweep,
            speakers=speakers,
            position=position,
            spacing_s=request.spacing_s,
        )
    _refuse_twins(found)
    with alone(root, name, talk):
        return _save(root, name, found, request, talk)


def _save(
    root: Path, name: str, found: Sequence[_Found], request: ImportRequest, talk: Conversation
) -> SessionStore:
    """Write the responses while nobody else writes to the session."""
    store = _open_session(root, name)
    for text in recover(store):
        talk.note(text)
    _refuse_mixed_rates(found, store)
    if not request.force:
        for item in found:
            _refuse_existing(store, item)
    warn_of_device(store, talk)
    for item in found:
        store.save_response(item.response, origin=item.file.name, force=request.force)
        talk.note(
            f"{item.file.name}: {item.response.speaker} at {item.response.position}{item.where}"
        )
    return store


def _position(file: Path, request: ImportRequest) -> str:
    """Position of a recording: as asked, else from a name like anything-p2.wav, else p1."""
    parts = file.name.split(".")[0].rsplit("-", 1)
    return check_name(request.position or (parts[1] if len(parts) == 2 else "p1"), "position")


def _names(file: Path, request: ImportRequest) -> tuple[tuple[str, ...], str]:
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
    for speaker in speakers:
        check_name(speaker, "speaker")
    return speakers, check_name(position, "position")


def _from_responses(file: Path, request: ImportRequest, talk: Conversation) -> list[_Found]:
    """Read the responses of a file of any kind, and say whose they are."""
    return _owned(file, read_responses(file, fs=request.fs), request, talk)


def _owned(
    file: Path, read: Sequence[ForeignResponse], request: ImportRequest, talk: Conversation
) -> list[_Found]:
    """Say whose the responses of one source are."""
    found = []
    for foreign, (speaker, position) in zip(read, _owners(file, request, read), strict=True):
        for note in foreign.notes:
            talk.note(f"{file.name}: {note}")
        samples = foreign.samples
        if request.calibrate:
            samples = _calibrated(file, foreign)
        response = ImpulseResponse(
            samples=samples,
            fs=foreign.fs,
            speaker=speaker,
            position=position,
            time_zero=foreign.time_zero,
            time_reference=foreign.time_reference,
            full_scale_db_spl=foreign.full_scale_db_spl,
        )
        found.append(_Found(response, file, f" ({foreign.name})" if foreign.name else ""))
    return found


def _owners(
    file: Path, request: ImportRequest, read: Sequence[ForeignResponse]
) -> list[tuple[str, str]]:
    """Speaker and position of each response of a file.

    One speaker with many responses stands for as many positions, p1, p2, ...; otherwise each
    response has a speaker of its own.
    """
    if len(read) > 1 and not request.speakers:
        listed = ", ".join(r.name or f"number {n}" for n, r in enumerate(read[:8], start=1))
        raise InputError(
            "RC-309",
            f"{file.name} holds {len(read)} responses: {listed}{', ...' if len(read) > 8 else ''}",
            hint="give --speaker with one name (they become its positions p1, p2, ...), or with "
            "a name for each in this order",
            path=str(file),
        )
    speakers, position = _names(file, request)
    if len(read) == len(speakers):
        return [(speaker, position) for speaker in speakers]
    if len(speakers) == 1 and request.position is None:
        return [(speakers[0], f"p{n}") for n in range(1, len(read) + 1)]
    if len(read) == 1:
        raise InputError(
            "RC-305",
            f"{file} is one impulse response, but {len(speakers)} speakers are named",
            hint="import one file a speaker; several speakers in one file need --sweep",
        )
    raise InputError(
        "RC-309",
        f"{file.name} holds {len(read)} responses, and {len(speakers)} speakers are named",
        hint="name one speaker and no --position, or a speaker for each response",
        path=str(file),
    )


def _calibrated(file: Path, foreign: ForeignResponse) -> FloatArray:
    """Take out the microphone's response that the other program stored beside the samples."""
    if foreign.calibration is None:
        raise InputError(
            "RC-315",
            f"{file.name} holds no calibration that --calibrate could take out",
            hint="import it without --calibrate",
            path=str(file),
        )
    low, high = (float(f) for f in foreign.calibration.f_hz[[0, -1]])
    return without_microphone(
        foreign.samples,
        foreign.fs,
        foreign.calibration,
        low_hz=max(low, LOWEST_CALIBRATED_HZ),
        high_hz=min(high, foreign.fs / 2),
    )


def _from_recording(
    wav: Wav,
    file: Path,
    sweep: Wav,
    *,
    speakers: tuple[str, ...],
    position: str,
    spacing_s: float | None,
) -> list[_Found]:
    if wav.fs != sweep.fs:
        raise InputError(
            "RC-304",
            f"{file} has {wav.fs} Hz, the sweep {sweep.fs} Hz",
            hint="record at the rate of the sweep; a resampled recording is not the same sweep",
            path=str(file),
        )
    try:
        sweeps = sweeps_in_recording(
            wav.samples[0],
            sweep.samples[0],
            wav.fs,
            speakers=speakers,
            position=position,
            spacing_samples=None if spacing_s is None else spacing_s * wav.fs,
        )
    except InputError as error:
        raise error.within(str(file)) from error
    return [
        _Found(s.response, file, f", arrives at sample {s.arrival_sample:.2f} of the recording")
        for s in sweeps
    ]


def _open_session(root: Path, name: str) -> SessionStore:
    folder = new_folder(root, "session", name)
    if document_path(folder, "session").exists():
        return SessionStore.open(root, name)
    created_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return SessionStore.create(root, Session(name=name, created_at=created_at))


def _refuse_twins(found: Sequence[_Found]) -> None:
    seen: dict[tuple[str, str], Path] = {}
    for item in found:
        file, key = item.file, (item.response.speaker, item.response.position)
        if key in seen:
            raise InputError(
                "RC-309",
                f"{file} and {seen[key]} both claim to be {key[0]} at {key[1]}",
                hint="name them apart: L-p1.wav, L-p2.wav, ... or import them one by one",
            )
        seen[key] = file


def _refuse_mixed_rates(found: Sequence[_Found], store: SessionStore) -> None:
    rates = {record.fs for record in store.session.responses}
    for item in found:
        rates.add(item.response.fs)
        if len(rates) > 1:
            raise InputError(
                "RC-304",
                f"{item.file} has {item.response.fs} Hz; the session {store.folder.name} would "
                f"hold {' and '.join(str(r) for r in sorted(rates))} Hz",
                hint="import it into a session of its own",
                path=str(item.file),
            )


def _refuse_existing(store: SessionStore, item: _Found) -> None:
    speaker, position = item.response.speaker, item.response.position
    if store.response_record(speaker, position):
        raise StorageError(
            "RC-602",
            f"{store.folder.name} has a response of {speaker} at {position} already; "
            f"{item.file.name} is not imported",
            hint="use another --position or --session, or --force to replace it",
        )
