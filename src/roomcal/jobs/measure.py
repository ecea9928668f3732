"""Measure: play, keep the raw take, judge it, derive the response, and go on to the next."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from roomcal.devices.interruption import Interrupted
from roomcal.errors import DeviceError, InputError, MeasurementError, SafetyStop, StorageError
from roomcal.files.bank_store import filters_for
from roomcal.files.folders import document_path, new_folder, unknown_name
from roomcal.files.mic_calibration import sparkline
from roomcal.files.session_recovery import recover
from roomcal.files.session_store import SessionStore
from roomcal.jobs.alone import alone
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.guidance import placement_text, verdict_text
from roomcal.jobs.judgement import judged_take
from roomcal.jobs.linearity import with_linearity
from roomcal.jobs.memory import keep_memory_low
from roomcal.jobs.play_take import play_take
from roomcal.jobs.preparation import (
    DEFAULT_MAX_SPL_DB,
    Prepared,
    Wanted,
    prepare,
    wanted_level_dbfs,
)
from roomcal.jobs.sensitivity import marked, with_sensitivity
from roomcal.jobs.studio import Place
from roomcal.measure.judge import retake_may_help
from roomcal.measure.plan import DEFAULT_PAUSE_S, plan_take
from roomcal.measure.stream_report import stream_verdict
from roomcal.model.capture import Capture
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.model.session import Session
from roomcal.model.studio import Position, Speaker
from roomcal.model.sweep import Sweep

MAX_RETAKES = 2


@dataclass(frozen=True)
class MeasureRequest:
    """What to measure and how."""

    speakers: tuple[Speaker, ...]
    positions: tuple[Position, ...]
    sweeps: int = 3  # a take
    length_s: float = 5.5  # of one sweep
    level_dbfs: float | None = None  # None: what `roomcal level` found, else `UNCHECKED_LEVEL_DBFS`
    max_spl_db: float = DEFAULT_MAX_SPL_DB  # dB(C), where the microphone's sensitivity is known
    check_wiring: bool = True  # quiet sounds first; without them nothing guards the loudness
    through: Bank | None = None  # a bank in the path
    use_calibration: bool = True
    force: bool = False  # measure paths again that the session has
    pause_s: float = DEFAULT_PAUSE_S  # after a sweep

    @property
    def wanted(self) -> Wanted:
        """What the preparation needs to know."""
        return Wanted(
            self.level_dbfs,
            self.max_spl_db,
            self.sweeps,
            self.length_s,
            self.pause_s,
            self.check_wiring,
        )


def measure(
    root: Path, name: str, place: Place, request: MeasureRequest, talk: Conversation
) -> SessionStore:
    """Measure every speaker at every position into a session, new or existing.

    Every take is on disk before it is judged; a bad take is kept with its reason and repeated up
    to `MAX_RETAKES` times. Paths that the session has already are left alone.

    Raises
    ------
    InputError
        RC-304, RC-315 if the session was measured at another rate, through another bank, on
        another device or with another use of the calibration; RC-309 if the bank has no filter
        for a speaker, RC-311 if it has none for the sample rate.
    StorageError
        RC-602 if the session has every path already and `force` is not given.
    MeasurementError
        If a path cannot be measured; everything before it is kept.
    BusyError
        If another run measures into the session, or on the device.
    """
    keep_memory_low()
    with alone(root, name, talk, device_name=place.device_name):
        return _measure_alone(root, name, place, request, talk)


def _measure_alone(
    root: Path, name: str, place: Place, request: MeasureRequest, talk: Conversation
) -> SessionStore:
    """Measure while nobody else writes to the session."""
    filters = _filters(place, request)
    place, full_scale, known = with_sensitivity(root, place)
    store = _open_session(root, name, place, request)
    for text in recover(store):
        talk.note(text)
    if store.session.responses and not store.session.device:
        talk.warn(
            f"the session {store.session.name} was imported, and what is measured joins it: unless "
            "room, microphone and its places are the same, measure into a session of its own"
        )
    todo = [
        (position, speaker)
        for position in request.positions
        for speaker in request.speakers
        if request.force or store.response_record(speaker.name, position.name) is None
    ]
    total = len(request.positions) * len(request.speakers)
    if not todo:
        raise StorageError(
            "RC-602",
            f"the session {store.folder.name} has all {total} paths already",
            hint="choose another name, or --force to measure them again",
        )
    if len(todo) < total:
        talk.note(f"{total - len(todo)} of {total} paths are measured already; going on")
    if place.microphone is not None and request.use_calibration:
        for text in place.microphone.warnings:
            talk.warn(f"calibration of the microphone: {text}; {sparkline(place.microphone.curve)}")
    prepared: Prepared | None = None
    skipped: list[str] = []
    positions = list(dict.fromkeys(position for position, _ in todo))
    talk.begin(f"Measuring {store.folder.name}", len(todo) + request.check_wiring)
    try:
        for position, speaker in todo:
            if position in positions:  # the first speaker here: the microphone has to move
                positions.remove(position)
                if not place.device.place_microphone(position.name):
                    number = request.positions.index(position) + 1
                    talk.place_microphone(
                        position,
                        number,
                        len(request.positions),
                        how=placement_text(place.studio, position),
                    )
            if prepared is None:  # before anything loud
                if request.check_wiring:
                    talk.step("quiet sounds first")
                prepared = prepare(
                    root,
                    place,
                    request.speakers,
                    position,
                    talk,
                    wanted=request.wanted,
                    folder=store.folder,
                    filters=filters,
                    full_scale=full_scale,
                    known=known,
                )
                place = marked(place, prepared.full_scale)
            talk.step(f"{speaker.name} at {position.name}")
            if not _measure_path(store, place, prepared, speaker, position, request, talk):
                skipped.append(f"{speaker.name} at {position.name}")
    finally:
        talk.end()
    if skipped:
        talk.warn(f"skipped: {', '.join(skipped)}; the same command measures what is missing")
    return store


def planned_duration_s(place: Place, request: MeasureRequest) -> float:
    """Length of all the takes together."""
    fs = place.studio.fs
    sweep = Sweep(fs=fs, length_s=request.length_s)
    plan = plan_take(sweep, repeats=request.sweeps, reverberation_s=request.pause_s)
    return len(request.speakers) * len(request.positions) * plan.n_samples / fs


def level_of(root: Path, place: Place, request: MeasureRequest) -> float:
    """Peak of the sweeps in dBFS, before any limit of sound pressure."""
    _, _, known = with_sensitivity(root, place)
    return wanted_level_dbfs(request.level_dbfs, known)


def _open_session(root: Path, name: str, place: Place, request: MeasureRequest) -> SessionStore:
    folder = new_folder(root, "session", name)
    session = Session(
        name=name,
        device=place.device_name,
        through=request.through.name if request.through else "",
        calibrated=request.use_calibration,
        studio=place.studio,
        created_at=_now(),
    )
    if not document_path(folder, "session").exists():
        return SessionStore.create(root, session)
    store = SessionStore.open(root, name)
    _refuse_other_conditions(store.session, session, place.studio.fs)
    return store


def _refuse_other_conditions(old: Session, new: Session, fs: int) -> None:
    """Refuse to go on with a session whose responses would not be alike."""
    hint = "measure into a session of another name, or as the session was begun"
    for response in old.responses:
        if response.fs != fs:
            raise InputError(
                "RC-304",
                f"the session {old.name} holds {response.fs} Hz; the studio measures at {fs} Hz",
                hint=hint,
            )
    was, now = (
        {
            "device": s.device,
            "bank in the path": s.through or "none",
            "calibration": "used" if s.calibrated else "left out",
        }
        for s in (old, new)
    )
    for what in was if old.device else ():  # an imported session says nothing about any of them
        if was[what] != now[what]:
            raise InputError(
                "RC-315",
                f"the session {old.name} was measured with another {what}: {was[what]}, "
                f"now {now[what]}",
                hint=hint,
            )


def _filters(place: Place, request: MeasureRequest) -> FilterBank | None:
    """Return the filters in the path, after checking that they are made for these speakers."""
    if request.through is None:
        return None
    filters = filters_for(request.through, place.studio.fs)
    known = [s.name for s in place.studio.speakers]
    for speaker in request.speakers:
        if speaker.name not in filters.inputs:
            bank = f"input of the bank {request.through.name}"
            raise unknown_name(bank, speaker.name, filters.inputs)
    for output in filters.outputs:
        if output not in known:
            raise unknown_name("speaker", output, known)
    return filters


def _measure_path(
    store: SessionStore,
    place: Place,
    prepared: Prepared,
    speaker: Speaker,
    position: Position,
    request: MeasureRequest,
    talk: Conversation,
) -> bool:
    """Take until a take is good, then keep its response; False: the user skips this path."""
    attempt = 0
    while True:
        store.refuse_full_disk(prepared.plan, n_channels=2 if place.studio.loopback else 1)
        capture, end = play_take(place, prepared, speaker, position, talk=talk)
        if end is not None:
            _keep_interrupted(store, capture, end)
            raise end
        record = store.save_capture(capture)
        judgement = judged_take(store, record, place, use_calibration=request.use_calibration)
        judgement = with_linearity(
            judgement,
            prepared,
            speaker,
            calibration=place.calibration if request.use_calibration else None,
        )
        lost = stream_verdict(capture)
        verdicts = judgement.verdicts if lost is None else (lost, *judgement.verdicts)
        for verdict in verdicts:
            if verdict.severity != "rejection":
                say = talk.warn if verdict.severity == "warning" else talk.note
                say(f"{speaker.name} at {position.name}: {verdict.message}")
        bad = lost or judgement.rejection
        if bad is None and judgement.response is not None:
            store.accept_take(record, judgement.response, verdicts=verdicts, force=request.force)
            talk.verdict(verdict_text(capture, judgement.response))
            return True
        fault, message, hint = (
            (bad.fault, bad.message, bad.hint) if bad else ("RC-503", "no response", "")
        )
        store.judge_take(record, reason=f"{fault}: {message}", verdicts=verdicts)
        hopeless = bad is not None and bad is not lost and not retake_may_help(verdicts)
        attempt += 1
        if hopeless or attempt > MAX_RETAKES:
            answer = talk.after_bad_take(f"{speaker.name} at {position.name}: {message}", hint)
            if answer == "skip":
                return False
            if answer == "retake":
                attempt = 0
                continue
            if bad is not None and bad is lost:
                raise DeviceError(fault, f"{message}; the last of {attempt} takes", hint=hint)
            raise MeasurementError(fault, message, hint=hint)
        talk.warn(f"{speaker.name} at {position.name}: {message}; taking it again")


def _keep_interrupted(store: SessionStore, capture: Capture, end: Interrupted | SafetyStop) -> None:
    """Keep what was recorded until the take was ended."""
    if capture.microphone.size == 0:
        return
    record = store.save_capture(capture)
    reason = (
        f"{end.fault}: {end.message}"
        if isinstance(end, SafetyStop)
        else f"ended by {end.reason} at {capture.duration_s:.1f} s"
    )
    store.judge_take(record, reason=reason)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
