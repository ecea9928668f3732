"""Mains and a sub as one speaker: crossover, delay, polarity and level from what was measured.

The sum at every position decides. A crossover that looks right on paper may cancel at the seat,
because sub and main stand at different distances and turn the phase differently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft

from roomcal.design.align import AlignedSet, band_power
from roomcal.design.matching import SUSPICIOUS_LEVEL_DB
from roomcal.design.rolloff import find_roll_off
from roomcal.dsp.rate import at_rate
from roomcal.errors import InputError
from roomcal.model.curve import Curve
from roomcal.model.filter_bank import Crossover
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import (
    ComplexArray,
    FloatArray,
    db_from_power,
    frequency_text,
    log_grid_hz,
    ratio_from_db,
)

# Crossovers that are tried. Linkwitz-Riley: both halves are -6 dB and in phase at the crossover.
FREQUENCIES_HZ = log_grid_hz(50.0, 140.0, 6)
SLOPES_DB_PER_OCTAVE = (24, 48)
# The sub may be later or earlier by this much; steps are a fortieth of a period at 100 Hz.
MAX_DELAY_S = 0.012
_DELAY_STEP_S = 0.00025
# In a room half a dozen delays, a period apart and with either polarity, add up nearly alike, and
# only one of them lets sub and main begin together: half a period away from where their envelopes
# agree costs so much more, and so does the longest delay.
_AWAY_COST, _LATE_COST = 0.2, 0.2
_ENVELOPE_OCTAVES = 1.0  # to both sides of the crossover
_LONGEST_S = 0.020  # that envelopes are compared at
# The sum is looked at from this share of the crossover to this multiple.
_AROUND = (0.4, 2.5)
_GRID_HZ = log_grid_hz(20.0, 350.0, 24)
# A dip counts this much more than a peak: a filter can cut what is there.
_DIP_WEIGHT = 3.0
# A sub this much louder or quieter than its mains is refused: what is muted must not be raised by
# what it is missing, for someone will turn it up again.
MOST_LEVEL_DB = 20.0
# A main is crossed at least this far above its own corner.
_ABOVE_CORNER = 1.15


@dataclass(frozen=True, eq=False)
class SubJoin:
    """How a sub joins the mains, and how well.

    Attributes
    ----------
    crossover : Crossover
    sub_delay_s, main_delay_s : float
        One of them is 0.
    worst_dip_db : float
        Deepest dip of the sum below the louder of both halves, around the crossover, over all
        positions; and `without_db` the same without delay and with the polarity as it is wired.
    """

    sub: str
    crossover: Crossover
    gain_db: float
    sub_delay_s: float
    main_delay_s: float
    inverted: bool
    worst_dip_db: float
    without_db: float

    @property
    def note(self) -> str:
        """Say what was chosen."""
        who, delay_s = (
            (self.sub, self.sub_delay_s)
            if self.main_delay_s == 0.0
            else ("the mains", self.main_delay_s)
        )
        much = ""
        if abs(self.gain_db) > SUSPICIOUS_LEVEL_DB:
            much = (
                f"; {abs(self.gain_db):.1f} dB is much: set the level at {self.sub} itself and "
                "measure again"
            )
        polarity = "inverted" if self.inverted else "not inverted"
        return (
            f"crossed to {self.sub} at {frequency_text(self.crossover.f_hz)}, "
            f"{self.crossover.slope_db_per_octave} dB per octave; {who} delayed by "
            f"{1000.0 * delay_s:.2f} ms, {self.sub} {polarity}, {self.gain_db:+.1f} dB; "
            f"the sum falls at most {-self.worst_dip_db:.1f} dB below its "
            f"louder half at any position (as wired: {-self.without_db:.1f} dB)" + much
        )


def join_sub(
    mains: Mapping[str, Sequence[ImpulseResponse]],
    sub: Sequence[ImpulseResponse],
    sets: Sequence[AlignedSet],
    target: Curve,
    *,
    crossover_hz: float | None,
    most_main_delay_s: float,
    match_level: bool = True,
) -> SubJoin | str:
    """Choose the crossover, or say why there is none.

    Parameters
    ----------
    mains : mapping of speaker to its responses
    sub : sequence of ImpulseResponse
    sets : sequence of AlignedSet
        Of the mains and the sub.
    target : Curve
    crossover_hz : float or None
        None: the best of those that the mains can play.
    most_main_delay_s : float
        The mains are delayed by no more.
    match_level : bool
        Bring the sub to the level of the mains.

    Raises
    ------
    InputError
        RC-315 when the sub is so much quieter or louder that it cannot be meant.
    """
    positions = [r.position for r in sub]
    for rs in mains.values():
        positions = [p for p in positions if p in {r.position for r in rs}]
    if not positions:
        return f"{sub[0].speaker} is not joined: it was measured at no position of the mains"
    everything = [r for rs in (*mains.values(), sub) for r in rs]
    kinds = {r.time_reference for r in everything}
    if "none" in kinds or len(kinds) > 1:
        return (
            f"{sub[0].speaker} is not joined: without a common time reference its phase against "
            "the mains is not known; measure with timing marks or a loopback cable"
        )
    by_name = {s.speaker: s for s in sets}
    f = _GRID_HZ
    M = np.array([[_spectrum(r, f) for r in _at(rs, positions)] for rs in mains.values()])
    S = np.array([_spectrum(r, f) for r in _at(sub, positions)])
    gain_db = _level_match_db(by_name, list(mains), sub[0].speaker, target) if match_level else 0.0
    if abs(gain_db) > MOST_LEVEL_DB:
        raise InputError(
            "RC-315",
            f"{sub[0].speaker} plays {abs(gain_db):.0f} dB "
            f"{'quieter' if gain_db > 0.0 else 'louder'} than {', '.join(mains)}",
            hint="see whether it is on, set its level and measure again; or leave levels as they "
            "are with --no-level-match",
            gain_db=round(gain_db, 1),
        )
    S = S * ratio_from_db(gain_db)
    lowest = _lowest_crossover_hz([by_name[n] for n in mains])
    tried_hz = (
        [crossover_hz] if crossover_hz else [x for x in FREQUENCIES_HZ if x >= lowest] or [lowest]
    )
    shape_db = target.level_at(f)
    best: tuple[float, SubJoin] | None = None
    steps = round(MAX_DELAY_S / _DELAY_STEP_S)
    delays_s = _DELAY_STEP_S * np.arange(-steps, steps + 1)
    delays_s = delays_s[delays_s >= -most_main_delay_s - 1e-9]
    if not delays_s.size:
        delays_s = np.zeros(1)
    turn = np.exp(-2j * np.pi * np.outer(delays_s, f))
    for f0 in tried_hz:
        for slope in SLOPES_DB_PER_OCTAVE:
            crossover = Crossover(float(f0), slope)
            high, low = crossover_spectra(crossover, f)
            inside = (f >= _AROUND[0] * f0) & (f <= _AROUND[1] * f0)
            periods = (delays_s - _together_s(M, S, f, f0)) * f0
            doubt = 1.0 + _AWAY_COST * (2.0 * periods) ** 2
            doubt += _LATE_COST * (delays_s / MAX_DELAY_S) ** 2
            for sign in (1.0, -1.0):
                a = (M * high)[:, :, np.newaxis]
                b = sign * (S * low)[:, np.newaxis] * turn
                total_db = db_from_power(np.abs(a + b[np.newaxis]) ** 2)[..., inside]
                off_db = total_db - shape_db[inside]
                off_db -= np.median(off_db, axis=-1, keepdims=True)
                cost = np.mean(np.where(off_db < 0.0, _DIP_WEIGHT, 1.0) * off_db**2, axis=(1, 3))
                cost = cost.mean(axis=0) * doubt
                k = int(np.argmin(cost))
                if best is None or cost[k] < best[0]:
                    dip_db = _worst_dip_db(a[:, :, 0], b[:, k], inside)
                    plain_db = _worst_dip_db(a[:, :, 0], S * low, inside)
                    found = SubJoin(
                        sub=sub[0].speaker,
                        crossover=crossover,
                        gain_db=gain_db,
                        sub_delay_s=max(float(delays_s[k]), 0.0),
                        main_delay_s=max(float(-delays_s[k]), 0.0),
                        inverted=sign < 0.0,
                        worst_dip_db=dip_db,
                        without_db=plain_db,
                    )
                    best = (float(cost[k]), found)
    return best[1] if best is not None else f"{sub[0].speaker} is not joined: nothing to try"


def crossover_spectra(crossover: Crossover, f_hz: FloatArray) -> tuple[ComplexArray, ComplexArray]:
    """High-pass and low-pass of a Linkwitz-Riley crossover, (n,) each.

    Notes
    -----
    A Butterworth filter of half the order, squared (Linkwitz, J. Audio Eng. Soc. 24(1), 1976).
    """
    order = crossover.slope_db_per_octave // 12
    s = 1j * f_hz / crossover.f_hz
    k = np.arange(1, order + 1)
    poles = np.exp(1j * np.pi * (2.0 * k + order - 1.0) / (2.0 * order))
    B = np.prod([1.0 / (s - p) for p in poles], axis=0)
    low = B**2
    return low * s ** (2 * order), low


def crossover_taps(crossover: Crossover, fs: int, n_taps: int) -> tuple[FloatArray, FloatArray]:
    """Impulse responses of both halves, (n_taps,) each."""
    n_fft = 1 << int(np.ceil(np.log2(max(2 * n_taps, fs))))
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    high, low = crossover_spectra(crossover, f)
    # The edge at half the sample rate would ring: the high-pass is a pulse less what it takes out.
    rest = scipy.fft.irfft((1.0 - high) * _edge(f, fs), n_fft)
    pulse = np.zeros(n_taps)
    pulse[0] = 1.0
    return pulse - rest[:n_taps], scipy.fft.irfft(low, n_fft)[:n_taps]


def joined_responses(
    mains: Mapping[str, Sequence[ImpulseResponse]],
    sub: Sequence[ImpulseResponse],
    join: SubJoin,
    fs: int,
) -> dict[str, list[ImpulseResponse]]:
    """Add to each main its part of the sub, at the rate of the design."""
    by_position = {r.position: r for r in sub}
    sign = -1.0 if join.inverted else 1.0
    joined: dict[str, list[ImpulseResponse]] = {}
    for name, rs in mains.items():
        joined[name] = []
        for r in rs:
            if r.position not in by_position:
                continue
            s = by_position[r.position]
            x, y = (at_rate(one.samples, one.fs, fs) for one in (r, s))
            # On the clock of the main: what the sub's index is ahead of it.
            ahead_s = r.time_zero / r.fs - s.time_zero / s.fs
            n = max(x.size, y.size) + round((MAX_DELAY_S + abs(ahead_s) + 0.05) * fs)
            n_fft = scipy.fft.next_fast_len(2 * n, real=True)
            f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
            high, low = crossover_spectra(join.crossover, f)
            low = low * sign * ratio_from_db(join.gain_db)
            X = scipy.fft.rfft(x, n_fft) * high * _late(f, join.main_delay_s)
            X += scipy.fft.rfft(y, n_fft) * low * _late(f, join.sub_delay_s + ahead_s)
            total = scipy.fft.irfft(X, n_fft)[:n]
            joined[name].append(replace(r, samples=total, fs=fs, time_zero=r.time_zero * fs / r.fs))
    return joined


def _at(rs: Sequence[ImpulseResponse], positions: Sequence[str]) -> list[ImpulseResponse]:
    by_position = {r.position: r for r in rs}
    return [by_position[p] for p in positions]


def _spectrum(r: ImpulseResponse, f_hz: FloatArray) -> ComplexArray:
    """Transfer function at a few low frequencies, time zero as time 0."""
    n_fft = 1 << int(np.ceil(np.log2(max(r.samples.size, r.fs))))
    H = scipy.fft.rfft(r.samples, n_fft)
    bins = np.round(f_hz * n_fft / r.fs).astype(np.intp)
    return np.asarray(H[bins] * np.exp(2j * np.pi * bins * r.time_zero / n_fft))


def _late(f: FloatArray, delay_s: float) -> ComplexArray:
    return np.asarray(np.exp(-2j * np.pi * f * delay_s))


def _edge(f: FloatArray, fs: int) -> FloatArray:
    """1 up to a fifth of the sample rate, fading to 0 at two fifths."""
    u = np.clip((f / fs - 0.2) / 0.2, 0.0, 1.0)
    return 0.5 + 0.5 * np.cos(np.pi * u)


def _level_match_db(
    sets: Mapping[str, AlignedSet], mains: Sequence[str], sub: str, target: Curve
) -> float:
    """Gain of the sub that brings its band to the level of the mains, both against the target."""

    def level_db(s: AlignedSet) -> float:
        f = log_grid_hz(s.band.low_hz, s.band.high_hz, 24)
        own_db = s.level_db + db_from_power(band_power(s.power, s.bin_hz, s.band))
        return float(s.weights @ own_db - np.mean(target.level_at(f)))

    return float(np.mean([level_db(sets[n]) for n in mains])) - level_db(sets[sub])


def _lowest_crossover_hz(mains: Sequence[AlignedSet]) -> float:
    """Crossover below which a main would have to play under its own corner."""
    corners = [find_roll_off(s.power, s.bin_hz, weights=s.weights) for s in mains]
    lowest = max((c.corner_hz for c in corners if c is not None), default=0.0)
    return min(_ABOVE_CORNER * lowest, float(FREQUENCIES_HZ[-1]))


def _together_s(M: ComplexArray, S: ComplexArray, f_hz: FloatArray, f0: float) -> float:
    """Delay of the sub at which its envelope around the crossover agrees with that of the mains.

    The phase alone decides (Knapp and Carter, IEEE Trans. ASSP 24(4), 1976: phase transform), so
    that no mode outweighs the others.
    """
    near = np.abs(np.log2(f_hz / f0)) <= _ENVELOPE_OCTAVES
    phase = (M * np.conj(S))[..., near]
    phase /= np.maximum(np.abs(phase), np.finfo(np.float64).tiny)
    delays_s = np.arange(-_LONGEST_S, _LONGEST_S, _DELAY_STEP_S)
    turn = np.exp(2j * np.pi * np.outer(f_hz[near], delays_s))
    envelope = np.abs((phase * f_hz[near]) @ turn)  # a step of the grid is as wide as it is high
    return float(delays_s[np.argmax(envelope.mean(axis=(0, 1)))])


def _worst_dip_db(a: ComplexArray, b: ComplexArray, inside: np.ndarray) -> float:
    """Deepest fall of a sum below the louder of its parts, smoothed over a sixth of an octave."""
    together, louder = np.abs(a + b) ** 2, np.maximum(np.abs(a) ** 2, np.abs(b) ** 2)
    kernel = np.ones(4) / 4.0
    ratio = [
        np.convolve(t, kernel, mode="valid") / np.convolve(m, kernel, mode="valid")
        for t, m in zip(
            together[..., inside].reshape(-1, int(inside.sum())),
            louder[..., inside].reshape(-1, int(inside.sum())),
            strict=True,
        )
    ]
    return float(db_from_power(np.min(ratio)))
