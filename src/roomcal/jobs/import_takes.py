"""Bring the recording of a sweep file into a session: takes like any other, judged alike."""

import dataclasses
import datetime
from pathlib import Path

from roomcal.dsp.microphone import re_1_khz
from roomcal.errors import InputError, MeasurementError, RoomcalError
from roomcal.files.folders import document_path, new_folder
from roomcal.files.mic_calibration import read_mic_calibration
from roomcal.files.recording import COARSE_SUBTYPES, read_recording
from roomcal.files.session_recovery import recover
from roomcal.files.session_store import SessionStore
from roomcal.files.studio_toml import FILE_NAME, read_studio
from roomcal.files.wav import read_wav
from roomcal.files.wav_comment import read_comment
from roomcal.jobs.alone import alone
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.studio import without_full_scale
from roomcal.measure.judge import judge_capture, judge_position
from roomcal.measure.take_file import (
    RecordedTake,
    plan_of_file,
    speakers_of_comment,
    split_recording,
)
from roomcal.model.capture import Capture
from roomcal.model.session import Session
from roomcal.model.studio import Studio, check_name
from roomcal.model.take import TakePlan
from roomcal.model.verdict import rejections
from roomcal.units import counted

# Where roomcal does not play itself, its own options cure nothing.
_LOST = (
    "the DAW or the audio system lost samples, or resampled: raise its buffer size, set the "
    "project and all devices to the rate of the sweep, and record again"
)
_PROCESSED = (
    "take plug-ins, gates and compressors off the track, and turn off automatic gain control and "
    "noise suppression in the driver and in the system's sound settings"
)
_HINTS = {
    "RC-501": "is it the right recording, and the channel of the microphone (--channel)? another "
    "sweep file than that of --sweep has other marks; if all is right, record again",
    "RC-515": _LOST,
    "RC-516": _LOST,
    "RC-519": "set the DAW's project, its export and the audio device to the rate of the sweep, "
    "without any conversion, and record again",
    "RC-520": _LOST,
    "RC-522": _PROCESSED,
    "RC-523": _PROCESSED,
    "RC-526": "look to which output each channel of the sweep file goes in the DAW, and that no "
    "mono switch is on; then record again and import with --force",
}


@dataclasses.dataclass(frozen=True)
class TakeFile:
    """A file of `roomcal sweep`, recognised."""

    plan: TakePlan
    n_speakers: int
    speakers: tuple[str, ...] = ()  # of its channels, if it names them


def recognise(sweep: Path) -> TakeFile | None:
    """Tell a file of `roomcal sweep` from any other sweep."""
    wav = read_wav(sweep)
    plan = plan_of_file(wav.samples, wav.fs)
    if plan is None:
        return None
    n_speakers = wav.samples.shape[0]
    names = speakers_of_comment(read_comment(sweep), n_speakers)
    return TakeFile(plan, n_speakers, tuple(check_name(name, "speaker") for name in names))


