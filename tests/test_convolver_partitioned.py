"""Partitioned convolution against scipy's direct and FFT convolution."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from roomcal.convolver.partitioned import PartitionedConvolver

# Rounding of double-precision FFTs of a few thousand points, with room: 1e-16 times log2 N times
# the norm of signal and filter (each below 100).
TOLERANCE = 1e-11


def stream(taps, x, block):
    convolver = PartitionedConvolver(taps, block=block)
    n_blocks = -(-x.shape[1] // block)
    padded = np.pad(x, ((0, 0), (0, n_blocks * block - x.shape[1])))
    blocks = [convolver.process(padded[:, i * block : (i + 1) * block]) for i in range(n_blocks)]
    return np.concatenate(blocks, axis=1)[:, : x.shape[1]]


@settings(max_examples=40, deadline=None)
@given(
    n_taps=st.integers(1, 700),
    block=st.integers(1, 300),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_matrix_block_and_length_equals_direct_convolution(n_taps, block, shape, seed):
    rng = np.random.default_rng(seed)
    taps = rng.standard_normal((*shape, n_taps))
    x = rng.standard_normal((shape[1], 900))

    y = stream(taps, x, block)

    exact = [
        sum(np.convolve(x[i], taps[o, i])[: x.shape[1]] for i in range(shape[1]))
        for o in range(shape[0])
    ]
    assert y.shape == (shape[0], 900)
    np.testing.assert_allclose(y, exact, atol=TOLERANCE * n_taps, rtol=0)


def test_long_filters_equal_scipy(rng):
    taps = rng.standard_normal((2, 2, 65536)) / 256
    x = rng.standard_normal((2, 200_000))

    y = stream(taps, x, 16384)

    for output in range(2):
        exact = sum(scipy.signal.oaconvolve(x[i], taps[output, i])[: x.shape[1]] for i in range(2))
        np.testing.assert_allclose(y[output], exact, atol=1e-10, rtol=0)


def test_a_block_of_another_size_is_refused():
    convolver = PartitionedConvolver(np.ones((1, 1, 4)), block=8)

    with pytest.raises(ValueError, match="expected"):
        convolver.process(np.zeros((1, 7)))
