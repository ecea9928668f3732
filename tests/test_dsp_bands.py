import numpy as np
import pytest
from scipy.signal import hilbert

from roomcal.dsp.bands import (
    band_gain,
    band_limits_hz,
    band_powers,
    band_signal,
    bandwidth_hz,
)
from roomcal.units import band_centres_hz

FS = 8000
# Rounding of sums over some thousand bins.
ROUNDING = 1e-9
# A decay as long as this (bandwidth x time) hides the ring of the filter; calculated for these
# gains, the error of T30 is then below 0.1 %. Straight lines through a finite curve add as much.
LONG_BT = 20.0
DECAY_TOLERANCE = 0.004
# Attenuation limits of class 1, dB (IEC 61260-1:2014, table 1), by distance from the centre in
# bandwidths (octaves for octave bands): largest within the band, least beyond it.
CLASS_1_PASS = {0.0: 0.4, 0.125: 0.5, 0.25: 0.7, 0.375: 1.4}
CLASS_1_STOP = {1.0: 16.6, 2.0: 40.5, 3.0: 60.0}


@pytest.mark.parametrize("per_octave", [1, 3])
def test_neighbouring_bands_add_up_to_all_of_the_power(per_octave):
    centres = band_centres_hz(63.0, 1000.0, bands_per_octave=per_octave)
    f = np.linspace(centres[1], centres[-2], 5000)

    total = sum(band_gain(f, c, per_octave) ** 2 for c in centres)

    assert total == pytest.approx(np.ones(f.size), abs=ROUNDING)


@pytest.mark.parametrize("per_octave", [1, 3])
def test_the_edges_lie_at_half_power(per_octave):
    edges = np.array(band_limits_hz(1000.0, per_octave))

    assert band_gain(edges, 1000.0, per_octave) ** 2 == pytest.approx([0.5, 0.5], abs=ROUNDING)
    assert edges[1] / edges[0] == pytest.approx(10.0 ** (0.3 / per_octave))


def test_octave_bands_keep_the_limits_of_class_1():
    octave = 10.0**0.3
    for away, largest in CLASS_1_PASS.items():
        gain = band_gain(1000.0 * octave ** np.array([-away, away]), 1000.0, 1)
        assert np.all(-20.0 * np.log10(gain) <= largest)
    for away, least in CLASS_1_STOP.items():
        gain = band_gain(1000.0 * octave ** np.array([-away, away]), 1000.0, 1)
        assert np.all(-20.0 * np.log10(np.maximum(gain, 1e-12)) >= least)


@pytest.mark.parametrize("per_octave", [1, 3])
def test_an_exponential_decay_keeps_its_slope(per_octave):
    """A tone at the centre that decays: its envelope after the filter is the same exponential."""
    time_60_s = LONG_BT / bandwidth_hz(63.1, per_octave)
    t = np.arange(round(1.5 * time_60_s * FS)) / FS
    h = np.sin(2.0 * np.pi * 63.1 * t) * 10.0 ** (-3.0 * t / time_60_s)

    level = 20.0 * np.log10(np.abs(hilbert(band_signal(h, FS, 63.1, per_octave))))

    inside = (t > 0.25 * time_60_s) & (t < 0.75 * time_60_s)
    slope = np.polyfit(t[inside], level[inside], 1)[0]
    assert -60.0 / slope == pytest.approx(time_60_s, rel=DECAY_TOLERANCE)


def test_an_impulse_rings_alike_before_and_after():
    h = np.zeros(FS)
    h[FS // 2] = 1.0

    y = band_signal(h, FS, 125.9, 1)

    assert y[FS // 2 :: 1][:1000] == pytest.approx(y[FS // 2 :: -1][:1000], abs=ROUNDING)


@pytest.mark.parametrize("per_octave", [1, 3])
def test_powers_hold_the_energy_of_the_band_signal(per_octave, rng):
    h = np.zeros(3 * FS)
    h[FS : FS + FS // 2] = rng.standard_normal(FS // 2)
    centres = band_centres_hz(63.0, 2000.0, bands_per_octave=per_octave)

    powers = band_powers(h, FS, centres, bands_per_octave=per_octave)

    for centre, band in zip(centres, powers, strict=True):
        energy = np.sum(band_signal(h, FS, centre, per_octave) ** 2)
        # The ring is 60 dB down where it is cut.
        assert band.power.sum() * FS / band.rate_hz == pytest.approx(energy, rel=1e-5)


def test_power_is_half_of_the_squared_envelope(rng):
    """Truth: scipy's analytic signal of the band, at the times that the power names."""
    h = np.zeros(2 * FS)
    h[4000:9000] = rng.standard_normal(5000)
    band = band_powers(h, FS, np.array([251.2]), bands_per_octave=1)[0]
    envelope = np.abs(hilbert(band_signal(h, FS, 251.2, 1))) ** 2 / 2.0
    t = band.start_s + np.arange(band.power.size) / band.rate_hz
    inside = (t > 0.4) & (t < 1.2)

    expected = np.interp(t[inside] * FS, np.arange(h.size), envelope)

    # Straight lines between samples cut the tops of a 500 Hz fluctuation: (pi 500 / 8000)^2 / 2.
    assert band.power[inside] == pytest.approx(expected, abs=0.02 * envelope.max())
