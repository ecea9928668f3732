"""A session is analysed from its responses and its raw takes; imported ones say what they lack."""

import dataclasses
import shutil

import numpy as np
import pytest

from roomcal.analyze.overview import summarize_analysis
from roomcal.analyze.session_analysis import pair_names
from roomcal.analyze.session_json import session_to_json
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.files.session_store import SessionStore
from roomcal.jobs.analyze import analyze_session
from roomcal.jobs.conversation import Silent
from roomcal.jobs.measure import MeasureRequest, measure
from roomcal.jobs.studio import Place
from roomcal.model.session import Session

ROOM = ROOMS["control-room"]  # its sound pressure is known
SIZE_M = ROOM.enclosure.size_m
# Pink noise of -90 dBFS rms, 118 dB SPL at full scale: 28 dB over all, A-weighted 2 to 4 dB less.
NOISE_A_DB_SPL = (22.0, 28.0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("studio")
    studio = VirtualStudio(ROOM)
    place = Place(studio.default_studio(), studio, "virtual:control-room")
    request = MeasureRequest(
        place.studio.speakers,
        place.studio.positions[:2],
        sweeps=2,
        length_s=2.0,
        level_dbfs=-12.0,
        check_wiring=False,
        use_calibration=False,
    )
    store = measure(root, "measured", place, request, Silent())
    imported = SessionStore.create(root, Session("imported"))
    for response in store.load_responses():
        bare = dataclasses.replace(response, time_reference="none", snr=None)
        imported.save_response(bare, origin="somewhere.wav")
    return root


@pytest.fixture(scope="module")
def measured(root):
    return analyze_session(root, "measured", size_m=SIZE_M)


def test_every_speaker_has_its_distortion_at_the_main_position(measured):
    assert list(measured.distortion) == ["L", "R"]
    for d in measured.distortion.values():
        assert d.level_dbfs == -12.0
        # The virtual speaker: the second harmonic at -46 dB, room and roll-off aside.
        middle = (d.f_hz > 200.0) & (d.f_hz < 2000.0)
        assert np.median(d.harmonics_db[2][middle]) == pytest.approx(-46.0, abs=4.0)


def test_noise_is_rated_where_the_sound_pressure_is_known(measured):
    assert measured.noise.sensitivity == "confirmed"
    assert NOISE_A_DB_SPL[0] < measured.noise.a_db_spl < NOISE_A_DB_SPL[1]
    assert all(np.isfinite(r.rating) for r in measured.noise.ratings)


def test_the_pair_arrives_as_its_distances_say(measured):
    (pair,) = measured.pairs

    assert (pair.first, pair.second, pair.inverted) == ("L", "R", False)
    distances = [
        np.linalg.norm(np.subtract(s.position_m, ROOM.positions[0].position_m))
        for s in ROOM.speakers
    ]
    # The speakers differ in their peaks, which bends the phase: 10 microseconds, 3 mm.
    assert pair.delay_m == pytest.approx(distances[1] - distances[0], abs=0.004)


def test_every_clause_is_answered(measured):
    assert {v.status for v in measured.standards} == {"pass", "fail", "not measurable"}
    assert all(v.found for v in measured.standards)


def test_the_overview_parts_what_a_filter_can_mend_from_what_it_cannot(measured):
    overview = summarize_analysis(measured)

    assert "dB" in overview.verdict
    assert any("bass" in s or "modes" in s for s in overview.can)
    assert any("reflection" in s for s in overview.cannot)
    assert not any("reflection" in s or "dips" in s for s in overview.can)


@pytest.mark.parametrize(
    ("level_db", "delay_s", "sentences"),
    [
        (-0.7, -0.0005, {"L is 0.7 dB quieter than R", "R arrives 0.50 ms before L (0.17 m)"}),
        (1.2, 0.0005, {"L is 1.2 dB louder than R", "R arrives 0.50 ms after L (0.17 m)"}),
    ],
)
def test_the_overview_says_who_is_louder_and_who_is_first(measured, level_db, delay_s, sentences):
    (pair,) = measured.pairs
    other = dataclasses.replace(pair, level_db=level_db, delay_s=delay_s)

    overview = summarize_analysis(dataclasses.replace(measured, pairs=(other,)))

    assert sentences <= set(overview.can)
    assert session_to_json(measured)["pairs"][0]["level_db"] == pair.level_db  # keeps its sign


def test_imported_responses_say_what_they_lack(root):
    found = analyze_session(root, "imported", size_m=SIZE_M)

    assert found.noise is None
    assert all("no raw take of it" in d.reason for d in found.distortion.values())
    assert np.isnan(found.pairs[0].delay_s)
    status = {v.clause.id: v for v in found.standards}
    assert status["ebu-noise"].status == "not measurable"
    assert "no raw take" in status["ebu-noise"].found
    assert status["itu-delay"].status == "not measurable"


def test_a_session_without_its_takes_is_analysed_all_the_same(root, tmp_path):
    shutil.copytree(
        root / "measurements" / "measured",
        tmp_path / "measurements" / "passed-on",
        ignore=shutil.ignore_patterns("*.capture.wav"),
    )

    found = analyze_session(tmp_path, "passed-on", only="distortion")

    assert all("no raw take of it" in d.reason for d in found.distortion.values())


def test_json_says_where_distortion_is_told(measured):
    document = session_to_json(measured)

    by_path = {(r["speaker"], r["position"]): r["distortion"] for r in document["responses"]}
    assert by_path["L", "p1"]["reason"] == "" or by_path["L", "p1"]["f_hz"]
    assert by_path["L", "p2"]["f_hz"] == []
    assert "main position: p1" in by_path["L", "p2"]["reason"]


def test_only_one_kind_leaves_the_rest_empty(root):
    found = analyze_session(root, "measured", only="decay")

    assert found.distortion == {}
    assert found.noise is None
    assert found.standards == ()


@pytest.mark.parametrize(
    ("speakers", "expected"),
    [
        (("L", "R"), (("L", "R"),)),
        (("L", "C", "R", "Ls", "Rs", "Ltf", "Rtf"), (("L", "R"), ("Ls", "Rs"), ("Ltf", "Rtf"))),
        (("Left", "Right"), (("Left", "Right"),)),
        (("A", "B", "C"), (("A", "B"),)),
        (("L",), ()),
        ((), ()),
    ],
)
def test_pairs_are_found_by_their_names(speakers, expected):
    assert pair_names(speakers) == expected
