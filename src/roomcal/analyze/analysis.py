"""Everything roomcal knows about responses: each question asked, each answer in one place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from roomcal.analyze.arrival import Arrival, SnrSummary, find_arrival, summarize_snr
from roomcal.analyze.decay import DecayAnalysis, analyze_decay
from roomcal.analyze.modes import RoomModes, fit_modes
from roomcal.analyze.reflections import EarlyReflections, find_reflections
from roomcal.analyze.response import DEFAULT_SMOOTHING, smoothed_response
from roomcal.dsp.smoothing import Width
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio


@dataclass(frozen=True, eq=False)
class ResponseAnalysis:
    """The answers for one speaker at one position."""

    speaker: str
    position: str
    fs: int
    time_reference: str
    arrival: Arrival
    snr: SnrSummary
    response: Curve  # as it is shown
    smoothing: Width
    judged: Curve  # at the default smoothing: what is said of it does not hang on how it is shown
    decay: DecayAnalysis  # third-octave bands
    octave_decay: DecayAnalysis
    reflections: EarlyReflections
    room: RoomModes  # of all responses together
    index: int  # of this response among those


def analyze(
    responses: Sequence[ImpulseResponse],
    *,
    smoothing: Width = DEFAULT_SMOOTHING,
    size_m: tuple[float, float, float] | None = None,
    studio: Studio | None = None,
) -> tuple[ResponseAnalysis, ...]:
    """Analyze the responses of one room.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
    smoothing : int or "erb" or "psychoacoustic" or "variable"
        Of the response that is shown; see `dsp.smoothing`.
    size_m : (x, y, z), optional
        Of the room, to name its modes and surfaces.
    studio : Studio, optional
        Knows where speakers and positions are.
    """
    room = fit_modes(responses, size_m=size_m)
    return tuple(
        _analyze_one(
            response,
            smoothing=smoothing,
            reflections=_reflections(response, size_m, studio),
            room=room,
            index=index,
        )
        for index, response in enumerate(responses)
    )


def to_json(analysis: ResponseAnalysis) -> dict[str, Any]:
    """Lay one analysis out as `analyze --json` promises; what cannot be had is NaN."""
    return {
        "speaker": analysis.speaker,
        "position": analysis.position,
        "fs": analysis.fs,
        "arrival_s": analysis.arrival.arrival_s,
        "snr_db": analysis.snr.snr_db,
        "response": curve_to_json(analysis.response, smoothing=smoothing_text(analysis.smoothing)),
        "decay": decay_to_json(analysis.decay),
        "modes": modes_to_json(analysis.room, analysis.index),
        "modes_reason": analysis.room.reason,
        "reflections": [
            {
                "delay_s": r.delay_s,
                "level_db": r.level_db,
                "path_m": r.path_m,
                "surface": r.surface,
            }
            for r in analysis.reflections.found
        ],
        "reflections_reason": analysis.reflections.reason,
    }


def curve_to_json(curve: Curve, *, smoothing: str) -> dict[str, Any]:
    """Frequencies, levels and the smoothing between them."""
    return {
        "f_hz": curve.f_hz.tolist(),
        "level_db": curve.level_db.tolist(),
        "smoothing": smoothing,
    }


def decay_to_json(decay: DecayAnalysis) -> dict[str, Any]:
    """One value a band; `reason` says why a number is missing or deserves caution."""
    names = ("edt_s", "t20_s", "t30_s", "c50_db", "c80_db", "d50", "ts_s")
    reasons = [
        "; ".join(text for text in both if text)
        for both in zip(decay.reason, decay.remark, strict=True)
    ]
    return {
        "bands_hz": decay.bands_hz.tolist(),
        **{name: getattr(decay, name).tolist() for name in names},
        "reason": reasons,
    }


def modes_to_json(room: RoomModes, index: int) -> list[dict[str, Any]]:
    """List the modes of the room with their levels in one response."""
    return [
        {
            "f_hz": mode.f_hz,
            "t60_s": mode.t60_s,
            "t60_std_s": mode.t60_std_s,
            "q": mode.q,
            "level_db": float(mode.level_db[index]),
            "half_waves": list(mode.numbers) if mode.numbers else None,
            "box_hz": mode.box_hz,
        }
        for mode in room.modes
    ]


def smoothing_text(smoothing: Width) -> str:
    """Write a smoothing as people do: 1/6, erb, variable."""
    return f"1/{smoothing}" if isinstance(smoothing, int) else smoothing


def _analyze_one(
    response: ImpulseResponse,
    *,
    smoothing: Width,
    reflections: EarlyReflections,
    room: RoomModes,
    index: int,
) -> ResponseAnalysis:
    judged = smoothed_response(response, smoothing=DEFAULT_SMOOTHING)
    is_default = smoothing == DEFAULT_SMOOTHING
    return ResponseAnalysis(
        speaker=response.speaker,
        position=response.position,
        fs=response.fs,
        time_reference=response.time_reference,
        arrival=find_arrival(response),
        snr=summarize_snr(response),
        response=judged if is_default else smoothed_response(response, smoothing=smoothing),
        smoothing=smoothing,
        judged=judged,
        decay=analyze_decay(response, bands_per_octave=3),
        octave_decay=analyze_decay(response, bands_per_octave=1),
        reflections=reflections,
        room=room,
        index=index,
    )


def _reflections(
    response: ImpulseResponse, size_m: tuple[float, float, float] | None, studio: Studio | None
) -> EarlyReflections:
    """Find reflections, with what the studio knows of the places."""
    speakers = {s.name: s.position_m for s in studio.speakers} if studio else {}
    positions = {p.name: p.position_m for p in studio.positions} if studio else {}
    return find_reflections(
        response,
        speaker_m=speakers.get(response.speaker),
        position_m=positions.get(response.position),
        size_m=size_m,
    )
