"""What one speaker does now and did then: level, decay and reflections, with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from roomcal.analyze.decay import EQUIVALENT_TAKES, SPREAD, DecayAnalysis, analyze_decay
from roomcal.analyze.reflections import BAND_HZ, energy_time_curve
from roomcal.dsp.bands import bandwidth_hz
from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, band_centres_hz, db_from_power, speed_of_sound_m_s
from roomcal.verify.differences import LEAST_LEVEL_DB, LEAST_SNR_DB, noise_db, placement_db, snr_db
from roomcal.verify.significance import MeanDifference, mean_difference

Pair = tuple[ImpulseResponse, ImpulseResponse]  # then, now
Quantity = Literal["level", "decay", "reflections"]

LEVEL_RANGE_HZ = (30.0, 16000.0)
DECAY_RANGE_HZ = (63.0, 8000.0)
# Early sound in windows as wide as the ear parts roughly; ITU-R BS.1116 judges up to 15 ms.
WINDOWS_S = ((0.0007, 0.002), (0.002, 0.005), (0.005, 0.010), (0.010, 0.015), (0.015, 0.030))
PLACEMENT_M = 0.005  # of a microphone that is put back with care
# What all positions share from one day to the next: gains that warm up, a door, a person's coat.
_COMMON_LEVEL_DB = 0.05
_COMMON_DECAY = 0.01  # of the decay time
_COMMON_REFLECTIONS_DB = 0.1
_LEFT_WARMING = 0.0005  # of the scale of time: 0.3 K that its estimate leaves
_DECAY_NOISE = 0.02  # of a decay time, from noise at the knee, with the least range that counts
_DB_OF_POWER = 10.0 / np.log(10.0)  # dB of a small relative change of power
_OCTAVES, _THIRDS = 1, 3
_NOTCH_BANDS = 2  # to either side of a notch: what surrounds it


@dataclass(frozen=True)
class Change:
    """One number now and then.

    Attributes
    ----------
    at : float
        Mid-band frequency in Hz; of reflections, the start of the window in s.
    until : float
        End of the window in s; NaN for bands.
    a, b : float
        Then and now: dB re unity gain, s, or dB re the direct sound; mean over positions.
    difference, uncertainty : float
        b - a without what is no change of the room (a common gain), and half its 95 % interval.
    """

    quantity: Quantity
    at: float
    until: float
    a: float
    b: float
    difference: float
    uncertainty: float
    p_value: float
    n_positions: int
    significant: bool = False
    reason: str = ""  # why it was not compared


def level_changes(
    pairs: Sequence[Pair], *, gain_db: float, scale: float, moved_m: float
) -> list[Change]:
    """Compare one speaker's level per third octave.

    Parameters
    ----------
    pairs : sequence of (ImpulseResponse, ImpulseResponse)
        Then and now, one pair a position.
    gain_db : float
        Taken off: what changed for all speakers and bands alike.
    scale : float
        Of time (`air_scale`): bands of warmer air lie higher by as much.
    moved_m : float
        How far the microphone stands from where it stood.
    """
    f_hz = band_centres_hz(*LEVEL_RANGE_HZ, bands_per_octave=_THIRDS)
    f_hz = f_hz[f_hz < 0.4 * min(r.fs for pair in pairs for r in pair)]
    then = np.array([_levels_db(a, f_hz) for a, _ in pairs])
    now = np.array([_levels_db(b, f_hz * (1.0 - scale)) for _, b in pairs])
    warmed = np.array([_levels_db(a, f_hz * (1.0 + _LEFT_WARMING)) for a, _ in pairs]) - then
    audible = then > then.max(axis=1, keepdims=True) + LEAST_LEVEL_DB
    for k, pair in enumerate(pairs):
        for response in pair:
            audible[k] &= snr_db(response, f_hz) > LEAST_SNR_DB
    noise = np.array([np.hypot(noise_db(a, f_hz), noise_db(b, f_hz)) for a, b in pairs])
    noise = np.sqrt(np.mean(noise**2, axis=0))
    placement = placement_db(f_hz, moved_m) * np.mean(_notch_factor(then), axis=0)
    found = mean_difference(
        np.where(audible, now - then - gain_db, np.nan),
        np.hypot(placement, noise),
        common_std=np.hypot(_COMMON_LEVEL_DB, np.abs(warmed.mean(axis=0))),
        least_share=1.0,  # a speaker that one position does not hear, the others hear badly
    )
    reason = "the speaker does not play here, or noise hides it"
    return _changes("level", f_hz, found, then=then, now=now, reason=reason)


def decay_changes(pairs: Sequence[Pair], *, moved_m: float) -> list[Change]:
    """Compare one speaker's decay times per octave: T30, or T20 where that is all there is."""
    decays = [tuple(analyze_decay(r, bands_per_octave=_OCTAVES) for r in pair) for pair in pairs]
    n_bands = min(d.bands_hz.size for pair in decays for d in pair)
    f_hz = decays[0][0].bands_hz[:n_bands]
    inside = (f_hz > 0.9 * DECAY_RANGE_HZ[0]) & (f_hz < 1.1 * DECAY_RANGE_HZ[1])
    then, now = (np.array([_times_s(pair, side)[:n_bands] for pair in decays]) for side in (0, 1))
    ratio = np.log(now / then)
    width = np.array([bandwidth_hz(f, _OCTAVES) for f in f_hz])
    known = np.isfinite(ratio)
    then, now = (np.where(known, x, np.nan) for x in (then, now))
    typical_s = np.exp(_column_mean(np.log(then)))
    # Two unlike places differ by this much; two that are near, by the part of it that is new.
    factor, averaging = SPREAD["t20"]
    takes = 1.0 + averaging / EQUIVALENT_TAKES
    apart = factor * np.sqrt(takes / np.maximum(width * typical_s, 1e-3))
    new = np.sqrt(2.0 * (1.0 - np.sinc(_kd(f_hz, moved_m) / np.pi) ** 2))
    found = mean_difference(
        ratio, np.hypot(apart * new, _DECAY_NOISE), common_std=np.full(n_bands, _COMMON_DECAY)
    )
    reasons = _reasons(decays, n_bands)
    means = np.log(then), np.log(now)
    changes = _changes("decay", f_hz, found, then=means[0], now=means[1], reason="")
    return [
        _in_seconds(change, reason=reason)
        for change, reason, wanted in zip(changes, reasons, inside, strict=True)
        if wanted
    ]


