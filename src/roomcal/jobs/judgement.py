"""Judge a take that is on disk: by itself, and against what its position has already."""

from dataclasses import replace

from roomcal.files.session_store import SessionStore
from roomcal.jobs.studio import Place
from roomcal.measure.judge import Judgement, judge_capture, judge_position
from roomcal.model.session import TakeRecord


def judged_take(
    store: SessionStore, record: TakeRecord, place: Place, *, use_calibration: bool
) -> Judgement:
    """Judge a take.

    Parameters
    ----------
    store : SessionStore
    record : TakeRecord
        Its capture is read from disk, so that the response can be made again bit for bit.
    place : Place
    use_calibration : bool
        Take the microphone's own response off.
    """
    judgement = judge_capture(
        store.load_capture(record),
        calibration=place.calibration if use_calibration else None,
        full_scale_db_spl=place.studio.microphone.full_scale_db_spl,
    )
    response = judgement.response
    if response is None or judgement.rejection is not None:
        return judgement
    speakers = [
        r.speaker
        for r in store.session.responses
        if r.position == record.position and r.speaker != record.speaker
    ]
    others = [
        r for name in speakers for r in store.load_responses(name) if r.position == record.position
    ]
    known = judge_position(others, place.studio)
    found = judge_position([*others, response], place.studio)
    new = tuple(v for v in found if v not in known)
    return replace(judgement, verdicts=(*judgement.verdicts, *new))
