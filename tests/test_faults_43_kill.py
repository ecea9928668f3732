"""FAULTS.md, row 43: kill -9 while a session is written; what was finished is there afterwards."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from roomcal.cli.main import cli
from roomcal.errors import StorageError
from roomcal.files.session_recovery import recover
from roomcal.files.session_store import SessionStore
from roomcal.files.wav import write_wav
from roomcal.model.capture import Capture
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.session import Session
from roomcal.model.sweep import Sweep
from roomcal.model.take import TakePlan

FS = 48000
WRITER = Path(__file__).with_name("killed_sessions.py")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, which this system cannot")


def written_and_killed(folder, mode):
    """What the writer says after its checks have passed."""
    result = subprocess.run(
        [sys.executable, WRITER, folder, mode], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip().splitlines()


@needs_fork
def test_row_43_the_end_at_each_step_of_writing_loses_nothing_that_was_finished(tmp_path):
    (n_steps,) = written_and_killed(tmp_path, "steps")

    # Three captures and two responses, each with two syncs and a rename, and the documents.
    assert int(n_steps) > 3 * 5


@needs_fork
@pytest.mark.slow
def test_row_43_kill_9_at_50_random_moments_loses_nothing_that_was_finished(tmp_path):
    (line,) = written_and_killed(tmp_path, "moments")

    counts = json.loads(line)
    # Killed in the middle of a run there is a lock at least, and the next start tells of it; the
    # longest life is four takes.
    assert counts["told"] > 25
    assert counts["takes"] > 25


def a_capture(rng, speaker="L"):
    plan = TakePlan(Sweep(FS, 1.0), (0, 100), (50,), 1000, 10, 10)
    return Capture(rng.standard_normal(1000), None, FS, plan, speaker, "L", "p1")


def a_response(rng, speaker="L"):
    return ImpulseResponse(rng.standard_normal(100), FS, speaker, "p1")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_row_43_a_write_that_fails_leaves_what_was_there(tmp_path, rng, monkeypatch, call):
    """Each sync and rename of a take fails once; the session is as before or as after it."""
    real, left = getattr(os, call), [1 << 30]

    def failing(*args, **kwargs):
        left[0] -= 1
        if left[0] == -1:
            raise OSError(errno.EIO, "Input/output error")
        return real(*args, **kwargs)

    monkeypatch.setattr(os, call, failing)
    store = SessionStore.create(tmp_path, Session(name="before"))
    store.accept_take(store.save_capture(a_capture(rng)), a_response(rng))

    for step in range(100):
        before = store.session
        left[0] = step
        try:
            store.accept_take(store.save_capture(a_capture(rng)), a_response(rng), force=True)
        except StorageError as error:
            assert error.fault == "RC-601"  # noqa: PT017 - the last round raises nothing
        else:
            break
        finally:
            left[0] = 1 << 30
        store = SessionStore.open(tmp_path, "before")
        for take in store.session.takes:
            if take.plan is not None:
                store.load_capture(take)
        before_names, names = ({t.capture.name for t in s.takes} for s in (before, store.session))
        assert before_names <= names
        assert not list(store.folder.glob(".*.tmp"))
        recover(store)
    assert step > 5


def test_row_43_the_next_run_says_what_it_recovered(tmp_path, rng):
    store = SessionStore.create(tmp_path, Session(name="before"))
    store.accept_take(store.save_capture(a_capture(rng)), a_response(rng))
    store.save_capture(a_capture(rng, "R"))  # and the run is killed before it is judged
    orphan = store.folder / "R-p1.take-2.capture.wav"
    orphan.write_bytes((store.folder / "R-p1.take-1.capture.wav").read_bytes())
    (store.folder / ".R-p1.take-3.capture.wav.4711.tmp").write_bytes(b"RIFF")
    (store.folder / "notes.txt").write_text("mine")

    notes = recover(SessionStore.open(tmp_path, "before"))

    assert notes == [
        "recovered: 1 unfinished file removed",
        "recovered: R at p1, take 1 incomplete, ignored",
        "recovered: R at p1, take 2 incomplete, kept as rejected",
    ]
    again = SessionStore.open(tmp_path, "before")
    assert [t.status for t in again.session.takes] == ["accepted", "rejected", "rejected"]
    assert (store.folder / "notes.txt").exists()
    assert recover(again) == []


def test_row_43_captures_without_any_session_are_adopted(tmp_path, rng):
    """Killed between the first capture and the first session.json."""
    store = SessionStore.create(tmp_path, Session(name="before"))
    store.save_capture(a_capture(rng))
    (store.folder / "session.json").unlink()
    (store.folder / "session.json.bak").unlink()

    again = SessionStore.create(tmp_path, Session(name="before"))

    assert len(recover(again)) == 1
    (take,) = SessionStore.open(tmp_path, "before").session.takes
    assert (take.speaker, take.position, take.number) == ("L", "p1", 1)
    assert take.capture.n_samples == 1000


def test_row_43_a_run_that_ended_by_itself_has_nothing_to_recover(tmp_path, rng):
    store = SessionStore.create(tmp_path, Session(name="before"))
    store.accept_take(store.save_capture(a_capture(rng)), a_response(rng))
    text = (store.folder / "session.json").read_bytes()

    assert recover(SessionStore.open(tmp_path, "before")) == []
    assert (store.folder / "session.json").read_bytes() == text


def test_row_43_the_command_line_says_it_and_goes_on(runner):
    response = np.zeros(1000)
    response[10] = 1.0
    for name in ("L-p1.wav", "R-p1.wav"):
        write_wav(Path(name), response[np.newaxis], FS)
    assert runner.invoke(cli, ["import", "L-p1.wav", "--session", "before"]).exit_code == 0
    (Path("measurements/before") / ".R-p1.ir.wav.4711.tmp").write_bytes(b"RIFF")
    # What a killed run leaves: the name tag of a lock that nobody holds.
    tag = '{"pid": 4711, "host": "", "since": "2026-01-01T12:03:00+00:00"}'
    Path("measurements/.before.lock").write_text(tag)

    result = runner.invoke(cli, ["import", "R-p1.wav", "--session", "before"])

    assert result.exit_code == 0
    assert "recovered: the session was held by pid 4711" in result.stderr
    assert "recovered: 1 unfinished file removed" in result.stderr
    assert sorted(p.name for p in Path("measurements").iterdir()) == ["before"]
