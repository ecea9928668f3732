"""Phase and group delay against closed forms and against pyfar."""

import numpy as np
import pytest
from scipy.signal import butter, freqz, lfilter, sosfilt, sosfreqz

from roomcal.analyze.phase import phase_response
from roomcal.dsp.group_delay import phase_spectrum
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
N = 1 << 15
# Curves are interpolated between bins of 0.37 Hz and smoothed over 1/12 octave, in which the
# filters below bend by less than this.
DELAY_TOLERANCE_S = 2e-5
PHASE_TOLERANCE_DEG = 1.5
# The distance is read from the delay of 2-12 kHz, where the filters below have some delay left.
ARRIVAL_TOLERANCE_S = 2 / FS


def impulse(at=2000, n=N):
    h = np.zeros(n)
    h[at] = 1.0
    return h


def allpass(h, f0):
    """First-order all-pass; tau = (1 - a^2) / (1 + 2 a cos w + a^2) samples."""
    t = np.tan(np.pi * f0 / FS)
    a = (t - 1.0) / (t + 1.0)
    return lfilter([a, 1.0], [1.0, a], h), a


def response(h):
    return ImpulseResponse(h, FS, "L", "p1")


@pytest.mark.parametrize("cycles", [None, 6.0])
def test_a_pure_delay_has_no_phase_left(cycles):
    found = phase_response(response(0.3 * impulse()), cycles=cycles)

    assert found.f_hz[0] == 20.0
    zero = np.zeros(found.f_hz.size)
    assert found.group_delay_s == pytest.approx(zero, abs=1e-7)
    assert found.phase_deg == pytest.approx(zero, abs=PHASE_TOLERANCE_DEG)
    assert found.cycles == cycles


def test_a_filter_of_minimum_phase_has_no_excess():
    sos = butter(2, [80.0, 8000.0], "bandpass", fs=FS, output="sos")
    spectrum = phase_spectrum(sosfilt(sos, impulse(0)), FS, arrival=0.0)
    inside = (spectrum.f_hz > 30.0) & (spectrum.f_hz < 15000.0)

    _, H = sosfreqz(sos, spectrum.f_hz[inside], fs=FS)

    excess = np.angle(spectrum.H / np.where(spectrum.minimum == 0, 1, spectrum.minimum), deg=True)
    # Zeros at 0 Hz and at half the sample rate make any cepstrum alias a little.
    assert np.abs(excess[inside]).max() < PHASE_TOLERANCE_DEG
    turn = np.angle(spectrum.minimum[inside] / H, deg=True)
    assert np.abs(turn).max() < PHASE_TOLERANCE_DEG


@pytest.mark.parametrize("f0", [100.0, 1000.0])
def test_an_all_pass_is_excess_alone(f0):
    h, a = allpass(impulse(0), f0)
    spectrum = phase_spectrum(h, FS, arrival=0.0)
    w = 2.0 * np.pi * spectrum.f_hz / FS
    inside = (spectrum.f_hz > 10.0) & (spectrum.f_hz < 20000.0)

    expected_s = (1.0 - a * a) / (1.0 + 2.0 * a * np.cos(w) + a * a) / FS

    assert spectrum.group_delay_s[inside] == pytest.approx(expected_s[inside], abs=1e-9)
    assert spectrum.minimum_group_delay_s[inside] == pytest.approx(np.zeros(inside.sum()), abs=1e-7)


def test_the_excess_phase_of_an_all_pass_is_its_phase():
    h, a = allpass(impulse(), 300.0)
    found = phase_response(response(h), cycles=None)
    low = found.f_hz < 1000.0

    _, H = freqz([a, 1.0], [1.0, a], found.f_hz[low], fs=FS)

    # What the arrival is off by turns the phase by 360 degrees times delay times frequency.
    turn = np.unwrap(np.angle(H) - np.radians(found.excess_phase_deg[low]))
    slope = np.polyfit(2.0 * np.pi * found.f_hz[low], turn, 1)
    assert abs(slope[0]) < ARRIVAL_TOLERANCE_S
    rest = turn - np.polyval(slope, 2.0 * np.pi * found.f_hz[low])
    assert np.degrees(np.abs(rest)).max() < PHASE_TOLERANCE_DEG
    assert found.minimum_phase_deg[low] == pytest.approx(np.zeros(low.sum()), abs=0.2)


def test_pyfar_finds_the_same_group_delay():
    pyfar = pytest.importorskip("pyfar")
    sos = butter(4, 200.0, "highpass", fs=FS, output="sos")
    h = sosfilt(sos, impulse(0))
    spectrum = phase_spectrum(h, FS, arrival=0.0)
    f = np.array([150.0, 200.0, 400.0, 1000.0, 5000.0])

    theirs = pyfar.dsp.group_delay(pyfar.Signal(h, FS), frequencies=f, method="scipy")

    ours = np.interp(f, spectrum.f_hz, spectrum.group_delay_s)
    assert ours == pytest.approx(np.ravel(theirs) / FS, abs=DELAY_TOLERANCE_S)


def test_a_window_of_cycles_lets_late_sound_go_in_the_treble_alone():
    """An echo 20 ms later is 1 cycle late at 50 Hz and 100 cycles late at 5 kHz."""
    h = impulse()
    h[2000 + FS // 50] = 0.5
    spectrum = phase_spectrum(h, FS, arrival=2000.0, cycles=6.0)
    level = np.abs(spectrum.H)

    treble = (spectrum.f_hz > 2000.0) & (spectrum.f_hz < 15000.0)
    bass = (spectrum.f_hz > 20.0) & (spectrum.f_hz < 60.0)
    assert np.ptp(level[treble]) < 0.02
    assert level[bass].max() > 1.35  # the comb's 1.5 at 50 Hz
    assert level[bass].min() < 0.65


def test_silence_has_no_delay_and_raises_nothing():
    found = phase_response(response(np.zeros(4800)))

    assert np.isnan(found.group_delay_s).all()
    assert np.isnan(found.phase_deg).all()


def test_what_a_sub_does_not_play_has_no_phase(rng):
    h = sosfilt(butter(4, 80.0, fs=FS, output="sos"), impulse())
    found = phase_response(response(h + 1e-7 * rng.standard_normal(h.size)))

    assert np.isfinite(found.phase_deg[found.f_hz < 200.0]).all()
    assert np.isnan(found.excess_phase_deg[found.f_hz > 1000.0]).all()
