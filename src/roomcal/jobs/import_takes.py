"""Bring the recording of a sweep file into a session: takes like any other, judged alike."""

import dataclasses
import datetime
from pathlib import Path

from roomcal.dsp.microphone import re_1_khz
from roomcal.errors import InputError, MeasurementError
from roomcal.files.folders import document_path, new_folder
from roomcal.files.mic_calibration import read_mic_calibration
from roomcal.files.recording import COARSE_SUBTYPES, read_recording
from roomcal.files.session_recovery import recover
from roomcal.files.session_store import SessionStore
from roomcal.files.studio_toml import FILE_NAME, read_studio
from roomcal.files.wav import read_wav
from roomcal.jobs.alone import alone
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.studio import without_full_scale
from roomcal.measure.judge import judge_capture, judge_position
from roomcal.measure.take_file import RecordedTake, plan_of_file, split_recording
from roomcal.model.capture import Capture
from roomcal.model.session import Session
from roomcal.model.studio import Studio
from roomcal.model.take import TakePlan
from roomcal.model.verdict import rejections

# Where roomcal does not play itself, its own options cure nothing.
_HINTS = dict.fromkeys(
    ("RC-515", "RC-516", "RC-520"),
    "the DAW or the audio system lost samples, or resampled: raise its buffer size, set the "
    "project and all devices to the rate of the sweep, and record again",
)


@dataclasses.dataclass(frozen=True)
class TakeFile:
    """A file of `roomcal sweep`, recognised."""

    plan: TakePlan
    n_speakers: int


def recognise(sweep: Path) -> TakeFile | None:
    """Tell a file of `roomcal sweep` from any other sweep."""
    wav = read_wav(sweep)
    plan = plan_of_file(wav.samples, wav.fs)
    return None if plan is None else TakeFile(plan, wav.samples.shape[0])


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
        Of the channels of the sweep file; by default the studio's, else L and R.
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
        When a take is rejected; it is kept with its reason, and so is all before it.
    """
    _refuse_same_position(recordings)
    own = root / FILE_NAME
    studio = read_studio(own) if own.exists() else None
    if studio is not None:  # a DAW may have changed the level
        studio = without_full_scale(studio)
    names = _speakers(take_file, speakers, studio)
    pieces = [(file, at, _split(file, take_file, channel, talk)) for file, at in recordings.items()]
    with alone(root, name, talk):
        store = _open_session(root, name, studio)
        _refuse_other_rate(store, take_file)
        for text in recover(store):
            talk.note(text)
        todo = {at: _missing(store, names, at, force=force) for at in recordings.values()}
        for file, position, takes in pieces:
            for speaker in (s for s in names if s not in todo[position]):
                talk.note(f"{speaker} at {position} is there already: left alone")
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
                _judge(store, capture, root, studio, talk, where=where, force=force)
            responses = [r for r in store.load_responses() if r.position == position]
            responses = [r for name in names for r in responses if r.speaker == name]
            verdicts = judge_position(responses, studio)
            for verdict in verdicts:
                talk.warn(f"{file.name}: {verdict.message}")
            for verdict in rejections(verdicts):
                raise MeasurementError(verdict.fault, verdict.message, hint=verdict.hint)
    return store


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
    """Speakers whose response at a position is wanted; refuses, before anything is written."""
    missing = tuple(s for s in names if force or store.response_record(s, position) is None)
    if not missing:
        store.refuse_known(names[0], position, force=force)
    return missing


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
) -> None:
    """Keep a take, judge it, and keep its response; times in what is said count from its start."""
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
        raise MeasurementError(fault, f"{where}: {message}", hint=_HINTS.get(fault, hint))
    store.accept_take(record, response, verdicts=judgement.verdicts, force=force)


def _speakers(
    take_file: TakeFile, asked: tuple[str, ...], studio: Studio | None
) -> tuple[str, ...]:
    names = asked or (tuple(s.name for s in studio.file_order) if studio else ("L", "R"))
    if len(names) != take_file.n_speakers:
        raise InputError(
            "RC-309",
            f"the sweep file has {take_file.n_speakers} channels, and "
            f"{len(names)} speakers are known ({', '.join(names)})",
            hint="name the speaker of each channel: --speaker L,R",
        )
    return names


def _open_session(root: Path, name: str, studio: Studio | None) -> SessionStore:
    folder = new_folder(root, "session", name)
    if document_path(folder, "session").exists():
        return SessionStore.open(root, name)
    created_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return SessionStore.create(root, Session(name=name, studio=studio, created_at=created_at))
