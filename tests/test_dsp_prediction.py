"""A filter times a response is a convolution: no wrap, no loss, no shift."""

import numpy as np
import pytest

from roomcal.dsp.prediction import predict

ROUNDING = 1e-12  # FFT convolution of values around 1


def test_the_prediction_is_the_whole_convolution(rng):
    h, taps = rng.standard_normal((3, 257)), rng.standard_normal(100)

    predicted = predict(h, taps)

    assert predicted.shape == (3, 257 + 100 - 1)
    for row, x in zip(predicted, h, strict=True):
        np.testing.assert_allclose(row, np.convolve(x, taps), atol=ROUNDING)


def test_one_response_stays_one_dimensional(rng):
    h = rng.standard_normal(50)

    np.testing.assert_allclose(predict(h, np.array([0.0, 2.0]))[1:], 2.0 * h, atol=ROUNDING)


def test_several_filters_at_once_are_refused():
    with pytest.raises(ValueError, match="one filter"):
        predict(np.ones(4), np.ones((2, 3)))
