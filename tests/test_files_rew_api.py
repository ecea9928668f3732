"""A REW that answers as the real one was recorded to: its numbers arrive, and nothing else does."""

import base64
import http.server
import json
import threading
import time

import numpy as np
import pytest

from roomcal.cli.main import cli
from roomcal.errors import InputError
from roomcal.files import rew_server
from roomcal.files.bank_store import load_bank
from roomcal.files.rew_api import list_rew_measurements, read_rew_api, read_rew_filters
from roomcal.files.session_store import SessionStore

FS = 48000
UUID = ["ba2da346-0f31-4d9d-bbeb-2bfcd07e1cb9", "aa2da346-0f31-4d9d-bbeb-2bfcd07e1cb9", "u3"]
# A list as REW 5.40 prints it: one measurement with a loopback, one without, one with a level only.
LISTED = {
    "10": {"title": "RTA average", "uuid": UUID[2], "sampleRate": 48000.0},
    "2": {
        "title": "Right",
        "uuid": UUID[1],
        "sampleRate": 48000.0,
        "splOffsetdB": 99.885,
        "timingReference": "No timing reference",
        "micCalPath": "C:/cal.txt",
    },
    "1": {
        "title": "Left",
        "notes": "no EQ",
        "date": "2026-Sep-15 20:30:56",
        "uuid": UUID[0],
        "startFreq": 0.366,
        "endFreq": 20000.244,
        "inverted": False,
        "sampleRate": 48000.0,
        "rewVersion": "V5.40 beta 134",
        "timingReference": "Loopback",
        "delay": 4.0e-4,
        "timingOffset": 0.0,
        "splOffsetdB": 99.885,
        "cumulativeIRShiftSeconds": 0.0,
    },
}


def encoded(samples):
    return base64.b64encode(np.asarray(samples, ">f4").tobytes()).decode()


def response(samples, **changes):
    body = {
        "unit": "percent",
        "startTime": -0.025,
        "sampleInterval": 1 / FS,
        "sampleRate": FS,
        "timingReference": "Loopback",
        "timingRefTime": -0.013,
        "timingOffset": 0,
        "delay": 0.0004,
        "data": encoded(samples),
    }
    return {**body, **changes}


def a_response(rng, peak=1296):
    h = 100 * 0.2 * rng.standard_normal(8192) * np.exp(-np.arange(8192) / 500.0)
    h = np.roll(h, peak)
    h[:peak] = 0.0
    h[peak] = 80.0
    return h


@pytest.fixture
def rew():
    """The recorded answers by path; a test changes them. `asked` holds what was asked."""

    class Recorded(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            status, body = server.answers.get(self.path.split("?")[0], (404, b"{}"))
            if callable(body):
                body(self)
                return
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorded)
    server.daemon_threads = True
    server.asked, server.headers = [], {}
    rng = np.random.default_rng(3)
    server.left, server.right = a_response(rng), a_response(rng, 1300)
    server.answers = {
        "/measurements": (200, LISTED),
        f"/measurements/{UUID[0]}/impulse-response": (200, response(server.left)),
        f"/measurements/{UUID[1]}/impulse-response": (
            200,
            response(server.right, timingReference="No timing reference"),
        ),
        f"/measurements/{UUID[2]}/impulse-response": (
            400,
            {"message": f"index 10 uuid {UUID[2]} does not have an impulse response"},
        ),
    }
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    server.port = server.server_address[1]
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


def test_numbers_are_base64_of_big_endian_floats(rew):
    """The vector of REW's own documentation: 1, -2.5 and pi."""
    path = f"/measurements/{UUID[0]}/impulse-response"
    rew.answers[path] = (200, response([0, 0], data="P4AAAMAgAABASQ/b"))

    (found,) = read_rew_api("1", rew.port)

    np.testing.assert_allclose(found.samples, np.array([1.0, -2.5, np.pi]) / 100, rtol=1e-7)


def test_measurements_come_in_rews_order(rew):
    assert [(m.number, m.title) for m in list_rew_measurements(rew.port)] == [
        (1, "Left"),
        (2, "Right"),
        (10, "RTA average"),
    ]


