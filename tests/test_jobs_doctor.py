"""The doctor finds what is amiss, names the cure, and never falls ill itself."""

import importlib
import json
import shutil
import sys
import types
from collections import namedtuple
from pathlib import Path

import pytest

from roomcal.cli.main import cli
from roomcal.jobs import doctor, doctor_audio
from roomcal.jobs.conversation import Silent
from roomcal.jobs.doctor import examine, exit_code, worst

STUDIO = """
name = "Back room"
fs = 48000
output_device = "Box"
[[speakers]]
name = "L"
output_channel = 1
[[speakers]]
name = "R"
output_channel = 2
[microphone]
input_channel = 1
"""


@pytest.fixture(autouse=True)
def no_compiling(monkeypatch):
    """Leave out what takes long: the convolver has tests of its own."""
    monkeypatch.setattr(doctor, "_convolver", lambda _root: iter(()))


@pytest.fixture
def box(fake):
    return fake.install(fake.FakeCard("Box"))


def look(root):
    return examine(Path(root), Silent())


def named(found, check):
    return [f for f in found if f.check == check]


def test_a_computer_with_a_sound_card_is_fine(tmp_path, box):
    box.get_portaudio_version = lambda: (1, "PortAudio V19.7, revision x")

    found = look(tmp_path)

    assert worst(found) == "ok"
    assert exit_code(found) == 0
    assert {f.check for f in found} >= {
        *("python", "libraries", "PortAudio", "devices", "folder", "disk", "studio.toml"),
    }


@pytest.mark.usefixtures("no_portaudio")
def test_without_portaudio_the_virtual_studio_is_still_there(tmp_path):
    found = look(tmp_path)

    (finding,) = named(found, "PortAudio")
    assert finding.state == "warning"
    assert "--device virtual" in finding.cure
    assert exit_code(found) == 0


def test_no_device_is_a_warning(tmp_path, fake):
    fake.install(fake.FakeCard("Box", n_inputs=0))

    (finding,) = named(look(tmp_path), "devices")

    assert (finding.state, finding.message) == ("warning", "no device records")


@pytest.mark.parametrize(
    ("change", "gist"),
    [
        (('"Box"', '"Fireface"'), "there is no device 'Fireface' that plays"),
        (("output_channel = 2", "output_channel = 7"), "has 2 outputs, studio.toml names output 7"),
        (("input_channel = 1", "input_channel = 4"), "has 2 inputs, studio.toml names input 4"),
        (("fs = 48000", "fs = 88200"), "runs at 44100, 48000, 96000 Hz, not at 88200"),
    ],
)
@pytest.mark.usefixtures("box")
def test_a_studio_that_does_not_fit_its_devices_is_a_warning(tmp_path, change, gist):
    (tmp_path / "studio.toml").write_text(STUDIO.replace(*change))

    found = look(tmp_path)

    assert gist in " ".join(f.message for f in named(found, "studio's devices"))
    assert worst(found) == "warning"
    assert exit_code(found) == 0


@pytest.mark.usefixtures("box")
def test_a_damaged_studio_is_a_problem_with_its_exit_code(tmp_path):
    (tmp_path / "studio.toml").write_text("name = 3\nsolfege = true\n")

    found = look(tmp_path)

    (finding,) = named(found, "studio.toml")
    assert (finding.state, finding.fault, exit_code(found)) == ("problem", "RC-308", 3)


@pytest.mark.usefixtures("box")
def test_a_calibration_file_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "studio.toml").write_text(STUDIO + 'calibration = "mic.txt"\n')

    (finding,) = named(look(tmp_path), "calibration")

    assert finding.state == "warning"
    assert "mic.txt" in finding.message
    assert "--no-cal" in finding.cure


@pytest.mark.usefixtures("box")
def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path, monkeypatch):
    def refuse(**_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)

    found = look(tmp_path)

    assert (named(found, "folder")[0].state, exit_code(found)) == ("problem", 6)


@pytest.mark.parametrize(("free_mb", "state", "code"), [(20, "problem", 6), (500, "warning", 0)])
@pytest.mark.usefixtures("box")
def test_little_room_on_the_disk_is_told(tmp_path, monkeypatch, free_mb, state, code):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _p: usage(1, 1, free_mb << 20))

    found = look(tmp_path)

    assert (named(found, "disk")[0].state, exit_code(found)) == (state, code)


@pytest.mark.parametrize(
    ("name", "state", "code"), [("numba", "warning", 0), ("pyfar", "problem", 1)]
)
@pytest.mark.usefixtures("box")
def test_a_library_that_cannot_be_loaded_is_named(tmp_path, monkeypatch, name, state, code):
    really = importlib.import_module

    def load(module):
        if module == name:
            raise ImportError(f"No module named {name!r}")
        return really(module)

    monkeypatch.setattr(doctor.importlib, "import_module", load)

    found = look(tmp_path)

    finding = next(f for f in named(found, "libraries") if f.state != "ok")
    assert finding.state == state
    assert name in finding.message
    assert exit_code(found) == code


@pytest.mark.usefixtures("box")
def test_an_old_python_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "OLDEST_PYTHON", (99, 0))

    assert exit_code(look(tmp_path)) == 1


def test_a_check_that_fails_is_a_warning_and_the_others_go_on(tmp_path, monkeypatch):
    def ill(_root):
        raise ZeroDivisionError("division by zero")
        yield

    monkeypatch.setattr(doctor, "AUDIO_QUESTIONS", {"PortAudio": ill})

    found = look(tmp_path)

    assert "ZeroDivisionError" in named(found, "PortAudio")[0].message
    assert named(found, "disk")


@pytest.mark.parametrize(("answer", "state"), [("Deny", "warning"), ("Allow", "ok")])
def test_the_privacy_setting_of_windows_is_read(tmp_path, monkeypatch, answer, state):
    key = types.SimpleNamespace(Close=lambda: None)
    registry = types.SimpleNamespace(
        HKEY_CURRENT_USER=0,
        OpenKey=lambda _root, _key: key,
        QueryValueEx=lambda _key, _name: (answer, 1),
    )
    monkeypatch.setitem(sys.modules, "winreg", registry)
    monkeypatch.setattr(sys, "platform", "win32")

    (finding,) = doctor_audio.AUDIO_QUESTIONS["microphone"](tmp_path)

    assert finding.state == state
    assert "Privacy" in finding.cure


def test_macos_is_told_where_the_permission_is(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")

    (finding,) = doctor_audio.AUDIO_QUESTIONS["microphone"](tmp_path)

    assert "Privacy & Security > Microphone" in finding.cure


def test_pipewire_and_a_missing_jack_server_are_told(tmp_path, monkeypatch, box):
    assert box.apis == ["ALSA"]
    (tmp_path / "pipewire-0").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")

    found = list(doctor_audio.AUDIO_QUESTIONS["sound server"](tmp_path))

    assert "pw-jack" in found[0].cure
    assert found[1].message == "no server runs"


@pytest.mark.usefixtures("no_portaudio")
def test_the_command_answers_in_json(runner):
    result = runner.invoke(cli, ["doctor", "--json"])

    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert answer["usable"] is True
    assert answer["state"] == "warning"
    assert all({"check", "state", "message", "cure", "fault"} == set(c) for c in answer["checks"])


@pytest.mark.usefixtures("no_portaudio")
def test_the_command_leaves_with_the_code_of_a_problem(runner, studio_folder):
    (studio_folder / "studio.toml").write_text("name = 3")

    result = runner.invoke(cli, ["doctor"])

    assert result.exit_code == 3
    assert "problem" in result.stdout
