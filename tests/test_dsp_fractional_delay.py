"""A delayed filter has the same level and exactly the phase of the delay."""

import numpy as np
import pytest

from roomcal.dsp.fractional_delay import HALF_WIDTH, delayed

# Pass band of the kernel up to 0.45 of the sample rate; error of its window, -100 dB and a bit.
PASS_BAND = 0.45
KERNEL_ERROR = 3e-5


@pytest.mark.parametrize("delay", [HALF_WIDTH + 0.5, 40.123, 100.0, 77.999])
def test_the_delay_is_exact_in_the_pass_band(delay):
    taps = np.zeros(512)
    taps[0], taps[7] = 1.0, -0.4

    y = delayed(taps, delay)

    w = 2.0 * np.pi * np.linspace(0.001, PASS_BAND, 200)
    n = np.arange(512)
    wanted = np.exp(-1j * np.outer(w, n + delay)) @ taps
    got = np.exp(-1j * np.outer(w, n)) @ y
    assert y.shape == taps.shape
    assert np.abs(got - wanted).max() < KERNEL_ERROR * 1.4


def test_a_whole_delay_only_moves(rng):
    taps = rng.standard_normal(20)

    np.testing.assert_array_equal(delayed(taps, 3.0), np.r_[np.zeros(3), taps[:-3]])


def test_a_fraction_without_room_for_its_kernel_is_refused():
    with pytest.raises(ValueError, match="fractional delay"):
        delayed(np.ones(100), 1.5)
