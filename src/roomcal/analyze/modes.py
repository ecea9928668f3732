"""Which standing waves the room has below its Schroeder frequency: frequency, Q, decay, level.

One mode is heard at every position and from every speaker with the same frequency and damping,
only its strength differs: all responses are fitted together. Octave bands cannot do this, since
one band holds several modes, or none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from roomcal.analyze.arrival import arrival_index
from roomcal.dsp.poles import CORE_HZ, EDGE_HZ, all_poles, amplitudes, shared_poles, subband
from roomcal.model.arrays import frozen_array
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import ComplexArray, FloatArray, db_from_ratio, speed_of_sound_m_s

LOW_HZ, HIGH_HZ = 20.0, 200.0  # range that is searched; small rooms have no Schroeder limit below
_START_S = 0.020  # after the direct sound: the subband filter has swallowed it
_LONGEST_S = 0.8  # of decay that is fitted: modes of 1 s have fallen by 50 dB
_SHORTEST_S = 0.25
_BEFORE_S, _FRAME_S = 0.1, 2.0  # kept before the direct sound; all frames have bins of 0.5 Hz
_END_FADE = 1.0 / 16.0  # of a response: what deconvolution fades out
LEAST_Q = 3.0  # below, it is a speaker's own corner and not a wave of the room
# Below the strongest mode: what is heard nowhere within this range is a trace of the filters.
_AUDIBLE_DB = 60.0
_LEVEL_ORDER = 0.7  # of the longest stretch: enough poles for all that is there
_SPEED_SPREAD = 0.02  # 0 to 30 degrees Celsius about 15, and walls that give way
_TO_T60 = 3.0 * np.log(10.0)  # decay time times the amplitude's damping


@dataclass(frozen=True, eq=False)
class Mode:
    """One standing wave.

    Attributes
    ----------
    level_db : (n_responses,) float array
        Strength of its resonance at its frequency in each response, in dB re unity gain.
    """

    f_hz: float
    t60_s: float
    q: float
    level_db: FloatArray
    t60_std_s: float  # standard deviation among the model orders
    numbers: tuple[int, int, int] | None = None  # half waves along x, y, z; None: not known
    box_hz: float = float("nan")  # where a rigid box of the room's size has them, at 20 degrees

    def __post_init__(self) -> None:
        object.__setattr__(self, "level_db", frozen_array(self.level_db, ndim=1, name="level_db"))

    @property
    def bandwidth_hz(self) -> float:
        """Width of the resonance 3 dB below its peak."""
        return self.f_hz / self.q


@dataclass(frozen=True, eq=False)
class RoomModes:
    """The modes of a room, from low to high."""

    modes: tuple[Mode, ...]
    reason: str = ""  # why there are none
    schroeder_hz: float = float("nan")  # known with the room's dimensions


def fit_modes(
    responses: Sequence[ImpulseResponse],
    *,
    size_m: tuple[float, float, float] | None = None,
    low_hz: float = LOW_HZ,
    high_hz: float = HIGH_HZ,
) -> RoomModes:
    """Fit the modes that all responses of one room share.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
        Any speakers and positions of one room; several find what one alone misses.
    size_m : (x, y, z), optional
        Of a room that is about a box: names each mode's half waves, and leaves out what lies above
        the Schroeder frequency.
    low_hz, high_hz : float

    Notes
    -----
    A mode is reported when neighbouring model orders agree on it; one that no speaker drives at
    any position is not. Q = pi f T60 / (3 ln 10) (Kuttruff, Room Acoustics, 6th ed., section 3.4).
    """
    frames = [_frame(response) for response in responses]
    duration_s = min((length for _, length in frames), default=0.0)
    if duration_s < _SHORTEST_S:
        return RoomModes((), f"{_SHORTEST_S:g} s of decay are needed, have {duration_s:.2f} s")
    modes: list[Mode] = []
    for centre in np.arange(low_hz + 0.5 * CORE_HZ, high_hz, CORE_HZ):
        modes += _modes_around(frames, responses, float(centre), duration_s)
    least_db = max((m.level_db.max() for m in modes), default=0.0) - _AUDIBLE_DB
    modes = sorted(
        (m for m in modes if low_hz <= m.f_hz <= high_hz and m.level_db.max() > least_db),
        key=lambda m: m.f_hz,
    )
    if not modes:
        return RoomModes((), "no resonance stands out of the noise")
    if size_m is None:
        return RoomModes(tuple(modes))
    limit_hz = schroeder_hz(float(np.median([m.t60_s for m in modes])), float(np.prod(size_m)))
    below = [m for m in modes if m.f_hz <= limit_hz]
    return RoomModes(name_modes(below, size_m), schroeder_hz=limit_hz)


def schroeder_hz(reverberation_s: float, volume_m3: float) -> float:
    """Frequency above which modes overlap threefold: 2000 sqrt(T / V) (Kuttruff, eq. 3.44)."""
    return float(2000.0 * np.sqrt(reverberation_s / volume_m3))


def name_modes(modes: Sequence[Mode], size_m: tuple[float, float, float]) -> tuple[Mode, ...]:
    """Give each mode the half waves of the nearest mode of a rigid box that no other is nearer to.

    A mode more than half its bandwidth and 2 % away from every one of the box stays unnamed.
    """
    top_hz = max((m.f_hz for m in modes), default=0.0) * 1.1
    c = speed_of_sound_m_s(20.0)
    counts = [range(int(2.0 * length * top_hz / c) + 1) for length in size_m]
    box = {
        (x, y, z): 0.5 * c * float(np.linalg.norm(np.array((x, y, z)) / np.array(size_m)))
        for x in counts[0]
        for y in counts[1]
        for z in counts[2]
        if x or y or z
    }
    near = sorted(
        (abs(mode.f_hz - f), i, numbers)
        for i, mode in enumerate(modes)
        for numbers, f in box.items()
        if abs(mode.f_hz - f) < 0.5 * mode.bandwidth_hz + _SPEED_SPREAD * mode.f_hz
    )
    given: dict[int, tuple[int, int, int]] = {}
    for _, i, numbers in near:
        if i not in given and numbers not in given.values():
            given[i] = numbers
    return tuple(
        replace(m, numbers=given[i], box_hz=box[given[i]]) if i in given else m
        for i, m in enumerate(modes)
    )


def _frame(response: ImpulseResponse) -> tuple[FloatArray, float]:
    """Response from shortly before its direct sound, padded to `_FRAME_S`; usable decay in s."""
    fs = response.fs
    arrival = round(arrival_index(response))
    first = max(arrival - round(_BEFORE_S * fs), 0)
    frame = np.zeros(round((_BEFORE_S + _FRAME_S) * fs))
    # Always `_BEFORE_S` between the start of the frame and the direct sound.
    lead = round(_BEFORE_S * fs) - (arrival - first)
    part = response.samples[first : first + round(_FRAME_S * fs)]
    frame[lead : lead + part.size] = part[: frame.size - lead]
    end_s = min(response.samples.size * (1.0 - _END_FADE), first + frame.size) / fs
    usable_s = end_s - arrival / fs - _START_S - 1.0 / EDGE_HZ
    return frame, min(usable_s, _LONGEST_S)


def _modes_around(
    frames: Sequence[tuple[FloatArray, float]],
    responses: Sequence[ImpulseResponse],
    centre_hz: float,
    duration_s: float,
) -> list[Mode]:
    """Modes within the core of one subband."""
    bands = [subband(h, r.fs, centre_hz) for (h, _), r in zip(frames, responses, strict=True)]
    rate = bands[0][1]
    first = round((_BEFORE_S + _START_S) * rate)
    start_s = first / rate - _BEFORE_S
    decays = np.array([y[first : first + int(duration_s * rate)] for y, _ in bands])
    strength = np.sqrt(np.mean(np.abs(decays) ** 2, axis=1))
    if not (strength > 0.0).any():
        return []
    heard = strength > 0.0
    alike = decays[heard] / strength[heard, None]
    turn = 2j * np.pi * centre_hz
    found = [p for p in shared_poles(alike, rate) if abs(p.s.imag) <= np.pi * CORE_HZ]
    found = [p for p in found if _q(p.s + turn) >= LEAST_Q]
    everything = all_poles(alike, rate, int(_LEVEL_ORDER * decays.shape[1] / 2))
    modes = []
    for pole in found:
        others = _others(everything, pole.s, [p.s for p in found])
        levels = [
            _level_db(decay, rate, np.concatenate([[pole.s], others]), response.fs, start_s=start_s)
            for decay, response in zip(decays, responses, strict=True)
        ]
        s = pole.s + turn
        t60 = _TO_T60 / -s.real
        modes.append(Mode(abs(s) / (2.0 * np.pi), t60, _q(s), np.array(levels), pole.spread * t60))
    return modes


def _others(everything: ComplexArray, own: complex, known: Sequence[complex]) -> ComplexArray:
    """Poles that explain the rest of the signal: those known, and whatever else there is."""
    rest = [s for s in known if s != own]
    more = [s for s in everything if all(abs(s - k) > abs(k.real) for k in known)]
    return np.array(rest + more, dtype=np.complex128)


def _level_db(
    decay: ComplexArray, rate: float, poles: ComplexArray, fs: int, *, start_s: float
) -> float:
    """Level of the resonance of the first of some poles, at its peak.

    a exp(s t), started by the direct sound, has the spectrum a fs / damping at its frequency.
    """
    # Stray poles that grow, or that end within a step, would drown the rest.
    steady = poles[(poles.real < 0.0) & (poles.real > -2.0 * rate)]
    a = amplitudes(decay, rate, steady)[0]
    damping = -poles[0].real
    return float(db_from_ratio(abs(a) * np.exp(damping * start_s) * fs / damping))


def _q(s: complex) -> float:
    """Quality of a pole: its frequency over its bandwidth."""
    return float(abs(s) / (-2.0 * s.real))
