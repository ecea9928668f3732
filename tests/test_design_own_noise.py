"""Noise that a response shows at its end: found where it is, and not made out of a decay."""

import numpy as np
import pytest
import scipy.signal as sg

from roomcal.design.align import align
from roomcal.design.design import design
from roomcal.design.own_noise import own_snr
from roomcal.design.targets import target_curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
# The decay lasts some 30 ms: a third octave around 200 Hz (46 Hz wide) of it has three degrees of
# freedom, or a standard deviation of 3.5 dB, of which four positions leave 1.8 dB.
SNR_DB, FROM_HZ = 4.0, 200.0


def decaying(seed, *, noise_db=None, seconds=1.0, decay_s=0.4):
    """White decay whose noise lies `noise_db` above or below its energy, over its length."""
    rng = np.random.default_rng(seed)
    n = round(seconds * FS)
    x = rng.standard_normal(n) * 10.0 ** (-3.0 * np.arange(n) / (decay_s * FS))
    x[0] = 10.0
    x /= np.sqrt(np.sum(x**2))
    if noise_db is not None:
        x = x + rng.standard_normal(n) * 10.0 ** (noise_db / 20.0) / np.sqrt(n)
    return x


@pytest.mark.parametrize("noise_db", [-10.0, -20.0, -40.0])
def test_white_noise_beside_a_white_decay_is_found(noise_db):
    found = own_snr([decaying(k, noise_db=noise_db) for k in range(4)], [0.0] * 4, FS)

    above = found.f_hz > FROM_HZ
    assert np.abs(found.snr_db[above] + noise_db).max() < SNR_DB


@pytest.mark.parametrize("decay_s", [0.3, 0.8, 2.0])
def test_a_decay_that_is_cut_is_no_noise(decay_s):
    found = own_snr([decaying(k, seconds=0.6, decay_s=decay_s) for k in range(4)], [0.0] * 4, FS)

    assert np.all(found.snr_db[found.f_hz > FROM_HZ] > 60.0)


def test_a_short_response_does_not_say():
    assert own_snr([decaying(1, noise_db=-20.0, seconds=0.3)], [0.0], FS) is None


def test_what_was_measured_counts_more_than_what_shows():
    measured = own_snr([decaying(1, noise_db=-50.0)], [0.0], FS)
    r = ImpulseResponse(decaying(1, noise_db=-10.0), FS, "L", "p1", snr=measured)

    assert align([r], FS, main_position="p1").snr == (measured,)


def test_an_imported_response_is_not_boosted_where_it_is_noise():
    """A speaker without bass: what is left below 100 Hz is noise, 20 dB below the middle."""
    rng = np.random.default_rng(3)
    f = np.fft.rfftfreq(FS, 1.0 / FS)
    responses = []
    for k in range(4):
        x = np.zeros(FS)
        x[480] = 1.0
        X = np.fft.rfft(x) * np.where(f < 100.0, 0.01, 1.0)
        noise = np.fft.rfft(rng.standard_normal(FS)) * np.where(f < 100.0, 0.1 / np.sqrt(FS), 0.0)
        responses.append(ImpulseResponse(np.fft.irfft(X + noise), FS, "L", f"p{k}"))
    spec = DesignSpec(phase="minimum", taps=16384)
    result = design(responses, target_curve("flat"), spec, name="x", fs=FS)

    limit = result.explanations[0].curves["boost limit"]
    assert limit.level_at(np.array([25.0, 40.0, 60.0])).max() == 0.0
    assert any("above the noise" in note for note in result.explanations[0].notes)


@pytest.mark.parametrize("seed", range(12))
def test_chance_in_the_deep_bass_is_no_reason_to_boost_noise(seed):
    """White noise 50 dB below the peak, a speaker that ends at 50 Hz (24 dB an octave)."""
    rng = np.random.default_rng((7, seed))
    n = round(1.2 * FS)
    x = np.zeros(n)
    x[480] = 1.0
    t = np.arange(n - 480) / FS
    x[480:] += 0.02 * rng.standard_normal(n - 480) * 10.0 ** (-3.0 * t / 0.35)
    x = sg.sosfilt(sg.butter(4, 50.0, "high", fs=FS, output="sos"), x)
    x += 10.0 ** (-50.0 / 20.0) * rng.standard_normal(n)
    one = ImpulseResponse(x, FS, "L", "p1")
    filters = design([one], target_curve("flat"), DesignSpec(), name="x", fs=FS).filters

    level_db = 20.0 * np.log10(np.abs(np.fft.rfft(filters.taps[0, 0], 1 << 18)))
    f = np.fft.rfftfreq(1 << 18, 1.0 / FS)
    middle_db = np.median(level_db[(f > 200.0) & (f < 2000.0)])
    # The speaker is 20 dB down at 28 Hz; no correction reaches there but its own slope.
    assert level_db[(f > 15.0) & (f < 28.0)].max() - middle_db < 1.0
