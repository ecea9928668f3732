"""Standing waves of a rectangular room: where each lies, how it decays, what a path gets of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from roomcal.devices.virtual.enclosure import Enclosure, log_reflection
from roomcal.devices.virtual.grid import fade
from roomcal.model.arrays import frozen_array
from roomcal.units import ComplexArray, FloatArray

# Modes far above the frequencies of interest still add to them; these are faded out smoothly, so
# that the cut does not ring in space.
MAX_MODE_HZ = 650.0
_FULL_MODE_HZ = 450.0

# Walls also damp the waves that run along them, or modes between two hard walls would never end.
# A locally reacting wall does it with a quarter of what it does at normal incidence (Kuttruff,
# Room Acoustics, 6th ed., section 3.3), mirror images with none; half of that keeps the energy of
# modes and images together where they are blended.
_GRAZING_COSINE = 0.12


@dataclass(frozen=True, eq=False)
class Modes:
    """The modes of a box.

    Attributes
    ----------
    numbers : (n_modes, 3) float array
        Half waves along x, y, z.
    f_hz : (n_modes,) float array
        Of the undamped room.
    damping_per_s : (n_modes,) float array
        Decay constant of the amplitude; the decay time is 3 ln(10) / damping.
    """

    size_m: tuple[float, float, float]
    numbers: FloatArray
    f_hz: FloatArray
    damping_per_s: FloatArray

    def __post_init__(self) -> None:
        for name, ndim in (("numbers", 2), ("f_hz", 1), ("damping_per_s", 1)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=ndim, name=name))


def mode_numbers(
    size_m: tuple[float, float, float], c_m_s: float, max_hz: float
) -> tuple[FloatArray, FloatArray]:
    """Numbers and frequencies of all modes up to a frequency, from 0 Hz upwards.

    Returns
    -------
    numbers : (n_modes, 3) float array
    f_hz : (n_modes,) float array

    Notes
    -----
    f = c / 2 sqrt(sum (n_i / L_i)^2) (Kuttruff, Room Acoustics, 6th ed., equation 3.17).
    """
    counts = [np.arange(int(2.0 * length * max_hz / c_m_s) + 1.0) for length in size_m]
    numbers = np.stack(np.meshgrid(*counts, indexing="ij"), axis=-1).reshape(-1, 3)
    f_hz = c_m_s / 2.0 * np.linalg.norm(numbers / np.array(size_m), axis=1)
    order = np.argsort(f_hz, kind="stable")
    order = order[f_hz[order] <= max_hz]
    return numbers[order], f_hz[order]


def modes_of(room: Enclosure, c_m_s: float, *, damping_per_s: ArrayLike | None = None) -> Modes:
    """Modes of a room, damped by its walls or as given.

    Parameters
    ----------
    room : Enclosure
    c_m_s : float
    damping_per_s : float or (n_modes,) float array, optional
        Takes the place of what the walls do.

    Notes
    -----
    A plane wave of the mode meets the walls of axis i every L_i / (c cos_i) seconds and keeps the
    reflection factor R each time, so that the damping is -sum c cos_i / (2 L_i) ln(R_i0 R_i1):
    the same loss that its image sources see.
    """
    numbers, f_hz = mode_numbers(room.size_m, c_m_s, MAX_MODE_HZ)
    if damping_per_s is None:
        k = np.pi * numbers / np.array(room.size_m)
        length = np.linalg.norm(k, axis=1, keepdims=True)
        cosines = np.where(length > 0.0, k / np.maximum(length, 1e-9), 0.5)
        log_r = log_reflection(room, f_hz)  # (6, n_modes)
        per_axis = (log_r[0::2] + log_r[1::2]).T / np.array(room.size_m)
        damping = -0.5 * c_m_s * np.sum(np.maximum(cosines, _GRAZING_COSINE) * per_axis, axis=1)
    else:
        damping = np.broadcast_to(np.asarray(damping_per_s, dtype=np.float64), f_hz.shape)
    return Modes(room.size_m, numbers, f_hz, damping)


def resonances(modes: Modes, f_hz: FloatArray, c_m_s: float) -> ComplexArray:
    """Transfer function of every mode for a source of pressure 1 / r, shapes left out.

    Returns
    -------
    H : (n_modes, n_bins) complex array
        0 at 0 Hz, which no speaker reproduces.

    Notes
    -----
    4 pi c^2 / (V Lambda (w_n^2 - w^2 + 2 j delta_n w)) (Kuttruff, Room Acoustics, 6th ed.,
    equation 3.10, times 4 pi for the unit of the source), Lambda = 1/2 for each n_i > 0.
    """
    w = 2.0 * np.pi * f_hz
    w_n = 2.0 * np.pi * modes.f_hz[:, None]
    denominator = w_n**2 - w**2 + 2j * modes.damping_per_s[:, None] * w
    denominator[:, w == 0.0] = np.inf
    mean_square = 0.5 ** np.sum(modes.numbers > 0.0, axis=1)
    weight = 1.0 - fade((modes.f_hz - _FULL_MODE_HZ) / (MAX_MODE_HZ - _FULL_MODE_HZ))
    scale = weight * 4.0 * np.pi * c_m_s**2 / (np.prod(modes.size_m) * mean_square)
    return scale[:, None] / denominator


def mode_shapes(modes: Modes, points_m: FloatArray) -> FloatArray:
    """Pressure of every mode at some points re its maximum, (n_points, n_modes)."""
    phase = np.pi * modes.numbers / np.array(modes.size_m)
    return np.prod(np.cos(points_m[:, None, :] * phase), axis=2)


def modal_spectrum(
    modes: Modes, H: ComplexArray, source_m: FloatArray, receiver_m: FloatArray
) -> ComplexArray:
    """Response of one path as the sum of its modes.

    Parameters
    ----------
    modes : Modes
    H : (n_modes, n_bins) complex array
        Out of `resonances`.
    source_m, receiver_m : (3,) float array

    Returns
    -------
    spectrum : (n_bins,) complex array
    """
    shapes = mode_shapes(modes, np.stack([source_m, receiver_m]))
    return np.asarray((shapes[0] * shapes[1]) @ H)
