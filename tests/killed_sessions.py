"""Writes sessions in child processes that are killed; run by test_faults_43_kill.py.

A process of its own, because only a young process may fork, and only a fork is quick enough to be
killed at fifty moments.
"""

import dataclasses
import hashlib
import json
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
from roomcal.jobs import judgement
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
TAKES_A_LIFE = 4.0  # the longest life, in takes: most are killed within their first two
SAID_WITHIN_S = 30.0  # of a life that has something to tell, on a busy computer
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
    judgement.judge_capture = lambda capture, **_: Judgement(response_from_capture(capture))
    take_s = time_of_a_take(root, place, request)
    rng = random.Random(SEED)
    number, finished, owed, lives, told = 1, set(), [], 0, 0
    while lives < KILLS:
        name = f"session-{number}"
        said = root / f"life-{lives}.txt"
        child = os.fork()
        if child == 0:
            measure(said, root, name, place, request)
            os._exit(0)
        told += wait_until_said(said, owed)
        time.sleep(rng.uniform(0.0, TAKES_A_LIFE * take_s))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        lives += 1
        finished = check(root, name, finished)
        owed = left_behind(root, name)
        if os.waitstatus_to_exitcode(status) == 0:  # the whole session was done in time
            assert not owed, owed
            number, finished = number + 1, set()
    said = root / "last life.txt"
    measure(said, root, f"session-{number}", place, request)
    told += wait_until_said(said, owed)
    finished = check(root, f"session-{number}", finished)
    assert len(finished) == len(request.speakers) * len(request.positions)
    for folder in (root / "measurements").iterdir():
        assert not list(folder.glob(".*.tmp")), f"unfinished files in {folder}"
    takes = len(list((root / "measurements").glob("session-*/*.capture.wav")))
    print(json.dumps({"told": told, "takes": takes}))  # noqa: T201 - the answer


def time_of_a_take(root, place, request):
    """Measure two paths, the second time with everything in memory; seconds for one."""
    for name in ("warm-up", "timed"):
        start = time.monotonic()
        one = dataclasses.replace(request, positions=request.positions[:1])
        measure(root / "warm-up.txt", root, name, place, one)
    return (time.monotonic() - start) / len(request.speakers)


def measure(said, root, name, place, request):
    """Measure; what the job says is appended to a file, since the process may be killed."""
    measure_job.measure(root, name, place, request, Notes(said))


class Notes(Silent):
    """Keeps what is said."""

    def __init__(self, path):
        self.path = path

    def note(self, text):
        with self.path.open("a") as file:
            file.write(text + "\n")


def left_behind(root, name):
    """What the next start has to say, from what lies in the folder."""
    folder = root / "measurements" / name
    owed = [f"held by pid {tag['pid']}"] if (tag := lock_of(folder)) else []
    unfinished = list(folder.glob(".*.tmp"))
    if unfinished:
        owed.append(f"{len(unfinished)} unfinished file")
    takes = []
    if (folder / "session.json").exists():
        takes = json.loads((folder / "session.json").read_text())["takes"]
    known = {t["capture"]["name"] for t in takes}
    for file in folder.glob("*.capture.wav"):
        path, number = file.name.removesuffix(".capture.wav").split(".take-")
        speaker, position = path.split("-")
        if file.name not in known:
            owed.append(f"{speaker} at {position}, take {number} incomplete, kept as rejected")
    owed += [
        f"{t['speaker']} at {t['position']}, take {t['number']} incomplete, ignored"
        for t in takes
        if t["status"] == "rejected" and t["reason"].startswith("not judged")
    ]
    return owed


def lock_of(folder):
    """Who was at work when the run was killed."""
    tag = folder.with_name(f".{folder.name}.lock")
    text = tag.read_text() if tag.exists() else ""
    return json.loads(text) if text else None


def wait_until_said(said, owed):
    """Wait until a run has said all that it owes; the number of things."""
    until_s = time.monotonic() + SAID_WITHIN_S
    while True:
        text = said.read_text() if said.exists() else ""
        missing = [words for words in owed if words not in text]
        if not missing:
            return len(owed)
        assert time.monotonic() < until_s, f"not said: {missing}; but: {text}"
        time.sleep(0.002)


def check(root, name, finished):
    """Every finished take and response loads; none that was there is lost."""
    if not (root / "measurements" / name / "session.json").exists():
        assert not finished
        return finished
    store = SessionStore.open(root, name)
    for take in store.session.takes:
        path = store.folder / take.capture.name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == take.capture.sha256
        if take.plan is not None:
            store.load_capture(take)
    for record in store.session.responses:
        path = store.folder / record.file.name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == record.file.sha256
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
