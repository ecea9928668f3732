"""Before, predicted, verified: the few numbers and curves that say what a correction did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.analyze.analysis import ResponseAnalysis
from roomcal.analyze.decay import DecayAnalysis, analyze_decay
from roomcal.analyze.response import (
    DEVIATION_BANDS_HZ,
    SpatialAverage,
    deviation_db,
    level_offset_db,
    pair_match,
    smoothed_response,
    spatial_average,
)
from roomcal.model.curve import Curve
from roomcal.model.filter_bank import Explanation
from roomcal.model.impulse_response import ImpulseResponse

LEVEL_RANGE_HZ = (200.0, 8000.0)  # where a response is levelled against its target
# A speaker whose middle lies this far below its bass is a sub: it says nothing about the middle.
_SUB_DB = 20.0
_SUB_RANGE_HZ = (30.0, 80.0)
_BASS_OCTAVES_HZ = (63.0, 125.0)
_MID_OCTAVES_HZ = (500.0, 1000.0, 2000.0)


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage of a calibration: before, predicted or verified."""

    role: str
    averages: Mapping[str, SpatialAverage]  # by speaker, in dB re unity gain
    decays: Mapping[
        str, tuple[DecayAnalysis, ...]
    ]  # by speaker, third octaves, per position; not of a prediction
    level_db: float  # mean level of the speakers, subs left out, above their targets
    deviation_db: Mapping[str, float]  # rms from the target per range, mean of those speakers
    bass_decay_s: float  # mean T20 of the octaves around 63 and 125 Hz
    mid_decay_s: float  # mean T20 of the octaves 500 Hz to 2 kHz
    pair: tuple[str, ...]  # the two speakers that are matched, left and right; fewer: no match
    match_level_db: float  # the first speaker's level above the second's
    match_rms_db: float  # rms of their difference about that level


def level_targets(explanations: Sequence[Explanation]) -> dict[str, Curve]:
    """Return the target of each speaker, moved to 0 dB on average over `LEVEL_RANGE_HZ`."""
    flat = Curve(np.array([20.0, 20000.0]), np.zeros(2))
    low, high = LEVEL_RANGE_HZ
    return {
        e.speaker: moved(
            e.curves["target"], -level_offset_db(e.curves["target"], flat, low_hz=low, high_hz=high)
        )
        for e in explanations
        if "target" in e.curves
    }


def moved(curve: Curve, by_db: float) -> Curve:
    """Return a curve at another level."""
    return Curve(curve.f_hz, curve.level_db + by_db, name=curve.name)


def summarize(
    role: str,
    responses: Sequence[ImpulseResponse],
    targets: Mapping[str, Curve],
    *,
    analyses: Sequence[ResponseAnalysis] | None = None,
) -> Stage:
    """Summarize one stage; what cannot be had is NaN.

    Parameters
    ----------
    role : str
    responses : sequence of ImpulseResponse
    targets : mapping of str to Curve
        By speaker, from `level_targets`; may be empty.
    analyses : sequence of ResponseAnalysis, optional
        Of the same responses, where they have been analysed already.
    """
    if analyses is None:
        # A prediction's noise is not that of a room: its decay is not shown band by band.
        read = [_read(r, with_bands=role != "predicted") for r in responses]
    else:
        read = [_Reading(a.speaker, a.judged, a.octave_decay, a.decay) for a in analyses]
    by_speaker: dict[str, list[_Reading]] = {}
    for one in read:
        by_speaker.setdefault(one.speaker, []).append(one)
    curves = {s: [one.curve for one in own] for s, own in by_speaker.items()}
    averages = {s: spatial_average(own, name=s) for s, own in curves.items()}
    full = _full_range(averages)
    low, high = LEVEL_RANGE_HZ
    levels = {
        s: level_offset_db(averages[s].mean, targets[s], low_hz=low, high_hz=high)
        for s in averages
        if s in targets and s in full
    }
    pair = tuple(s for s in averages if s in full)[:2]
    match = pair_match(*(averages[s].mean for s in pair)) if len(pair) == 2 else None
    return Stage(
        role=role,
        averages=averages,
        decays={
            s: tuple(one.decay for one in own if one.decay is not None)
            for s, own in by_speaker.items()
            if role != "predicted"
        },
        level_db=_mean(list(levels.values())),
        deviation_db={
            band: _mean([_deviation_db(curves[s], targets[s], band, levels[s]) for s in levels])
            for band in DEVIATION_BANDS_HZ
        },
        bass_decay_s=_decay_s(read, _BASS_OCTAVES_HZ),
        mid_decay_s=_decay_s([one for one in read if one.speaker in full], _MID_OCTAVES_HZ),
        pair=pair,
        match_level_db=match.level_db if match else float("nan"),
        match_rms_db=match.rms_db if match else float("nan"),
    )


def _full_range(averages: Mapping[str, SpatialAverage]) -> set[str]:
    """Return the speakers that play the middle; all of them where none does."""
    flat = Curve(np.array([1.0]), np.zeros(1))
    full = set()
    for speaker, average in averages.items():
        bass_db, middle_db = (
            level_offset_db(average.mean, flat, low_hz=low, high_hz=high)
            for low, high in (_SUB_RANGE_HZ, LEVEL_RANGE_HZ)
        )
        if middle_db > bass_db - _SUB_DB:
            full.add(speaker)
    return full or set(averages)


def _deviation_db(curves: Sequence[Curve], target: Curve, band: str, level_db: float) -> float:
    """Rms over positions and frequencies; one level for all positions."""
    low, high = DEVIATION_BANDS_HZ[band]
    each = [
        deviation_db(curve, target, low_hz=low, high_hz=high, offset_db=level_db)
        for curve in curves
    ]
    return float(np.sqrt(np.mean(np.square(each))))


@dataclass(frozen=True, eq=False)
class _Reading:
    """What is read of one response."""

    speaker: str
    curve: Curve
    octave_decay: DecayAnalysis
    decay: DecayAnalysis | None  # third octaves


def _read(response: ImpulseResponse, *, with_bands: bool) -> _Reading:
    return _Reading(
        response.speaker,
        smoothed_response(response),
        analyze_decay(response, bands_per_octave=1),
        analyze_decay(response) if with_bands else None,
    )


def _decay_s(found: Sequence[_Reading], octaves_hz: Sequence[float]) -> float:
    """Mean T20 over responses and octaves; what the data do not carry is left out."""
    values: list[float] = []
    for decay in (one.octave_decay for one in found):
        nearest = [int(np.argmin(np.abs(decay.bands_hz - f))) for f in octaves_hz]
        values += decay.t20_s[nearest].tolist()
    return _mean(values)


def _mean(values: Sequence[float]) -> float:
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else float("nan")
