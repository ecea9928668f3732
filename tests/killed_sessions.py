"""Writes sessions in child processes that are killed; run by test_faults_43_kill.py.

A process of its own, because only a young process may fork, and only a fork is quick enough to be
killed at fifty moments.
"""

import dataclasses
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.files.session_recovery import recover
from roomcal.files.session_store import SessionStore
from roomcal.jobs import measure as measure_job
from roomcal.jobs.conversation import Silent
from roomcal.jobs.studio import Place
from roomcal.measure.judge import Judgement
from roomcal.measure.responses import response_from_capture
from roomcal.model.capture import Capture
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.session import Session
from roomcal.model.sweep import Sweep
from roomcal.model.take import TakePlan

FS = 48000
SEED = 43
KILLS = 50
LONGEST_LIFE_S = 1.0  # several takes
PATH = ("L", "p1")


def main(root, mode):
    {"moments": kill_at_moments, "steps": end_at_steps}[mode](Path(root))


# --- kill -9 at random moments of a measurement ---


def kill_at_moments(root):
    studio = VirtualStudio(ROOMS["control-room"])
    place = Place(
        studio.default_studio(), studio, "virtual:control-room", studio.microphone_calibration()
    )
    request = measure_job.MeasureRequest(
        speakers=place.studio.speakers,
        positions=place.studio.positions,
        sweeps=1,
        length_s=0.5,
        check_wiring=False,
    )
    # What a take is worth is not the question here, only whether it is kept.
    measure_job.judge_capture = lambda capture, **_: Judgement(response_from_capture(capture))
    measure(root, "warm-up", place, request, last=1)
    rng = random.Random(SEED)
    number, finished, lives = 1, set(), 0
    while lives < KILLS:
        name = f"session-{number}"
        child = os.fork()
        if child == 0:
            measure(root, name, place, request)
            os._exit(0)
        time.sleep(rng.uniform(0.0, LONGEST_LIFE_S))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        lives += 1
        finished = check(root, name, finished)
        if os.waitstatus_to_exitcode(status) == 0:  # the whole session was done in time
            number, finished = number + 1, set()
    measure(root, f"session-{number}", place, request)
    finished = check(root, f"session-{number}", finished)
    assert len(finished) == len(request.speakers) * len(request.positions)
    for folder in (root / "measurements").iterdir():
        assert not list(folder.glob(".*.tmp")), f"unfinished files in {folder}"
    print((root / "notes.txt").read_text())  # noqa: T201 - the answer


def measure(root, name, place, request, last=None):
    """Measure; what the job says is appended to a file, since the process may be killed."""
    request = dataclasses.replace(request, positions=request.positions[:last])
    measure_job.measure(root, name, place, request, Notes(root / "notes.txt"))


class Notes(Silent):
    """Keeps what is said."""

    def __init__(self, path):
        self.path = path

    def note(self, text):
        with self.path.open("a") as file:
            file.write(text + "\n")


def check(root, name, finished):
    """Every finished take and response loads; none that was there is lost."""
    if not (root / "measurements" / name / "session.json").exists():
        assert not finished
        return finished
    store = SessionStore.open(root, name)
    for take in store.session.takes:
        if take.plan is not None:
            store.load_capture(take)  # proves the digest
    if store.session.responses:
        store.load_responses()
    accepted = {t.capture.name for t in store.session.takes if t.status == "accepted"}
    assert accepted == {r.origin for r in store.session.responses}
    assert finished <= accepted, f"lost: {finished - accepted}"
    return accepted


# --- the end at each step of writing, one after the other ---


def end_at_steps(root):
    """Count the syncs and renames of a small session, and end a process at each of them."""
    ended, step = True, 0
    while ended:
        folder = root / str(step)
        child = os.fork()
        if child == 0:
            end_at(step)
            write_a_session(folder)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        check_recovery(folder, complete=not ended)
        step += 1
    print(step)  # noqa: T201 - the answer


def end_at(step):
    """End this process, without any clean-up, before one call that makes something durable."""
    left = [step]

    def ending(call):
        def wrapped(*args, **kwargs):
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
            return call(*args, **kwargs)

        return wrapped

    os.fsync, os.replace = ending(os.fsync), ending(os.replace)


def write_a_session(root):
    """A rejected take, a good one, and another that replaces its response."""
    rng = np.random.default_rng(SEED)
    store = SessionStore.create(root, Session(name="before"))
    record = store.save_capture(a_capture(rng, *PATH))
    store.judge_take(record, reason="RC-503: too noisy")
    for _ in range(2):
        record = store.save_capture(a_capture(rng, *PATH))
        store.accept_take(record, a_response(rng, *PATH), force=True)


def a_capture(rng, speaker, position):
    plan = TakePlan(Sweep(FS, 1.0), (0, 100), (50,), 1000, 10, 10)
    return Capture(rng.standard_normal(1000), None, FS, plan, speaker, "L", position)


def a_response(rng, speaker, position):
    return ImpulseResponse(rng.standard_normal(100), FS, speaker, position)


def check_recovery(root, *, complete):
    """What is there loads; the next run says what it found, and finds nothing a second time."""
    folder = root / "measurements" / "before"
    known = (folder / "session.json").exists()
    captures = {f.name for f in folder.glob("*.capture.wav")}
    store = (
        SessionStore.open(root, "before")
        if known
        else SessionStore.create(root, Session(name="before"))
    )
    missing = captures - {t.capture.name for t in store.session.takes}
    unjudged = [t for t in store.session.takes if t.reason.startswith("not judged")]
    unfinished = list(folder.glob(".*.tmp"))
    notes = recover(store)
    assert len(notes) == len(missing) + len(unjudged) + bool(unfinished), notes
    assert not (complete and notes), notes
    assert not list(folder.glob(".*.tmp"))
    again = SessionStore.open(root, "before") if captures else store
    assert recover(again) == []
    assert captures == {t.capture.name for t in again.session.takes}
    assert all(t.status == "rejected" for t in again.session.takes if t.capture.name in missing)
    for take in again.session.takes:
        if take.plan is not None:
            again.load_capture(take)
    if again.session.responses:
        again.load_responses()


if __name__ == "__main__":
    main(*sys.argv[1:])
