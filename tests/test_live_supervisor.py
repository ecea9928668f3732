"""The parent keeps a child playing: it notices silence, kills, replaces, and gives up in order."""

import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from roomcal.devices.watchdog import SILENCE_S
from roomcal.errors import DeviceError, InputError
from roomcal.live.request import Route, RunRequest
from roomcal.live.shared_block import SharedBlock
from roomcal.live.supervisor import Supervisor

CHILD = Path(__file__).with_name("live_child.py")
N_BYTES = 64  # of the child
POLL_S = 0.02
# Starting Python takes a second on a busy machine; what hangs for half a minute hangs.
DEADLINE_S = 30.0
ROUTE = Route("virtual", "virtual", (1, 2), "virtual", (1, 2))
REQUEST = RunRequest(route=ROUTE, root=".", banks=("mix",), inputs=("L", "R"), outputs=("L", "R"))


@pytest.fixture
def faults(tmp_path):
    (tmp_path / "faults").mkdir()
    return tmp_path / "faults"


@pytest.fixture
def make(faults):
    made = []

    def make(**choices):
        supervisor = Supervisor(
            n_bytes=N_BYTES,
            beats=lambda: struct.unpack_from("<q", supervisor.memory, 0)[0],
            command=(sys.executable, str(CHILD), str(faults)),
            **choices,
        )
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        supervisor.stop()


def until(supervisor, event):
    """Poll until the child says so, opening what it finds, and return all that was said."""
    said = []
    until_s = time.monotonic() + DEADLINE_S
    while not any(message["event"] == event for message in said):
        assert time.monotonic() < until_s, (event, said, supervisor.state)
        for message in supervisor.poll(POLL_S):
            said.append(message)
            if message["event"] == "found":
                supervisor.open()
    return said


def pid(supervisor):
    return supervisor._child.pid


def test_a_child_finds_its_device_opens_it_and_plays(make):
    supervisor = make()
    supervisor.start(REQUEST)

    said = until(supervisor, "playing")

    assert [message["event"] for message in said] == ["found", "opening", "playing"]
    assert supervisor.state == "playing"
    assert supervisor.playing["fs"] == 48000


def test_a_child_that_is_asked_ends_by_itself(make, faults):
    supervisor = make()
    supervisor.start(REQUEST)
    until(supervisor, "playing")
    child = supervisor._child

    supervisor.stop()

    assert (faults / "stopped").exists()
    assert child.returncode is not None
    assert supervisor.state == "ended"


def test_a_heart_that_stops_beating_is_replaced_within_the_silence(make, faults):
    supervisor = make()
    supervisor.start(REQUEST)
    until(supervisor, "playing")
    first = pid(supervisor)
    time.sleep(0.1)
    supervisor.poll(0.0)

    (faults / "freeze").touch()
    frozen_s = time.monotonic()
    until(supervisor, "lost")
    lost_s = time.monotonic() - frozen_s
    (faults / "freeze").unlink()
    until(supervisor, "playing")

    # The watchdog counts at most 0.1 s a look, so a machine that stalls makes it later, not sooner.
    assert lost_s > SILENCE_S - POLL_S - 0.1
    assert pid(supervisor) != first
    assert supervisor.restarts == 1


def test_a_killed_child_is_replaced_at_once(make):
    supervisor = make()
    supervisor.start(REQUEST)
    until(supervisor, "playing")

    supervisor._child.kill()
    killed_s = time.monotonic()
    said = until(supervisor, "lost")

    assert time.monotonic() - killed_s < SILENCE_S + 1.0
    assert "the audio process ended" in said[-1]["how"]
    until(supervisor, "playing")


def test_the_new_child_waits_for_the_very_same_device(make, faults):
    supervisor = make()
    supervisor.start(REQUEST)
    until(supervisor, "playing")
    (faults / "absent").touch()
    supervisor._child.kill()

    said = until(supervisor, "waiting")
    assert supervisor.state == "waiting"
    (faults / "absent").unlink()
    said = until(supervisor, "playing")

    found = next(message for message in said if message["event"] == "found")
    assert (found["source"], found["output"]) == ("the source", "the output")
    assert supervisor._request.found_output == "the output"


