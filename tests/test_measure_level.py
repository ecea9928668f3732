"""The procedure that raises the level, step by step, against what a microphone may answer."""

import numpy as np
import pytest

from roomcal.errors import MeasurementError, SafetyStop
from roomcal.measure.level import Enough, Limits, Louder, Step, limits, next_step
from roomcal.measure.loudness import (
    FullScale,
    allowed_s,
    dose_percent,
    find_tone,
    full_scale_of_sens_factor,
    sweep_leq_a_db,
    sweep_spl_db,
    turned_db,
)
from roomcal.measure.probe import Heard
from roomcal.model.curve import Curve
from roomcal.model.level_check import SpeakerProfile

F_HZ = tuple(20.0 * 2.0 ** (np.arange(24 * 10) / 24))
GAIN_DB = -20.0
FLAT = SpeakerProfile("L", F_HZ, (GAIN_DB,) * len(F_HZ))


def heard(level_dbfs, *, noise_dbfs=-100.0, ratio=100.0, peak_dbfs=None, silent=False):
    return Heard(
        input_channel=1,
        silent=silent,
        ratio=ratio,
        level_dbfs=level_dbfs,
        noise_dbfs=noise_dbfs,
        peak_dbfs=level_dbfs + 3.0 if peak_dbfs is None else peak_dbfs,
        delay_samples=1000,
    )


def climb(bounds, *, noise_dbfs=-100.0, at=lambda level: level + GAIN_DB - 3.0):
    """Levels that were played until it was enough, and why it was."""
    steps = [Step(-50.0, heard(at(-50.0), noise_dbfs=noise_dbfs))]
    while True:
        decision = next_step(steps, FLAT, bounds)
        if isinstance(decision, Enough):
            return [s.level_dbfs for s in steps], decision
        assert isinstance(decision, Louder)
        level = decision.level_dbfs
        steps.append(Step(level, heard(at(level), noise_dbfs=noise_dbfs)))


def test_steps_are_6_db_and_3_db_near_the_aim():
    levels, enough = climb(limits(FullScale(), max_spl_db=85.0), noise_dbfs=-60.0)

    assert levels == [-50, -44, -38, -32, -26, -23, -20]
    assert enough.level_dbfs == -20.0
    assert "-20 dBFS" in enough.why


def test_50_db_above_the_noise_is_enough():
    levels, enough = climb(limits(FullScale(), max_spl_db=85.0), noise_dbfs=-100.0)

    # Heard at level - 23 dB: 50 dB above -100 dBFS is reached at -27 dBFS.
    assert enough.level_dbfs == pytest.approx(-27.0)
    assert max(levels) == enough.level_dbfs


@pytest.mark.parametrize(
    ("sensitivity", "full_scale_db", "expected_dbfs"),
    [
        # A sweep of -28 dBFS peak is -31 dBFS rms at the output, -51 dBFS at the microphone.
        ("confirmed", 136.0, -28.0),
        ("estimated", 136.0, -34.0),  # 6 dB of doubt
    ],
)
def test_the_limit_of_sound_pressure_ends_the_ramp(sensitivity, full_scale_db, expected_dbfs):
    full_scale = FullScale(sensitivity, full_scale_db)

    _, enough = climb(limits(full_scale, max_spl_db=85.0), noise_dbfs=-80.0)

    # 10 lg of a third octave of ripple-free C weighting, and the peak's 3.01 dB.
    assert enough.level_dbfs == pytest.approx(expected_dbfs, abs=0.1)
    assert "85 dB(C)" in enough.why


def test_a_known_sensitivity_allows_12_dbfs_and_no_sensitivity_20():
    assert limits(FullScale(), max_spl_db=85.0).highest_dbfs == -20.0
    assert limits(FullScale("estimated", 120.0), max_spl_db=85.0).highest_dbfs == -20.0
    assert limits(FullScale("confirmed", 120.0), max_spl_db=85.0).highest_dbfs == -12.0
    assert limits(FullScale(), max_spl_db=85.0, asked_dbfs=-15.0).highest_dbfs == -15.0
    assert limits(FullScale(), max_spl_db=85.0, asked_dbfs=0.0).highest_dbfs == -3.0


def test_the_microphone_peak_ends_the_ramp():
    loud = SpeakerProfile("L", F_HZ, (18.0,) * len(F_HZ))
    steps = [Step(-30.0, heard(-15.0, noise_dbfs=-40.0))]

    decision = next_step(steps, loud, Limits(-12.0, 85.0, FullScale()))

    assert isinstance(decision, Enough)
    assert "microphone" in decision.why


BOUNDS = Limits(-20.0, 85.0, FullScale())


@pytest.mark.parametrize(
    "answer",
    [
        heard(-100.0, ratio=3.0),
        heard(-400.0, ratio=0.0, silent=True),
        heard(-75.0),  # fell, although something like the probe is in it
    ],
    ids=["noise", "zeros", "fell"],
)
def test_a_speaker_that_is_not_heard_any_more_stops_everything(answer):
    with pytest.raises(SafetyStop, match="cannot hear the speaker L at -44 dBFS; not going"):
        next_step([Step(-50.0, heard(-70.0)), Step(-44.0, answer)], FLAT, BOUNDS)


@pytest.mark.parametrize("rise_db", [4.1, 6.0, 7.9])
def test_a_rise_within_2_db_goes_on(rise_db):
    steps = [Step(-50.0, heard(-70.0)), Step(-44.0, heard(-70.0 + rise_db))]

    assert isinstance(next_step(steps, FLAT, BOUNDS), Louder)