def import_takes(
    root: Path,
    name: str,
    take_file: TakeFile,
    recordings: dict[Path, str],
    talk: Conversation,
    *,
    speakers: tuple[str, ...] = (),
    channel: int | None = None,
    force: bool = False,
) -> SessionStore:
    """Add the takes of one recording a position; paths that the session has are left alone.

    Parameters
    ----------
    take_file : TakeFile
    recordings : dict of Path to str
        Recording of the microphone, and its position.
    speakers : tuple of str
        Of the channels of the sweep file; by default those that it names, else the studio's, else
        L and R.
    channel : int, optional
        Of the recordings, counted from 1, if they have several.
    force : bool
        Take what the session has anew.

    Raises
    ------
    InputError
        RC-304, RC-306, RC-309: another rate, not the whole take, other speakers.
    StorageError
        RC-602 when the session has every path of a recording already.
    MeasurementError
        When takes are rejected: the first of them, after all others are judged and the further
        ones are told. A rejected take is kept with its reason.
    """
    _refuse_same_position(recordings)
    own = root / FILE_NAME
    studio = read_studio(own) if own.exists() else None
    if studio is not None:  # a DAW may have changed the level
        studio = without_full_scale(studio)
    names = _speakers(take_file, speakers, studio)
    pieces: dict[Path, list[RecordedTake]] = {}
    faults: list[RoomcalError] = []
    for file in recordings:
        try:
            pieces[file] = _split(file, take_file, channel, talk)
        except (InputError, MeasurementError) as error:
            faults.append(error)
    if not pieces:
        _raise_first(faults, talk)
    with alone(root, name, talk):
        store = _open_session(root, name, studio)
        _refuse_other_rate(store, take_file)
        for text in recover(store):
            talk.note(text)
        todo = {at: _missing(store, names, at, force=force) for at in recordings.values()}
        if not any(todo.values()):
            store.refuse_known(names[0], next(iter(todo)), force=force)
        warn_of_device(store, talk)
        for file, takes in pieces.items():
            position = recordings[file]
            there = [s for s in names if s not in todo[position]]
            if there:
                verb = "is" if len(there) == 1 else "are"
                talk.note(f"{', '.join(there)} at {position} {verb} there already and left alone")
            for speaker, take in zip(names, takes, strict=True):
                if speaker not in todo[position]:
                    continue
                capture = Capture(
                    microphone=take.samples,
                    loopback=None,
                    fs=take_file.plan.sweep.fs,
                    plan=take.plan,
                    speaker=speaker,
                    reference_speaker=names[0],
                    position=position,
                )
                begin_s = take.begin / capture.fs
                where = f"{speaker} at {position}, from {begin_s:.1f} s of {file.name} on"
                fault = _judge(store, capture, root, studio, talk, where=where, force=force)
                faults += [fault] if fault else []
            if todo[position]:
                faults += _judge_position(store, names, position, studio, talk, file=file)
    _raise_first(faults, talk)
    return store


def warn_of_device(store: SessionStore, talk: Conversation) -> None:
    """Say that what is imported joins what a device has measured: it may be another room."""
    if store.session.device and store.session.responses:
        talk.warn(
            f"the session {store.session.name} was measured with {store.session.device}, and what "
            "is imported joins it: unless room, microphone and its places are the same, import "
            "into a session of its own (--session)"
        )


def _raise_first(faults: list[RoomcalError], talk: Conversation) -> None:
    """End with the first fault, if there is any, after telling the others."""
    for fault in faults[1:]:
        talk.warn(f"{fault.message}; {fault.hint}" if fault.hint else fault.message)
    if faults:
        raise faults[0]


def _judge_position(
    store: SessionStore,
    names: tuple[str, ...],
    position: str,
    studio: Studio | None,
    talk: Conversation,
    *,
    file: Path,
) -> list[MeasurementError]:
    """Judge the speakers of a position against each other; returns what is wrong."""
    known = [r for r in store.session.responses if r.position == position]
    if not known:
        return []
    responses = [r for r in store.load_responses() if r.position == position]
    responses = [r for name in names for r in responses if r.speaker == name]
    verdicts = judge_position(responses, studio)
    bad = rejections(verdicts)
    for verdict in verdicts:
        if verdict not in bad:
            talk.warn(f"{file.name}: {verdict.message}")
    return [
        MeasurementError(v.fault, f"{file.name}: {v.message}", hint=_HINTS.get(v.fault, v.hint))
        for v in bad
    ]


def _refuse_other_rate(store: SessionStore, take_file: TakeFile) -> None:
    """Refuse a sweep at another rate than the responses that are there: a session has one."""
    fs = take_file.plan.sweep.fs
    other = next((r for r in store.session.responses if r.fs != fs), None)
    if other is not None:
        raise InputError(
            "RC-304",
            f"the sweep has {fs} Hz, session {store.session.name} has {other.fs} Hz",
            hint="name another session with --session, or record at the rate of this one",
            rates=[other.fs, fs],
        )