def reflection_changes(pairs: Sequence[Pair], *, moved_m: float) -> list[Change]:
    """Compare the energy of one speaker's early reflections re its direct sound, in windows."""
    then, now = (np.array([_windows_db(pair[side]) for pair in pairs]) for side in (0, 1))
    start = np.array([w[0] for w in WINDOWS_S])
    until = np.array([w[1] for w in WINDOWS_S])
    # Energy within a short window: each 1 / bandwidth is one more independent value.
    values = np.maximum((until - start) * (BAND_HZ[1] - BAND_HZ[0]), 1.0)
    middle_hz = np.array([np.sqrt(BAND_HZ[0] * BAND_HZ[1])])
    new = np.sqrt(2.0 * (1.0 - np.sinc(_kd(middle_hz, moved_m) / np.pi) ** 2))
    found = mean_difference(
        now - then,
        _DB_OF_POWER * new / np.sqrt(values),
        common_std=np.full(start.size, _COMMON_REFLECTIONS_DB),
    )
    reason = "the speaker does not play 1-8 kHz, or noise hides it"
    return _changes("reflections", start, found, then=then, now=now, reason=reason, until=until)


def _levels_db(response: ImpulseResponse, f_hz: FloatArray) -> FloatArray:
    """Level per third octave, (n_bands,)."""
    power = np.abs(response.spectrum()) ** 2
    bin_hz = response.fs / response.samples.size
    return db_from_power(smoothed_power(power, bin_hz, f_hz, _THIRDS))


