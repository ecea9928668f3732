"""Early reflections as mirror images of the speaker, exact in time, coloured by the walls."""

from dataclasses import dataclass

import numpy as np

from roomcal.devices.virtual.enclosure import Enclosure, air_attenuation_per_m, log_reflection
from roomcal.devices.virtual.grid import fade, frequencies_hz, n_short_grid
from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.units import ComplexArray, FloatArray

# After the direct sound, the explicit images give way to the diffuse tail within this range.
HANDOVER_S = (0.025, 0.040)


@dataclass(frozen=True, eq=False)
class Images:
    """The images of one speaker with what the walls did to them.

    Attributes
    ----------
    positions_m : (n_images, 3) float array
    mirrored : (n_images, 3) float array
        -1 along the axes in which the image looks the other way.
    spectra : (n_images, n_bins) complex array
        Product of all reflections and of the air, on the short grid of `fs`.
    """

    positions_m: FloatArray
    mirrored: FloatArray
    spectra: ComplexArray
    fs: int


def images_of(
    room: Enclosure, source_m: FloatArray, reference_m: FloatArray, *, reach_m: float, fs: int
) -> Images:
    """Build all images within reach of a point.

    Parameters
    ----------
    room : Enclosure
    source_m, reference_m : (3,) float array
    reach_m : float
        Farthest image that matters, from the reference.
    fs : int

    Notes
    -----
    Images at (1 - 2 q) s + 2 n L with |n - q| reflections at 0 and |n| at L (Allen and Berkley,
    J. Acoust. Soc. Am. 65(4), 1979). Each reflection is of minimum phase.
    """
    f = frequencies_hz(n_short_grid(fs), fs)
    reflection = minimum_phase_spectrum(np.exp(log_reflection(room, f)))
    axes = [_axis_images(room.size_m[i], source_m[i], reference_m[i], reach_m) for i in range(3)]
    index = np.stack(
        np.meshgrid(*(np.arange(len(a[0])) for a in axes), indexing="ij"), axis=-1
    ).reshape(-1, 3)
    positions = np.stack([axes[i][0][index[:, i]] for i in range(3)], axis=1)
    distance = np.linalg.norm(positions - reference_m, axis=1)
    near = distance <= reach_m
    index, positions, distance = index[near], positions[near], distance[near]
    mirrored = np.stack([axes[i][1][index[:, i]] for i in range(3)], axis=1)
    spectra = np.exp(-0.5 * distance[:, None] * air_attenuation_per_m(f)).astype(np.complex128)
    for i in range(3):
        hits = axes[i][2]
        colour = reflection[2 * i] ** hits[:, :1] * reflection[2 * i + 1] ** hits[:, 1:]
        spectra *= colour[index[:, i]]
    return Images(positions, mirrored, spectra, fs)


def _axis_images(
    length: float, source: float, reference: float, reach: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Coordinates, orientation and hits (at 0, at `length`) of all images along one axis."""
    top = int(reach / (2.0 * length)) + 2
    n = np.repeat(np.arange(-top, top + 1.0), 2)
    q = np.tile([0.0, 1.0], 2 * top + 1)
    at = (1.0 - 2.0 * q) * source + 2.0 * n * length
    near = np.abs(at - reference) <= reach
    hits = np.stack([np.abs(n - q), np.abs(n)], axis=1)
    return at[near], (1.0 - 2.0 * q)[near], hits[near]


def image_spectra(
    images: Images,
    receiver_m: FloatArray,
    axis: FloatArray,
    *,
    c_m_s: float,
    handover_s: tuple[float, float],
) -> tuple[ComplexArray, ComplexArray]:
    """Sum of the images at one point: for an omnidirectional source and for its cosine lobe.

    Parameters
    ----------
    images : Images
    receiver_m : (3,) float array
    axis : (3,) float array
        Unit vector along which the speaker points.
    c_m_s : float
    handover_s : (float, float)
        Time after the impulse in which the images fade out.

    Returns
    -------
    omni, lobe : (n_bins,) complex array
        On the short grid.
    """
    ray = receiver_m - images.positions_m
    distance = np.linalg.norm(ray, axis=1)
    delay = distance / c_m_s
    begin, end = handover_s
    # The energy of the tail rises with sin^2 while that of the images falls with cos^2.
    amplitude = np.cos(np.pi / 2.0 * fade((delay - begin) / (end - begin))) / distance
    cosine = (ray * images.mirrored) @ axis / distance
    bin_hz = images.fs / n_short_grid(images.fs)
    spectra = images.spectra * phase_ramps(delay * bin_hz, images.spectra.shape[1])
    omni = amplitude @ spectra
    lobe = (amplitude * cosine) @ spectra
    return omni, lobe


def phase_ramps(turns_per_bin: FloatArray, n_bins: int) -> ComplexArray:
    """Spectra of pure delays, exp(-2 pi j turns bin), as outer products of short ones.

    Returns
    -------
    ramps : (n, n_bins) complex array
    """
    side = int(np.ceil(np.sqrt(n_bins)))
    fine = np.exp(-2j * np.pi * np.outer(turns_per_bin, np.arange(side)))
    coarse = np.exp(-2j * np.pi * np.outer(turns_per_bin, side * np.arange(side)))
    ramps = (coarse[:, :, None] * fine[:, None, :]).reshape(turns_per_bin.size, side * side)
    return ramps[:, :n_bins]
