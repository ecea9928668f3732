"""Measure: play, keep the raw take, judge it, derive the response, and go on to the next."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.convolver.partitioned import PartitionedConvolver
from roomcal.devices.interruption import Interrupted
from roomcal.errors import DeviceError, InputError, MeasurementError, StorageError
from roomcal.files.bank_store import filters_for
from roomcal.files.folders import document_path, new_folder, unknown_name
from roomcal.files.session_store import SessionStore
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.studio import Place
from roomcal.measure.judge import judge_capture
from roomcal.measure.plan import plan_take, render_take
from roomcal.measure.stream_report import stream_verdict
from roomcal.model.capture import Capture
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.model.session import Session
from roomcal.model.studio import Position, Speaker
from roomcal.model.sweep import Sweep
from roomcal.model.take import TakePlan
from roomcal.units import FloatArray, ratio_from_db

MAX_RETAKES = 2
_BLOCK = 1 << 16  # frames that are filtered at a time: bounds memory


@dataclass(frozen=True)
class MeasureRequest:
    """What to measure and how."""

    speakers: tuple[Speaker, ...]
    positions: tuple[Position, ...]
    sweeps: int = 3  # a take
    length_s: float = 5.5  # of one sweep
    level_dbfs: float = -20.0
    through: Bank | None = None  # a bank in the path
    use_calibration: bool = True
    force: bool = False  # measure paths again that the session has


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
    """
    filters = _filters(place, request)
    store = _open_session(root, name, place, request)
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
    sweep = Sweep(fs=place.studio.fs, length_s=request.length_s, level_dbfs=request.level_dbfs)
    plan = plan_take(sweep, repeats=request.sweeps)
    positions = list(dict.fromkeys(position for position, _ in todo))
    talk.begin(f"Measuring {store.folder.name}", len(todo))
    try:
        for position, speaker in todo:
            if position in positions:  # the first speaker here: the microphone has to move
                positions.remove(position)
                if not place.device.place_microphone(position.name):
                    number = request.positions.index(position) + 1
                    talk.place_microphone(position, number, len(request.positions))
            talk.step(f"{speaker.name} at {position.name}")
            _measure_path(store, place, plan, speaker, position, filters, request, talk)
    finally:
        talk.end()
    return store


def planned_duration_s(place: Place, request: MeasureRequest) -> float:
    """Length of all the takes together."""
    fs = place.studio.fs
    plan = plan_take(Sweep(fs=fs, length_s=request.length_s), repeats=request.sweeps)
    return len(request.speakers) * len(request.positions) * plan.n_samples / fs


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
    plan: TakePlan,
    speaker: Speaker,
    position: Position,
    filters: FilterBank | None,
    request: MeasureRequest,
    talk: Conversation,
) -> None:
    """Take until a take is good, then keep its response."""
    for attempt in range(1 + MAX_RETAKES):
        capture, end = _take(place, plan, speaker, position, filters)
        if end is not None:
            _keep_interrupted(store, capture, end.reason)
            raise end
        record = store.save_capture(capture)
        judgement = judge_capture(
            store.load_capture(record),  # from disk, so that it can be made again bit for bit
            calibration=place.calibration if request.use_calibration else None,
            full_scale_db_spl=place.studio.microphone.full_scale_db_spl,
        )
        lost = stream_verdict(capture)
        verdicts = judgement.verdicts if lost is None else (lost, *judgement.verdicts)
        for verdict in verdicts:
            if verdict.severity != "rejection":
                talk.note(f"{speaker.name} at {position.name}: {verdict.message}")
        bad = lost or judgement.rejection
        if bad is None and judgement.response is not None:
            store.save_response(judgement.response, origin=record.capture.name, force=request.force)
            store.judge_take(record, reason="", verdicts=verdicts)
            return
        fault, message, hint = (
            (bad.fault, bad.message, bad.hint) if bad else ("RC-503", "no response", "")
        )
        store.judge_take(record, reason=f"{fault}: {message}", verdicts=verdicts)
        if attempt == MAX_RETAKES:
            if bad is not None and bad is lost:
                raise DeviceError(fault, f"{message}; the last of {attempt + 1} takes", hint=hint)
            raise MeasurementError(fault, message, hint=hint)
        talk.warn(f"{speaker.name} at {position.name}: {message}; taking it again")


def _take(
    place: Place,
    plan: TakePlan,
    speaker: Speaker,
    position: Position,
    filters: FilterBank | None,
) -> tuple[Capture, Interrupted | None]:
    """Play one take and record it; with what ended it early, if the user did."""
    studio = place.studio
    reference = studio.speakers[0]
    same = speaker.name == reference.name
    marks, sweeps = render_take(plan, same_speaker=same)
    played = {speaker.name: sweeps}
    if not same:
        played[reference.name] = marks
    rows, channels = _output_rows(played, studio.speakers, filters)
    inputs = [studio.microphone.input_channel]
    if studio.loopback is not None:
        rows = np.concatenate([rows, [sum(played.values())]])
        channels.append(studio.loopback.output_channel)
        inputs.append(studio.loopback.input_channel)
    started_at = _now()
    end: Interrupted | None = None
    try:
        recording = place.device.play_record(
            rows, fs=plan.sweep.fs, output_channels=channels, input_channels=inputs
        )
    except Interrupted as interrupted:
        recording, end = interrupted.recording, interrupted
    capture = Capture(
        microphone=recording.samples[0],
        loopback=recording.samples[1] if studio.loopback is not None else None,
        fs=recording.fs,
        plan=plan,
        speaker=speaker.name,
        reference_speaker=reference.name,
        position=position.name,
        xruns=recording.xruns,
        started_at=started_at,
    )
    return capture, end


def _keep_interrupted(store: SessionStore, capture: Capture, reason: str) -> None:
    """Keep what was recorded until the user ended the take."""
    if capture.microphone.size:
        record = store.save_capture(capture)
        store.judge_take(record, reason=f"ended by {reason} at {capture.duration_s:.1f} s")


def _output_rows(
    played: dict[str, FloatArray], speakers: Sequence[Speaker], filters: FilterBank | None
) -> tuple[FloatArray, list[int]]:
    """Signals per output channel, through a bank or not, with the trims of the speakers.

    What the bank has no input for goes past it: the marks of a reference speaker that it does not
    correct.
    """
    by_output = dict(played) if filters is None else _through(played, filters)
    names, rows = list(by_output), np.stack(list(by_output.values()))
    by_name = {s.name: s for s in speakers}
    trims = ratio_from_db([by_name[name].gain_db for name in names])
    return rows * trims[:, np.newaxis], [by_name[name].output_channel for name in names]


def _through(played: dict[str, FloatArray], filters: FilterBank) -> dict[str, FloatArray]:
    """Filter signals by input into signals by output."""
    n = next(iter(played.values())).size
    x = np.zeros((len(filters.inputs), -(-n // _BLOCK) * _BLOCK))
    for name, signal in played.items():
        if name in filters.inputs:
            x[filters.inputs.index(name), :n] = signal
    convolver = PartitionedConvolver(filters.taps, block=_BLOCK)
    blocks = [
        convolver.process(x[:, start : start + _BLOCK]) for start in range(0, x.shape[1], _BLOCK)
    ]
    by_output = dict(zip(filters.outputs, np.concatenate(blocks, axis=1)[:, :n], strict=True))
    for name, signal in played.items():
        if name not in filters.inputs:
            by_output[name] = by_output.get(name, 0.0) + signal
    return by_output


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
