"""Every clause of the data file is judged by figures made for it: kept, missed, not measurable."""

from types import SimpleNamespace

import numpy as np
import pytest

from roomcal.analyze.clause_facts import Facts
from roomcal.analyze.decay import DecayAnalysis
from roomcal.analyze.noise import BANDS_HZ, NoiseAnalysis, NoiseRating
from roomcal.analyze.reflections import EarlyReflections, Reflection
from roomcal.analyze.standards import CHECKS, judge_clauses
from roomcal.files.standards_data import load_standards
from roomcal.model.curve import Curve
from roomcal.model.studio import Position, Speaker, Studio
from roomcal.units import band_centres_hz

CLAUSES = {c.id: c for c in load_standards().clauses}
THIRDS_HZ = band_centres_hz(25.0, 16000.0, bands_per_octave=3)
SIZE_M = (4.5, 6.0, 2.9)  # 78.3 m3: nominal 0.25 (0.783)^(1/3) = 0.230 s


def decay(time_s):
    time_s = np.broadcast_to(time_s, THIRDS_HZ.shape).astype(float)
    nan = np.full(THIRDS_HZ.size, np.nan)
    names = ("t20_std_s", "t30_std_s", "c50_db", "c80_db", "d50", "ts_s")
    names += ("curvature_percent", "nonlinearity_permille", "range_db", "edt_s")
    empty = ("",) * THIRDS_HZ.size
    return DecayAnalysis(
        bands_per_octave=3,
        bands_hz=THIRDS_HZ,
        t20_s=time_s,
        t30_s=time_s,
        reason=empty,
        remark=empty,
        **dict.fromkeys(names, nan),
    )


def flat(level=lambda f: 0.0 * f):
    return Curve(THIRDS_HZ, level(THIRDS_HZ))


def noise(nr=None, nc=None, *, sensitivity="confirmed", reason=""):
    ratings = (
        NoiseRating("NC", np.nan if nc is None else nc, 500.0, reason),
        NoiseRating("NR", np.nan if nr is None else nr, 500.0, reason),
    )
    level = np.zeros(BANDS_HZ.size)
    return NoiseAnalysis(BANDS_HZ, level, level, 20.0, ratings, 1.0, sensitivity, reason)


def studio(left=(1.25, 1.5, 1.2), right=(3.25, 1.5, 1.2), listener=(2.25, 3.232, 1.2)):
    speakers = (Speaker("L", 1, position_m=left), Speaker("R", 2, position_m=right))
    return Studio("s", speakers, positions=(Position("p1", listener),))


def pair(delay_s, reason=""):
    return SimpleNamespace(first="L", second="R", delay_s=delay_s, reason=reason)


def facts(**changes):
    good = {
        "responses": {"L": flat(), "R": flat()},
        "decays": {"L": [decay(0.24)], "R": [decay(0.24)]},
        "reflections": {"L": EarlyReflections((Reflection(0.004, -12.0, 1.37, "floor"),))},
        "position": "p1",
        "noise": noise(12.0, 15.0),
        "pair": pair(5e-5),
        "size_m": SIZE_M,
        "studio": studio(),
    }
    return Facts(**(good | changes))


def judged(**changes):
    return {v.clause.id: v for v in judge_clauses(list(CLAUSES.values()), facts(**changes))}


def late(level_db):
    return EarlyReflections((Reflection(0.004, level_db, 1.37),))


