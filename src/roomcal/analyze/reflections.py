"""Which early reflections reach the listener: how late, how strong, by which detour, from where.

They are read from the envelope of 1-8 kHz (the energy time curve), the range in which ITU-R
BS.1116 judges them: short enough to part reflections 1 ms apart, wide enough not to depend on one
notch.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.analyze.arrival import arrival_index
from roomcal.model.arrays import frozen_array
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, db_from_ratio, speed_of_sound_m_s

# Gain of the envelope's band: half at 1 and 8 kHz, with edges this wide, so that 1 ms beside a
# pulse its own ring lies 40 dB below it.
BAND_HZ = (1000.0, 8000.0)
_EDGES_HZ = (1200.0, 4000.0)
FIRST_S, LAST_S = 0.0007, 0.040  # after the direct sound: before, the two are one; after, a tail
LEAST_DB = -30.0  # re the direct sound
# A peak among others is a reflection when it stands out of what surrounds it.
_AROUND_S = 0.003
_STANDS_OUT_DB = 6.0  # above the median of the surroundings; noise alone seldom passes 5
_ABSENT = 1e-3  # of a response's energy: with less in the band, its noise would be judged
# The noise is read where the response has decayed, before its end is faded out (as shares of its
# length). Its envelope passes its median by 9 dB once in 40 ms of 7 kHz.
_NOISE_SPAN = (0.80, 0.92)
_ABOVE_NOISE_DB = 12.0
_OWN_WIDTH_S = 0.0003  # a lower peak this near to a higher one is its own ring
CRITERION_S, CRITERION_DB = 0.015, -10.0  # ITU-R BS.1116, early reflections
# Surfaces are named when the detour fits within this: 7 cm of tape measure and speaker depth.
_FITS_S = 0.0002
SURFACES = ("left", "right", "front", "back", "floor", "ceiling")

Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class EnergyTimeCurve:
    """Envelope of 1-8 kHz.

    Attributes
    ----------
    t_s : (n,) float array
        After the direct sound.
    level_db : (n,) float array
        Re the direct sound.
    """

    t_s: FloatArray
    level_db: FloatArray

    def __post_init__(self) -> None:
        for name in ("t_s", "level_db"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))


@dataclass(frozen=True)
class Reflection:
    """One early reflection."""

    delay_s: float  # after the direct sound
    level_db: float  # re the direct sound, 1-8 kHz
    path_m: float  # detour: path length beyond that of the direct sound
    surface: str = ""  # the one that fits; empty: none does, or the layout is not known


@dataclass(frozen=True)
class EarlyReflections:
    """The reflections of one response, in the order of their arrival."""

    found: tuple[Reflection, ...]
    reason: str = ""  # why nothing can be said

    @property
    def strongest(self) -> Reflection | None:
        """The strongest within the time that ITU-R BS.1116 judges, if there is any."""
        early = [r for r in self.found if r.delay_s <= CRITERION_S]
        return max(early, key=lambda r: r.level_db, default=None)


def energy_time_curve(response: ImpulseResponse) -> EnergyTimeCurve:
    """Envelope over time re the direct sound, from 5 ms before it."""
    t, envelope = _envelope(response)
    shown = t > -0.005
    return EnergyTimeCurve(t[shown], db_from_ratio(envelope[shown]))


def find_reflections(
    response: ImpulseResponse,
    *,
    speaker_m: Point | None = None,
    position_m: Point | None = None,
    size_m: tuple[float, float, float] | None = None,
) -> EarlyReflections:
    """Find the early reflections of one response.

    Parameters
    ----------
    response : ImpulseResponse
    speaker_m, position_m : (x, y, z), optional
        From the front left corner of the floor: x to the right, y to the back, z up.
    size_m : (x, y, z), optional
        Of the room. With all three, each reflection gets the surface whose mirror image fits;
        without the size, only the floor can be named.
    """
    t, envelope = _envelope(response)
    if not envelope.any():
        return EarlyReflections((), "the speaker does not play 1-8 kHz")
    level = db_from_ratio(envelope)
    quiet = level[int(_NOISE_SPAN[0] * level.size) : int(_NOISE_SPAN[1] * level.size)]
    least_db = max(LEAST_DB, float(np.median(quiet)) + _ABOVE_NOISE_DB if quiet.size else LEAST_DB)
    if least_db > 0.0:
        return EarlyReflections((), "the direct sound does not stand out of the noise")
    inside = np.flatnonzero((t >= FIRST_S) & (t <= LAST_S))
    inside = inside[(inside > 0) & (inside < t.size - 1)]
    peaks = inside[(level[inside] > level[inside - 1]) & (level[inside] >= level[inside + 1])]
    own = max(round(_OWN_WIDTH_S * response.fs), 1)
    around = round(_AROUND_S * response.fs)
    detours = surface_delays_s(speaker_m, position_m, size_m)
    found = []
    for k in peaks:
        if level[k] < least_db or level[k] < level[max(k - own, 0) : k + own + 1].max():
            continue
        # The direct sound is no surroundings: it would hide what follows it closely.
        first = max(k - around, int(np.searchsorted(t, 0.5 * FIRST_S)))
        if level[k] < np.median(level[first : k + around]) + _STANDS_OUT_DB:
            continue
        at, peak_db = _vertex(level[k - 1 : k + 2])
        delay = float(t[k] + at / response.fs)
        found.append(
            Reflection(delay, peak_db, delay * speed_of_sound_m_s(20.0), _surface(delay, detours))
        )
    return EarlyReflections(tuple(found))


def _envelope(response: ImpulseResponse) -> tuple[FloatArray, FloatArray]:
    """Time after the direct sound, and the envelope re its peak."""
    h, fs = response.samples, response.fs
    n = scipy.fft.next_fast_len(2 * h.size, real=True)
    f = np.arange(n // 2 + 1) * fs / n
    rise = np.clip(0.5 + (f - BAND_HZ[0]) / _EDGES_HZ[0], 0.0, 1.0)
    fall = np.clip(0.5 - (f - BAND_HZ[1]) / _EDGES_HZ[1], 0.0, 1.0)
    gain = np.sin(0.5 * np.pi * rise) ** 2 * np.sin(0.5 * np.pi * fall) ** 2
    H = scipy.fft.rfft(h, n)
    analytic = np.zeros(n, dtype=np.complex128)
    analytic[: f.size] = H * gain
    if np.sum(np.abs(analytic) ** 2) <= _ABSENT * np.sum(np.abs(H) ** 2):
        return np.arange(h.size) / fs, np.zeros(h.size)
    envelope = np.abs(scipy.fft.ifft(analytic))[: h.size]
    # The direct sound is the peak that follows the first rise to half of the maximum.
    first = int(arrival_index(response))
    near = slice(max(first - 1, 1), min(first + round(FIRST_S * fs), h.size - 1))
    k = near.start + int(np.argmax(envelope[near]))
    at, peak_db = _vertex(db_from_ratio(envelope[k - 1 : k + 2]))
    return (np.arange(h.size) - (k + at)) / fs, envelope / 10.0 ** (peak_db / 20.0)


def _vertex(three: FloatArray) -> tuple[float, float]:
    """Offset and height of the parabola through three points around a peak."""
    left, middle, right = (float(v) for v in three)
    bend = left - 2.0 * middle + right
    if bend >= 0.0:
        return 0.0, middle
    at = 0.5 * (left - right) / bend
    return at, middle - 0.25 * (left - right) * at


def surface_delays_s(
    speaker_m: Point | None, position_m: Point | None, size_m: Point | None
) -> dict[str, float]:
    """Delay of each surface's first mirror image after the direct sound, as far as known.

    Parameters
    ----------
    speaker_m, position_m, size_m : optional
        See `find_reflections`.
    """
    if speaker_m is None or position_m is None:
        return {}
    source, receiver = np.array(speaker_m), np.array(position_m)
    direct = float(np.linalg.norm(receiver - source))
    planes = {"floor": (2, 0.0)}
    if size_m is not None:
        for axis, (near, far) in enumerate(zip(SURFACES[::2], SURFACES[1::2], strict=True)):
            planes |= {near: (axis, 0.0), far: (axis, size_m[axis])}
    detours = {}
    for surface, (axis, at) in planes.items():
        image = source.copy()
        image[axis] = 2.0 * at - image[axis]
        path = float(np.linalg.norm(receiver - image))
        detours[surface] = (path - direct) / speed_of_sound_m_s(20.0)
    return detours


def _surface(delay_s: float, detours: dict[str, float]) -> str:
    """Name the surface that fits a delay best; two that fit alike are both named."""
    fit = sorted((abs(at - delay_s), name) for name, at in detours.items())
    return " or ".join(name for error, name in fit if error <= _FITS_S)
