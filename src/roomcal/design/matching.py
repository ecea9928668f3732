"""Speakers matched to each other: equal level in the band they share, equal arrival."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.design.align import AlignedSet, band_power
from roomcal.design.grid import LEVEL, Band
from roomcal.dsp.arrival import arrival_crest, arrival_sample
from roomcal.dsp.delay import delay_samples
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, db_from_power, log_grid_hz

# A difference that no knob is set wrong for; beyond, the user is told to look at the speakers.
SUSPICIOUS_LEVEL_DB = 6.0
# Arrivals nearer than this are one: 7 mm of path, less than a head moves.
SAME_ARRIVAL_S = 20e-6
# Farther apart than this no two speakers of a room are (17 m).
MAX_DELAY_S = 0.050
# The direct sound is compared from this long before to this long after the arrival.
_DIRECT_S = (-0.001, 0.002)
_DIRECT_BAND_HZ = (1000.0, 8000.0)
# Where the comparison of waveforms disagrees with the arrivals by more, it caught a reflection.
_CREDIBLE_S = 0.0002
# The arrival is where the envelope first passes half of its peak. The envelope of noise passes
# k times its rms once in exp(k^2) independent values: at half of 8 in one of 2000 responses with
# half a second (4000 values) before the arrival.
_LEAST_CREST = 8.0


@dataclass(frozen=True)
class Match:
    """Gain and delay of every speaker, with what there is to say about each."""

    gain_db: Mapping[str, float]  # 0 or less
    delay_s: Mapping[str, float]  # 0 or more
    notes: Mapping[str, tuple[str, ...]]


def match_levels(
    sets: Sequence[AlignedSet], powers: Sequence[FloatArray], target: Curve
) -> tuple[dict[str, float], dict[str, tuple[str, ...]]]:
    """Turn the louder speakers down to the quietest, held against the target.

    Parameters
    ----------
    sets : sequence of AlignedSet
    powers : sequence of (n_positions, n_bins) float array
        Through the filters, at the level of the aligned responses.
    target : Curve
        A sub is held against its own part of the target, so that it joins the others at their
        level.

    Returns
    -------
    gain_db, notes : by speaker
    """
    shared = _shared_positions([s for s in sets if not s.is_sub] or list(sets))
    full = [s.band for s in sets if not s.is_sub]
    band = Band(LEVEL.low_hz, min((b.high_hz for b in full), default=LEVEL.high_hz))
    level_db = {}
    for s, power in zip(sets, powers, strict=True):
        own = s.band if s.is_sub else band
        f = log_grid_hz(own.low_hz, own.high_hz, 24)
        at = [i for i, p in enumerate(s.positions) if p in shared] or list(range(len(s.positions)))
        weights = s.weights[at] / s.weights[at].sum()
        measured_db = s.level_db[at] + db_from_power(band_power(power[at], s.bin_hz, own))
        level_db[s.speaker] = float(weights @ measured_db - np.mean(target.level_at(f)))
    quietest = min(level_db, key=lambda name: level_db[name])
    gain_db = {name: level_db[quietest] - level for name, level in level_db.items()}
    notes = {}
    for name, gain in gain_db.items():
        told = []
        if gain < -0.05:
            told.append(f"turned down by {-gain:.1f} dB to match {quietest}")
        if gain < -SUSPICIOUS_LEVEL_DB:
            told.append(
                f"{-gain:.1f} dB is much: set the level at the speakers themselves and measure "
                "again"
            )
        notes[name] = tuple(told)
    return gain_db, notes


def match_delays(
    responses: Mapping[str, Sequence[ImpulseResponse]],
    sets: Sequence[AlignedSet],
    *,
    main_position: str,
) -> tuple[dict[str, float], dict[str, tuple[str, ...]]]:
    """Delay the earlier speakers until all direct sounds arrive together at the main position.

    Parameters
    ----------
    responses : mapping of speaker to its responses
        As measured.
    sets : sequence of AlignedSet
        A sub is left alone: its delay belongs to its crossover.
    main_position : str

    Returns
    -------
    delay_s, notes : by speaker
    """
    delay_s = {s.speaker: 0.0 for s in sets}
    notes: dict[str, tuple[str, ...]] = {s.speaker: () for s in sets}
    names = [s.speaker for s in sets if not s.is_sub]
    for s in sets:
        if s.is_sub and names:
            notes[s.speaker] = ("its delay is left as it is: that belongs to its crossover",)
    if len(names) < 2:
        return delay_s, notes
    at = _common_clock({n: responses[n] for n in names}, main_position)
    if isinstance(at, str):
        return delay_s, notes | dict.fromkeys(names, (at,))
    drowned = [n for n, r in at.items() if arrival_crest(r.samples, r.fs) < _LEAST_CREST]
    if drowned:
        text = (
            f"delays are not matched: the direct sound of {', '.join(drowned)} does not stand out "
            "of the noise; measure louder or longer"
        )
        return delay_s, notes | dict.fromkeys(names, (text,))
    arrival_s = _arrivals(at)
    latest = max(arrival_s, key=lambda n: arrival_s[n])
    wanted = {n: arrival_s[latest] - arrival_s[n] for n in names}
    if max(wanted.values()) > MAX_DELAY_S:
        text = (
            f"delays are not matched: {1000.0 * max(wanted.values()):.0f} ms between speakers "
            "cannot be distance; look at the routing"
        )
        return delay_s, notes | dict.fromkeys(names, (text,))
    if max(wanted.values()) <= SAME_ARRIVAL_S:
        return delay_s, notes
    for n in names:
        if wanted[n] > 0.0:
            delay_s[n] = wanted[n]
            notes[n] = (f"delayed by {1000.0 * wanted[n]:.3f} ms to arrive with {latest}",)
    return delay_s, notes


def _shared_positions(sets: Sequence[AlignedSet]) -> set[str]:
    """Positions at which all of the speakers were measured."""
    return set.intersection(*(set(s.positions) for s in sets))


def _common_clock(
    responses: Mapping[str, Sequence[ImpulseResponse]], main_position: str
) -> dict[str, ImpulseResponse] | str:
    """One response a speaker from one position on one clock, or the reason why there is none."""
    found = {name: r for name, rs in responses.items() for r in rs if r.position == main_position}
    if len(found) < len(responses):
        missing = ", ".join(n for n in responses if n not in found)
        return f"delays are not matched: {missing} was not measured at {main_position}"
    kinds = {r.time_reference for r in found.values()}
    if kinds == {"none"}:
        return (
            "delays are not matched: the responses have no common time reference; measure with "
            "timing marks or a loopback cable"
        )
    if len(kinds) > 1:
        return "delays are not matched: the speakers were measured with different time references"
    return found


def _arrivals(at: Mapping[str, ImpulseResponse]) -> dict[str, float]:
    """Arrival of every speaker after its impulse left the output, in seconds.

    The envelope finds the direct sound; the waveform, against that of the first speaker, says to
    a fraction of a sample how much later it is.
    """
    index = {n: arrival_sample(r.samples, r.fs) for n, r in at.items()}
    names = list(at)
    first = names[0]
    reference, start_0 = _direct(at[first], index[first])
    arrival_s = {}
    for n in names:
        r = at[n]
        coarse = index[n] - index[first]
        x, start = _direct(r, index[n])
        fine = start - start_0 + _lag(reference, x, r.fs)
        later = fine if abs(fine - coarse) < _CREDIBLE_S * r.fs else coarse
        arrival_s[n] = (index[first] + later - r.time_zero) / r.fs
    return arrival_s


def _lag(reference: FloatArray, x: FloatArray, fs: int) -> float:
    """Delay of one direct sound behind another within their windows."""
    low_hz, high_hz = _DIRECT_BAND_HZ
    return delay_samples(reference, x, fs, low_hz=low_hz, high_hz=min(high_hz, 0.45 * fs))


def _direct(r: ImpulseResponse, arrival: float) -> tuple[FloatArray, int]:
    """Cut the direct sound out under a window; with the index at which the cut begins."""
    before, after = round(-_DIRECT_S[0] * r.fs), round(_DIRECT_S[1] * r.fs)
    start = int(np.floor(arrival)) - before
    u = np.arange(start, start + before + after) - arrival
    edge = 0.5 - 0.5 * np.cos(np.pi * np.clip(1.0 + u / before, 0.0, 1.0))
    edge *= 0.5 + 0.5 * np.cos(np.pi * np.clip(u / after, 0.0, 1.0))
    x = np.zeros(before + after)
    low, high = max(start, 0), min(start + x.size, r.samples.size)
    x[low - start : high - start] = r.samples[low:high]
    return x * edge, start
