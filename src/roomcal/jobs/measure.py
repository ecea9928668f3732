"""Measure: play, keep the raw take, judge it, derive the response, and go on to the next."""

from pathlib import Path

from roomcal.devices.interruption import Interrupted
from roomcal.errors import DeviceError, MeasurementError, SafetyStop
from roomcal.files.mic_calibration import sparkline
from roomcal.files.session_recovery import recover
from roomcal.files.session_store import SessionStore
from roomcal.jobs.alone import alone
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.guidance import placement_text, verdict_text
from roomcal.jobs.judgement import judged_take
from roomcal.jobs.linearity import with_linearity
from roomcal.jobs.measure_plan import MeasureRequest, plan_measurement
from roomcal.jobs.memory import keep_memory_low
from roomcal.jobs.play_take import play_take
from roomcal.jobs.preparation import Prepared, prepare
from roomcal.jobs.sensitivity import marked
from roomcal.jobs.studio import Place
from roomcal.measure.judge import retake_may_help
from roomcal.measure.stream_report import stream_verdict
from roomcal.model.capture import Capture
from roomcal.model.studio import Position, Speaker

MAX_RETAKES = 2


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
        RC-602 if the session has every path already, or responses and no document, and `force`
        is not given.
    DeviceError
        RC-402 for a channel or rate that the device does not have.
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
    plan = plan_measurement(root, name, place, request)
    store, place, todo = plan.store, plan.place, plan.todo
    for text in recover(store):
        talk.note(text)
    if store.session.responses and not store.session.device:
        talk.warn(
            f"the session {store.session.name} was imported, and what is measured joins it: unless "
            "room, microphone and its places are the same, measure into a session of its own"
        )
    plan.refuse_nothing_to_do()
    if plan.n_done:
        talk.note(f"{plan.n_done} of {plan.n_paths} paths are measured already; going on")
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
                    filters=plan.filters,
                    full_scale=plan.full_scale,
                    known=plan.known,
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
