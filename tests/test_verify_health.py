"""A check-up names what changed in a virtual studio, and nothing else."""

import dataclasses

import numpy as np
import pytest

from roomcal.devices.virtual.faults_output import AmplifierGain
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.speaker import Distortion, Peak
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.jobs.conversation import Silent
from roomcal.jobs.health import check_health
from roomcal.jobs.measure import MeasureRequest, measure
from roomcal.jobs.studio import Place
from roomcal.verify.fine_structure import temperature_change_k

ROOM = ROOMS["bedroom"]
FIRST, SECOND = ROOM.speakers
LISTENER_M = ROOM.positions[0].position_m
SWEEP_S = 2.0  # shorter than a user's: less than that of the noise is heard, the rest is alike
LEVEL_DBFS = -20.0
GAIN_TOLERANCE_DB = 0.15  # 5 mm change an octave by up to 0.5 dB, the median of nine by less
TEMPERATURE_TOLERANCE_K = 0.5  # a step of the scale searched is 0.12 K, a speaker's spread 0.2 K
# The likeness of reflections tells the distance to a factor of 1.5, twice over for two directions.
DISTANCE_FACTOR = 2.0


class Elsewhere:
    """A studio whose microphone is put to another place than asked for."""

    def __init__(self, studio, by_m):
        self._studio, self._by_m = studio, by_m

    def __getattr__(self, name):
        return getattr(self._studio, name)

    def place_microphone(self, position):
        point = np.add(self._studio.microphone_point_m(position), self._by_m)
        self._studio.place_microphone_at(tuple(point))
        return True


def place_of(studio):
    return Place(
        studio.default_studio(),
        studio,
        f"virtual:{studio.room.name}",
        studio.microphone_calibration(),
    )


def baseline_of(root, room):
    place = place_of(VirtualStudio(room))
    request = MeasureRequest(
        place.studio.speakers,
        place.studio.positions[:1],
        length_s=SWEEP_S,
        level_dbfs=LEVEL_DBFS,
        check_wiring=False,
    )
    return measure(root, room.name, place, request, Silent())


def health_of(root, baseline, studio):
    return check_health(
        root, place_of(studio), Silent(), baseline=baseline, max_spl_db=85.0, check_wiring=False
    ).health


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    root = tmp_path_factory.mktemp("studio")
    return root, baseline_of(root, ROOM)


def check(baseline, studio):
    return health_of(*baseline, studio)


def kinds(health):
    return [(f.kind, f.speaker) for f in health.findings]


def room_with(index, **changes):
    speakers = list(ROOM.speakers)
    speakers[index] = dataclasses.replace(speakers[index], **changes)
    return dataclasses.replace(ROOM, speakers=tuple(speakers))


def moved(point_m, by_m):
    return tuple(float(p + b) for p, b in zip(point_m, by_m, strict=True))


def test_another_occasion_is_no_change(baseline):
    health = check(baseline, VirtualStudio(ROOM, occasion=1))

    assert health.findings == ()
    assert health.unchanged
    assert health.verdict == "nothing changed beyond what a repetition brings"


@pytest.mark.slow
@pytest.mark.parametrize("name", ROOMS)
def test_no_occasion_in_any_room_raises_an_alarm(tmp_path, name):
    own = baseline_of(tmp_path, ROOMS[name])
    for occasion in range(1, 11):
        health = health_of(tmp_path, own, VirtualStudio(ROOMS[name], occasion=occasion))

        assert health.findings == (), f"{occasion=}"


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize("gain_db", [-3.0, slow(1.0)])
def test_a_gain_that_all_speakers_share_is_named(baseline, gain_db):
    health = check(
        baseline, VirtualStudio(ROOM, occasion=1, faults=[AmplifierGain(gain_db=gain_db)])
    )

    assert kinds(health) == [("gain", "")]
    assert health.findings[0].evidence["gain_db"] == pytest.approx(gain_db, abs=GAIN_TOLERANCE_DB)


@pytest.mark.slow
def test_the_gain_of_one_speaker_is_named(baseline):
    fault = AmplifierGain(gain_db=-2.0, channel=SECOND.output_channel)

    health = check(baseline, VirtualStudio(ROOM, occasion=1, faults=[fault]))

    assert kinds(health) == [("speaker-gain", SECOND.name)]
    assert health.findings[0].evidence["gain_db"] == pytest.approx(-2.0, abs=GAIN_TOLERANCE_DB)


