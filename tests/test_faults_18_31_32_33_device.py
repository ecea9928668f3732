"""FAULTS.md, rows 18, 31, 32 and 33: the audio system loses samples, vanishes, refuses, is stopped.

Levels V (virtual studio) and F (sound cards in simulated time); level J is in tests/jack.
"""

import json
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from roomcal.cli.main import cli
from roomcal.devices import registry
from roomcal.devices.refusals import _held_by
from roomcal.devices.virtual.faults_clock import DeviceVanishes, Interruption, Xrun
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio

FS = 48000
SILENT_S = 0.100  # row 33: from the signal to silence
FADE_S = 0.050
NAMED_S = 1.0  # row 31: from the last callback to the error
TAKE = "--positions 1 --sweeps 1 --length 1 --yes"

# What plays before the first take of one speaker: over the cable, its first sound, the survey.
FIRST_TAKE = 3
FIRST_TAKE_OF_TWO = 4

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
[[positions]]
name = "p1"
"""


@pytest.fixture
def run(runner, monkeypatch):
    """Runs a command in a virtual studio with faults."""

    def run(command, *faults):
        if faults:
            room = ROOMS["control-room"]
            monkeypatch.setattr(
                registry,
                "VirtualStudio",
                lambda _room, **k: VirtualStudio(room, faults=faults, **k),
            )
        return runner.invoke(cli, command.split())

    return run


@pytest.fixture
def box(fake, studio_folder):
    """A world with one sound card, and a studio.toml that names it."""
    (studio_folder / "studio.toml").write_text(STUDIO)
    return fake.install(fake.FakeCard("Box"))


def session(name="a"):
    return json.loads(Path(f"measurements/{name}/session.json").read_text())


def takes_of(name="a"):
    return [(t["speaker"], t["number"], t["status"]) for t in session(name)["takes"]]


# --- the clean case: nothing of all this ---


def test_a_clean_take_through_a_sound_card_is_accepted(run, box):
    result = run(f"measure a {TAKE}")

    assert result.exit_code == 0, result.output
    assert takes_of() == [("L", 1, "accepted"), ("R", 1, "accepted")]
    assert all(t["xruns"] == 0 and not t["verdicts"] for t in session()["takes"])
    assert box.running == []


# --- row 18 ---


def test_row_18_one_xrun_is_retaken(run):
    result = run(f"measure a --device virtual {TAKE} --speakers L", Xrun(takes=(FIRST_TAKE,)))

    assert result.exit_code == 0, result.output
    assert "audio system too slow" in result.stderr
    assert takes_of() == [("L", 1, "rejected"), ("L", 2, "accepted")]
    first = session()["takes"][0]
    assert first["xruns"] > 0
    assert "RC-404" in first["reason"]
    assert Path("measurements/a/L-p1.take-1.capture.wav").exists()


def test_row_18_three_xruns_are_a_slow_audio_system(run):
    faults = [Xrun(takes=tuple(range(FIRST_TAKE, FIRST_TAKE + 3)))]
    result = run(f"measure a --device virtual {TAKE} --speakers L", *faults)

    assert result.exit_code == 4
    assert "RC-404" in result.stderr
    assert "audio system too slow" in result.stderr
    assert "raise --block" in result.stderr
    assert takes_of() == [("L", n, "rejected") for n in (1, 2, 3)]
    assert session()["responses"] == []


def test_row_18_a_quiet_sound_is_played_again(run):
    result = run(f"measure a --device virtual {TAKE} --speakers L", Xrun(takes=(0, 2)))

    assert result.exit_code == 0, result.output
    assert takes_of() == [("L", 1, "accepted")]


def test_row_18_quiet_sounds_that_never_arrive_whole_prove_what_they_can(run):
    result = run("level --device virtual --speakers L --json", Xrun())

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["level_dbfs"] > -50.0


def test_row_18_the_flags_of_a_stream_reject_the_take(run, box):
    lost = (0.0, "Stream", ["output_underflow"])
    box.when_loud.append((0.5, lambda: box.flags_at_s.append(lost)))

    result = run(f"measure a {TAKE} --speakers L")

    assert result.exit_code == 0, result.output
    assert takes_of() == [("L", 1, "rejected"), ("L", 2, "accepted")]


# --- row 31 ---


def test_row_31_a_vanished_device_is_named_and_earlier_takes_stay(run):
    command = f"measure a --device virtual {TAKE}"
    result = run(command, DeviceVanishes(at_s=3.1, takes=(FIRST_TAKE_OF_TWO + 1,)))

    assert result.exit_code == 4
    assert "RC-403" in result.stderr
    assert "vanished at 3.1 s" in result.stderr
    assert takes_of() == [("L", 1, "accepted")]
    assert run("analyze a --json").exit_code == 0


@pytest.mark.parametrize("two", [False, True])
def test_row_31_no_callback_for_a_second_means_vanished_and_nothing_hangs(run, fake, box, two):
    if two:
        ear = fake.FakeCard("Ear", n_outputs=0)
        box = fake.install(fake.FakeCard("Box", n_inputs=0), ear)
    gone = box.cards[-1]
    command = f"measure a {TAKE} {'--input-device Ear' if two else ''}"
    assert run(f"{command} --speakers L").exit_code == 0

    def vanish():
        gone.vanishes_at_s, gone.close_hangs = box.time_s, True

    box.loud_at_s = None
    box.when_loud.append((1.0, vanish))
    started_s = time.monotonic()

    result = run(f"{command} --speakers R")

    assert result.exit_code == 4, result.output
    # The first mark plays 1 s into the take; the last whole block before counts.
    assert re.search(rf"{gone.name}, ALSA vanished at (1\.9|2\.0) s", result.stderr), result.stderr
    assert box.time_s - gone.vanishes_at_s < NAMED_S
    if two:  # what still plays is faded out
        assert not box.sound("Box")[-1].any()
    assert time.monotonic() - started_s < 10.0  # closing hangs for 30 s
    assert takes_of() == [("L", 1, "accepted")]


def test_row_31_a_device_that_opens_but_never_starts(run, box):
    box.cards[0].never_starts = True

    result = run(f"measure a {TAKE}")

    assert result.exit_code == 4
    assert "never started" in result.stderr
    assert box.time_s < 6.0


# --- row 32 ---

HOST_ERROR = "Unanticipated host error"
WASAPI = "Windows WASAPI"
REFUSALS = [
    # (host API, what PortAudio raises, id, words of the message, words of the hint)
    ("ALSA", ("Device unavailable", -9985), "RC-405", "Box, ALSA is busy", "PipeWire"),
    (
        WASAPI,
        (HOST_ERROR, -9999, (1, -2004287478, "AUDCLNT_E_DEVICE_IN_USE")),
        "RC-405",
        "is busy",
        "exclusive mode",
    ),
    (
        WASAPI,
        (HOST_ERROR, -9999, (1, -2004287474, "AUDCLNT_E_EXCLUSIVE_MODE_NOT_ALLOWED")),
        "RC-405",
        "may not be used exclusively",
        "allow exclusive mode",
    ),
    ("ASIO", (HOST_ERROR, -9999, (2, -1000, "Hardware busy")), "RC-405", "is busy", "the DAW"),
    (
        "Core Audio",
        ("Invalid sample rate", -9997),
        "RC-402",
        "does not run at 48000 Hz; it runs at 44100, 96000 Hz",
        "Audio MIDI Setup",
    ),
    (
        "JACK Audio Connection Kit",
        ("Invalid sample rate", -9997),
        "RC-402",
        "it runs at 44100, 96000 Hz",
        "-r 48000",
    ),
    ("ALSA", ("Invalid number of channels", -9998), "RC-402", "2 channels", "another layout"),
    ("ALSA", ("Invalid device", -9996), "RC-401", "not there any more", "plug one in"),
    ("OSS", (HOST_ERROR, -9999, (3, 5, "strange")), "RC-405", "does not open", "doctor"),
]


@pytest.mark.parametrize(("api", "raised", "fault", "gist", "cure"), REFUSALS)
@pytest.mark.usefixtures("box")
def test_row_32_a_refusal_names_the_device_and_the_cure(run, fake, api, raised, fault, gist, cure):
    card = fake.FakeCard("Box", host_api=api, rates=(44100, 96000))
    card.refuses = fake.PortAudioError(*raised)
    fake.install(card)

    result = run(f"measure a {TAKE} --json")

    said = json.loads(result.stdout)
    assert result.exit_code == 4
    assert (said["id"], said["exit"]) == (fault, 4)
    assert gist in said["message"]
    assert f"Box, {api}" in said["message"]
    assert cure in said["hint"]
    assert not Path("measurements/a").exists()


def test_row_32_linux_names_the_program_that_holds_a_device(tmp_path):
    status = tmp_path / "asound/card1/pcm0p/sub0/status"
    status.parent.mkdir(parents=True)
    status.write_text("state: RUNNING\nowner_pid   : 4711\n")
    closed = tmp_path / "asound/card0/pcm0p/sub0/status"
    closed.parent.mkdir(parents=True)
    closed.write_text("closed\n")
    (tmp_path / "4711").mkdir()
    (tmp_path / "4711/comm").write_text("ardour\n")

    assert _held_by(tmp_path) == ["ardour (pid 4711)"]


@pytest.mark.usefixtures("box")
def test_row_32_no_devices_at_all(run, fake):
    fake.install()

    result = run(f"measure a {TAKE}")

    assert result.exit_code == 4
    assert "there is no device 'Box' that plays" in result.stderr
    assert "JACK only if its server runs before roomcal starts" in " ".join(result.stderr.split())
    assert "--device virtual" in result.stderr


@pytest.mark.usefixtures("box")
def test_row_32_an_unknown_device_lists_those_that_are_there(run):
    result = run(f"measure a {TAKE} --device Fireface")

    assert result.exit_code == 4
    assert "0 Box, ALSA" in result.stderr


# --- row 33 ---


def signals(box, *times):
    """Let signals arrive at (seconds after the first loud sound, name)."""
    for at_s, name in times:
        number = getattr(signal, name, None)
        if number is None:
            pytest.skip(f"{name} is unknown to this system")
        box.when_loud.append((at_s, lambda number=number: signal.raise_signal(number)))


@pytest.mark.parametrize(
    ("name", "word"), [("SIGINT", "Ctrl-C"), ("SIGTERM", "SIGTERM"), ("SIGHUP", "SIGHUP")]
)
def test_row_33_a_signal_fades_out_and_keeps_the_partial_take(run, box, name, word):
    before = signal.getsignal(signal.SIGINT)
    signals(box, (2.0, name))

    result = run("measure a --positions 1 --sweeps 1 --length 3 --level -20 --yes")

    assert result.exit_code == 130
    sound = np.abs(box.sound("Box")[:, 0])
    silent_s = (np.flatnonzero(sound)[-1] + 1) / FS
    signal_s = box.loud_at_s + 2.0
    assert silent_s - signal_s <= SILENT_S
    assert sound[round((signal_s - 0.05) * FS) : round(signal_s * FS)].max() > 0.05
    assert takes_of() == [("L", 1, "rejected")]
    take = session()["takes"][0]
    assert take["reason"].startswith(f"ended by {word} at 3.")
    assert 3.0 * FS < take["capture"]["n_samples"] < 3.3 * FS
    assert Path("measurements/a/L-p1.take-1.capture.wav").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_row_33_the_fade_is_20_to_50_ms_long(fake):
    world = fake.install(fake.FakeCard("Box"))
    signals(world, (1.0, "SIGINT"))

    with pytest.raises(KeyboardInterrupt):
        registry.open_device("Box").play_record(
            np.full((1, 3 * FS), 0.5), fs=FS, output_channels=[1], input_channels=[1]
        )

    sound = world.sound("Box")[:, 0]
    fading = np.flatnonzero((sound > 0) & (sound < 0.5)).size / FS
    assert 0.018 <= fading <= FADE_S  # the cosine's first and last steps round to the ends


def test_row_33_a_second_signal_mutes_at_once(fake):
    world = fake.install(fake.FakeCard("Box"))
    # Blocks end at multiples of 21.3 ms: both signals come before the next one is filled.
    signals(world, (1.003, "SIGINT"), (1.004, "SIGINT"))

    with pytest.raises(KeyboardInterrupt):
        registry.open_device("Box").play_record(
            np.full((1, 3 * FS), 0.5), fs=FS, output_channels=[1], input_channels=[1]
        )

    sound = world.sound("Box")[:, 0]
    last = np.flatnonzero(sound)[-1]
    assert sound[last] == 0.5  # no fade
    assert (last + 1) / FS - (world.loud_at_s + 1.004) <= 1024 / FS + 1e-9


def test_row_33_the_virtual_studio_is_stopped_as_a_card_is(run):
    result = run(
        f"measure a --device virtual {TAKE}", Interruption(at_s=2.0, takes=(FIRST_TAKE_OF_TWO + 1,))
    )

    assert result.exit_code == 130
    assert takes_of() == [("L", 1, "accepted"), ("R", 1, "rejected")]
    assert session()["takes"][1]["reason"].startswith("ended by Ctrl-C at 2.")


def test_row_33_between_takes_every_signal_ends_like_ctrl_c(run, monkeypatch):
    from roomcal.jobs import judgement

    def judge(*_args, **_kwargs):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(1)  # the handler runs before this

    monkeypatch.setattr(judgement, "judge_capture", judge)

    result = run(f"measure a --device virtual {TAKE}")

    assert result.exit_code == 130
    assert takes_of() == [("L", 1, "rejected")]


def test_row_33_an_ignored_signal_stays_ignored(fake):
    """Under nohup, closing the terminal does not end a measurement."""
    if not hasattr(signal, "SIGHUP"):
        pytest.skip("SIGHUP is unknown to this system")
    world = fake.install(fake.FakeCard("Box"))
    signals(world, (1.0, "SIGHUP"))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        recording = registry.open_device("Box").play_record(
            np.full((1, 2 * FS), 0.5), fs=FS, output_channels=[1], input_channels=[1]
        )
    finally:
        signal.signal(signal.SIGHUP, before)

    assert recording.samples.shape == (1, 2 * FS)