def test_without_reconnecting_a_lost_device_is_the_end(make):
    supervisor = make(reconnect=False)
    supervisor.start(REQUEST)
    until(supervisor, "playing")

    supervisor._child.kill()
    with pytest.raises(DeviceError) as lost:
        until(supervisor, "never")

    assert lost.value.fault == "RC-403"
    assert "the output vanished" in lost.value.message
    assert supervisor.state == "ended"


def test_a_device_that_is_refused_at_first_is_the_end(make, faults):
    (faults / "refuse").touch()
    supervisor = make()
    supervisor.start(REQUEST)

    with pytest.raises(DeviceError) as refused:
        until(supervisor, "playing")

    assert (refused.value.fault, refused.value.hint) == ("RC-401", "plug it in")


def test_row_35_a_device_that_comes_back_at_another_rate_ends_the_run_with_the_list(make, faults):
    supervisor = make()
    supervisor.start(REQUEST)
    until(supervisor, "playing")
    (faults / "other-rate").touch()
    supervisor._child.kill()
    until(supervisor, "lost")

    with pytest.raises(InputError) as refused:
        until(supervisor, "playing")

    assert refused.value.fault == "RC-311"
    assert refused.value.evidence["have"] == [48000]


def test_a_child_that_dies_again_and_again_is_given_up_with_its_last_words(make, faults):
    supervisor = make()
    supervisor.start(REQUEST)
    until(supervisor, "playing")
    (faults / "die").touch()

    with pytest.raises(DeviceError) as lost:
        until(supervisor, "never")

    assert 1 <= supervisor.restarts <= 3
    assert "a library complains" in lost.value.evidence["last_words"]


def test_a_child_that_says_nothing_is_given_up(make, faults, monkeypatch):
    monkeypatch.setattr("roomcal.live.supervisor.PREPARE_DEADLINE_S", 0.5)
    (faults / "mute").touch()
    supervisor = make()
    supervisor.start(REQUEST)

    with pytest.raises(DeviceError) as given_up:
        until(supervisor, "playing")

    assert given_up.value.fault == "RC-406"
    assert "does not answer" in given_up.value.message


def test_a_child_ends_when_its_parent_was_killed(tmp_path, faults):
    program = (
        "import struct, sys, time\n"
        "from roomcal.live.request import *\n"
        "from roomcal.live.supervisor import Supervisor\n"
        "route = Route('virtual', 'virtual', (1,), 'virtual', (1,))\n"
        "request = RunRequest(route, '.', ('mix',), ('L',), ('L',))\n"
        f"s = Supervisor(n_bytes={N_BYTES}, beats=lambda: time.monotonic_ns(),\n"
        f"    command=(sys.executable, {str(CHILD)!r}, {str(faults)!r}))\n"
        "s.start(request)\n"
        "while True:\n"
        "    for m in s.poll(0.05):\n"
        "        if m['event'] == 'found': s.open()\n"
        "        if m['event'] == 'playing': print(s._child.pid, flush=True)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()

    until_s = time.monotonic() + DEADLINE_S
    while is_running(child):
        assert time.monotonic() < until_s, "the child plays on"
        time.sleep(POLL_S)


def is_running(number):
    """Whether a process of that number runs: on Linux from /proc, where zombies do not count."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text()
    except FileNotFoundError:
        return False
    except OSError:
        pytest.skip("no /proc here")
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_shared_memory_begins_with_zeros_and_is_seen_by_a_child():
    block = SharedBlock(N_BYTES)
    assert bytes(block.memory[:]) == bytes(N_BYTES)
    block.memory[0] = 7
    program = (
        "import sys\nfrom roomcal.live.shared_block import attached\n"
        f"m = attached(sys.argv[1], {N_BYTES})\nassert m[0] == 7\nm[1] = 9\n"
    )

    subprocess.run([sys.executable, "-c", program, block.token], check=True, **block.inheritance)

    assert block.memory[1] == 9
    block.close()
