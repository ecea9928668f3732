"""Sessions are compared: no alarm without a change, changes found, and what confounds them named.

`benchmarks/compare.py` does the same with 200 pairs.
"""

import dataclasses
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.units import band_centres_hz, speed_of_sound_m_s
from roomcal.verify.compare import NO_CHANGE, compare_sessions
from roomcal.verify.same_place import air_scale, displacement_m
from roomcal.verify.significance import PRIOR_WEIGHT, mean_difference, significant

PATH = Path(__file__).resolve().parents[1] / "benchmarks" / "compare.py"
FS = 48000
ROOM = ROOMS["bedroom"]
QUICK, ALL = 3, 6  # the benchmark takes 200
# The share of chance findings among 20,000 true null hypotheses at p < 0.05: 4.5 standard errors.
FALSE_SHARE, FALSE_TOLERANCE = 0.05, 4.5 * np.sqrt(0.05 * 0.95 / 20000)
AIR_TOLERANCE_K = 0.3  # what absorbers do to phases reads as 0.2 K, microphones as 0.1 K
# The phases tell the distance to a factor of 1.5, twice over for the direction of the step.
DISTANCE_FACTOR = 2.0


@pytest.fixture(scope="module")
def pairs():
    spec = importlib.util.spec_from_file_location("compare_pairs", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["compare_pairs"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["compare_pairs"]


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


# --- chance ---


def test_holm_rejects_what_his_procedure_rejects():
    """0.01 is below 0.05 / 4, 0.015 below 0.05 / 3, 0.03 not below 0.05 / 2, and then it ends."""
    p = np.array([0.03, 0.01, np.nan, 0.04, 0.015])

    assert significant(p).tolist() == [False, True, False, False, True]


def test_the_spread_of_a_repetition_stands_for_what_one_position_cannot_show():
    """One value, no spread of its own: the t distribution of the prior's weight decides."""
    rows, std = np.array([[1.2, -0.3]]), np.array([0.4, 0.4])

    found = mean_difference(rows, std, common_std=np.zeros(2))

    expected = 2.0 * scipy.stats.t.sf(np.abs(rows[0]) / 0.4, PRIOR_WEIGHT)
    assert found.p_value == pytest.approx(expected, rel=1e-9)
    half = scipy.stats.t.ppf(0.975, PRIOR_WEIGHT) * 0.4
    assert found.half_width == pytest.approx([half, half], rel=1e-9)


@pytest.mark.parametrize("n_positions", [2, 3, 9])
def test_chance_is_called_chance_as_often_as_it_should(n_positions):
    """A true spread as the prior promises it on average: scaled inverse chi-squared."""
    rng = np.random.default_rng(n_positions)
    n = 20000
    spread = np.sqrt(PRIOR_WEIGHT / rng.chisquare(PRIOR_WEIGHT, n))
    rows = spread * rng.standard_normal((n_positions, n))

    found = mean_difference(rows, np.ones(n), common_std=np.zeros(n))

    assert np.mean(found.p_value < FALSE_SHARE) == pytest.approx(FALSE_SHARE, abs=FALSE_TOLERANCE)
    inside = np.mean(np.abs(found.mean) <= found.half_width)
    assert inside == pytest.approx(1.0 - FALSE_SHARE, abs=FALSE_TOLERANCE)


def test_what_all_positions_share_is_no_part_of_their_average():
    rng = np.random.default_rng(4)
    n = 20000
    rows = rng.standard_normal((9, n)) * 0.1 + rng.standard_normal(n)

    found = mean_difference(rows, np.full(n, 0.1), common_std=np.ones(n))

    assert np.mean(found.p_value < FALSE_SHARE) == pytest.approx(FALSE_SHARE, abs=FALSE_TOLERANCE)


def test_a_number_that_too_few_positions_have_is_not_compared():
    rows = np.array([[1.0, 1.0], [np.nan, 1.1], [np.nan, np.nan]])

    found = mean_difference(rows, np.ones(2), common_std=np.zeros(2))

    assert np.isnan(found.mean[0])
    assert found.mean[1] == pytest.approx(1.05)
    assert found.n_positions.tolist() == [1.0, 2.0]


# --- air and place ---


def test_warmer_air_is_seen_in_a_room_with_absorbers_too(pairs):
    rng = np.random.default_rng(8)
    warmer_k = 0.8
    then, now = (
        pairs.session(dataclasses.replace(room, temperature_c=t), rng, air_k=0.0)
        for room, t in ((ROOM, 20.0), (ROOMS["bedroom-treated"], 20.0 + warmer_k))
    )

    scale = air_scale(list(zip(then, now, strict=True)))

    expected = speed_of_sound_m_s(20.0) / speed_of_sound_m_s(20.0 + warmer_k) - 1.0
    per_k = expected / warmer_k
    assert (scale - expected) / per_k == pytest.approx(0.0, abs=AIR_TOLERANCE_K)


@pytest.mark.parametrize(
    ("moved_m", "after"),
    [(0.02, "bedroom-treated"), (0.05, "bedroom"), slow(0.05, "bedroom-treated")],
)
def test_the_distance_of_a_step_is_told_whatever_the_walls_do(pairs, moved_m, after):
    rng = np.random.default_rng(9)
    still = pairs.session(ROOM, rng, air_k=0.0, placement_m=0.0)
    stepped = pairs.session(ROOMS[after], rng, air_k=0.0, placement_m=0.0, moved_m=moved_m)

    found = np.median([displacement_m(a, b) for a, b in zip(still, stepped, strict=True)])

    assert moved_m / DISTANCE_FACTOR < found < moved_m * DISTANCE_FACTOR


def test_what_noise_hides_has_no_place():
    """A sub in noise: its likeness is lost to noise, not to another place."""
    rng = np.random.default_rng(14)
    t = np.arange(FS) / FS
    f_hz = band_centres_hz(25.0, 16000.0, bands_per_octave=3)
    snr = BandSnr(f_hz, np.where(f_hz < 400.0, 30.0, 5.0))
    decay = np.exp(-15.0 * t) * np.sin(2.0 * np.pi * 60.0 * t)
    decay += 0.3 * np.exp(-15.0 * t) * np.sin(2.0 * np.pi * 240.0 * t)
    then, now = (
        ImpulseResponse(decay + 0.01 * rng.standard_normal(FS), FS, "Sub", "p1", snr=snr)
        for _ in range(2)
    )

    assert np.isnan(displacement_m(then, now))


# --- sessions ---


@pytest.mark.parametrize("n", [QUICK, slow(ALL)])
def test_nothing_changed_is_no_significant_change(pairs, n):
    verdicts = {seed: pairs.unchanged_pair(seed) for seed in range(n)}

    alarms = [seed for seed, c in verdicts.items() if c.verdict != NO_CHANGE or c.findings]
    # 5 % of false alarms are allowed: 2 of 6 have a chance of 3 %.
    assert len(alarms) <= 1, alarms


@pytest.mark.slow
def test_one_position_alone_raises_no_alarm_either(pairs):
    changed = [s for s in range(ALL) if pairs.unchanged_pair(s, n_positions=1).changed]

    assert len(changed) <= 1, changed


@pytest.mark.parametrize("n", [1, slow(ALL)])
def test_a_band_that_decays_in_half_the_time_is_found(pairs, n):
    missed = []
    for seed in range(n):
        comparison, f_hz = pairs.treated_pair(seed)
        if not pairs.band_is_found(comparison, f_hz) or comparison.confounded:
            missed.append(seed)

    assert len(missed) <= n // ALL, missed


@pytest.mark.parametrize("n", [1, slow(4)])
def test_a_moved_microphone_is_named(pairs, n):
    for seed in range(n):
        comparison = pairs.moved_pair(seed, moved_m=0.03)

        assert pairs.kinds(comparison) == {"microphone"}, seed


@pytest.mark.parametrize("n", [1, slow(4)])
def test_a_changed_gain_is_named_and_taken_off(pairs, n):
    for seed in range(n):
        comparison = pairs.moved_pair(seed, gain_db=1.0)

        assert pairs.kinds(comparison) == {"gain"}, seed
        assert comparison.circumstances.common_gain_db == pytest.approx(1.0, abs=0.1)
        assert comparison.verdict == NO_CHANGE


def test_the_gain_of_one_speaker_is_named_and_is_a_change(pairs):
    rng = np.random.default_rng(10)
    then, now = pairs.session(ROOM, rng), pairs.session(ROOM, rng)
    louder = [
        dataclasses.replace(r, samples=r.samples * 10 ** (2 / 20)) if r.speaker == "R" else r
        for r in now
    ]

    comparison = compare_sessions(then, louder)

    assert [(f.kind, f.speaker) for f in comparison.findings] == [("speaker-gain", "R")]
    left, right = comparison.speakers
    assert not left.found
    assert all(c.significant for c in right.levels if np.isfinite(c.difference))


def test_a_speaker_at_another_place_is_named(pairs):
    first, second = ROOM.speakers
    x, y, z = second.position_m
    moved = dataclasses.replace(second, position_m=(x, y + 0.04, z))
    rng = np.random.default_rng(11)
    then = pairs.session(ROOM, rng)
    now = pairs.session(dataclasses.replace(ROOM, speakers=(first, moved)), rng)

    findings = compare_sessions(then, now).findings

    assert [(f.kind, f.speaker) for f in findings] == [("speaker", second.name)]


def test_absorbers_are_neither_a_gain_nor_another_place(pairs):
    rng = np.random.default_rng(12)

    comparison = compare_sessions(
        pairs.session(ROOM, rng), pairs.session(ROOMS["bedroom-treated"], rng)
    )

    assert comparison.findings == ()
    assert all(c.significant and c.b < c.a for s in comparison.speakers for c in s.decays)


def test_a_number_that_is_missing_says_why(pairs):
    rng = np.random.default_rng(13)
    then, now = pairs.session(ROOM, rng), pairs.session(ROOM, rng)
    cut = [dataclasses.replace(r, samples=r.samples[: round(0.1 * FS)]) for r in now]

    comparison = compare_sessions(then, cut)

    unknown = [c for s in comparison.speakers for c in s.decays if np.isnan(c.difference)]
    assert unknown
    assert all(c.reason and not c.significant for c in unknown)


def test_sessions_without_a_common_path_are_not_compared():
    h = np.eye(1, 4800, 100)[0]
    a = ImpulseResponse(h, FS, "L", "p1")

    with pytest.raises(ValueError, match="no path"):
        compare_sessions([a], [dataclasses.replace(a, position="p2")])


def test_another_sample_rate_is_no_change():
    studio = VirtualStudio(ROOM)
    then, now = (
        [studio.true_response(s.name, p, fs) for p in ("p1", "p2") for s in ROOM.speakers]
        for fs in (48000, 44100)
    )

    comparison = compare_sessions(then, now)

    assert comparison.verdict == NO_CHANGE
    assert comparison.findings == ()


def test_a_path_of_one_session_alone_is_noted():
    h = np.eye(1, 9600, 100)[0] + 1e-3 * np.random.default_rng(1).standard_normal(9600)
    a = ImpulseResponse(h, FS, "L", "p1")
    others = [dataclasses.replace(a, position="p2"), dataclasses.replace(a, speaker="R")]

    comparison = compare_sessions([a, others[0]], [a, others[1]], names=("then", "now"))

    assert comparison.notes == ("only then has L p2", "only now has R p1")