def _notch_factor(level_db: FloatArray) -> FloatArray:
    """How much more a place matters in a notch, where the sound from all sides cancels out.

    The same small pressure that a step adds is a larger part of less: (n_positions, n_bands), from
    the level re the mean of the neighbouring bands; at least 1.
    """
    power = 10.0 ** (level_db / 10.0)
    reach = _NOTCH_BANDS
    padded = np.pad(power, ((0, 0), (reach, reach)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
    return np.sqrt(np.maximum(windows.mean(axis=-1) / power, 1.0))


def _times_s(pair: tuple[DecayAnalysis, ...], side: int) -> FloatArray:
    """T30 where then and now have it, else T20, (n_bands,)."""
    n = min(d.bands_hz.size for d in pair)
    both = np.all([np.isfinite(d.t30_s[:n]) for d in pair], axis=0)
    return np.where(both, pair[side].t30_s[:n], pair[side].t20_s[:n])


def _reasons(decays: Sequence[tuple[DecayAnalysis, ...]], n_bands: int) -> list[str]:
    """Tell why a band has no decay time, from the first response that has none."""
    texts = []
    for k in range(n_bands):
        why = [d.reason[k] for pair in decays for d in pair if np.isnan(d.t20_s[k])]
        texts.append(next((text for text in why if text), ""))
    return texts


def _windows_db(response: ImpulseResponse) -> FloatArray:
    """Energy of each window re that of the direct sound, (n_windows,); NaN without treble."""
    if np.median(snr_db(response, np.geomspace(*BAND_HZ, 7))) < LEAST_SNR_DB:
        return np.full(len(WINDOWS_S), np.nan)
    curve = energy_time_curve(response)
    energy = 10.0 ** (curve.level_db / 10.0)
    direct = energy[np.abs(curve.t_s) < WINDOWS_S[0][0]].sum()
    if not direct > 0.0 or curve.level_db.max() < LEAST_LEVEL_DB:
        return np.full(len(WINDOWS_S), np.nan)
    within = [energy[(curve.t_s >= low) & (curve.t_s < high)].sum() for low, high in WINDOWS_S]
    return db_from_power(np.array(within) / direct)


def _kd(f_hz: FloatArray, moved_m: float) -> FloatArray:
    """Wavenumber times distance."""
    return 2.0 * np.pi * f_hz / speed_of_sound_m_s(20.0) * max(moved_m, PLACEMENT_M)


def _changes(
    quantity: Quantity,
    at: FloatArray,
    found: MeanDifference,
    *,
    then: FloatArray,
    now: FloatArray,
    reason: str,
    until: FloatArray | None = None,
) -> list[Change]:
    """One change a band or window."""
    means = [_column_mean(x) for x in (then, now)]
    return [
        Change(
            quantity,
            float(at[k]),
            float("nan") if until is None else float(until[k]),
            float(means[0][k]),
            float(means[1][k]),
            float(found.mean[k]),
            float(found.half_width[k]),
            float(found.p_value[k]),
            int(found.n_positions[k]),
            reason="" if np.isfinite(found.mean[k]) else reason,
        )
        for k in range(at.size)
    ]


def _in_seconds(change: Change, *, reason: str) -> Change:
    """Turn the logarithm of a ratio of decay times into seconds."""
    known = np.isfinite(change.difference)
    a_s, b_s = (float(np.exp(x)) if known else float("nan") for x in (change.a, change.b))
    return Change(
        change.quantity,
        change.at,
        change.until,
        a_s,
        b_s,
        b_s - a_s,
        b_s * change.uncertainty,
        change.p_value,
        change.n_positions,
        reason="" if known else reason or "too few positions have it",
    )


def _column_mean(rows: FloatArray) -> FloatArray:
    """Mean over positions of what is known, NaN where nothing is."""
    known = np.isfinite(rows)
    n = known.sum(axis=0)
    return np.where(n > 0, np.where(known, rows, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