@pytest.mark.parametrize("by_m", [(0.03, 0.0, 0.0), slow((0.0, 0.05, 0.0)), slow((0.0, 0.0, 0.1))])
def test_a_moved_microphone_is_named(baseline, by_m):
    health = check(baseline, Elsewhere(VirtualStudio(ROOM, occasion=3), by_m))

    assert kinds(health) == [("microphone", "")]
    found_m = health.findings[0].evidence["displacement_m"]
    assert max(by_m) / DISTANCE_FACTOR < found_m < max(by_m) * DISTANCE_FACTOR


@pytest.mark.parametrize(
    ("index", "by_m"),
    [
        (0, (0.03, 0.0, 0.0)),
        slow(1, (0.03, 0.0, 0.0)),
        slow(0, (0.0, 0.3, 0.0)),
        slow(1, (0.0, 0.3, 0.0)),
    ],
)
def test_a_moved_speaker_is_named(baseline, index, by_m):
    speaker = ROOM.speakers[index]
    room = room_with(index, position_m=moved(speaker.position_m, by_m))

    health = check(baseline, VirtualStudio(room, occasion=4))

    assert ("speaker", speaker.name) in kinds(health)
    assert {s for _, s in kinds(health)} == {speaker.name}


@pytest.mark.parametrize("temperature_c", [25.0, slow(16.0)])
def test_other_air_is_a_note_and_no_alarm(baseline, temperature_c):
    warmer_k = temperature_c + 1.0 - ROOM.temperature_c  # an occasion brings 1 K of its own
    room = dataclasses.replace(ROOM, temperature_c=temperature_c)

    health = check(baseline, VirtualStudio(room, occasion=2))

    assert kinds(health) == [("temperature", "")]
    assert health.unchanged
    assert health.findings[0].evidence["warmer_k"] == pytest.approx(
        warmer_k, abs=TEMPERATURE_TOLERANCE_K
    )


def test_a_dead_tweeter_is_named(baseline):
    room = room_with(1, lowpass_hz=2000.0, lowpass_order=4)

    health = check(baseline, VirtualStudio(room, occasion=2))

    assert kinds(health) == [("driver", SECOND.name)]
    assert health.findings[0].evidence["low_hz"] == pytest.approx(4000.0, rel=0.02)


@pytest.mark.slow
def test_a_dead_woofer_is_named(baseline):
    health = check(baseline, VirtualStudio(room_with(0, highpass_hz=1500.0), occasion=2))

    assert kinds(health) == [("driver", FIRST.name)]


def test_distortion_is_named(baseline):
    room = room_with(1, distortion=Distortion(second_db=-26.0, third_db=-30.0))

    health = check(baseline, VirtualStudio(room, occasion=2))

    assert kinds(health) == [("distortion", SECOND.name)]


@pytest.mark.slow
def test_a_changed_response_is_named(baseline):
    room = room_with(0, peaks=(*FIRST.peaks, Peak(4000.0, -4.0, 1.0)))

    health = check(baseline, VirtualStudio(room, occasion=2))

    assert kinds(health) == [("response", FIRST.name)]
    assert health.findings[0].evidence["f_hz"] == pytest.approx(4000.0, rel=0.02)
    assert -5.0 < health.findings[0].evidence["change_db"] < -2.0


def test_more_noise_is_named(baseline):
    converters = dataclasses.replace(ROOM.converters, noise_dbfs=ROOM.converters.noise_dbfs + 12.0)

    health = check(
        baseline, VirtualStudio(dataclasses.replace(ROOM, converters=converters), occasion=2)
    )

    assert kinds(health) == [("noise", "")]
    assert health.findings[0].evidence["rise_db"] == pytest.approx(12.0, abs=3.0)


def test_warmer_air_shrinks_time():
    # 331.3 sqrt(1 + t/273.15): from 20 to 21 degrees sound is 0.1704 % faster.
    assert temperature_change_k(-0.001704) == pytest.approx(1.0, abs=0.002)
