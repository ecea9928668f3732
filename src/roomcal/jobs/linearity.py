"""Whether the chain is linear: the same response at two levels (FAULTS.md, row 26)."""

import dataclasses
from collections.abc import Sequence

from roomcal.dsp.deconvolution import LOWEST_HZ
from roomcal.errors import MeasurementError
from roomcal.jobs.playback import play_whole
from roomcal.jobs.preparation import Prepared
from roomcal.jobs.studio import Place
from roomcal.jobs.wiring import Wiring
from roomcal.measure.calibration import without_microphone
from roomcal.measure.detectors.compression import LEVEL_STEP_DB, TOLERANCE_LATER_DB, compression
from roomcal.measure.judge import Judgement
from roomcal.measure.probe import FIRST_LEVEL_DBFS
from roomcal.measure.survey import plan_survey, render_survey, survey_from_recording
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Position, Speaker
from roomcal.model.verdict import Verdict, rejections
from roomcal.units import ratio_from_db

MOST_STEPS = 3  # downwards: 18 dB below what the ramp found, something else is wrong
_HIGHEST_OF_FS = 0.42
_TRACE = "residual"  # detector that sees a limiter come and go


def linear_level(
    place: Place,
    wiring: Wiring,
    speakers: Sequence[Speaker],
    position: Position,
    level_dbfs: float,
) -> tuple[float, tuple[Verdict, ...]]:
    """Go down from a level until no speaker compresses there.

    Returns
    -------
    level_dbfs : float
        No lower than `MOST_STEPS` steps below the first.
    verdicts : tuple of Verdict
        What was found on the way, the loudest level first; their hints say the level below.

    Raises
    ------
    MeasurementError
        RC-524 when a speaker still compresses much after `MOST_STEPS` steps.
    SafetyStop
        RC-701 when it gets louder than predicted.
    """
    found: list[Verdict] = []
    quiet = _responses(place, wiring, speakers, position, level_dbfs - LEVEL_STEP_DB)
    loud = _responses(place, wiring, speakers, position, level_dbfs)
    for step in range(MOST_STEPS + 1):
        verdicts = [v for pair in zip(loud, quiet, strict=False) for v in compression(*pair)]
        if not verdicts:
            break
        if step == MOST_STEPS:
            _refuse(rejections(tuple(verdicts)))
            found += verdicts
            break
        lower = f"going back from {level_dbfs:.1f} to {level_dbfs - LEVEL_STEP_DB:.1f} dBFS"
        found += [dataclasses.replace(v, hint=lower) for v in verdicts]
        level_dbfs -= LEVEL_STEP_DB
        loud = quiet
        quiet = _responses(place, wiring, speakers, position, level_dbfs - LEVEL_STEP_DB)
    return level_dbfs, tuple(found)


def _refuse(verdicts: Sequence[Verdict]) -> None:
    """Refuse a chain that is linear nowhere."""
    for v in verdicts:
        raise MeasurementError(v.fault, f"{v.channel}: {v.message}", hint=v.hint, **v.evidence)


def with_linearity(
    judgement: Judgement, prepared: Prepared, speaker: Speaker, *, calibration: Curve | None
) -> Judgement:
    """Compare a take with the quiet sounds before it, which played the same speaker softly.

    Parameters
    ----------
    judgement : Judgement
        Its response is without the microphone's own, which is that of `calibration`.
    prepared : Prepared
        With filters in the path the two are not alike, and nothing is compared.
    speaker : Speaker
        With the trim that the take was played with.
    calibration : Curve, optional

    Returns
    -------
    judgement : Judgement
        Compression comes first: what else the take shows may be its trace.
    """
    rejection, response = judgement.rejection, judgement.response
    readable = rejection is None or rejection.detector == _TRACE
    if response is None or prepared.wiring is None or prepared.filters or not readable:
        return judgement
    found: list[Verdict] = []
    for quiet in prepared.wiring.survey.responses:
        if (quiet.speaker, quiet.position) != (response.speaker, response.position):
            continue  # the microphone stands elsewhere by now
        h = quiet.samples * float(ratio_from_db(speaker.gain_db))
        if calibration is not None:
            edges = {"low_hz": LOWEST_HZ, "high_hz": _HIGHEST_OF_FS * quiet.fs}
            h = without_microphone(h, quiet.fs, calibration, **edges)
        level_dbfs = prepared.plan.sweep.level_dbfs + speaker.gain_db
        found += compression(
            response,
            dataclasses.replace(quiet, samples=h),
            step_db=round(level_dbfs - FIRST_LEVEL_DBFS, 2),
            tolerance_db=TOLERANCE_LATER_DB,
        )
    return dataclasses.replace(judgement, verdicts=(*found, *judgement.verdicts))


def _responses(
    place: Place,
    wiring: Wiring,
    speakers: Sequence[Speaker],
    position: Position,
    level_dbfs: float,
) -> tuple[ImpulseResponse, ...]:
    """Play all speakers one after the other at a level, watched."""
    fs = place.studio.fs
    plan = plan_survey(len(speakers), fs, level_dbfs=level_dbfs)
    rows = render_survey(plan)
    played = {s.name: row for s, row in zip(speakers, rows, strict=True)}
    recording = play_whole(
        place,
        rows,
        output_channels=[s.output_channel for s in speakers],
        input_channels=[place.studio.microphone.input_channel],
        guard=lambda: wiring.guard(played),
    )
    if recording.xruns:
        return ()  # lost samples look like anything
    return survey_from_recording(
        recording.samples[0],
        plan,
        speakers=[s.name for s in speakers],
        position=position.name,
        delay=wiring.delay,
    ).responses
