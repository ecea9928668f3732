"""Measuring into sessions: what they may hold, and what is played through a bank."""

import dataclasses
import shutil

import numpy as np
import pytest

from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.dsp.arrival import arrival_sample
from roomcal.errors import InputError
from roomcal.files.bank_store import load_bank
from roomcal.files.session_store import SessionStore
from roomcal.jobs.conversation import Silent
from roomcal.jobs.design import design_bank
from roomcal.jobs.measure import MeasureRequest, measure
from roomcal.jobs.report import gather
from roomcal.jobs.studio import Place, chosen_positions
from roomcal.jobs.verify import measured_places, predicted_responses, verify_bank
from roomcal.model.design_spec import DesignSpec
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Position
from roomcal.units import ratio_from_db

FS = 48000
N_TAPS = 8192


def a_place(room="bedroom", *, occasion=0, **changes):
    device = VirtualStudio(ROOMS[room], occasion=occasion)
    studio = dataclasses.replace(device.default_studio(), **changes)
    return Place(studio, device, f"virtual:{room}", device.microphone_calibration())


def a_request(place, *, positions=1, speakers=None, **kwargs):
    chosen = [s for s in place.studio.speakers if speakers is None or s.name in speakers]
    return MeasureRequest(
        tuple(chosen), place.studio.positions[:positions], sweeps=1, length_s=1.0, **kwargs
    )


def measured(root, name, place, **kwargs):
    return measure(root, name, place, a_request(place, **kwargs), Silent())


def designed(root, name, *, session="before", fs=(FS,)):
    return design_bank(root, name, DesignSpec(taps=N_TAPS, fs=fs), Silent(), session=session)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A studio folder with a session of one position and a bank; copied, never changed."""
    root = tmp_path_factory.mktemp("studio")
    measured(root, "before", a_place())
    designed(root, "mix")
    return root


@pytest.fixture
def root(template, tmp_path):
    return shutil.copytree(template, tmp_path / "studio")


@pytest.mark.parametrize(
    ("other", "fault", "text"),
    [
        ({"place": a_place(fs=44100)}, "RC-304", "44100"),
        ({"place": a_place("living-room")}, "RC-315", "virtual:living-room"),
        ({"through": "mix"}, "RC-315", "mix"),
        ({"use_calibration": False}, "RC-315", "left out"),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_a_session_holds_measurements_of_one_kind(root, other, fault, text, force):
    """Responses through a bank and without, of two rooms or rates, cannot be told apart later."""
    kinds = dict(other)
    place = kinds.pop("place", a_place())
    if "through" in kinds:
        kinds["through"] = load_bank(root, "mix")
    before = (root / "measurements" / "before" / "session.json").read_bytes()

    with pytest.raises(InputError, match=text) as caught:
        measured(root, "before", place, positions=2, force=force, **kinds)

    assert caught.value.fault == fault
    assert (root / "measurements" / "before" / "session.json").read_bytes() == before


def test_a_session_is_continued_under_the_same_conditions(root):
    store = measured(root, "before", a_place(), positions=2)

    assert len(store.session.responses) == 4


def test_a_verification_uses_the_calibration_as_the_session_did(tmp_path):
    """Without it on one side, the microphone's own response is taken for a broken promise."""
    measured(tmp_path, "before", a_place(), use_calibration=False)
    bank = designed(tmp_path, "mix")
    place = a_place(occasion=1)

    result = verify_bank(tmp_path, bank, place, Silent(), request=a_request(place))

    assert result.verification.passed, result.verification.failures
    assert not result.after.session.calibrated


def test_a_speaker_without_a_filter_is_named(tmp_path):
    place = a_place("control-room-2.1")
    measured(tmp_path, "before", place, speakers="LR")
    bank = designed(tmp_path, "mix")

    with pytest.raises(InputError, match="Sub") as caught:
        measured(tmp_path, "after", place, through=bank)
    assert caught.value.fault == "RC-309"
    assert not (tmp_path / "measurements" / "after").exists()


def test_a_bank_for_one_speaker_is_verified_with_the_marks_of_another(tmp_path):
    """The marks come from the studio's first speaker, which this bank does not correct."""
    measured(tmp_path, "before", a_place(), speakers="R")
    bank = designed(tmp_path, "mix")
    place = a_place(occasion=1)

    result = verify_bank(tmp_path, bank, place, Silent(), request=a_request(place, speakers="R"))

    assert result.verification.passed, result.verification.failures


def test_what_is_not_measured_is_not_verified(root):
    place = a_place(occasion=1)
    renamed = [
        dataclasses.replace(s, name=n)
        for s, n in zip(place.studio.speakers, ("L", "Re"), strict=True)
    ]
    place = dataclasses.replace(
        place, studio=dataclasses.replace(place.studio, speakers=tuple(renamed))
    )
    before = SessionStore.open(root, "before")
    speakers, positions = measured_places(before, place, None)
    request = MeasureRequest(speakers, positions, sweeps=1, length_s=1.0)

    with pytest.raises(InputError, match="'R'") as caught:
        verify_bank(root, load_bank(root, "mix"), place, Silent(), request=request)
    assert caught.value.fault == "RC-309"


