"""FAULTS.md, rows 30, 42 and 44 to 49: disks, files, names, a second run, the system around us.

Row 43 (kill -9) is in test_faults_43_kill.py.
"""

import contextlib
import datetime
import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli
from roomcal.errors import BusyError, StorageError
from roomcal.files import atomic, lock
from roomcal.files.session_store import SessionStore
from roomcal.files.wav import write_wav
from roomcal.jobs import measure as measure_job
from roomcal.model.capture import Capture
from roomcal.model.session import Session
from roomcal.model.sweep import Sweep
from roomcal.model.take import TakePlan

FS = 48000
MEASURE = "measure before --device virtual:bedroom --positions 1 --sweeps 1 --length 1"
CALIBRATION = "".join(f"{f:g}\t{level:g}\n" for f, level in zip(
    [10.0 * 2.0**n for n in range(12)], np.linspace(-6.0, 0.5, 12) * 0.1, strict=True
))  # fmt: skip


@pytest.fixture
def run(runner):
    return lambda command: runner.invoke(
        cli, command if isinstance(command, list) else command.split()
    )


def a_response(n=24000, seed=0):
    rng = np.random.default_rng(seed)
    h = 0.05 * rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / FS / 0.2)
    h[200] = 0.5
    return h


def a_file(name="L-p1.wav", x=None, fs=FS, subtype="FLOAT"):
    soundfile.write(name, a_response() if x is None else x, fs, subtype=subtype)
    return Path(name)


def a_session(run, name="before"):
    a_file()
    result = run(["import", "L-p1.wav", "--session", name])
    assert result.exit_code == 0, result.output
    return Path("measurements", name)