def test_a_rise_that_is_too_large_is_a_safety_stop():
    steps = [Step(-50.0, heard(-70.0)), Step(-44.0, heard(-61.9))]

    with pytest.raises(SafetyStop, match="louder than predicted"):
        next_step(steps, FLAT, BOUNDS)


def test_a_rise_that_is_too_small_goes_back():
    steps = [Step(-50.0, heard(-70.0)), Step(-44.0, heard(-66.1))]

    decision = next_step(steps, FLAT, BOUNDS)

    assert isinstance(decision, Enough)
    assert decision.level_dbfs == -50.0
    assert decision.warning


def test_compression_does_not_hide_in_fine_steps():
    # 1 dB is lost in every step of 3 dB: less than the tolerance each, more together.
    steps = [Step(-50.0 + 3 * k, heard(-70.0 + 2 * k)) for k in range(4)]

    assert isinstance(next_step(steps, FLAT, BOUNDS), Enough)


def test_an_overloaded_input_is_named():
    with pytest.raises(MeasurementError, match="overloads") as caught:
        next_step([Step(-50.0, heard(-10.0, peak_dbfs=-0.5))], FLAT, BOUNDS)
    assert caught.value.fault == "RC-547"


def test_a_first_sound_that_is_too_loud_already_is_refused():
    with pytest.raises(MeasurementError, match="at -50 dBFS already") as caught:
        next_step(
            [Step(-50.0, heard(-73.0))], FLAT, Limits(-12.0, 85.0, FullScale("confirmed", 170.0))
        )
    assert caught.value.fault == "RC-548"


# --- sound pressure ---


def test_a_flat_speaker_is_as_loud_as_its_sine():
    # C weighting is within 0.02 dB of 0 from 200 Hz to 1 kHz, so the loudest third octave is 0 dB.
    found = sweep_spl_db(FLAT, -20.0, 120.0, "C")

    assert found == pytest.approx(120.0 - 20.0 - 3.01 + GAIN_DB, abs=0.05)


def test_a_sweep_is_less_loud_in_db_a_than_its_loudest_moment():
    leq = sweep_leq_a_db(FLAT, -20.0, 120.0)
    loudest = sweep_spl_db(FLAT, -20.0, 120.0, "A")

    assert loudest - 8.0 < leq < loudest


@pytest.mark.parametrize(
    ("level_db", "hours"), [(85.0, 8.0), (88.0, 4.0), (94.0, 1.0), (100.0, 0.25), (82.0, 16.0)]
)
def test_the_dose_of_a_day_halves_its_time_for_each_3_db(level_db, hours):
    # NIOSH 98-126, table 1-1: 85 dBA 8 h, 88 dBA 4 h, 94 dBA 1 h, 100 dBA 15 min.
    assert allowed_s(level_db) == pytest.approx(3600.0 * hours)
    assert dose_percent(level_db, 3600.0 * hours) == pytest.approx(100.0)


def test_the_sens_factor_gives_the_data_sheets_full_scale():
    # A UMIK-2 reads full scale at 125 dB SPL (miniDSP's data sheet); its file says -13.47 dB.
    assert full_scale_of_sens_factor(-13.47) == pytest.approx(125.0, abs=1.0)


def test_a_calibrator_is_told_from_noise():
    fs, rng = 48000, np.random.default_rng(3)
    noise = 1e-4 * rng.standard_normal(3 * fs)
    tone = np.sqrt(2) * 10 ** (-24 / 20) * np.sin(2 * np.pi * 1003.0 * np.arange(3 * fs) / fs)

    found = find_tone(tone + noise, fs, near_hz=(1000.0, 250.0))
    assert found.f_hz == pytest.approx(1003.0, abs=1.0)
    assert found.level_dbfs == pytest.approx(-24.0, abs=0.01)
    assert found.above_db > 40.0
    assert find_tone(noise, fs, near_hz=(1000.0, 250.0)).above_db < 0.0


def test_a_microphones_own_response_is_no_sound_pressure():
    """A microphone that adds 6 dB everywhere hears 6 dB less than it shows."""
    plus_6_db = Curve(np.array([20.0, 20000.0]), np.array([6.0, 6.0]))

    for weighting in ("A", "C"):
        shown = sweep_spl_db(FLAT, -20.0, 120.0, weighting)
        heard = sweep_spl_db(FLAT, -20.0, 120.0, weighting, calibration=plus_6_db)
        assert heard == pytest.approx(shown - 6.0)
    shown = sweep_leq_a_db(FLAT, -20.0, 120.0)
    assert sweep_leq_a_db(FLAT, -20.0, 120.0, calibration=plus_6_db) == pytest.approx(shown - 6.0)


@pytest.mark.parametrize(
    ("now", "moved_db"),
    [
        ({"L": -22.0, "R": -22.5}, -12.25),  # the microphone's gain, or the volume of both
        ({"L": -6.0, "R": -6.5}, 3.75),
        ({"L": -12.5, "R": -8.4}, None),  # within what a microphone placed anew changes
        ({"L": -22.0, "R": -10.0}, None),  # one amplifier
        ({"L": -22.0}, -12.0),  # nothing speaks against it
        ({"Sub": -30.0}, None),
    ],
)
def test_a_turned_gain_moves_every_speaker(now, moved_db):
    found = turned_db({"L": -10.0, "R": -10.0}, now)

    assert found == (None if moved_db is None else pytest.approx(moved_db))
