"""A roll-off goes on downwards; a dip, however deep, does not make one."""

import numpy as np
import pytest
import scipy.signal as sg

from roomcal.design.rolloff import find_roll_off

FS = 48000
N_FFT = 1 << 17
F = np.arange(N_FFT // 2 + 1) * FS / N_FFT
ONE = np.ones(1)
# A third-octave mean of a slope of 24 dB/octave lies up to half a band off its centre.
CORNER_TOLERANCE_OCTAVES = 1.0 / 6.0


def power_of(sos):
    return np.abs(sg.sosfreqz(sos, worN=F, fs=FS)[1][None]) ** 2


def notch(f0, q, depth_db):
    """Peaking cut of the Audio EQ Cookbook."""
    a, w = 10 ** (-depth_db / 40), 2 * np.pi * f0 / FS
    alpha = np.sin(w) / (2 * q)
    b = [1 + alpha * a, -2 * np.cos(w), 1 - alpha * a]
    d = [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a]
    return np.array([[*b, *d]]) / d[0]


@pytest.mark.parametrize(("order", "half_power_hz"), [(2, 52.0), (4, 44.0), (4, 80.0), (8, 30.0)])
def test_the_corner_of_a_high_pass_is_found(order, half_power_hz):
    power = power_of(sg.butter(order, half_power_hz, "high", fs=FS, output="sos"))
    bass = (F > 5) & (F < 200)
    true_hz = np.interp(-6.0, 10 * np.log10(power[0, bass]), F[bass])

    found = find_roll_off(power, FS / N_FFT, weights=ONE)

    assert found is not None
    assert abs(np.log2(found.corner_hz / true_hz)) < CORNER_TOLERANCE_OCTAVES


@pytest.mark.parametrize("q", [2.0, 8.0, 30.0])
@pytest.mark.parametrize("f0", [35.0, 60.0, 90.0])
def test_a_dip_is_no_roll_off(f0, q):
    assert find_roll_off(power_of(notch(f0, q, 25.0)), FS / N_FFT, weights=ONE) is None


def test_a_dip_above_the_corner_does_not_move_it():
    high_pass = sg.butter(4, 40.0, "high", fs=FS, output="sos")
    plain = find_roll_off(power_of(high_pass), FS / N_FFT, weights=ONE)

    dipped = find_roll_off(
        power_of(np.vstack([high_pass, notch(80.0, 3.0, 25.0)])), FS / N_FFT, weights=ONE
    )

    assert abs(np.log2(dipped.corner_hz / plain.corner_hz)) < CORNER_TOLERANCE_OCTAVES


def test_a_flat_speaker_has_none():
    assert find_roll_off(np.ones((1, F.size)), FS / N_FFT, weights=ONE) is None
