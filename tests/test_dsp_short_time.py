"""Short-time spectra against the plain signal they were made of."""

import numpy as np
import pytest

from roomcal.dsp.short_time import block_samples, joined_blocks, short_time_spectra

FS = 48000
ROUNDING = 1e-13


@pytest.mark.parametrize("n", [1, 999, 2400, 10007])
def test_unchanged_spectra_give_the_signal_back(rng, n):
    x = rng.standard_normal(n)
    block = block_samples(FS, 0.05)

    y = joined_blocks(short_time_spectra(x, block), block, n)

    np.testing.assert_allclose(y, x, atol=ROUNDING)


def test_blocks_are_centred_on_every_half_block():
    block = 480
    x = np.zeros(4800)
    x[1200] = 1.0  # five half blocks

    power = np.sum(np.abs(short_time_spectra(x, block)) ** 2, axis=1)

    assert np.argmax(power) == 5


def test_several_signals_are_transformed_at_once(rng):
    x = rng.standard_normal((3, 5000))

    together = short_time_spectra(x, 480)

    for row, single in zip(together, x, strict=True):
        np.testing.assert_array_equal(row, short_time_spectra(single, 480))