def test_a_response_is_asked_for_whole_and_unscaled_and_percent_is_of_full_scale(rew):
    left, right = read_rew_api("1,2", rew.port)

    assert rew.asked[1].endswith("impulse-response?unit=percent&normalised=false&windowed=false")
    assert left.fs == FS
    np.testing.assert_allclose(left.samples, rew.left / 100, rtol=1e-6)
    np.testing.assert_allclose(right.samples, rew.right / 100, rtol=1e-6)
    # REW shows the level plus its offset less 3.000 dB; ours is that of a sine of -3.0103 dBFS rms.
    assert left.full_scale_db_spl == pytest.approx(99.885 - 3.0 + 3.0103, abs=1e-4)
    assert (left.name, right.name) == ("Left", "Right")
    assert any("calibration" in note for note in right.notes)


def test_a_loopback_gives_the_time_at_which_the_sound_left(rew):
    left, right = read_rew_api("1,2", rew.port)

    assert left.time_reference == "loopback"
    assert left.time_zero == pytest.approx(0.025 * FS)
    assert right.time_reference == "none"


def test_an_offset_and_a_shift_by_hand_are_taken_back_out(rew):
    listed = {"1": {**LISTED["1"], "timingOffset": 0.004, "cumulativeIRShiftSeconds": 0.002}}
    rew.answers["/measurements"] = (200, listed)
    path = f"/measurements/{UUID[0]}/impulse-response"
    rew.answers[path] = (200, response(rew.left, startTime=-0.031, timingOffset=0.004))

    (found,) = read_rew_api("all", rew.port)

    assert found.time_zero == pytest.approx((0.031 - 0.006) * FS)


def test_a_measurement_without_a_response_is_named(rew):
    with pytest.raises(InputError, match="10 'RTA average' has no impulse response") as caught:
        read_rew_api("10", rew.port)
    assert caught.value.fault == "RC-319"


@pytest.mark.parametrize("which", ["3", "1,x", "", "-1"])
def test_a_number_that_rew_does_not_hold_is_answered_with_those_that_it_does(rew, which):
    with pytest.raises(InputError) as caught:
        read_rew_api(which, rew.port)
    assert caught.value.fault == "RC-309"
    assert "1 'Left', 2 'Right'" in caught.value.hint


def test_a_rew_that_is_not_running_is_said_with_the_cure(rew):
    port = rew.port
    rew.shutdown()
    rew.server_close()

    with pytest.raises(InputError, match="does not answer") as caught:
        read_rew_api("1", port)
    assert caught.value.fault == "RC-301"
    assert "start REW" in caught.value.hint


