"""When each frequency arrives: phase, what of it the level explains, and the delay of the rest."""

from dataclasses import dataclass

import numpy as np

from roomcal.analyze.response import HIGH_HZ, LOW_HZ, PER_OCTAVE, gate
from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.group_delay import PhaseSpectrum, phase_spectrum
from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.arrays import frozen_array
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import ComplexArray, FloatArray, log_grid_hz, power_from_db

# The window that shows the speaker and the first reflections, and lets the rest of the room go.
DEFAULT_CYCLES = 6.0
DELAY_SMOOTHING = 12  # windows per octave
# The excess delay of the treble is the distance: taken out, or its phase would turn and turn.
_TIME_BAND_HZ = (2000.0, 12000.0)
_LOUD_DB = 20.0  # below the loudest of that band: dips have delays of their own
_KEPT = 6.0  # times the longest window: what comes later, no window sees
_HEARD_DB = 50.0  # below the loudest
_CENTRINGS = 2  # a window that lies off the sound by 0.1 ms moves its delay by 1 us: once again
_ABSENT = 1e-4  # of the energy: a speaker without that band keeps its arrival as it is
_ARRAYS = (
    *("f_hz", "phase_deg", "minimum_phase_deg", "excess_phase_deg"),
    *("group_delay_s", "minimum_group_delay_s", "excess_group_delay_s"),
)


@dataclass(frozen=True, eq=False)
class PhaseResponse:
    """Phase and group delay of one response, re its direct sound.

    Attributes
    ----------
    f_hz : (n,) float array
    phase_deg, minimum_phase_deg, excess_phase_deg : (n,) float array
        Between -180 and 180. The minimum phase is that of the level; what is left is excess. All
        are NaN more than 50 dB below the loudest: noise has no phase.
    group_delay_s, minimum_group_delay_s, excess_group_delay_s : (n,) float array
        Smoothed, every frequency counting with its energy.
    cycles : float or None
        Window around the direct sound, in cycles of each frequency.
    """

    f_hz: FloatArray
    phase_deg: FloatArray
    minimum_phase_deg: FloatArray
    excess_phase_deg: FloatArray
    group_delay_s: FloatArray
    minimum_group_delay_s: FloatArray
    excess_group_delay_s: FloatArray
    cycles: float | None = DEFAULT_CYCLES

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))


def phase_response(
    response: ImpulseResponse,
    *,
    cycles: float | None = DEFAULT_CYCLES,
    smoothing: int = DELAY_SMOOTHING,
    per_octave: int = PER_OCTAVE,
) -> PhaseResponse:
    """Take the phase of one response apart, 20 Hz to 20 kHz.

    Parameters
    ----------
    response : ImpulseResponse
    cycles : float, optional
        Length of the window; None keeps the whole room.
    smoothing : int
        Of the group delay, in windows per octave.
    per_octave : int
        Points of the curves.

    Notes
    -----
    What is not minimum phase cannot be undone by a filter of minimum phase, the usual equaliser.
    """
    longest_s = None if cycles is None else _KEPT * cycles / LOW_HZ
    h, fs = gate(response, duration_s=longest_s), response.fs
    arrival = arrival_sample(h, fs)
    spectrum = phase_spectrum(h, fs, arrival=arrival, cycles=cycles)
    for _ in range(_CENTRINGS):
        arrival += _distance_s(spectrum) * fs
        spectrum = phase_spectrum(h, fs, arrival=arrival, cycles=cycles)
    f = log_grid_hz(LOW_HZ, min(HIGH_HZ, 0.49 * fs), per_octave)
    total, minimum = (_at(spectrum.f_hz, H, f) for H in (spectrum.H, spectrum.minimum))
    excess = _at(spectrum.f_hz, _allpass(spectrum), f)
    delay, least = (
        _smoothed_delay(spectrum, delay_s, f, smoothing)
        for delay_s in (spectrum.group_delay_s, spectrum.minimum_group_delay_s)
    )
    power = smoothed_power(np.abs(spectrum.H) ** 2, float(spectrum.f_hz[1]), f, smoothing)
    heard = power > power_from_db(-_HEARD_DB) * power.max()
    phases = (np.degrees(np.angle(H)) for H in (total, minimum, excess))
    delays = (delay, least, delay - least)
    phase, minimum_phase, excess_phase = (np.where(heard, y, np.nan) for y in phases)
    delay, least, late = (np.where(heard, y, np.nan) for y in delays)
    return PhaseResponse(f, phase, minimum_phase, excess_phase, delay, least, late, cycles)


def _distance_s(spectrum: PhaseSpectrum) -> float:
    """Median excess delay of what is loud between 2 and 12 kHz."""
    low, high = _TIME_BAND_HZ
    excess_s = spectrum.group_delay_s - spectrum.minimum_group_delay_s
    power = np.abs(spectrum.H) ** 2
    inside = (spectrum.f_hz >= low) & (spectrum.f_hz <= high)
    if power[inside].sum() <= _ABSENT * power.sum():
        return 0.0
    loud = power[inside] >= power_from_db(-_LOUD_DB) * power[inside].max()
    return float(np.median(excess_s[inside][loud]))


def _allpass(spectrum: PhaseSpectrum) -> ComplexArray:
    """Excess phase as a complex number of magnitude 1; 0 where the spectrum is empty."""
    ratio = spectrum.H * np.conj(spectrum.minimum)
    size = np.abs(ratio)
    return np.asarray(ratio / np.where(size > 0.0, size, 1.0))


def _at(grid_hz: FloatArray, H: ComplexArray, f_hz: FloatArray) -> ComplexArray:
    """Interpolate a complex spectrum."""
    return np.asarray(np.interp(f_hz, grid_hz, H.real) + 1j * np.interp(f_hz, grid_hz, H.imag))


def _smoothed_delay(
    spectrum: PhaseSpectrum, delay_s: FloatArray, f_hz: FloatArray, smoothing: int
) -> FloatArray:
    """Mean delay of the energy around each frequency."""
    power = np.where(np.isfinite(delay_s), np.abs(spectrum.H) ** 2, 0.0)
    weighted = power * np.nan_to_num(delay_s)
    bin_hz = float(spectrum.f_hz[1])
    energy = smoothed_power(power, bin_hz, f_hz, smoothing)
    total = smoothed_power(weighted, bin_hz, f_hz, smoothing)
    known = energy > 0.0
    return np.where(known, total / np.where(known, energy, 1.0), np.nan)
