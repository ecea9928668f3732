import numpy as np

from roomcal.dsp.microphone import MAX_CORRECTION_DB
from roomcal.measure.calibration import without_microphone
from roomcal.model.curve import Curve

FS = 48000


def impulse():
    h = np.zeros(8192)
    h[1000] = 1.0
    return h


def level_db(h, f_hz):
    f = np.fft.rfftfreq(1 << 16, 1 / FS)
    return np.interp(f_hz, f, 20 * np.log10(np.abs(np.fft.rfft(h, 1 << 16))))


def test_what_the_microphone_adds_is_taken_away():
    curve = Curve(f_hz=np.array([20.0, 1000.0, 20000.0]), level_db=np.array([-6.0, 0.0, 8.0]))

    h = without_microphone(impulse(), FS, curve, low_hz=10.0, high_hz=23000.0)

    f = np.array([50.0, 1000.0, 10000.0, 22000.0])
    np.testing.assert_allclose(level_db(h, f), -curve.level_at(f), atol=0.02)


def test_the_correction_does_not_reach_back_in_time():
    curve = Curve(f_hz=np.array([20.0, 20000.0]), level_db=np.array([-8.0, 8.0]))

    h = without_microphone(impulse(), FS, curve, low_hz=10.0, high_hz=23000.0)

    assert np.abs(h[:1000]).max() < 1e-4


def test_nothing_is_lifted_beyond_what_was_measured():
    curve = Curve(f_hz=np.array([5.0, 20.0, 1000.0]), level_db=np.array([-30.0, -3.0, 0.0]))

    h = without_microphone(impulse(), FS, curve, low_hz=20.0, high_hz=20000.0)

    np.testing.assert_allclose(level_db(h, np.array([6.0, 12.0])), 3.0, atol=0.1)


def test_an_absurd_calibration_is_limited():
    curve = Curve(f_hz=np.array([100.0, 200.0]), level_db=np.array([-60.0, -60.0]))

    h = without_microphone(impulse(), FS, curve, low_hz=20.0, high_hz=20000.0)

    np.testing.assert_allclose(level_db(h, np.array([150.0])), MAX_CORRECTION_DB, atol=1e-6)
