"""Analyse a session on disk: its responses, and the takes at the main position."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from roomcal.analyze.analysis import analyze
from roomcal.analyze.boundary import BoundaryInterference, find_boundary_dips
from roomcal.analyze.distortion import Distortion, analyze_distortion, no_distortion
from roomcal.analyze.noise import NoiseAnalysis, analyze_noise
from roomcal.analyze.response import DEFAULT_SMOOTHING
from roomcal.analyze.session_analysis import (
    SessionAnalysis,
    analyze_pairs,
    facts_of,
    pair_names,
)
from roomcal.analyze.standards import judge_clauses
from roomcal.dsp.microphone import re_1_khz
from roomcal.dsp.smoothing import Width
from roomcal.files.mic_calibration import read_mic_calibration
from roomcal.files.session_store import SessionStore
from roomcal.files.standards_data import load_standards
from roomcal.jobs.session_takes import main_position, take_of
from roomcal.measure.evidence import Evidence
from roomcal.model.capture import Capture
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import ratio_from_db

_NO_TAKE = "there is no raw take of it, and a response alone holds no harmonics and no noise"
_GUARD_SAMPLES = 64  # before the first mark: filters of converters ring

Size = tuple[float, float, float]


def analyze_session(
    root: Path,
    name: str,
    *,
    speaker: str | None = None,
    size_m: Size | None = None,
    only: str | None = None,
    smoothing: Width = DEFAULT_SMOOTHING,
) -> SessionAnalysis:
    """Analyse a session.

    Parameters
    ----------
    root : Path
    name : str
    speaker : str, optional
        Only this one.
    size_m : (x, y, z), optional
        Of the room.
    only : str, optional
        Leave out what this kind of answer does not need.
    smoothing : int or "erb" or "psychoacoustic" or "variable"
        Of the responses that are shown; what is said of them is read at the default.

    Raises
    ------
    InputError
        RC-310 if the session holds no response; RC-309 for a speaker that it does not have.
    """
    store = SessionStore.open(root, name)
    responses = store.load_responses(speaker)
    return analyze_loaded(store, responses, size_m=size_m, only=only, smoothing=smoothing)


def analyze_loaded(
    store: SessionStore,
    responses: Sequence[ImpulseResponse],
    *,
    size_m: Size | None = None,
    only: str | None = None,
    smoothing: Width = DEFAULT_SMOOTHING,
) -> SessionAnalysis:
    """Analyse responses of a session that are in memory, with its takes from the disk.

    Parameters
    ----------
    store : SessionStore
    responses : sequence of ImpulseResponse
    size_m, only, smoothing
        As for `analyze_session`.
    """
    session = store.session
    main = main_position(session)
    found = SessionAnalysis(
        session.name,
        main,
        analyze(responses, smoothing=smoothing, size_m=size_m, studio=session.studio),
    )
    captures = {}
    if only in (None, "distortion", "noise", "standards"):
        captures = _captures(store, found)
    names = pair_names(found.full_range)
    complete = replace(
        found,
        distortion=_distortion(found, captures) if only in (None, "distortion") else {},
        noise=_noise(store, captures),
        pairs=analyze_pairs(responses, names) if only in (None, "pair", "standards") else (),
        boundaries=_boundaries(store, responses, size_m) if only in (None, "boundary") else (),
    )
    if only not in (None, "standards"):
        return complete
    facts = facts_of(complete, responses, size_m=size_m, studio=session.studio)
    return replace(complete, standards=judge_clauses(load_standards().clauses, facts))


def _captures(store: SessionStore, found: SessionAnalysis) -> dict[str, Capture]:
    """Take of each speaker at the main position, where there is one."""
    captures = {}
    for speaker in found.speakers:
        record = store.response_record(speaker, found.at_main(speaker).position)
        take = take_of(store.session, record.origin) if record else None
        if take is not None and store.has_capture(take):
            captures[speaker] = store.load_capture(take)
    return captures


def _distortion(found: SessionAnalysis, captures: dict[str, Capture]) -> dict[str, Distortion]:
    return {
        speaker: analyze_distortion(Evidence(captures[speaker]))
        if speaker in captures
        else no_distortion(_NO_TAKE)
        for speaker in found.speakers
    }


def _noise(store: SessionStore, captures: dict[str, Capture]) -> NoiseAnalysis | None:
    """Noise before the first mark of each take, hum included."""
    if not captures:
        return None
    # The sensitivity of each take: a session may be gone on with after a gain was turned.
    records = {name: store.response_record(name, c.position) for name, c in captures.items()}
    known = {
        name: r.full_scale_db_spl
        for name, r in records.items()
        if r is not None and r.full_scale_db_spl is not None
    }
    full_scale_db_spl = next(iter(known.values()), None)
    re_first_db = {name: db - (full_scale_db_spl or 0.0) for name, db in known.items()}
    microphone = store.session.studio.microphone if store.session.studio else None
    return analyze_noise(
        [
            float(ratio_from_db(re_first_db.get(name, 0.0)))
            * c.microphone[: c.plan.mark_starts[0] - _GUARD_SAMPLES]
            for name, c in captures.items()
            if name in known or not known
        ],
        next(iter(captures.values())).fs,
        load_standards().noise,
        full_scale_db_spl=full_scale_db_spl,
        estimated=bool(microphone and microphone.full_scale_estimated),
        calibration=_calibration(store),
    )


def _calibration(store: SessionStore) -> Curve | None:
    """Read the calibration that the session was measured with, if its file is still there."""
    session = store.session
    file = session.studio.microphone.calibration if session.studio else ""
    if not session.calibrated or not file:
        return None
    path = store.folder.resolve().parents[1] / file  # beside studio.toml
    return re_1_khz(read_mic_calibration(path).curve) if path.exists() else None


def _boundaries(
    store: SessionStore, responses: Sequence[ImpulseResponse], size_m: Size | None
) -> tuple[BoundaryInterference, ...]:
    studio = store.session.studio
    speakers = {s.name: s.position_m for s in studio.speakers} if studio else {}
    places = {p.name: p.position_m for p in studio.positions} if studio else {}
    by_speaker: dict[str, list[ImpulseResponse]] = {}
    for response in responses:
        by_speaker.setdefault(response.speaker, []).append(response)
    return tuple(
        find_boundary_dips(
            own,
            speaker_m=speakers.get(name),
            positions_m=[places.get(r.position) for r in own],
            size_m=size_m,
        )
        for name, own in by_speaker.items()
    )
