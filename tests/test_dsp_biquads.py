"""Second-order filters: the bilinear transform of their analogue prototypes, and their taps."""

import numpy as np
import pytest
import scipy.signal

from roomcal.dsp.biquads import (
    biquad,
    is_stable,
    q_from_bandwidth,
    q_from_slope,
    rendered,
    slope_from_q,
)

FS = 48000
ROUNDING = 1e-9  # of coefficients near 2, through a transform that divides by small numbers


def prototype(kind, q, gain_db):
    """Transfer function in s of the cookbook's prototypes, corner at 1 rad/s."""
    A = 10 ** (gain_db / 40)
    r = np.sqrt(A) / q
    return {
        "peak": ([1, A / q, 1], [1, 1 / (A * q), 1]),
        "low shelf": ([A, A * r, A * A], [A, r, 1]),
        "high shelf": ([A * A, A * r, A], [1, r, A]),
        "low pass": ([1], [1, 1 / q, 1]),
        "high pass": ([1, 0, 0], [1, 1 / q, 1]),
        "band pass": ([1 / q, 0], [1, 1 / q, 1]),
        "notch": ([1, 0, 1], [1, 1 / q, 1]),
        "all pass": ([1, -1 / q, 1], [1, 1 / q, 1]),
    }[kind]


KINDS = ["peak", "low shelf", "high shelf", "low pass", "high pass", "band pass", "notch"]


@pytest.mark.parametrize("kind", [*KINDS, "all pass"])
@pytest.mark.parametrize(("f", "q", "gain_db"), [(50.0, 5.0, -11.4), (3000.0, 0.7, 6.0)])
def test_a_section_is_the_bilinear_transform_of_its_prototype(kind, f, q, gain_db):
    b, a = prototype(kind, q, gain_db)
    warp = np.tan(np.pi * f / FS)  # frequencies that the transform puts at f
    expected = np.concatenate(scipy.signal.bilinear(b, a, fs=1 / (2 * warp) * 1.0))
    scaled = expected / expected[3] if expected.size == 6 else None

    section = biquad(kind, f, FS, q=q, gain_db=gain_db)

    assert section.shape == scaled.shape == (6,)
    np.testing.assert_allclose(section, scaled, atol=ROUNDING)
    assert is_stable(section)


def test_a_bandwidth_lies_between_the_points_of_half_the_gain():
    f, octaves = 1000.0, 0.75
    q = q_from_bandwidth(octaves, f, FS)

    section = biquad("peak", f, FS, q=q, gain_db=-8.0)

    w, H = scipy.signal.freqz(section[:3], section[3:], worN=1 << 18, fs=FS)
    below_half = w[20 * np.log10(np.abs(H)) <= -4.0]
    # The cookbook's correction for the warping is exact for narrow filters only.
    assert np.log2(below_half[-1] / below_half[0]) == pytest.approx(octaves, rel=0.01)


@pytest.mark.parametrize("gain_db", [-9.0, 0.5, 12.0])
def test_slope_and_q_are_inverse_to_each_other(gain_db):
    assert slope_from_q(q_from_slope(0.9, gain_db), gain_db) == pytest.approx(0.9)


def test_taps_end_where_the_filter_has_decayed():
    section = biquad("peak", 50.0, FS, q=4.0, gain_db=6.0)

    taps, decayed = rendered(section[None], gain_db=-6.0, delay_samples=0, most_taps=1 << 17)
    cut, rings = rendered(section[None], gain_db=-6.0, delay_samples=0, most_taps=8192)

    assert (decayed, rings) == (True, False)
    f, expected = scipy.signal.freqz(section[:3], section[3:], worN=4096, fs=FS)
    H = scipy.signal.freqz(taps, worN=f, fs=FS)[1]
    np.testing.assert_allclose(20 * np.log10(np.abs(H / expected)), -6.0, atol=0.001)
    assert cut.size == 8192


def test_poles_outside_of_the_circle_are_seen():
    assert not is_stable(np.array([1.0, 0, 0, 1, 1.995, -0.995]))