def snapshot(folder):
    return {p: p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def a_capture(seed=0, n=1000):
    plan = TakePlan(Sweep(FS, 1.0), (0, 100), (50,), n, 10, 10)
    x = np.random.default_rng(seed).standard_normal(n)
    return Capture(x, None, FS, plan, "L", "L", "p1")


# --- row 30: microphone calibrations ---


def a_studio(text=CALIBRATION, more="", encoding="utf-8"):
    Path("mic.txt").write_bytes(text.encode(encoding))
    Path("studio.toml").write_text(
        'name = "attic"\noutput_device = "virtual:bedroom"\n'
        '[[speakers]]\nname = "L"\noutput_channel = 1\n'
        f'[microphone]\ncalibration = "mic.txt"\n{more}[[positions]]\nname = "p1"\n'
    )


UNUSABLE = {
    "missing": (None, "", "mic.txt"),
    "another microphone's": (
        "* SERNO: 8105623\n" + CALIBRATION,
        'serial = "7000001"\n',
        "8105623; studio.toml names 7000001",
    ),
    "for the ceiling": (
        "* 90-degree calibration\n" + CALIBRATION,
        "incidence_deg = 0\n",
        "is for 90 degrees",
    ),
    "in degrees": (CALIBRATION.replace("-0.1", "-173.1", 1), "", "phase in degrees"),
    "too much": (CALIBRATION + "30000\t41\n", "", "line 13: 41 dB"),
    "a word": (CALIBRATION.replace("320\t", "hello\t"), "", "line 6"),
}


@pytest.mark.parametrize(("text", "more", "gist"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_row_30_a_calibration_that_cannot_be_used_stops_and_no_cal_goes_on(run, text, more, gist):
    a_studio(text or "", more)
    if text is None:
        Path("mic.txt").unlink()

    result = run(MEASURE.replace(" --device virtual:bedroom", ""))

    assert result.exit_code == 3
    assert gist in " ".join(result.stderr.split())
    assert not Path("measurements").exists()

    result = run(MEASURE.replace(" --device virtual:bedroom", "") + " --no-cal --dry-run")
    assert result.exit_code == 0, result.output


USABLE = {
    "comma decimals": (CALIBRATION.replace(".", ","), "utf-8", ""),
    "byte order mark": (CALIBRATION, "utf-8-sig", ""),
    "UTF-16": (CALIBRATION, "utf-16", ""),
    "unsorted": ("".join(reversed(CALIBRATION.splitlines(keepends=True))), "utf-8", "were sorted"),
}


@pytest.mark.parametrize(("text", "encoding", "warning"), USABLE.values(), ids=USABLE.keys())
def test_row_30_an_odd_calibration_is_used_with_a_warning_and_a_drawing(
    run, text, encoding, warning
):
    a_studio(text, encoding=encoding)

    result = run(MEASURE.replace(" --device virtual:bedroom", ""))

    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert (f"{warning}; 20 Hz" in said) if warning else ("calibration" not in said)


def test_row_30_init_asks_how_the_microphone_points(run):
    Path("mic.txt").write_text(CALIBRATION)

    result = run("init --output-device virtual:bedroom --mic-cal mic.txt")
    assert "--mic-incidence" in result.stderr
    result = run(
        "init --output-device virtual:bedroom --mic-cal mic.txt --mic-incidence 90 --force"
    )

    assert result.exit_code == 0
    assert "incidence_deg = 90" in Path("studio.toml").read_text()


# --- row 42: the disk is full ---


def test_row_42_a_full_disk_is_found_before_a_take_plays(run, monkeypatch):
    usage = shutil.disk_usage(".")._replace(free=0)
    monkeypatch.setattr(atomic.shutil, "disk_usage", lambda _path: usage)
    monkeypatch.setattr(
        measure_job, "play_take", lambda *_a, **_k: pytest.fail("a take was played")
    )

    result = run(MEASURE)

    assert result.exit_code == 6
    assert "RC-603: disk full writing" in result.stderr
    assert "MB, 0 free)" in result.stderr


def test_row_42_room_enough_is_no_alarm(tmp_path):
    atomic.refuse_full_disk(tmp_path / "not" / "there" / "x.wav", 1000)
    with pytest.raises(StorageError, match="disk full") as caught:
        atomic.refuse_full_disk(tmp_path / "x.wav", 1 << 60)
    assert caught.value.fault == "RC-603"


@pytest.mark.parametrize("error_number", [errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)])
def test_row_42_a_disk_that_fills_up_while_writing_leaves_the_old_file(
    run, monkeypatch, error_number
):
    folder = a_session(run)
    before = snapshot(folder)

    def full(_descriptor):
        raise OSError(error_number, os.strerror(error_number))

    monkeypatch.setattr(os, "fsync", full)
    result = run("import L-p1.wav --session before --force")

    assert result.exit_code == 6
    assert "disk full writing" in result.stderr
    assert snapshot(folder) == before


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounts a disk of 1 MB: needs Linux and root")
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounts a disk of 1 MB: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_row_42_a_disk_of_1_mb_keeps_what_it_has(small_disk, rng):
    old = small_disk / "old.wav"
    write_wav(old, rng.standard_normal((1, 50_000)), FS, sample_format="float32")
    before = snapshot(small_disk)

    with pytest.raises(StorageError, match=r"disk full writing .*need 4.0 MB, ") as caught:
        write_wav(old, rng.standard_normal((1, 1_000_000)), FS, sample_format="float32")

    assert caught.value.fault == "RC-603"
    assert snapshot(small_disk) == before


# --- row 44: a truncated WAV ---


def a_store(tmp_path):
    store = SessionStore.create(tmp_path, Session(name="before"))
    return store, store.save_capture(a_capture())


def test_row_44_a_truncated_take_is_counted(tmp_path):
    store, record = a_store(tmp_path)
    path = store.folder / record.capture.name
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 4 * 500])

    with pytest.raises(Exception, match=r"500 of 1000") as caught:
        store.load_capture(record)

    assert caught.value.exit_code == 3


def test_row_44_a_shorter_file_with_a_right_header_is_counted_too(tmp_path):
    store, record = a_store(tmp_path)
    shorter = a_capture().microphone[np.newaxis, :500]
    write_wav(store.folder / record.capture.name, shorter, FS, sample_format="float32")

    with pytest.raises(Exception, match="500 of 1000 samples") as caught:
        store.load_capture(record)

    assert (caught.value.fault, caught.value.exit_code) == ("RC-310", 3)


def test_row_44_another_take_under_the_same_name_is_found_out(tmp_path):
    store, record = a_store(tmp_path)
    other = a_capture(seed=1).microphone[np.newaxis]
    write_wav(store.folder / record.capture.name, other, FS, sample_format="float32")

    with pytest.raises(Exception, match="digest") as caught:
        store.load_capture(record)

    assert caught.value.fault == "RC-310"


# --- row 45: session.json ---

