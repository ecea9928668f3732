import time

import numpy as np
import pytest

from roomcal.dsp.smoothing import (
    band_edges_hz,
    parse_width,
    smoothed_level_db,
    smoothed_power,
    width_text,
)
from roomcal.units import log_grid_hz

FS = 48000
ROUNDING = 1e-9
# pyfar weighs whole bins of a logarithmic axis; in windows of more than 20 bins the two rules
# differ by less than a bin at each edge of a spectrum that is smooth over a few bins.
PYFAR_TOLERANCE_DB = 0.3
# A million samples in under 0.1 s (issue 6); machines under load get ten times that.
LIMIT_1M_S = 1.0


def direct_mean(power, bin_hz, low_hz, high_hz):
    """O(N^2): every bin is a rectangle of one bin's width, cut by the window's edges."""
    edges = (np.arange(power.size + 1) - 0.5) * bin_hz
    overlap = np.minimum(high_hz, edges[1:]) - np.maximum(low_hz, edges[:-1])
    weight = np.maximum(overlap, 0.0)
    return np.sum(weight * power) / np.sum(weight)


@pytest.mark.parametrize("width", [1, 3, 6, 12, 48, "erb"])
def test_the_running_sum_equals_the_direct_sum(width, rng):
    power = rng.random(4097)
    bin_hz = FS / 8192
    f_hz = log_grid_hz(40.0, 16000.0, 6)
    low, high = band_edges_hz(f_hz, width)

    smoothed = smoothed_power(power, bin_hz, f_hz, width)

    expected = [direct_mean(power, bin_hz, a, b) for a, b in zip(low, high, strict=True)]
    assert smoothed == pytest.approx(expected, rel=1e-6)


def test_psychoacoustic_smoothing_is_the_cubic_mean_of_the_magnitude(rng):
    """Peaks count more: the cube root of the mean of the cubes, in windows of 1/3 to 1/6 octave."""
    power = rng.random(8193)
    bin_hz = FS / 16384
    f_hz = np.array([60.0, 100.0, 1000.0, 5000.0])
    half = 2.0 ** np.array([1 / 6, 1 / 6, 1 / 12, 1 / 12])

    smoothed = smoothed_power(power, bin_hz, f_hz, "psychoacoustic")

    cubes = np.sqrt(power) ** 3
    expected = [
        direct_mean(cubes, bin_hz, f / h, f * h) ** (2 / 3) for f, h in zip(f_hz, half, strict=True)
    ]
    assert smoothed == pytest.approx(expected, rel=1e-6)
    assert (smoothed > smoothed_power(power, bin_hz, f_hz, 3)).all()


def test_psychoacoustic_windows_change_evenly_over_log_frequency():
    low, high = band_edges_hz(np.array([10.0**2.5]), "psychoacoustic")

    assert np.log2(high / low) == pytest.approx([(1 / 3 + 1 / 6) / 2])


@pytest.mark.parametrize(
    ("text", "width", "name"),
    [
        ("1/6", 6, "1/6 octave"),
        ("48", 48, "1/48 octave"),
        ("1/1", 1, "1/1 octave"),
        ("ERB", "erb", "ERB"),
        ("psychoacoustic", "psychoacoustic", "psychoacoustic"),
        ("variable", "variable", "variable"),
    ],
)
def test_a_smoothing_is_read_and_written_as_people_do(text, width, name):
    assert parse_width(text) == width
    assert width_text(width) == name


@pytest.mark.parametrize("text", ["1/0", "1/49", "", "2/3", "none", "-6", "1/²"])
def test_what_is_no_smoothing_is_refused_with_what_there_is(text):
    with pytest.raises(ValueError, match="psychoacoustic"):
        parse_width(text)


@pytest.mark.parametrize("width", [3, 12, "erb", "psychoacoustic", "variable"])
def test_a_flat_spectrum_stays_flat(width):
    smoothed = smoothed_power(np.full(4097, 2.5), FS / 8192, log_grid_hz(20, 20000, 12), width)

    assert smoothed == pytest.approx(np.full(smoothed.size, 2.5), rel=ROUNDING)


def test_windows_are_as_wide_as_their_name_says():
    low, high = band_edges_hz(np.array([100.0, 1000.0]), 3)

    assert high / low == pytest.approx([2 ** (1 / 3)] * 2)
    assert np.sqrt(low * high) == pytest.approx([100.0, 1000.0])


def test_an_erb_at_1_khz_is_132_6_hz():
    """Glasberg and Moore 1990, equation 3: 24.7 (4.37 + 1)."""
    low, high = band_edges_hz(np.array([1000.0]), "erb")

    assert high - low == pytest.approx([132.639], abs=1e-3)


def test_variable_width_is_each_of_its_parts_in_its_own_range(rng):
    power = rng.random(32769)
    bin_hz = FS / 65536
    for f_hz, width in ((80.0, 12), (450.0, 6), (4000.0, "erb")):
        at = np.array([f_hz])
        variable = smoothed_power(power, bin_hz, at, "variable")
        assert variable == pytest.approx(smoothed_power(power, bin_hz, at, width), rel=1e-9)


def test_several_responses_are_smoothed_side_by_side(rng):
    h = rng.standard_normal((3, 2, 512))
    f_hz = log_grid_hz(200, 16000, 6)

    together = smoothed_level_db(h, FS, f_hz, 6)

    assert together.shape == (3, 2, f_hz.size)
    assert together[1, 1] == pytest.approx(smoothed_level_db(h[1, 1], FS, f_hz, 6), abs=ROUNDING)


def test_pyfar_smooths_alike(rng):
    """pyfar smooths magnitudes: a signal whose magnitude is our power makes them comparable."""
    pyfar = pytest.importorskip("pyfar")
    n = 8192
    h = rng.standard_normal(n) * np.exp(-np.arange(n) / 200.0)
    power = np.abs(np.fft.rfft(h)) ** 2
    f_hz = log_grid_hz(500.0, 10000.0, 12)

    ours = 10.0 * np.log10(smoothed_power(power, FS / n, f_hz, 3))

    theirs, _ = pyfar.dsp.smooth_fractional_octave(pyfar.Signal(np.fft.irfft(power), FS), 3)
    level = 10.0 * np.log10(np.abs(theirs.freq[0]))
    assert ours == pytest.approx(np.interp(f_hz, theirs.frequencies, level), abs=PYFAR_TOLERANCE_DB)


def test_unknown_widths_are_refused():
    with pytest.raises(ValueError, match="smoothing"):
        band_edges_hz(np.array([100.0]), 0)


def test_a_million_samples_are_smoothed_at_once(rng):
    power = rng.random((1 << 19) + 1)
    start = time.process_time()

    smoothed_power(power, FS / (1 << 20), log_grid_hz(20, 20000, 96), 6)

    assert time.process_time() - start < LIMIT_1M_S
