"""Two speakers whose difference is made by hand."""

import dataclasses

import numpy as np
import pytest
import scipy.fft

from roomcal.analyze.pair import COHERENT_DB, analyze_pair
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
DELAY_TOLERANCE_SAMPLES = 0.005  # MEASURING.md, goal 4


@pytest.fixture(scope="module")
def left():
    return VirtualStudio(ROOMS["control-room"]).true_response("L", "p1", FS)


def as_right(left, *, late_samples=0.0, gain_db=0.0, sign=1.0):
    n = scipy.fft.next_fast_len(2 * left.samples.size)
    w = 2 * np.pi * np.arange(n // 2 + 1) / n
    H = scipy.fft.rfft(left.samples, n) * np.exp(-1j * w * late_samples)
    h = sign * 10 ** (gain_db / 20) * scipy.fft.irfft(H, n)[: left.samples.size]
    return dataclasses.replace(left, samples=h, speaker="R")


@pytest.mark.parametrize("late", [0.0, 3.3, -7.81])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_delay_and_polarity_of_a_shifted_copy(left, late, sign):
    found = analyze_pair([left], [as_right(left, late_samples=late, sign=sign)])

    assert found.inverted is (sign < 0.0)
    assert found.delay_s * FS == pytest.approx(late, abs=DELAY_TOLERANCE_SAMPLES)


def test_the_delay_survives_noise(left, rng):
    right = as_right(left, late_samples=3.3)
    noisy = [
        dataclasses.replace(
            r,
            samples=r.samples
            + 0.1 * np.sqrt(np.mean(r.samples**2)) * rng.standard_normal(r.samples.size),
        )
        for r in (left, right)
    ]

    found = analyze_pair(noisy[:1], noisy[1:])

    assert found.delay_s * FS == pytest.approx(3.3, abs=DELAY_TOLERANCE_SAMPLES)


def test_equal_speakers_add_three_decibels_and_opposed_ones_cancel(left):
    equal = analyze_pair([left], [as_right(left)])
    opposed = analyze_pair([left], [as_right(left, sign=-1.0)])

    assert equal.bass_sum_db == pytest.approx(COHERENT_DB, abs=1e-6)
    assert opposed.bass_sum_db < -100.0


def test_a_delay_cancels_where_it_is_half_a_wave(left):
    """1 ms: 500 Hz; the sum of equal powers is 1 + cos(2 pi f t)."""
    found = analyze_pair([left], [as_right(left, late_samples=FS / 1000)])

    f = found.sum_db.f_hz
    low = f < 700.0
    assert f[low][np.argmin(found.sum_db.level_db[low])] == pytest.approx(500.0, rel=0.06)


def test_levels_are_first_above_second(left):
    found = analyze_pair([left], [as_right(left, gain_db=-2.0)])

    assert found.level_db == pytest.approx(2.0, abs=1e-6)
    assert found.direct_level_db == pytest.approx(2.0, abs=1e-6)
    assert found.rms_db == pytest.approx(0.0, abs=1e-6)


def test_without_a_clock_there_is_no_delay_and_no_sum(left):
    alone = dataclasses.replace(left, time_reference="none")

    found = analyze_pair([alone], [dataclasses.replace(as_right(left), time_reference="none")])

    assert np.isnan(found.delay_s)
    assert found.sum_db is None
    assert "no common clock" in found.reason


def test_unlike_speakers_have_no_polarity(left, rng):
    noise = ImpulseResponse(
        rng.standard_normal(left.samples.size), FS, "R", "p1", time_reference="loopback"
    )

    found = analyze_pair([left], [noise])

    assert found.inverted is None
    assert np.isnan(found.delay_s)
    assert "too unlike" in found.reason


def test_speakers_without_a_common_position_are_no_pair(left):
    with pytest.raises(ValueError, match="no position"):
        analyze_pair([left], [dataclasses.replace(left, speaker="R", position="p2")])