WRONG = {
    "no json": b"<html>busy</html>",
    "deep": b"[" * 100_000,
    "no object": [1, 2],
    "no data": response([1, 2], data=None),
    "no base64": response([1, 2], data="***"),
    "cut": response([1, 2], data=base64.b64encode(b"12345678901").decode()),
    "infinite": response([1, np.inf]),
    "silent": response([0, 0, 0]),
    "another unit": response([1, 2], unit="dBFS"),
    "no rate": response([1, 2], sampleRate="x", sampleInterval=None),
    "a rate that is none": response([1, 2], sampleRate=1e12),
    "a fraction of a rate": response([1, 2], sampleRate=48000.5),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_that_is_not_rews_is_refused(rew, name):
    rew.answers[f"/measurements/{UUID[0]}/impulse-response"] = (200, WRONG[name])

    with pytest.raises(InputError) as caught:
        read_rew_api("1", rew.port)
    assert caught.value.fault == "RC-318"


@pytest.mark.parametrize("body", [b"{", "x", [1], {"a": {}}, {"1": {"uuid": 5}}, {"1": "x"}])
def test_a_list_that_is_not_rews_is_refused(rew, body):
    rew.answers["/measurements"] = (200, body)

    with pytest.raises(InputError) as caught:
        list_rew_measurements(rew.port)
    assert caught.value.fault == "RC-318"


def test_a_uuid_cannot_lead_to_another_path(rew):
    rew.answers["/measurements"] = (200, {"1": {"title": "x", "uuid": "../application?x=1#"}})

    with pytest.raises(InputError):
        read_rew_api("1", rew.port)
    assert rew.asked[1].startswith("/measurements/..%2Fapplication%3Fx%3D1%23/impulse-response")


def test_a_redirect_to_another_computer_is_not_followed(rew):
    rew.headers["Location"] = "http://192.0.2.1/measurements"
    rew.answers["/measurements"] = (302, {})

    with pytest.raises(InputError) as caught:
        list_rew_measurements(rew.port)
    assert caught.value.fault == "RC-318"


def test_a_proxy_of_the_environment_is_not_asked(rew, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")

    assert list_rew_measurements(rew.port)


def test_a_server_that_trickles_is_left(rew, monkeypatch):
    monkeypatch.setattr(rew_server, "_ANSWER_S", 0.3)

    def trickle(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            try:
                handler.wfile.write(b" ")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    rew.answers["/measurements"] = (200, trickle)
    start = time.monotonic()
    with pytest.raises(InputError, match="too slow"):
        list_rew_measurements(rew.port)
    assert time.monotonic() - start < 3.0


def test_an_answer_without_an_end_is_left(rew, monkeypatch):
    monkeypatch.setattr(rew_server, "_MOST_BYTES", 1000)
    rew.answers["/measurements"] = (200, b" " * 5000)

    with pytest.raises(InputError, match="more than"):
        list_rew_measurements(rew.port)


def test_the_command_makes_a_session(rew, studio_folder, runner):
    arguments = ["import", "--rew", "1,2", "--rew-port", str(rew.port), "--speaker", "L,R"]

    done = runner.invoke(cli, [*arguments, "--session", "rew"])

    assert done.exit_code == 0, done.output
    store = SessionStore.open(studio_folder, "rew")
    found = {r.speaker: r for r in store.load_responses()}
    np.testing.assert_allclose(found["L"].samples, rew.left / 100, atol=1e-6)
    assert found["L"].time_reference == "loopback"


FILTERS = [
    {"index": 1, "type": "PK", "enabled": True, "isAuto": True, "frequency": 63.125, "gaindB": -6.5}
    | {"q": 4.36},
    {"index": 2, "type": "None", "enabled": True, "isAuto": True},
    {"index": 3, "type": "PK", "enabled": False, "frequency": 90, "gaindB": 3, "q": 2},
    {"index": 4, "type": "LS Q", "enabled": True, "frequency": 1000, "gaindB": 2.0, "q": 0.7},
]


def test_filters_of_measurements_become_a_bank(rew, studio_folder, runner):
    rew.answers[f"/measurements/{UUID[0]}/filters"] = (200, FILTERS)
    rew.answers[f"/measurements/{UUID[1]}/filters"] = (200, FILTERS[:1])
    port = str(rew.port)

    done = runner.invoke(cli, ["import", "--rew", "1,2", "--rew-port", port, "--bank", "rew"])

    assert done.exit_code == 0, done.output
    filters = load_bank(studio_folder, "rew").filters[48000]
    left, right = filters.paths
    assert [(b.kind, b.f_hz, b.gain_db, b.q) for b in left.biquads] == [
        ("peak", 63.125, -6.5, 4.36),
        ("low shelf", 1000.0, 2.0, 0.7),
    ]
    assert len(right.biquads) == 1
    H = np.fft.rfft(filters.path("R", "R"), 1 << 18)
    level = 20 * np.log10(np.abs(H[round(63.125 * (1 << 18) / 48000)]))
    assert level == pytest.approx(-6.5, abs=0.01)


@pytest.mark.parametrize("body", [5, [1], {"filters": 3}, [{"type": "XX", "frequency": 5}], []])
def test_filters_that_are_not_rews_are_refused(rew, body):
    rew.answers[f"/measurements/{UUID[0]}/filters"] = (200, body)

    with pytest.raises(InputError) as caught:
        read_rew_filters("1", ("L",), rew.port)
    assert caught.value.fault in ("RC-307", "RC-318")


def test_the_command_lists_what_rew_holds_when_speakers_are_missing(rew, runner):
    done = runner.invoke(cli, ["import", "--rew", "1,2", "--rew-port", str(rew.port)])

    assert done.exit_code == 3
    assert "Left, Right" in done.output


def test_files_or_rew_must_be_named(runner):
    assert runner.invoke(cli, ["import"]).exit_code == 2
    assert runner.invoke(cli, ["import", "x.txt", "--rew", "1", "--bank", "x"]).exit_code == 2
