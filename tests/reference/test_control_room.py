"""One real position of a real control room, 16 bit, designed for a real target."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from roomcal.design.design import design
from roomcal.design.targets import target_curve
from roomcal.dsp.prediction import predict
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse

pytestmark = pytest.mark.reference

FS = 48000
# Uncorrected 5.9 dB below and 4.0 dB above 300 Hz; dips at 45 and 180-330 Hz stay on purpose.
REMOVED_SHARE = 0.5
CAP_DB = 6.3


def sixth_octave_db(h, f_hz):
    power = np.abs(np.fft.rfft(h, 1 << 18)) ** 2
    f = np.arange(power.size) * FS / (1 << 18)
    edge = 2 ** (1 / 12)
    return np.array([10 * np.log10(power[(f > x / edge) & (f < x * edge)].mean()) for x in f_hz])


def deviation_db(h, target, low_hz, high_hz):
    f = np.geomspace(30.0, 15000.0, 216)
    d = sixth_octave_db(h, f) - target.level_at(f)
    d -= np.median(d)
    return float(np.sqrt(np.mean(d[(f >= low_hz) & (f <= high_hz)] ** 2)))


@pytest.fixture(scope="module", params=["bk-3", "flat"])
def case(request, reference_data: Path):
    fs, samples = wavfile.read(reference_data / "control-room-porc" / "l48.wav")
    assert fs == FS
    target = target_curve("flat")
    if request.param == "bk-3":
        points = np.loadtxt(reference_data / "targets" / "bk-3-48.0.txt")
        target = Curve(*points[points[:, 0] > 0].T)
    h = samples / 32768.0
    result = design(
        [ImpulseResponse(h, FS, "L", "p1")], target, DesignSpec(), name="x", fs=FS
    ).filters
    return h, target, result.path("L", "L")


@pytest.mark.parametrize(("low_hz", "high_hz"), [(30.0, 300.0), (300.0, 15000.0)])
def test_most_of_the_deviation_is_removed(case, low_hz, high_hz):
    h, target, taps = case
    before = deviation_db(h, target, low_hz, high_hz)

    after = deviation_db(predict(h, taps), target, low_hz, high_hz)

    assert after < (1.0 - REMOVED_SHARE) * before


def test_the_gain_stays_within_its_limit(case):
    _, _, taps = case
    f = np.fft.rfftfreq(1 << 18, 1 / FS)
    gain = 20 * np.log10(np.abs(np.fft.rfft(taps, 1 << 18)))

    assert (gain - np.median(gain[(f > 200) & (f < 2000)])).max() < CAP_DB
    assert gain.max() < 0.01  # nothing clips


def test_the_deep_dips_are_not_filled(case):
    _, _, taps = case
    f = np.fft.rfftfreq(1 << 18, 1 / FS)
    gain = np.abs(np.fft.rfft(taps, 1 << 18))
    ringing = np.abs(taps[FS // 2 :]).max() / np.abs(taps).max()

    assert 20 * np.log10(gain[(f > 170) & (f < 350)].max() / np.median(gain)) < CAP_DB + 3.0
    assert ringing < 1e-3  # a filled notch would ring on
