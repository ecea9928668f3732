"""Phase and arrival of a direct sound: left alone where it drowns in noise, and only there."""

import numpy as np
import pytest
import scipy.signal as sg

from roomcal.design.design import design
from roomcal.design.targets import target_curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
FLAT = target_curve("flat")
# Fourth order at 2 kHz, low and high pass together: an all-pass of second order (Linkwitz-Riley).
CROSSOVER_HZ = 2000.0
LATER_SAMPLES = 134  # how much later R arrives
# Noise 30 dB below the peak moves an arrival within a rise of 0.2 ms by some hundredth of it.
DELAY_S = 20e-6
# What a correction without phase, of a response without peaks or dips, leaves before the latency.
EARLY_ENERGY_DB = -40.0


def speaker(name, seed, *, noise_db, later=0, crossover=False, seconds=1.2):
    """Direct sound and a decay of 0.35 s, with white noise re the peak."""
    rng = np.random.default_rng((seed, later))
    n = round(seconds * FS)
    at = 480 + later
    x = np.zeros(n)
    x[at] = 1.0
    t = np.arange(n - at) / FS
    x[at:] += 0.02 * rng.standard_normal(n - at) * 10.0 ** (-3.0 * t / 0.35)
    if crossover:
        low, high = (
            sg.butter(2, CROSSOVER_HZ, kind, fs=FS, output="sos") for kind in ("low", "high")
        )
        x = sg.sosfilt(low, sg.sosfilt(low, x)) + sg.sosfilt(high, sg.sosfilt(high, x))
    x += 10.0 ** (noise_db / 20.0) * np.abs(x).max() * rng.standard_normal(n)
    return ImpulseResponse(x, FS, name, "p1", time_reference="loopback")


def early_db(taps, latency):
    """Energy until 0.3 ms before the latency, re all of it."""
    return 10.0 * np.log10(np.sum(taps[: latency - 14] ** 2) / np.sum(taps**2))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("noise_db", [-20.0, -10.0, 0.0])
def test_the_phase_of_noise_is_not_corrected(seed, noise_db):
    """The speaker has no phase beyond its level: nothing may come before the sound."""
    result = design([speaker("L", seed, noise_db=noise_db)], FLAT, DesignSpec(), name="x", fs=FS)

    filters = result.filters
    assert early_db(filters.taps[0, 0], filters.latency_samples) < EARLY_ENERGY_DB
    assert any("out of the noise" in note for note in result.explanations[0].notes)


@pytest.mark.parametrize("noise_db", [-60.0, -40.0, -30.0])
def test_the_phase_of_a_crossover_above_the_noise_is_corrected(noise_db):
    one = speaker("L", 1, noise_db=noise_db, crossover=True)
    result = design([one], FLAT, DesignSpec(), name="x", fs=FS)

    assert any("phase of the direct sound corrected" in n for n in result.explanations[0].notes)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("noise_db", [-20.0, -10.0, 0.0])
def test_arrivals_in_noise_are_not_matched(seed, noise_db):
    """Matched rightly or not at all: noise before the sound is no arrival."""
    pair = [
        speaker("L", seed, noise_db=noise_db),
        speaker("R", seed, noise_db=noise_db, later=LATER_SAMPLES),
    ]
    result = design(pair, FLAT, DesignSpec(phase="minimum"), name="x", fs=FS)

    left, right = result.explanations
    if any("stand out of the noise" in note for note in left.notes):
        assert left.delay_s == right.delay_s == 0.0
    else:
        assert left.delay_s == pytest.approx(LATER_SAMPLES / FS, abs=DELAY_S)
    assert noise_db < -10.0 or left.delay_s == 0.0


@pytest.mark.parametrize("noise_db", [-60.0, -40.0, -30.0])
def test_arrivals_above_the_noise_are_matched(noise_db):
    pair = [
        speaker("L", 1, noise_db=noise_db),
        speaker("R", 1, noise_db=noise_db, later=LATER_SAMPLES),
    ]
    result = design(pair, FLAT, DesignSpec(phase="minimum"), name="x", fs=FS)

    assert result.explanations[0].delay_s == pytest.approx(LATER_SAMPLES / FS, abs=DELAY_S)


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.3, 0.6])
def test_a_decay_that_is_cut_is_no_noise_to_the_arrival(seconds):
    pair = [
        speaker("L", 2, noise_db=-200.0, seconds=seconds),
        speaker("R", 2, noise_db=-200.0, later=LATER_SAMPLES, seconds=seconds),
    ]
    result = design(pair, FLAT, DesignSpec(), name="x", fs=FS)

    assert result.explanations[0].delay_s == pytest.approx(LATER_SAMPLES / FS, abs=DELAY_S)
    assert not any("noise" in note for e in result.explanations for note in e.notes)
