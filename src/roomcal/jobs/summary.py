"""Before, predicted, verified: the few numbers that say what a correction did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.analyze.decay import analyze_decay
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
from roomcal.model.impulse_response import ImpulseResponse

_OFFSET_RANGE_HZ = (200.0, 8000.0)  # where a curve is levelled against its target


@dataclass(frozen=True)
class StageSummary:
    """One stage of a calibration: before, predicted or verified."""

    name: str
    deviation_db: Mapping[str, float]  # rms from the target per range, mean of the speakers
    bass_decay_s: float  # mean T20 of the octaves around 63 and 125 Hz; NaN if not to be had
    mid_decay_s: float  # mean T20 of the octaves 500 Hz to 2 kHz
    match_level_db: float  # level of the first speaker against the second; NaN without two
    match_rms_db: float  # rms of their difference about that level
    averages: Mapping[str, SpatialAverage]  # by speaker, levelled against nothing


def summarize(
    name: str, responses: Sequence[ImpulseResponse], targets: Mapping[str, Curve]
) -> StageSummary:
    """Summarize one stage.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
    targets : mapping of str to Curve
        By speaker; the level at which a target stands does not matter.
    """
    averages, deviations = {}, []
    for speaker in dict.fromkeys(r.speaker for r in responses):
        curves = [smoothed_response(r) for r in responses if r.speaker == speaker]
        averages[speaker] = spatial_average(curves, name=speaker)
        if speaker in targets:
            deviations.append(_deviations(curves, averages[speaker].mean, targets[speaker]))
    full_range = [a.mean for a in averages.values()][:2]
    match = pair_match(*full_range) if len(full_range) == 2 else None
    return StageSummary(
        name=name,
        deviation_db={
            band: float(np.mean([d[band] for d in deviations])) if deviations else float("nan")
            for band in DEVIATION_BANDS_HZ
        },
        bass_decay_s=_mean_decay_s(responses, (63.0, 125.0)),
        mid_decay_s=_mean_decay_s(responses, (500.0, 1000.0, 2000.0)),
        match_level_db=match.level_db if match else float("nan"),
        match_rms_db=match.rms_db if match else float("nan"),
        averages=averages,
    )


def _deviations(curves: Sequence[Curve], mean: Curve, target: Curve) -> dict[str, float]:
    """Rms over positions and frequencies, per range; one level for all positions."""
    low, high = _OFFSET_RANGE_HZ
    offset = level_offset_db(mean, target, low_hz=low, high_hz=high)
    result = {}
    for band, (low, high) in DEVIATION_BANDS_HZ.items():
        each = [
            deviation_db(curve, target, low_hz=low, high_hz=high, offset_db=offset)
            for curve in curves
        ]
        result[band] = float(np.sqrt(np.mean(np.square(each))))
    return result


def _mean_decay_s(responses: Sequence[ImpulseResponse], centres_hz: tuple[float, ...]) -> float:
    """Mean T20 over responses and octaves; what the data do not carry is left out."""
    values = []
    for response in responses:
        decay = analyze_decay(response, bands_per_octave=1)
        nearest = [int(np.argmin(np.abs(decay.bands_hz - centre))) for centre in centres_hz]
        values += [decay.t20_s[index] for index in nearest]
    finite = np.array(values)[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")
