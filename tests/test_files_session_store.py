"""Sessions on disk: whole, proven, never overwritten."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from roomcal.errors import InputError, StorageError
from roomcal.files import session_store
from roomcal.files.session_store import SessionStore
from roomcal.model.capture import Capture
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.model.session import Session
from roomcal.model.studio import Speaker, Studio
from roomcal.model.sweep import Sweep
from roomcal.model.take import TakePlan

FS = 48000
STUDIO = Studio(name="attic", speakers=(Speaker("L", 1), Speaker("R", 2)))


def a_response(rng, speaker="L", position="p1"):
    return ImpulseResponse(
        samples=rng.standard_normal(1000).astype(np.float32),
        fs=FS,
        speaker=speaker,
        position=position,
        time_zero=12.345678901234,
        time_reference="loopback",
        full_scale_db_spl=118.25,
        snr=BandSnr(np.array([100.0, 200.0]), np.array([30.5, np.pi])),
    )


def a_capture(rng):
    plan = TakePlan(Sweep(FS, 1.0), (0, 100), (50,), 1000, 10, 10)
    rows = rng.standard_normal((2, 1000)).astype(np.float32)
    return Capture(rows[0], rows[1], FS, plan, "L", "L", "p1", xruns=2, started_at="2026")


@pytest.fixture
def store(tmp_path):
    return SessionStore.create(tmp_path, Session(name="before", device="virtual", studio=STUDIO))


def test_a_response_comes_back_as_it_was(tmp_path, store, rng):
    response = a_response(rng)
    store.save_response(response, origin="L-p1.wav")

    (again,) = SessionStore.open(tmp_path, "before").load_responses()

    np.testing.assert_array_equal(again.samples, response.samples)
    np.testing.assert_array_equal(again.snr.snr_db, response.snr.snr_db)
    for field in ("fs", "speaker", "position", "time_zero", "time_reference", "full_scale_db_spl"):
        assert getattr(again, field) == getattr(response, field)


def test_a_capture_comes_back_as_it_was_and_is_rejected_until_judged(tmp_path, store, rng):
    capture = a_capture(rng)
    record = store.save_capture(capture)
    assert record.status == "rejected"
    store.judge_take(record, reason="")

    reopened = SessionStore.open(tmp_path, "before")
    (record,) = reopened.session.takes
    again = reopened.load_capture(record)

    assert record.status == "accepted"
    assert reopened.session.studio == STUDIO
    np.testing.assert_array_equal(again.microphone, capture.microphone)
    np.testing.assert_array_equal(again.loopback, capture.loopback)
    assert again.plan == capture.plan
    assert again.xruns == 2


def test_takes_are_counted_on_and_never_overwritten(store, rng):
    names = [store.save_capture(a_capture(rng)).capture.name for _ in range(3)]

    assert names == [f"L-p1.take-{n}.capture.wav" for n in (1, 2, 3)]


def test_a_response_is_not_overwritten_unless_forced(store, rng):
    store.save_response(a_response(rng), origin="a")

    with pytest.raises(StorageError) as caught:
        store.save_response(a_response(rng), origin="b")
    assert caught.value.fault == "RC-602"

    store.save_response(a_response(rng), origin="b", force=True)
    assert [r.origin for r in store.session.responses] == ["b"]


def test_a_swapped_file_is_found_out(tmp_path, store, rng):
    store.save_response(a_response(rng), origin="a")
    store.save_response(a_response(rng, "R"), origin="b")
    folder = tmp_path / "measurements" / "before"
    (folder / "L-p1.ir.wav").write_bytes((folder / "R-p1.ir.wav").read_bytes())

    with pytest.raises(InputError, match=r"L-p1\.ir\.wav") as caught:
        SessionStore.open(tmp_path, "before").load_responses()
    assert caught.value.fault == "RC-310"


DAMAGE = {
    "garbage": ("{", "RC-310"),
    "empty": ("", "RC-310"),
    "a list": ("[]", "RC-310"),
    "no schema": ("{}", "RC-310"),
    "a newer schema": ('{"schema": 99}', "RC-312"),
    "wrong types": ('{"schema": 1, "name": 5}', "RC-310"),
}


@pytest.mark.parametrize(("text", "fault"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_document_is_refused_and_left_alone(tmp_path, store, rng, text, fault):
    store.save_response(a_response(rng), origin="a")
    path = tmp_path / "measurements" / "before" / "session.json"
    path.write_text(text)

    with pytest.raises(InputError, match=r"session\.json") as caught:
        SessionStore.open(tmp_path, "before")

    assert caught.value.fault == fault
    assert path.read_text() == text


def test_a_folder_without_its_document_is_half_written(tmp_path):
    (tmp_path / "measurements" / "half").mkdir(parents=True)

    with pytest.raises(InputError, match="missing") as caught:
        SessionStore.open(tmp_path, "half")
    assert caught.value.fault == "RC-310"


def test_an_unknown_session_is_answered_with_the_nearest(tmp_path, store, rng):
    store.save_response(a_response(rng), origin="a")

    with pytest.raises(InputError, match="befor") as caught:
        SessionStore.open(tmp_path, "befor")
    assert "did you mean 'before'" in caught.value.hint


def test_names_that_differ_in_case_alone_are_refused(tmp_path, store, rng):
    store.save_response(a_response(rng), origin="a")

    with pytest.raises(StorageError, match="Before"):
        SessionStore.create(tmp_path, Session(name="Before"))


def test_the_document_is_plain_json_with_the_schema_first(tmp_path, store, rng):
    store.save_response(a_response(rng), origin="a")
    text = (tmp_path / "measurements" / "before" / "session.json").read_text()

    assert next(iter(json.loads(text))) == "schema"


def test_a_signal_to_noise_ratio_that_nobody_knows_comes_back_as_nan(tmp_path, store, rng):
    """Digital silence before the sweep holds no noise to measure."""
    response = dataclasses.replace(
        a_response(rng), snr=BandSnr(np.array([100.0, 200.0]), np.array([np.nan, 30.0]))
    )
    store.save_response(response, origin="L-p1.wav")

    (again,) = SessionStore.open(tmp_path, "before").load_responses()

    np.testing.assert_array_equal(again.snr.snr_db, [np.nan, 30.0])


@pytest.mark.parametrize("kind", ["takes", "responses"])
def test_a_file_outside_of_the_session_is_refused(tmp_path, store, rng, kind):
    store.save_capture(a_capture(rng))
    store.save_response(a_response(rng), origin="L-p1.wav")
    path = store.folder / "session.json"
    document = json.loads(path.read_text())
    stored = document[kind][0]["capture" if kind == "takes" else "file"]
    (tmp_path / "secret.wav").write_bytes((store.folder / stored["name"]).read_bytes())
    stored["name"] = "../../secret.wav"
    path.write_text(json.dumps(document))
    again = SessionStore.open(tmp_path, "before")
    read = {
        "takes": lambda: again.load_capture(again.session.takes[0]),
        "responses": again.load_responses,
    }[kind]

    with pytest.raises(InputError, match="outside") as caught:
        read()
    assert caught.value.fault == "RC-310"


@pytest.mark.parametrize("crash_at", range(5))
def test_a_crash_while_a_response_is_replaced_leaves_a_session_that_loads(
    tmp_path, store, rng, monkeypatch, crash_at
):
    """Whatever was written last, every response of session.json is the file that it names."""
    store.save_response(a_response(rng, "R"), origin="R-p1.wav")
    store.save_response(a_response(rng), origin="L-p1.wav")
    steps = iter(range(10))

    def crashing(write):
        def wrapped(*args, **kwargs):
            if next(steps) == crash_at:
                raise KeyboardInterrupt
            return write(*args, **kwargs)

        return wrapped

    for name in ("write_wav", "write_bytes"):
        monkeypatch.setattr(session_store, name, crashing(getattr(session_store, name)))
    with pytest.raises(KeyboardInterrupt):
        store.save_response(a_response(rng), origin="other.wav", force=True)

    speakers = [r.speaker for r in SessionStore.open(tmp_path, "before").load_responses()]
    assert "R" in speakers


def test_a_copy_of_a_session_is_called_as_its_folder_is(tmp_path, store, rng):
    store.save_response(a_response(rng), origin="a")
    parent = tmp_path / "measurements"
    shutil.copytree(parent / "before", parent / "copy")

    assert SessionStore.open(tmp_path, "copy").session.name == "copy"
    assert SessionStore.open(tmp_path, "before").session.name == "before"
