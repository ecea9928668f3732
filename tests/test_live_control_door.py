"""The control door: one line in, one out, for its owner alone."""

import json
import os
import socket
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from roomcal.errors import StorageError
from roomcal.live import control_pipe

if sys.platform == "win32":
    pytest.skip("Unix sockets", allow_module_level=True)

from roomcal.live import control_socket

DEADLINE_S = 5.0


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """Sockets need a short path: pytest's folders are too long on some systems."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "roomcal"


@pytest.fixture(params=["socket", "pipe"])
def door(request, runtime, monkeypatch):
    """Give each kind of door; the pipe of Windows has a socket's name here, and no other change."""
    if request.param == "socket":
        return control_socket, control_socket.own_address()
    monkeypatch.setattr(control_pipe, "_FAMILY", "AF_UNIX")
    runtime.mkdir()
    return control_pipe, str(runtime / "pipe")


def test_a_line_is_answered(door):
    kind, address = door
    listener = kind.Listener(address, lambda line: f"heard {line}")

    assert kind.ask(address, "bypass on", deadline_s=DEADLINE_S) == "heard bypass on"
    assert kind.ask(address, "größer", deadline_s=DEADLINE_S) == "heard größer"
    listener.close()


def test_many_callers_are_answered_one_line_at_a_time(door):
    kind, address = door
    inside, most = 0, 0

    def answer(line):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.005)
        inside -= 1
        return line

    listener = kind.Listener(address, answer)
    answers = []

    def call(number):
        answers.append(kind.ask(address, str(number), deadline_s=DEADLINE_S))

    callers = [threading.Thread(target=call, args=(n,)) for n in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    listener.close()

    assert sorted(answers) == ["0", "1", "2", "3", "4", "5"]
    assert most == 1


def test_nobody_listens_after_the_end(door):
    kind, address = door
    kind.Listener(address, str).close()

    with pytest.raises(ConnectionRefusedError):
        kind.ask(address, "status", deadline_s=DEADLINE_S)


def test_an_engine_that_does_not_answer_is_given_up(door):
    kind, address = door
    release = threading.Event()
    listener = kind.Listener(address, lambda _line: str(release.wait(DEADLINE_S)))

    with pytest.raises(TimeoutError):
        kind.ask(address, "status", deadline_s=0.1)
    release.set()
    listener.close()


def test_only_the_owner_may_enter(runtime):
    address = control_socket.own_address()
    listener = control_socket.Listener(address, str)

    assert stat.S_IMODE(Path(address).stat().st_mode) == 0o600
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    listener.close()


def test_a_folder_that_others_may_enter_is_refused(runtime):
    runtime.mkdir()
    runtime.chmod(0o755)

    with pytest.raises(StorageError) as refused:
        control_socket.own_address()

    assert "chmod 700" in refused.value.hint


def test_a_link_in_the_place_of_the_folder_is_refused(runtime, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    runtime.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StorageError):
        control_socket.own_address()


def test_a_long_path_is_not_used_for_a_socket(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))

    assert len(os.fsencode(control_socket.own_address())) < 104  # macOS: sun_path


@pytest.mark.usefixtures("runtime")
def test_an_engine_that_was_killed_is_forgotten():
    address = control_socket.own_address()
    door = socket.socket(socket.AF_UNIX)
    door.bind(address)
    door.close()  # the file stays, as after kill -9

    assert control_socket.addresses() == [address]
    with pytest.raises(ConnectionRefusedError):
        control_socket.ask(address, "status", deadline_s=DEADLINE_S)
    listener = control_socket.Listener(address, str)  # a new process may get the old number
    assert control_socket.ask(address, "x", deadline_s=DEADLINE_S) == "x"
    listener.close()
    assert control_socket.addresses() == []


@pytest.mark.usefixtures("runtime")
def test_a_pickle_is_nothing_but_a_line():
    import pickle

    address = control_socket.own_address()
    listener = control_socket.Listener(address, lambda line: json.dumps({"line": line}))
    with socket.socket(socket.AF_UNIX) as rude:
        rude.settimeout(DEADLINE_S)
        rude.connect(address)
        rude.sendall(pickle.dumps(print, protocol=0) + b"\n")
        answer = rude.recv(4096)
    listener.close()

    assert json.loads(answer.splitlines()[0]) == {"line": "c__builtin__"}


@pytest.mark.usefixtures("runtime")
def test_a_line_without_end_is_hung_up_on():
    address = control_socket.own_address()
    listener = control_socket.Listener(address, str)
    with socket.socket(socket.AF_UNIX) as rude:
        rude.settimeout(DEADLINE_S)
        rude.connect(address)
        try:
            rude.sendall(b"x" * (3 * control_socket.LONGEST_LINE_BYTES))
            assert rude.recv(1) == b""
        except (BrokenPipeError, ConnectionResetError):
            pass  # hung up on before everything was sent
    assert control_socket.ask(address, "x", deadline_s=DEADLINE_S) == "x"
    listener.close()