def _refuse_same_position(recordings: dict[Path, str]) -> None:
    """Refuse two recordings of one position."""
    seen: dict[str, Path] = {}
    for file, position in recordings.items():
        if position in seen:
            raise InputError(
                "RC-309",
                f"{file.name} and {seen[position].name} both claim to be at {position}",
                hint="name them apart: take-p1.wav, take-p2.wav, ... or import them one by one",
            )
        seen[position] = file


def _missing(
    store: SessionStore, names: tuple[str, ...], position: str, *, force: bool
) -> tuple[str, ...]:
    """Speakers whose response at a position is wanted."""
    return tuple(s for s in names if force or store.response_record(s, position) is None)


def _split(
    file: Path, take_file: TakeFile, channel: int | None, talk: Conversation
) -> list[RecordedTake]:
    """Cut a recording into takes."""
    wav = read_recording(file, channel)
    if wav.subtype in COARSE_SUBTYPES:
        talk.warn(f"{file.name} has 16 bits or less: record and export 24 bits or float")
    fs = take_file.plan.sweep.fs
    if wav.fs != fs:
        raise InputError(
            "RC-304",
            f"{file} has {wav.fs} Hz, the sweep {fs} Hz",
            hint="record at the rate of the sweep; a resampled recording is not the same sweep",
            path=str(file),
        )
    try:
        return split_recording(wav.samples[0], take_file.plan, take_file.n_speakers)
    except (InputError, MeasurementError) as error:
        error.hint = _HINTS.get(error.fault, error.hint)
        raise error.within(str(file)) from error


def _judge(
    store: SessionStore,
    capture: Capture,
    root: Path,
    studio: Studio | None,
    talk: Conversation,
    *,
    where: str,
    force: bool,
) -> MeasurementError | None:
    """Keep a take, judge it, and keep its response, or return why not.

    Times in what is said count from the start of the take.
    """
    record = store.save_capture(capture)
    calibration = None
    if studio is not None and studio.microphone.calibration:
        calibration = re_1_khz(read_mic_calibration(root / studio.microphone.calibration).curve)
    judgement = judge_capture(
        store.load_capture(record),
        calibration=calibration,
        full_scale_known=False,
    )
    for verdict in judgement.verdicts:
        if verdict.severity != "rejection":
            say = talk.warn if verdict.severity == "warning" else talk.note
            say(f"{where}: {verdict.message}")
    bad, response = judgement.rejection, judgement.response
    if bad is not None or response is None:
        fault, message, hint = (
            (bad.fault, bad.message, bad.hint) if bad else ("RC-503", "no response", "")
        )
        store.judge_take(record, reason=f"{fault}: {message}", verdicts=judgement.verdicts)
        return MeasurementError(fault, f"{where}: {message}", hint=_HINTS.get(fault, hint))
    store.accept_take(record, response, verdicts=judgement.verdicts, force=force)
    return None


def _speakers(
    take_file: TakeFile, asked: tuple[str, ...], studio: Studio | None
) -> tuple[str, ...]:
    by_default = tuple(s.name for s in studio.file_order) if studio else ("L", "R")
    names = asked or take_file.speakers or by_default
    if len(names) != take_file.n_speakers:
        raise InputError(
            "RC-309",
            f"the sweep file has {counted(take_file.n_speakers, 'channel')}, and "
            f"{counted(len(names), 'speaker')} {'is' if len(names) == 1 else 'are'} known "
            f"({', '.join(names)})",
            hint="name the speaker of each channel: --speaker L,R",
        )
    if len(set(names)) < len(names):
        raise InputError(
            "RC-309",
            f"each channel of the sweep file is a speaker of its own, not {', '.join(names)}",
            hint="name the speaker of each channel: --speaker L,R",
        )
    return names


def _open_session(root: Path, name: str, studio: Studio | None) -> SessionStore:
    folder = new_folder(root, "session", name)
    if document_path(folder, "session").exists():
        return SessionStore.open(root, name)
    created_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return SessionStore.create(root, Session(name=name, studio=studio, created_at=created_at))
