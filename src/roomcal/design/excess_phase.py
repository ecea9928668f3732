"""Step 2: undo the phase that a loudspeaker adds beyond its level, within a pre-ringing budget.

Crossovers delay the low end of the direct sound against its high end. That is the same at every
position, so an average over positions keeps it and loses what the room adds at single ones.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.design.align import FADE_OUT_SHARE, AlignedSet
from roomcal.dsp.direct_sound import direct_spectrum, span_samples
from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.units import ComplexArray, FloatArray, db_from_power, log_grid_hz, log_ramp

# The direct sound is looked at for this many cycles: longer lets the room in.
CYCLES = 3.0
# The correction fades in and out over these frequencies. Below, the room's first reflections lie
# within the cycles, and what pre-rings is heard; above, centimetres decide the phase.
FADE_IN_HZ = (400.0, 1000.0)
FADE_OUT_HZ = (16000.0, 20000.0)
# The delay of the whole belongs to the distance: it is taken out of the phase in this band.
_DELAY_BAND_HZ = (1000.0, 8000.0)
# An inverted speaker stays inverted: its polarity is read here, below the crossover's turn.
_POLARITY_BAND_HZ = (100.0, 400.0)
# How far the correction may reach, octave by octave, in cycles: before the sound, backward
# masking hides it (Zwicker and Fastl, Psychoacoustics, 3rd ed., section 4.4: some 20 ms); after
# it, it is the room's business.
_BEFORE_CYCLES, _AFTER_CYCLES = 4.0, 6.0
_LEAST_BEFORE_S = 0.0005
_LOWEST_OCTAVE_HZ = 150.0
_LEAST_GAIN = 0.05  # of the windowed all-pass, before its level is made 1 again
# Phase differs between positions by more than this: nothing is corrected.
_LEAST_COHERENCE = 0.5
# Where the direct sound stands out of the end of the response by less, over half of this band, its
# phase is that of the noise: a ratio of 10 dB moves it by 1 / sqrt(2 * 10) = 0.22 rad. The end is
# looked at from this long after the arrival on, when a room has decayed by more.
LEAST_SNR_DB = 10.0
_HEARD_HZ = (400.0, 12000.0)
_END_S = 0.2
SMALLEST_BUDGET_S = 0.001  # less room before the sound than this corrects nothing


@dataclass(frozen=True, eq=False)
class ExcessPhase:
    """An all-pass correction.

    Attributes
    ----------
    spectrum : (n_fft // 2 + 1,) complex array
        Time 0 is the direct sound; what comes before wraps to the end.
    delay_s : float
        Greatest difference of the group delay that it takes out, between 500 Hz and 12 kHz.
    """

    spectrum: ComplexArray
    delay_s: float

    @property
    def note(self) -> str:
        """Say what was done."""
        return (
            f"phase of the direct sound corrected from {FADE_IN_HZ[0]:.0f} Hz up: "
            f"{1000.0 * self.delay_s:.2f} ms of group delay between its low and its high end"
        )


def excess_phase(
    aligned: AlignedSet, F: ComplexArray, *, budget_s: float, strength: float
) -> ExcessPhase | str:
    """Find the all-pass that turns the direct sound of all positions into minimum phase.

    Parameters
    ----------
    aligned : AlignedSet
    F : (n_fft // 2 + 1,) complex array
        The correction so far, of minimum phase.
    budget_s : float
        The correction reaches no farther before the direct sound.
    strength : float
        0: nothing, 1: all of the phase.

    Returns
    -------
    part : ExcessPhase or str
        The reason where the responses are too noisy to know the phase.
    """
    fs, n_fft = aligned.fs, aligned.n_fft
    n = span_samples(fs)
    f = scipy.fft.rfftfreq(n, 1.0 / fs)
    H = scipy.fft.rfft(aligned.h, n_fft, axis=-1) * F
    h = scipy.fft.irfft(H, n_fft, axis=-1)[:, : aligned.h.shape[1]]
    C = direct_spectrum(h, aligned.lead_samples, fs, n_fft=n, cycles=CYCLES)
    snr_db = _direct_snr_db(aligned, h, C, f)
    if snr_db < LEAST_SNR_DB:
        return (
            "phase of the direct sound left as it is: over half of its range it stands only "
            f"{snr_db:.0f} dB out of the noise; measure louder or longer"
        )
    mean = aligned.weights @ (C / minimum_phase_spectrum(np.abs(C)))
    below = (f > _POLARITY_BAND_HZ[0]) & (f < _POLARITY_BAND_HZ[1])
    mean *= 1.0 if float(np.sum(mean[below]).real) >= 0.0 else -1.0
    coherence = np.minimum(np.abs(mean), 1.0)
    phase = _without_delay(-np.unwrap(np.angle(mean)), f, coherence)
    high = min(1.0, 0.95 * aligned.measured_high_hz / FADE_OUT_HZ[1])
    low = min(1.0, _BEFORE_CYCLES / (budget_s * FADE_IN_HZ[0]))  # a longer run-up reaches lower
    share = log_ramp(f, (FADE_IN_HZ[0] * low, FADE_IN_HZ[1] * low)) * (
        1.0 - log_ramp(f, (FADE_OUT_HZ[0] * high, FADE_OUT_HZ[1] * high))
    )
    share *= np.clip((coherence - _LEAST_COHERENCE) / _LEAST_COHERENCE, 0.0, 1.0) ** 0.25
    wanted = 1.0 + share * (np.exp(1j * strength * phase) - 1.0)
    A = scipy.fft.rfft(_windowed(scipy.fft.irfft(wanted, n), fs, budget_s))
    # What the windows did to the level is undone by a minimum phase, which adds nothing before.
    A /= minimum_phase_spectrum(np.maximum(np.abs(A), _LEAST_GAIN))
    a = scipy.fft.irfft(A, n)
    long = np.zeros(n_fft)
    long[: n // 2] = a[: n // 2]
    long[n_fft - n // 2 :] = a[n // 2 :]
    heard = (f > 500.0) & (f < min(12000.0, 0.9 * aligned.measured_high_hz))
    group_delay_s = -np.gradient(np.unwrap(np.angle(A)), 2.0 * np.pi * f[1])[heard]
    low, top = np.percentile(group_delay_s, [2.0, 98.0])  # single bins say nothing
    return ExcessPhase(np.asarray(scipy.fft.rfft(long)), float(top - low))


def _direct_snr_db(aligned: AlignedSet, h: FloatArray, C: ComplexArray, f: FloatArray) -> float:
    """Median over an even share of octaves of direct sound re the end, both in the same cycles.

    Infinite where the responses are too short to show their noise.
    """
    n = span_samples(aligned.fs)
    lead = aligned.lead_samples
    length = min(round(aligned.shortest_s * aligned.fs), h.shape[1] - lead)
    end = lead + round((1.0 - FADE_OUT_SHARE) * length)
    if end - n // 2 - lead < _END_S * aligned.fs:
        return np.inf
    N = direct_spectrum(h[:, end - n : end], n // 2, aligned.fs, n_fft=n, cycles=CYCLES)
    direct, noise = aligned.weights @ np.abs(C) ** 2, aligned.weights @ np.abs(N) ** 2
    high_hz = min(_HEARD_HZ[1], 0.9 * aligned.measured_high_hz)
    at = np.searchsorted(f, log_grid_hz(_HEARD_HZ[0], high_hz, 24))
    return float(np.median(db_from_power(direct[at]) - db_from_power(noise[at])))


def _without_delay(phase: FloatArray, f: FloatArray, coherence: FloatArray) -> FloatArray:
    """Take the delay, and whole turns, out of a phase."""
    inside = (f > _DELAY_BAND_HZ[0]) & (f < min(_DELAY_BAND_HZ[1], 0.9 * f[-1]))
    slope, offset = np.polyfit(f[inside], phase[inside], 1, w=np.maximum(coherence[inside], 1e-6))
    return np.asarray(phase - slope * f - 2.0 * np.pi * np.round(offset / (2.0 * np.pi)))


def _windowed(a: FloatArray, fs: int, budget_s: float) -> FloatArray:
    """Limit an impulse around time 0, octave by octave, to so many cycles before and after."""
    n = a.size
    f = scipy.fft.rfftfreq(n, 1.0 / fs)
    A = scipy.fft.rfft(a)
    octave = np.log2(np.maximum(f, 1.0) / _LOWEST_OCTAVE_HZ)
    last = int(np.log2(0.5 * fs / _LOWEST_OCTAVE_HZ))
    octave = np.clip(octave, 0.0, last)
    y = np.zeros(n)
    for i in range(last + 1):
        f0 = _LOWEST_OCTAVE_HZ * 2.0**i
        part = scipy.fft.irfft(A * np.clip(1.0 - np.abs(octave - i), 0.0, 1.0), n)
        before = round(min(max(_BEFORE_CYCLES / f0, _LEAST_BEFORE_S), budget_s) * fs)
        after = round(_AFTER_CYCLES / f0 * fs)
        window = np.zeros(n)
        window[:after] = 0.5 + 0.5 * np.cos(np.pi * np.arange(after) / after)
        window[n - before :] = 0.5 - 0.5 * np.cos(np.pi * np.arange(before) / max(before, 1))
        y += part * window
    return y
