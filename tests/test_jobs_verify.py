"""The whole loop in the virtual studio: a kept promise passes, every real mistake fails."""

import dataclasses

import numpy as np
import pytest

from roomcal.analyze.response import smoothed_response
from roomcal.devices.virtual.faults_output import AmplifierGain, SwappedOutputs
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.errors import MeasurementError
from roomcal.files.bank_store import load_bank
from roomcal.files.session_store import SessionStore
from roomcal.jobs.conversation import Silent
from roomcal.jobs.design import design_bank
from roomcal.jobs.measure import MeasureRequest, measure
from roomcal.jobs.studio import Place
from roomcal.jobs.verify import predicted_responses, verify_bank
from roomcal.measure.judge import judge_capture
from roomcal.model.design_spec import DesignSpec
from roomcal.units import log_grid_hz
from roomcal.verify.promise import hold_against

ROOM = ROOMS["bedroom"]
N_POSITIONS = 3
# Figure of the promise: predicted against verified, 1/6 octave, 30 Hz to 16 kHz.
PROMISED_RMS_DB = 0.5


def a_place(*, room=ROOM, occasion=0, faults=()):
    device = VirtualStudio(room, occasion=occasion, faults=faults)
    return Place(
        device.default_studio(), device, f"virtual:{room.name}", device.microphone_calibration()
    )


def a_request(place, through=None):
    studio = place.studio
    return MeasureRequest(
        studio.speakers, studio.positions[:N_POSITIONS], sweeps=1, length_s=3.0, through=through
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A studio folder with a session and two banks."""
    root = tmp_path_factory.mktemp("studio")
    place = a_place()
    measure(root, "before", place, a_request(place), Silent())
    for name, target in (("mix", "tilt"), ("wrong", "harman")):
        design_bank(root, name, DesignSpec(target=target), Silent(), session="before")
    return root


def without_places(place):
    """Return the place as a studio that says nothing about where its speakers stand."""
    speakers = tuple(dataclasses.replace(s, position_m=None) for s in place.studio.speakers)
    return dataclasses.replace(place, studio=dataclasses.replace(place.studio, speakers=speakers))


def verified(root, *, faults=(), external=False, places_known=True):
    place = a_place(occasion=1, faults=faults)
    if not places_known:
        place = without_places(place)
    return verify_bank(
        root,
        load_bank(root, "mix"),
        place,
        Silent(),
        request=a_request(place),
        external=external,
    )


def test_the_promise_is_kept_on_another_day(root):
    """Other noise, the microphone replaced within 5 mm, the air 1 K warmer."""
    result = verified(root)

    assert result.verification.passed, result.verification.failures
    f_hz = log_grid_hz(30.0, 16000.0, 24)
    for predicted in result.predicted:
        (measured,) = [
            m
            for m in result.measured
            if (m.speaker, m.position) == (predicted.speaker, predicted.position)
        ]
        error = smoothed_response(measured).level_at(f_hz) - smoothed_response(predicted).level_at(
            f_hz
        )
        assert np.sqrt(np.mean(error**2)) < PROMISED_RMS_DB


def test_swapped_outputs_break_it(root):
    verification = verified(root, faults=[SwappedOutputs()], places_known=False).verification

    assert any("swapped" in text for text in verification.failures)


def test_swapped_outputs_are_not_even_measured_where_the_places_are_known(root):
    with pytest.raises(MeasurementError, match="look swapped"):
        verified(root, faults=[SwappedOutputs()])


def test_a_bypassed_bank_breaks_it(root):
    verification = verified(root, external=True).verification

    assert any("third octaves" in text for text in verification.failures)


def test_one_decibel_less_on_one_side_breaks_it(root):
    verification = verified(root, faults=[AmplifierGain(-1.0, channel=2)]).verification

    assert any(
        "against L, R plays 1.0 dB quieter than predicted" in text for text in verification.failures
    )


def test_the_wrong_bank_breaks_it(root):
    place = a_place(occasion=1)
    through = load_bank(root, "wrong")
    after = measure(root, "through-wrong", place, a_request(place, through), Silent())
    promised = load_bank(root, "mix").filters[48000]
    before = SessionStore.open(root, "before").load_responses()

    verification = hold_against(predicted_responses(before, promised), after.load_responses())

    assert not verification.passed


def test_every_verification_is_kept(root):
    verified(root)
    verified(root)

    names = {p.name for p in (root / "measurements").iterdir()}
    assert {"mix.verify", "mix.verify-2"} <= names


def test_a_response_can_be_made_again_from_its_raw_take_bit_for_bit(root):
    store = SessionStore.open(root, "before")
    place = a_place()
    record = store.session.takes[0]
    kept = store.load_responses(record.speaker)[0]

    again = judge_capture(
        store.load_capture(record),
        calibration=place.calibration,
        full_scale_db_spl=place.studio.microphone.full_scale_db_spl,
    ).response

    np.testing.assert_array_equal(again.samples.astype(np.float32), kept.samples)
    assert again.time_zero == kept.time_zero


def test_a_session_is_continued_where_it_ended(tmp_path):
    place = a_place()
    full = a_request(place)
    half = dataclasses.replace(full, positions=full.positions[:1], length_s=1.0)
    store = measure(tmp_path, "s", place, half, Silent())
    first = [r.file.sha256 for r in store.session.responses]

    store = measure(tmp_path, "s", place, dataclasses.replace(full, length_s=1.0), Silent())

    assert len(store.session.responses) == 2 * N_POSITIONS
    assert [r.file.sha256 for r in store.session.responses[:2]] == first


def test_a_promise_with_a_sub_is_kept_and_its_absence_found(tmp_path):
    """The sub is heard in the bass alone, with short sweeps and noise above."""
    room = ROOMS["control-room-2.1"]

    def request(place):
        studio = place.studio
        return MeasureRequest(studio.speakers, studio.positions[:1], sweeps=1, length_s=1.0)

    place = a_place(room=room)
    measure(tmp_path, "before", place, request(place), Silent())
    design_bank(tmp_path, "mix", DesignSpec(taps=16384), Silent(), session="before")

    for external, kept in ((False, True), (True, False)):
        place = a_place(room=room, occasion=1)
        result = verify_bank(
            tmp_path,
            load_bank(tmp_path, "mix"),
            place,
            Silent(),
            request=request(place),
            external=external,
        )
        assert result.verification.passed is kept, result.verification.failures
