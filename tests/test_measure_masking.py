"""What is masked and what is not: signals that are known."""

import numpy as np
import pytest

from roomcal.dsp.short_time import block_samples, short_time_spectra
from roomcal.measure.disturbances import BLOCK_S, FLAG_DB, block_excess_db, find_disturbances
from roomcal.measure.masking import clean_mean
from roomcal.measure.repeats import compare_repeats

FS = 48000
N = 4 * FS
BLOCK = block_samples(FS, BLOCK_S)
NOISE = 1e-3


def sweep():
    t = np.arange(N) / FS
    return np.where(t < 3.5, np.sin(2 * np.pi * 10.0 * 0.5 * np.exp(t / 0.5)), 0.0)


def takes(seed, n=3):
    rng = np.random.default_rng(seed)
    return sweep() + NOISE * rng.standard_normal((n, N))


def noise_power(seed=99):
    x = NOISE * np.random.default_rng(seed).standard_normal(FS)
    return np.mean(np.abs(short_time_spectra(x, BLOCK)[2:-2]) ** 2, axis=0)


def mean_of(segments, own=()):
    return clean_mean(
        segments, FS, noise_power=noise_power(), sweep_power=0.5, own=own or [[]] * len(segments)
    )


def slam(at_s, level=0.5):
    t = np.arange(N) / FS - at_s
    thud = np.sin(2 * np.pi * 210.0 * t) * np.exp(-np.maximum(t, 0.0) / 0.06)
    return level * thud * (t > 0.0)


@pytest.mark.parametrize("seed", range(10))
def test_clean_sweeps_are_averaged_and_nothing_else(seed):
    segments = takes(seed)
    found = mean_of(segments)
    assert found.masked == ()
    np.testing.assert_array_equal(found.segment, segments.mean(axis=0))


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("at_s", [0.8, 2.4])
def test_what_one_sweep_has_is_left_out(n, which, at_s):
    segments = takes(1, n)
    segments[which] += slam(at_s)

    found = mean_of(segments)

    assert {e.sweep for e in found.masked} == {which}
    # The mean of the other sweeps is as good as it gets; all but noise is gone.
    left = found.segment - sweep()
    expected = NOISE / np.sqrt(n - 1)
    assert np.sqrt(np.mean(left**2)) < 1.1 * expected
    assert np.max(np.abs(left)) < 8 * expected


def test_slams_at_different_moments_are_all_left_out():
    segments = takes(2)
    for k, at_s in enumerate((0.7, 1.6, 2.5)):
        segments[k] += slam(at_s)
    found = mean_of(segments)
    assert {e.sweep for e in found.masked} == {0, 1, 2}
    assert np.max(np.abs(found.segment - sweep())) < 10 * NOISE


def test_what_all_sweeps_show_at_one_moment_stays():
    segments = takes(3)
    rng = np.random.default_rng(4)
    for row in segments:  # another waveform each time, at the same moment
        row[FS : FS + 4800] += 0.1 * rng.standard_normal(4800)
    found = mean_of(segments)
    assert found.masked == ()
    assert len(found.common) == 3


def test_noise_stays_below_the_flag_in_a_thousand_seconds():
    rng = np.random.default_rng(6)
    weight = noise_power()
    largest = max(
        block_excess_db(
            np.abs(short_time_spectra(NOISE * rng.standard_normal(20 * FS), BLOCK)) ** 2, weight, FS
        ).max()
        for _ in range(50)
    )
    assert largest < FLAG_DB


def test_an_event_is_located_in_time_and_frequency():
    x = NOISE * np.random.default_rng(7).standard_normal(N) + slam(1.3)
    power = np.abs(short_time_spectra(x, BLOCK)) ** 2
    events = find_disturbances(power, noise_power(), FS, sweep=0, sweep_power=0.5)
    assert len(events) == 1
    assert 0.5 * BLOCK * events[0].peak_block / FS == pytest.approx(1.3, abs=0.05)
    assert events[0].f_hz == pytest.approx(210.0, abs=20.0)


def responses(seed, n=3, noise=1e-4):
    rng = np.random.default_rng(seed)
    h = np.zeros(1 << 16)
    tail = np.exp(-np.arange(8000) / 1500.0)
    h[100:8100] = np.random.default_rng(1).standard_normal(8000) * tail
    return h + noise * rng.standard_normal((n, h.size))


def compared(h):
    return compare_repeats(h, FS, pre_samples=400, tail_samples=20000)


@pytest.mark.parametrize("noise", [1e-5, 1e-3, 1e-2])
def test_repeats_that_differ_by_noise_are_all_kept(noise):
    found = compared(responses(2, noise=noise))
    assert found.kept == (0, 1, 2)
    assert np.abs(found.delays_samples).max() < 0.1


@pytest.mark.parametrize("slip", [1, -7, 256])
def test_a_sweep_that_slipped_is_dropped(slip):
    h = responses(3)
    h[1] = np.roll(h[1], slip)
    found = compared(h)
    assert found.kept == (0, 2)
    assert found.dropped == (1,)
    assert found.delays_samples[1] == pytest.approx(slip, abs=0.01)


def test_an_inverted_sweep_is_named():
    h = responses(4)
    h[2] *= -1.0
    found = compared(h)
    assert found.inverted == (2,)
    assert found.kept == (0, 1)
    two = compared(h[1:])
    assert two.opposed