DOCUMENTS = {
    "garbage": ('{"schema": 1,\n "name": }', "RC-310", "session.json line 2 is damaged"),
    "empty": ("", "RC-310", "session.json is empty"),
    "half of it": (None, "RC-310", "is damaged"),
    "not text": (b'{"schema": 1,\n"name": "\xff\xfe"}', "RC-310", "line 2 is damaged: it is not"),
    "newer": (
        '{"schema": 99, "roomcal_version": "7.1.0"}',
        "RC-312",
        "was made by roomcal 7.1.0 and has schema 99",
    ),
    "a wrong type": (
        '{"schema": 1,\n "name": "before",\n "takes": [],\n "responses": [\n  {\n'
        '   "speaker": "L",\n   "position": 5\n  }\n ]\n}',
        "RC-310",
        "session.json line 7: responses[0].position: expected `str`, got `int`",
    ),
    "something missing": (
        '{"schema": 1,\n "name": "before",\n "takes": [\n  {\n   "speaker": "L"\n  }\n ]\n}',
        "RC-310",
        "session.json line 4: takes[0]: object missing required field",
    ),
}


@pytest.mark.parametrize(("text", "fault", "gist"), DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_row_45_a_damaged_document_names_the_line_and_the_cure(run, text, fault, gist):
    folder = a_session(run)
    document = folder / "session.json"
    good = document.read_bytes()
    bad = (
        good[: len(good) // 2] if text is None else text.encode() if isinstance(text, str) else text
    )
    document.write_bytes(bad)

    for command in ("analyze before", MEASURE):
        result = run(command)

        said = " ".join(result.stderr.split())
        assert result.exit_code == 3, said
        assert f"Error {fault}" in said
        assert gist in said
        if fault == "RC-310":
            assert "restore session.json.bak" in said
        assert document.read_bytes() == bad

    shutil.copy(folder / "session.json.bak", document)
    assert document.read_bytes() == good
    assert run("analyze before").exit_code == 0


def test_row_45_a_document_that_is_gone_is_not_begun_anew(run):
    folder = a_session(run)
    (folder / "session.json").unlink()

    for command in ("analyze before", MEASURE, "import L-p1.wav --session before"):
        result = run(command)

        assert result.exit_code == 3, result.output
        assert "restore session.json.bak" in result.stderr


def test_row_45_the_copy_is_the_last_good_document(run):
    folder = a_session(run)

    assert (folder / "session.json.bak").read_bytes() == (folder / "session.json").read_bytes()


# --- row 46: paths ---


def test_row_46_a_folder_that_is_a_file(run):
    a_file()
    Path("measurements").write_text("not a folder")

    result = run("import L-p1.wav --session before")

    assert result.exit_code == 6
    assert "measurements" in result.stderr
    assert Path("measurements").read_text() == "not a folder"


def test_row_46_a_folder_that_cannot_be_written(run, monkeypatch):
    a_file()
    real = os.open

    def refusing(path, flags, *args, **kwargs):
        if "measurements" in str(path) and flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refusing)

    result = run("import L-p1.wav --session before")

    assert result.exit_code == 6
    assert "Permission denied" in result.stderr
    assert "measurements" in result.stderr


@pytest.mark.parametrize("name", ["Küche", "my room", "x" * 300, "..", "a/../..", "CON", ".hidden"])
def test_row_46_a_name_that_no_session_may_have(run, name):
    a_file()

    result = run(["import", "L-p1.wav", "--session", name])

    assert result.exit_code in (3, 6), result.output
    assert "Traceback" not in result.output
    assert not Path("measurements").exists() or not list(Path("measurements").iterdir())


def test_row_46_the_hint_says_which_letters_a_name_may_have(run):
    a_file()

    result = run(["import", "L-p1.wav", "--session", "Küche"])

    assert "RC-313" in result.stderr
    assert "letters a to z or A to Z" in " ".join(result.stderr.split())


@pytest.mark.parametrize("folder", ["Müllers Büro", "音響 室", "a" * 200])
def test_row_46_a_studio_in_any_folder(run, folder):
    Path(folder).mkdir()
    file = a_file("L-p1.wav").rename(Path(folder, "L-p1.wav"))

    result = run(["-C", folder, "import", str(file), "--session", "before"])
    assert result.exit_code == 0, result.output
    listed = json.loads(run(["-C", folder, "sessions", "--json"]).stdout)

    assert [s["session"] for s in listed["sessions"]] == ["before"]
    assert Path(folder, "measurements", "before", "L-p1.ir.wav").is_file()


def test_row_46_the_name_of_an_imported_file_comes_back_as_it_was(run):
    a_file("Größe 音.wav")

    assert run(["import", "Größe 音.wav", "--speaker", "L", "--session", "before"]).exit_code == 0

    (response,) = json.loads(Path("measurements/before/session.json").read_text())["responses"]
    assert response["origin"] == "Größe 音.wav"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_row_46_a_loop_of_links(run):
    a_file()
    Path("measurements").symlink_to("measurements")
    Path("loop").symlink_to("loop")

    for session in ("before", "./loop/x"):
        result = run(["import", "L-p1.wav", "--session", session])

        assert result.exit_code in (3, 6), result.output
        assert "roomcal has a bug" not in result.output


@pytest.mark.parametrize("number", [errno.EPERM, errno.EXDEV, errno.ENOTSUP])
def test_row_46_a_disk_that_cannot_rename(run, monkeypatch, number):
    folder = a_session(run)
    before = snapshot(folder)

    def refusing(_source, _target, **_kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refusing)
    result = run("import L-p1.wav --session before --force")

    assert result.exit_code == 6
    assert "before" in result.stderr
    assert snapshot(folder) == before


# --- row 47: two runs ---

HOLDER = """
import sys, time
from pathlib import Path
from roomcal.files.lock import held, session_lock_path
with held(session_lock_path(Path(sys.argv[1])), "it"):
    print("held", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def another_run(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_row_47_a_second_run_on_a_session_is_told_who_is_at_work(run):
    folder = a_session(run)
    before = snapshot(folder)
    with another_run(folder) as process:
        result = run(["import", "L-p1.wav", "--session", "before", "--force"])
        measured = run(MEASURE)

    now = datetime.datetime.now().astimezone()
    assert result.exit_code == measured.exit_code == 8
    said = " ".join(result.stderr.split())
    assert f"RC-801: the session before is in use by pid {process.pid} since" in said
    since = said.split(" since ")[1][:5]
    hours, minutes = (int(part) for part in since.split(":"))
    assert 0 <= (now.hour * 60 + now.minute - hours * 60 - minutes) % (24 * 60) <= 2
    assert snapshot(folder) == before


def test_row_47_the_lock_of_a_killed_run_is_taken_over_with_a_note(run):
    folder = a_session(run)
    with another_run(folder) as process:
        pass  # killed

    result = run(["import", "L-p1.wav", "--session", "before", "--force"])

    assert result.exit_code == 0
    assert f"held by pid {process.pid} since" in " ".join(result.stderr.split())
    again = run(["import", "L-p1.wav", "--session", "before", "--force"])
    assert "held by" not in again.stderr


def test_row_47_other_sessions_are_free(run):
    folder = a_session(run)
    with another_run(folder):
        assert run("import L-p1.wav --session other").exit_code == 0
        assert run("analyze before").exit_code == 0  # reading disturbs nobody


def test_row_47_a_lock_leaves_nothing_behind(tmp_path):
    path = lock.session_lock_path(tmp_path / "measurements" / "before")
    with lock.held(path, "it") as killed:
        assert killed is None
        with (
            pytest.raises(BusyError, match=f"it is in use by pid {os.getpid()} since"),
            lock.held(path, "it"),
        ):
            pytest.fail("held twice")
    assert not path.exists()
    with lock.held(path, "it"):
        pass


def test_row_47_one_sound_card_plays_for_one_run(tmp_path, monkeypatch):
    monkeypatch.setattr(lock.tempfile, "gettempdir", lambda: str(tmp_path))
    one, other = lock.device_lock_path("Box"), lock.device_lock_path("Other box")
    with (
        lock.held(one, "the device Box", fault="RC-802"),
        lock.held(other, "another"),
        pytest.raises(BusyError, match="the device Box is in use") as caught,
        lock.held(one, "the device Box", fault="RC-802"),
    ):
        pytest.fail("held twice")
    assert caught.value.fault == "RC-802"
    assert caught.value.exit_code == 8


@pytest.mark.parametrize("tag", [b"", b"{", b"[1]", b'{"pid": "x"}', b"\xff" * 5000])
def test_row_47_a_name_tag_of_nonsense_does_no_harm(tmp_path, tag):
    path = tmp_path / "lock"
    path.write_bytes(tag)

    with lock.held(path, "it") as killed:
        assert killed is None


# --- row 48: imported WAV files ---

IMPORTS = {
    "16 bits": ({"subtype": "PCM_16"}, 0, "it has 16 bits"),
    "24 bits": ({"subtype": "PCM_24"}, 0, ""),
    "44.1 kHz": ({"fs": 44100}, 0, ""),
    "above full scale": ({"x": 4.0 * a_response()}, 0, "6.0 dB above full scale"),
    "an offset": ({"x": a_response() + 0.1}, 0, "offset (DC) of 0.1 was taken out"),
    "clipped": (
        {"x": np.clip(np.repeat(3.0 * a_response(), 4), -1, 1), "subtype": "PCM_24"},
        0,
        "4 samples in a row at full scale",
    ),
    "silence": ({"x": np.zeros(1000)}, 3, "silent: all 1000 samples are 0"),
    "NaN": ({"x": np.where(np.arange(1000) == 812, np.nan, 0.1)}, 3, "sample 812"),
    "no samples": ({"x": np.zeros(0)}, 3, "holds no samples"),
    "stereo": ({"x": np.stack([a_response(), a_response()], axis=1)}, 3, "has 2 channels"),
}


@pytest.mark.parametrize(("how", "exit_code", "gist"), IMPORTS.values(), ids=IMPORTS.keys())
def test_row_48_a_wav_is_converted_with_a_note_or_refused_by_name(run, how, exit_code, gist):
    a_file(**how)

    result = run("import L-p1.wav --session before")

    said = " ".join(result.stderr.split())
    assert result.exit_code == exit_code, said
    assert gist in said
    if not gist:
        assert said.startswith("L-p1.wav: L at p1 next:")
    if exit_code:
        assert not Path("measurements/before/session.json").exists()


def test_row_48_an_offset_is_gone_and_the_rest_is_as_it_was(run):
    a_file(x=a_response() + 0.1)
    run("import L-p1.wav --session before")

    (response,) = SessionStore.open(Path(), "before").load_responses()

    # The tail that tells the offset is not quite silent: 0.05 x 10^(-3 x 0.44 s / 0.2 s).
    np.testing.assert_allclose(response.samples, a_response(), atol=1e-7)


# --- row 49: the system around us ---


def roomcal(*arguments, env=None, **options):
    return subprocess.run(
        [sys.executable, "-m", "roomcal", *arguments],
        capture_output=True, check=False, text=True, env=env, timeout=120, **options,
    )  # fmt: skip


def environment(**changes):
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "SYSTEMROOT", "TEMP", "TMP")}
    return {**kept, "PYTHONUTF8": "1", **changes}


def test_row_49_a_clock_that_goes_backwards(run, monkeypatch):
    folder = a_session(run)
    a_file("R-p1.wav")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 1e8)

    result = run("import R-p1.wav --session before")

    assert result.exit_code == 0
    assert len(json.loads((folder / "session.json").read_text())["responses"]) == 2


def test_row_49_a_locale_with_a_decimal_comma_changes_no_file(studio_folder):
    a_file()
    env = environment(LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8", HOME=str(studio_folder))

    for arguments in (
        ("import", "L-p1.wav", "--session", "before"),
        ("design", "mix", "--from", "before", "--taps", "4096"),
        ("export", "mix", "--to", "camilladsp", "-o", "out"),
    ):
        result = roomcal(*arguments, env=env)
        assert result.returncode == 0, result.stderr
    first = snapshot("out")
    shutil.rmtree("out")
    plain = environment(LC_ALL="C", HOME=str(studio_folder))
    assert roomcal("export", "mix", "--to", "camilladsp", "-o", "out", env=plain).returncode == 0
    assert snapshot("out") == first


def test_row_49_no_home(studio_folder):
    a_file()
    env = environment()
    assert "HOME" not in env

    for arguments in (
        ("import", "L-p1.wav", "--session", "before"),
        ("analyze", "before", "--json"),
        ("plot", "before", "response", "-o", "response.svg"),
    ):
        result = roomcal(*arguments, env=env)
        assert result.returncode == 0, result.stderr
    assert (studio_folder / "response.svg").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise on Windows")
@pytest.mark.parametrize("command", ["targets", "targets --json", "sessions --json", "--help"])
def test_row_49_a_reader_that_leaves_early_ends_quietly(studio_folder, command):
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "roomcal", *command.split()],
        stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
        env=environment(HOME=str(studio_folder)), timeout=120,
    )  # fmt: skip
    os.close(writing)

    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