MISSED = {
    "early_reflections": {"reflections": {"L": late(-8.0)}},
    "decay_mean": {"decays": {"L": [decay(0.35)]}},
    "decay_bands": {"decays": {"L": [decay(np.where(THIRDS_HZ < 130.0, 0.6, 0.24))]}},
    "decay_neighbours": {"decays": {"L": [decay(np.where(THIRDS_HZ < 900.0, 0.34, 0.24))]}},
    "room_response": {"responses": {"L": flat(lambda f: np.where(f < 70.0, 5.0, 0.0))}},
    "atmos_curve": {"responses": {"L": flat(lambda f: np.where(f > 9000.0, 2.0, 0.0))}},
    "noise": {"noise": noise(20.0, 30.0)},
    "pair_delay": {"pair": pair(-2e-4)},
    "pair_level": {"responses": {"L": flat(), "R": flat(lambda f: 3.0 * (f > 1000.0))}},
    "volume": {"size_m": (10.0, 10.0, 4.0)},
    "floor_area": {"size_m": (3.0, 4.0, 2.6)},
    "room_ratios": {"size_m": (2.6, 9.0, 2.6)},
    "room_size": {"size_m": (2.8, 4.0, 2.5)},
    "base_angle": {"studio": studio(left=(2.0, 1.5, 1.2), right=(2.5, 1.5, 1.2))},
    "wall_distance": {"studio": studio(left=(0.5, 1.5, 1.2))},
    "distance": {"studio": studio(listener=(2.25, 7.0, 1.2))},
}
UNKNOWN = {
    "early_reflections": {"reflections": {"L": EarlyReflections((), "no treble")}},
    "decay_mean": {"size_m": None},
    "decay_bands": {"decays": {"L": [decay(np.nan)]}},
    "decay_neighbours": {"decays": {"L": [decay(np.nan)]}},
    "room_response": {"responses": {}},
    "atmos_curve": {"responses": {}},
    "noise": {"noise": noise(sensitivity="unknown", reason="not known")},
    "pair_delay": {"pair": pair(np.nan, "no clock")},
    "pair_level": {"pair": None},
    "volume": {"size_m": None},
    "floor_area": {"size_m": None},
    "room_ratios": {"size_m": None},
    "room_size": {"size_m": None},
    "base_angle": {"studio": None},
    "wall_distance": {"studio": None},
    "distance": {"studio": None},
}


def of_check(check, verdicts):
    return [v for v in verdicts.values() if v.clause.check == check]


def test_a_good_room_keeps_every_clause_that_can_be_measured():
    missed = {
        k: v.found for k, v in judged().items() if v.status == "fail" and k != "atmos-response"
    }

    assert missed == {}


def test_dolbys_curve_is_kept_by_itself():
    def curve(f):
        falls = -1.5 * np.log2(np.clip(f, 1600.0, 10000.0) / 1600.0)
        return falls - 3.0 * np.log2(np.maximum(f, 10000.0) / 10000.0) + (f < 160.0)

    assert judged(responses={"L": flat(curve)})["atmos-response"].status == "pass"


@pytest.mark.parametrize("check", CHECKS)
def test_a_clause_is_missed_with_its_number(check):
    verdicts = of_check(check, judged(**MISSED[check]))

    assert verdicts, f"no clause uses {check}"
    assert [v.status for v in verdicts] == ["fail"] * len(verdicts)
    assert all(any(c.isdigit() for c in v.found) for v in verdicts)


@pytest.mark.parametrize("check", CHECKS)
def test_what_cannot_be_measured_says_why(check):
    verdicts = of_check(check, judged(**UNKNOWN[check]))

    assert [v.status for v in verdicts] == ["not measurable"] * len(verdicts)
    assert all(len(v.found) > 5 for v in verdicts)


def test_the_nominal_decay_grows_with_the_cube_root_of_the_volume():
    """Eight times 100 m3: 0.5 s."""
    big = (10.0, 20.0, 4.0)

    kept = judged(size_m=big, decays={"L": [decay(0.5)]})["ebu-reverberation"]

    assert kept.status == "pass"
    assert kept.found == "0.50 s, nominal 0.50 s"


def test_an_estimated_sensitivity_is_named():
    found = judged(noise=noise(12.0, 15.0, sensitivity="estimated"))["ebu-noise"].found

    assert "estimated" in found


def test_every_clause_has_a_source_and_either_a_check_or_a_reason():
    for clause in CLAUSES.values():
        assert clause.source
        assert (clause.check in CHECKS) != bool(clause.not_measurable), clause.id
        if clause.checked == "memory":
            assert "recalled" in clause.source.lower(), clause.id


def test_clauses_are_named_once():
    assert len(CLAUSES) == len(load_standards().clauses)
