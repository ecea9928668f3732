"""The steps of a design one by one: alignment, average, limits, cap, headroom."""

import numpy as np
import pytest
import scipy.signal as sg
from hypothesis import given, settings
from hypothesis import strategies as st

from roomcal.design.align import align
from roomcal.design.assemble import minimum_phase_taps
from roomcal.design.average import mean_level_db
from roomcal.design.cap import capped
from roomcal.design.grid import MIDDLE
from roomcal.design.headroom import headroom_db
from roomcal.design.limits import find_limits
from roomcal.design.magnitude import KNEE_DB, soft_clip
from roomcal.errors import InputError
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import BandSnr, ImpulseResponse

FS = 48000
CAP_TOLERANCE_DB = 0.3  # what the issue allows at any 1/24 octave
ROUNDING_DB = 1e-6
RISE_SAMPLES = 8  # of the envelope of the 1-8 kHz band, from half of its peak to the peak


def impulse(n=9600, at=480, gain=1.0, **kwargs):
    samples = np.zeros(n)
    samples[at] = gain
    return ImpulseResponse(samples, FS, kwargs.pop("speaker", "L"), "p1", **kwargs)


def test_aligned_responses_arrive_together_at_the_same_level():
    responses = [impulse(at=300, gain=0.1), impulse(at=4000, gain=-0.7)]

    aligned = align(responses, FS, main_position="p1")

    peaks = np.argmax(np.abs(aligned.h), axis=1)
    assert peaks[0] == peaks[1]
    assert 0 <= peaks[0] - aligned.lead_samples < RISE_SAMPLES
    np.testing.assert_allclose(np.abs(aligned.h).max(axis=1), 1.0, rtol=1e-9)
    np.testing.assert_allclose(aligned.level_db, 20 * np.log10([0.1, 0.7]), atol=ROUNDING_DB)


def test_the_main_position_counts_as_much_as_five_others():
    others = [
        ImpulseResponse(np.r_[impulse().samples[:-1], last], FS, "L", f"p{k + 2}")
        for k, last in enumerate((0.01, 0.02))
    ]

    aligned = align([impulse(), *others], FS, main_position="p1")

    np.testing.assert_allclose(aligned.weights, [5 / 7, 1 / 7, 1 / 7])


def test_a_silent_response_is_named():
    with pytest.raises(InputError, match="R at p1 holds only zeros") as error:
        align([impulse(gain=0.0, speaker="R")], FS, main_position="p1")
    assert error.value.fault == "RC-315"


def test_a_speaker_without_middle_is_taken_for_a_sub():
    sos = np.vstack(
        [sg.butter(4, 80, fs=FS, output="sos"), sg.butter(4, 25, "high", fs=FS, output="sos")]
    )
    h = sg.sosfilt(sos, impulse(n=48000).samples)

    aligned = align([ImpulseResponse(h, FS, "S", "p1")], FS, main_position="p1")

    assert aligned.is_sub
    assert 18.0 < aligned.band.low_hz < 30.0
    assert 75.0 < aligned.band.high_hz < 120.0


def test_the_average_lies_between_mean_level_and_mean_energy():
    log_power = np.log(np.array([[1.0], [100.0]]))

    level_db = mean_level_db(log_power, np.array([[0.5], [0.5]]))

    assert 10.0 < level_db[0] < 10 * np.log10(50.5)


@given(st.floats(0.0, 40.0), st.floats(0.0, 20.0))
def test_the_soft_clip_never_passes_its_limit_and_leaves_small_boosts_alone(boost, limit):
    clipped = float(soft_clip(np.array([boost]), np.array([limit]))[0])

    assert clipped <= limit + 1e-12
    if boost <= limit - KNEE_DB:
        assert clipped == boost


def test_an_unknown_noise_forbids_no_boost():
    """Digital silence before a sweep says nothing about the noise: as if nobody had asked."""
    f = np.array([50.0, 1000.0])
    unknown = BandSnr(np.array([20.0, 50.0, 10000.0]), np.full(3, np.nan))

    limits, free = (
        find_limits(align([impulse(snr=snr)], FS, main_position="p1"), f, DesignSpec())
        for snr in (unknown, None)
    )

    np.testing.assert_array_equal(limits.boost_db, free.boost_db)
    assert limits.notes == free.notes


def test_no_boost_where_the_measurement_is_noise():
    f = np.array([30.0, 60.0, 200.0, 1000.0])
    snr = BandSnr(np.array([20.0, 50.0, 80.0, 10000.0]), np.array([5.0, 5.0, 50.0, 50.0]))
    aligned = align([impulse(snr=snr)], FS, main_position="p1")

    limits = find_limits(aligned, f, DesignSpec())

    assert limits.boost_db[0] == 0.0
    assert limits.boost_db[3] == DesignSpec().max_boost_db
    assert any("noise" in note for note in limits.notes)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), limit=st.floats(0.0, 9.0))
def test_the_cap_holds_whatever_the_filter(seed, limit):
    rng = np.random.default_rng(seed)
    f = np.geomspace(10.0, 24000.0, 200)
    level_db = np.interp(np.log(f), np.log(f[::10]), rng.uniform(-12.0, 12.0, 20))
    taps = minimum_phase_taps(f, level_db, FS, n_taps=int(rng.choice([1024, 4096, 65536])))

    result = capped(taps, FS, max_boost_db=limit, middle=MIDDLE)

    f, H = sg.freqz(result, worN=1 << 16, fs=FS)
    level_db = 20 * np.log10(np.abs(H))
    level_db -= np.median(level_db[(f >= 200) & (f <= 2000)])
    assert level_db.max() < limit + CAP_TOLERANCE_DB


def test_headroom_holds_for_the_worst_sine(rng):
    taps = rng.standard_normal((2, 2, 256)) * np.exp(-np.arange(256) / 30.0)

    headroom = headroom_db(taps)

    f = np.linspace(0, np.pi, 20001)
    gain = np.abs(np.exp(-1j * np.outer(f, np.arange(256))) @ taps.reshape(4, 256).T)
    worst = gain.reshape(-1, 2, 2).sum(axis=2).max()
    assert headroom == pytest.approx(20 * np.log10(worst), abs=0.01)


def test_a_quiet_filter_needs_no_headroom():
    assert headroom_db(np.full((1, 1, 1), 0.5)) == 0.0
