import numpy as np
import pytest
from scipy.signal import butter, sosfilt, sosfreqz

from roomcal.analyze.response import (
    deviation_db,
    gate,
    level_offset_db,
    pair_match,
    smoothed_response,
    spatial_average,
)
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
# A second-order filter changes by at most 0.1 dB within 1/24 octave where it is checked.
FILTER_TOLERANCE_DB = 0.05


def response(h, **kwargs):
    return ImpulseResponse(h, FS, "L", "p1", **kwargs)


def flat(level_db, name=""):
    return Curve(np.array([20.0, 20000.0]), np.array([level_db, level_db]), name=name)


def test_an_impulse_is_flat_at_its_gain():
    h = np.zeros(FS // 4)
    h[4000] = 0.5

    curve = smoothed_response(response(h))

    assert curve.f_hz[0] == 20.0
    assert 19000.0 < curve.f_hz[-1] <= 20000.0
    assert curve.level_db == pytest.approx(np.full(curve.f_hz.size, -6.0206), abs=1e-3)
    assert curve.name == "L p1"


def test_a_filter_shows_its_own_magnitude():
    sos = butter(2, [40.0, 12000.0], "bandpass", fs=FS, output="sos")
    h = np.zeros(FS)
    h[2000] = 1.0

    curve = smoothed_response(response(sosfilt(sos, h)), smoothing=24)

    _, H = sosfreqz(sos, curve.f_hz, fs=FS)
    assert curve.level_db == pytest.approx(20.0 * np.log10(np.abs(H)), abs=FILTER_TOLERANCE_DB)


def test_a_short_response_is_as_smooth_as_a_long_one():
    h = np.zeros(480)
    h[20], h[70] = 1.0, 0.5
    longer = np.concatenate([h, np.zeros(2 * FS)])

    short = smoothed_response(response(h), smoothing=48)

    # Bins of 0.07 Hz instead of 0.25 Hz.
    expected = smoothed_response(response(longer), smoothing=48).level_db
    assert short.level_db == pytest.approx(expected, abs=0.01)


def test_the_gate_takes_out_what_comes_before_the_direct_sound(rng):
    quiet = np.zeros(FS)
    quiet[FS // 2] = 1.0
    noisy = quiet.copy()
    noisy[: FS // 3] += 0.01 * rng.standard_normal(FS // 3)  # harmonics, noise of the pre-roll

    assert gate(response(noisy)) == pytest.approx(quiet, abs=1e-12)


def test_the_gate_leaves_the_band_limits_ring_alone():
    h = np.zeros(FS)
    h[FS // 2] = 1.0
    h[FS // 2 - round(0.04 * FS)] = 0.01

    assert gate(response(h)) == pytest.approx(h, abs=1e-15)


def test_a_time_limit_takes_out_late_sound():
    h = np.zeros(FS)
    h[1000], h[1000 + FS // 10] = 1.0, 0.7

    gated = gate(response(h), duration_s=0.05)

    assert gated[1000] == 1.0
    assert gated.size < 1000 + FS // 10
    assert np.sum(gated**2) == pytest.approx(1.0)


def test_low_sample_rates_end_the_curve_earlier():
    h = np.zeros(2000)
    h[100] = 1.0

    curve = smoothed_response(ImpulseResponse(h, 8000, "L", "p1"))

    assert curve.f_hz[-1] < 4000.0


def test_an_average_is_the_mean_energy_with_its_range():
    average = spatial_average([flat(0.0), flat(-10.0)], name="L")

    assert average.mean.level_db == pytest.approx([10.0 * np.log10(0.55)] * 2)
    assert average.low_db.tolist() == [-10.0, -10.0]
    assert average.high_db.tolist() == [0.0, 0.0]
    assert average.spread_db == pytest.approx([np.sqrt(50.0)] * 2)  # of 0 and -10 about -5
    assert average.n_positions == 2
    assert average.mean.name == "L"


def test_one_position_has_no_spread():
    assert np.isnan(spatial_average([flat(3.0)]).spread_db).all()


def test_a_deviation_is_the_rms_over_log_frequency():
    """A cosine of 2 dB over whole octaves is 2 / sqrt(2) dB rms."""
    f_hz = np.geomspace(20.0, 20000.0, 4000)
    wavy = Curve(f_hz, 5.0 + 2.0 * np.cos(2 * np.pi * np.log2(f_hz / 100.0)))

    found = deviation_db(wavy, flat(0.0), low_hz=100.0, high_hz=1600.0, offset_db=5.0)

    assert found == pytest.approx(np.sqrt(2.0), rel=0.01)
    offset = level_offset_db(wavy, flat(0.0), low_hz=100.0, high_hz=1590.0)
    assert offset == pytest.approx(5.0, abs=0.02)


def test_a_range_that_was_not_measured_has_no_deviation():
    narrow = Curve(np.array([100.0, 2000.0]), np.zeros(2))

    assert np.isnan(deviation_db(narrow, flat(0.0), low_hz=30.0, high_hz=80.0))


def test_a_match_separates_level_from_shape():
    f_hz = np.geomspace(20.0, 20000.0, 2000)
    bump = 3.0 * np.exp(-0.5 * (np.log2(f_hz / 1000.0) / 0.2) ** 2)

    match = pair_match(Curve(f_hz, bump + 1.5, name="L"), flat(0.0, "R"))

    mean = np.sqrt(2 * np.pi) * 0.2 * 3.0 / np.log2(100.0)  # area of the bump over the range
    assert match.level_db == pytest.approx(1.5 + mean, abs=0.02)
    assert match.worst_hz == pytest.approx(1000.0, rel=0.02)
    assert match.worst_db == pytest.approx(3.0 - mean, abs=0.02)
    assert match.difference.name == "L - R"


def test_an_average_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        spatial_average([])
