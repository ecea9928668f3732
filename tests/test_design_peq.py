"""Bands of an equaliser: known ones are found again, and a device's limits hold."""

import numpy as np
import pytest
import scipy.signal as sg

from roomcal.design.design import design
from roomcal.design.device_limits import DEVICE_LIMITS, device_limits
from roomcal.design.grid import design_grid_hz
from roomcal.design.peq import fit_peq, level_of
from roomcal.design.targets import target_curve
from roomcal.errors import InputError
from roomcal.model.biquad import Biquad
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
F = design_grid_hz(FS)
FREE = DEVICE_LIMITS["free"]
FOUND_DB = 0.25  # a fit of three bands to three bands, at 1/12 octave
STEP = 1e-6
BANDS = (Biquad("peak", 63.0, -9.0, 5.0), Biquad("peak", 140.0, 4.0, 2.0))


def fit(wanted, **kwargs):
    options = {"bands": 6, "limits": FREE, "range_hz": (20.0, 20000.0), "max_boost_db": 12.0}
    return fit_peq(wanted, F, FS, **(options | kwargs))


def bumpy(seed=3):
    rng = np.random.default_rng(seed)
    return np.interp(np.log(F), np.linspace(np.log(20), np.log(20000), 25), rng.normal(0, 4, 25))


def test_the_level_of_a_band_is_that_of_its_filter():
    bands = (*BANDS, Biquad("high shelf", 4000.0, -3.0, 0.7))
    total = np.zeros(F.size)
    for b in bands:  # closed form of the analogue prototype holds far below half the rate
        a = 10 ** (b.gain_db / 40)
        s = 1j * np.tan(np.pi * F / FS) / np.tan(np.pi * b.f_hz / FS)
        if b.kind == "peak":
            H = (s * s + s * a / b.q + 1) / (s * s + s / (a * b.q) + 1)
        else:
            root = np.sqrt(a) / b.q
            H = a * (a * s * s + root * s + 1) / (s * s + root * s + a)
        total += 20 * np.log10(np.abs(H))

    np.testing.assert_allclose(level_of(bands, F, FS), total, atol=1e-6)


def test_known_bands_are_found_again():
    wanted = level_of(BANDS, F, FS)
    found = fit(wanted, bands=3)

    assert np.abs(found.level_db - wanted)[F > 20].max() < FOUND_DB


@pytest.mark.parametrize("name", DEVICE_LIMITS)
def test_the_limits_of_a_device_hold(name):
    limits = device_limits(name)
    found = fit(bumpy(), bands=64 if name != "free" else 12, limits=limits)

    assert 0 < len(found.biquads) <= limits.bands
    for b in found.biquads:
        assert limits.f_hz[0] <= b.f_hz <= limits.f_hz[1]
        assert limits.gain_db[0] <= b.gain_db <= limits.gain_db[1]
        assert limits.q[0] <= b.q <= limits.q[1]
        if limits.gain_step_db:
            steps = b.gain_db / limits.gain_step_db
            assert steps == pytest.approx(round(steps), abs=STEP)
        if limits.f_per_octave:
            steps = np.log2(b.f_hz / 1000.0) * limits.f_per_octave
            assert steps == pytest.approx(round(steps), abs=STEP)
        if not limits.shelves:
            assert b.kind == "peak"


def test_more_bands_leave_less():
    left = [np.std(fit(bumpy(), bands=n).level_db - bumpy()) for n in (2, 6, 12)]

    assert left[0] > left[1] > left[2]


@pytest.mark.parametrize("limit", [0.0, 3.0, 6.0])
def test_the_boost_limit_holds(limit):
    found = fit(bumpy() + 4.0, max_boost_db=limit, bands=10)

    middle = (F >= 200) & (F <= 2000)
    assert (found.level_db - np.median(found.level_db[middle])).max() < limit + 0.3


def response():
    x = np.zeros(FS)
    x[480] = 1.0
    b, a = sg.iirpeak(70.0, 8.0, fs=FS)
    return [ImpulseResponse(x + 2.0 * sg.lfilter(b, a, x), FS, "L", f"p{k}") for k in range(4)]


def test_the_taps_are_what_the_bands_ring_to():
    flat = target_curve("flat")
    filters = design(response(), flat, DesignSpec(peq=5), name="x", fs=FS).filters
    bands = filters.paths[0].biquads

    f = F[(F > 30) & (F < 20000)]
    H = sg.freqz(filters.taps[0, 0], worN=f, fs=FS)[1]
    level_db = 20 * np.log10(np.abs(H)) + filters.headroom_db
    np.testing.assert_allclose(level_db, level_of(bands, f, FS), atol=0.01)
    assert filters.latency_samples == 0
    assert any(60 < b.f_hz < 80 and b.gain_db < -5 for b in bands)


def test_a_hybrid_is_bands_and_a_short_filter():
    spec = DesignSpec(peq=5, hybrid_hz=300.0, taps=512)
    filters = design(response(), target_curve("flat"), spec, name="x", fs=FS).filters
    path = filters.paths[0]

    rows = []
    for b in path.biquads:
        w = 2 * np.pi * b.f_hz / FS
        a, alpha = 10 ** (b.gain_db / 40), np.sin(w) / (2 * b.q)
        below = (1 + alpha * a, -2 * np.cos(w), 1 - alpha * a)
        rows.append([1 + alpha / a, -2 * np.cos(w), 1 - alpha / a, *below])  # the inverse
    assert all(b.kind == "peak" for b in path.biquads)
    rows = np.array(rows)
    fir = sg.sosfilt(rows / rows[:, 3:4], filters.taps[0, 0])
    assert path.fir_taps == 512
    assert np.abs(fir[512:]).max() < 1e-6 * np.abs(fir).max()


@pytest.mark.parametrize("seed", [3, 21, 83])
def test_bands_and_filter_of_a_hybrid_keep_the_boost_limit_together(seed):
    rng = np.random.default_rng(seed)
    t = np.arange(FS) / FS
    x = np.r_[1.0, 0.3 * rng.standard_normal(FS - 1) * np.exp(-t[1:] / 0.02)]
    x = sg.sosfilt(sg.butter(2, 35.0, "high", fs=FS, output="sos"), np.r_[np.zeros(480), x])
    spec = DesignSpec(peq=8, hybrid_hz=100.0, taps=256, device_limits="minidsp", max_boost_db=6)
    one = ImpulseResponse(x, FS, "L", "p1")
    taps = design([one], target_curve("flat"), spec, name="x", fs=FS).filters.taps[0, 0]

    level_db = 20 * np.log10(np.abs(np.fft.rfft(taps, 1 << 18)))
    f = np.fft.rfftfreq(1 << 18, 1 / FS)
    middle = np.median(level_db[(f > 200) & (f < 2000)])
    assert (level_db[(f > 20) & (f < 20000)] - middle).max() < 6.0 + 0.3


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="linear"):
        DesignSpec(peq=5, phase="linear")
    with pytest.raises(InputError, match="hybrid"):
        DesignSpec(hybrid_hz=300.0)
    with pytest.raises(InputError, match="no limits for a device"):
        device_limits("nothing")