@pytest.mark.parametrize("count", [0, -1])
def test_a_verification_needs_a_position(root, count):
    with pytest.raises(InputError) as caught:
        measured_places(SessionStore.open(root, "before"), a_place(), count)
    assert caught.value.fault == "RC-316"


def test_a_prediction_is_made_at_the_rate_of_the_filters():
    """A response of 44.1 kHz through filters of 48 kHz: the gain is theirs at every frequency."""
    n, at = 4410, 441
    h = np.zeros(n)
    h[at] = 1.0
    response = ImpulseResponse(h, 44100, "L", "p1", time_zero=41.0, time_reference="marks")
    taps = np.zeros((1, 1, 480))
    taps[0, 0, 48] = ratio_from_db(-6.0)

    (predicted,) = predicted_responses([response], FilterBank(taps, FS, ("L",), ("L",)))

    assert predicted.fs == FS
    peak = int(np.argmax(np.abs(predicted.samples)))
    assert peak == at * FS // 44100 + 48
    # An impulse of 44.1 kHz has nothing above 22.05 kHz; its spectrum keeps its height below. The
    # sinc of that limit is cut off 441 samples away, where its height is 1 / (441 pi) = 7e-4.
    f_hz = np.fft.rfftfreq(predicted.samples.size, 1.0 / FS)
    level = np.abs(predicted.spectrum())[f_hz < 20000.0]
    np.testing.assert_allclose(level, ratio_from_db(-6.0), rtol=2 * 7.2e-4)
    assert predicted.time_zero / FS == pytest.approx(41.0 / 44100, abs=1e-12)


def test_a_bank_of_another_speaker_predicts_nothing():
    response = ImpulseResponse(np.ones(10), FS, "L", "p1")
    filters = FilterBank(np.ones((2, 2, 4)) * np.eye(2)[:, :, None], FS, ("L", "R"), ("L", "R"))

    with pytest.raises(InputError, match="measured L") as caught:
        predicted_responses([response], filters)
    assert caught.value.fault == "RC-309"


def test_a_report_predicts_also_at_another_rate(root):
    """A session of 48 kHz and a bank of 44.1 kHz alone: nothing is silently left out."""
    measured(root, "again", a_place(occasion=1))
    designed(root, "cd", fs=(44100,))

    story = gather(root, "before", bank_name="cd", against="again")

    assert [stage.role for stage in story.stages] == ["before", "predicted", "verified"]
    assert not story.verification.passed  # "again" was measured without the bank


def test_a_long_take_is_filtered_in_blocks_as_in_one_piece(tmp_path, rng):
    """Held against numpy's convolution: what reaches the outputs of the device."""
    sent = []

    class Spy(VirtualStudio):
        def play_record(self, output, **kwargs):
            sent.append((output, kwargs["output_channels"]))
            return super().play_record(output, **kwargs)

    taps = np.zeros((2, 2, 300))
    taps[0, 0], taps[1, 1] = 0.01 * rng.standard_normal((2, 300))
    bank = Bank("mix", {FS: FilterBank(taps, FS, ("L", "R"), ("L", "R"))})
    plain = a_place()
    place = dataclasses.replace(plain, device=Spy(ROOMS["bedroom"]))
    for through, name in ((None, "plain"), (bank, "through")):
        request = a_request(place, through=through)
        measure(tmp_path, name, place, request, Silent())

    n_frames = sent[-1][0].shape[
        1
    ]  # the last that plays is a take; the wiring is shorter or longer
    takes = [(x, channels) for x, channels in sent if x.shape[1] == n_frames]
    assert len(takes) == 4  # two speakers, without the bank and through it
    for (x, x_channels), (y, y_channels) in zip(takes[:2], takes[2:], strict=True):
        dry = {c: x[i] for i, c in enumerate(x_channels)}
        for row, channel in zip(y, y_channels, strict=True):
            own = dry.get(channel, np.zeros(x.shape[1]))
            expected = np.convolve(own, taps[channel - 1, channel - 1])[: row.size]
            # Rounding of a transform of 131,072 points: 1e-15 of the largest value.
            np.testing.assert_allclose(row, expected, atol=1e-12)


def test_positions_without_a_name_get_one_that_is_free():
    place = a_place(positions=(Position("sofa"), Position("P3")))

    names = [p.name for p in chosen_positions(place, 5)]

    assert names == ["sofa", "P3", "p1", "p2", "p4"]
    assert [p.name for p in chosen_positions(place, 1)] == ["sofa"]


def test_a_sub_that_is_listed_first_plays_no_marks(tmp_path):
    """Marks have no bass: of a sub nothing of them would arrive, and its delay is a guess."""
    usual = a_place("control-room-2.1")
    *others, sub = usual.studio.speakers
    assert sub.is_sub

    store = measured(tmp_path, "a", a_place("control-room-2.1", speakers=(sub, *others)))

    assert [t.reference_speaker for t in store.session.takes] == [others[0].name] * 3
    usual_order = {r.speaker: r for r in measured(tmp_path, "b", usual).load_responses()}
    for response in store.load_responses():
        other = usual_order[response.speaker]
        if response.speaker != sub.name:
            late = arrival_sample(other.samples, FS) - other.time_zero
            found = arrival_sample(response.samples, FS) - response.time_zero
            assert found == pytest.approx(late, abs=0.1)
