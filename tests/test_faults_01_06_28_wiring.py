"""FAULTS.md, rows 1 to 6 and 28: what the first quiet sounds prove, before anything loud."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli
from roomcal.devices import registry
from roomcal.devices.virtual.faults_input import MicrophoneMuted, WrongInput
from roomcal.devices.virtual.faults_output import (
    MonoDownmix,
    PolarityFlip,
    SameSpeaker,
    SpeakerSilent,
    SwappedOutputs,
)
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.errors import MeasurementError
from roomcal.files.studio_toml import write_studio
from roomcal.jobs.conversation import Silent
from roomcal.jobs.studio import Place
from roomcal.jobs.wiring import check_wiring
from roomcal.model.level_check import LevelCheck

TAKE = "--sweeps 1 --length 1 --positions 1"
FIRST_PEAK = 10 ** (-50 / 20)  # of the first sounds
BEDROOM = ROOMS["bedroom"]


def mirrored():
    """Return the bedroom with both speakers mirrored and the microphone in the middle."""
    left = BEDROOM.speakers[0]
    aim = (1.7, 1.6, 1.15)
    return dataclasses.replace(
        BEDROOM,
        speakers=(
            dataclasses.replace(left, position_m=(1.0, 0.5, 1.15), aim_m=aim),
            dataclasses.replace(
                left, name="R", output_channel=2, position_m=(2.4, 0.5, 1.15), aim_m=aim
            ),
        ),
        positions=(
            dataclasses.replace(BEDROOM.positions[0], position_m=aim),
            *BEDROOM.positions[1:],
        ),
    )


@pytest.fixture
def run(runner, monkeypatch):
    """Runs a command in a virtual room with faults; `.loudest` lists what played."""

    def run(command, *faults, room=BEDROOM, positions=None):
        loudest = []

        class Listened(VirtualStudio):
            def play_record(self, output, **kwargs):
                loudest.append(float(np.abs(output).max()))
                return super().play_record(output, **kwargs)

        monkeypatch.setattr(
            registry, "VirtualStudio", lambda _room, **k: Listened(room, faults=faults, **k)
        )
        if positions is not None:
            studio = VirtualStudio(room).default_studio()
            chosen = tuple(p for p in studio.positions if p.name in positions)
            studio = dataclasses.replace(studio, positions=chosen, output_device="virtual")
            write_studio(Path("studio.toml"), studio)
        result = runner.invoke(cli, command.split())
        result.loudest = loudest
        return result

    return run


def stopped_quietly(result):
    return max(result.loudest) <= FIRST_PEAK * (1 + 1e-9)


@pytest.mark.parametrize(
    "command", [f"measure a --device virtual {TAKE}", "level --device virtual"]
)
def test_row_01_exact_zeros_stop_after_the_first_quiet_sound(run, command):
    result = run(command, MicrophoneMuted())

    assert result.exit_code == 5
    assert "microphone is silent" in result.stderr
    assert "exact zeros" in result.stderr
    assert "privacy" in result.stderr
    assert len(result.loudest) == 1
    assert stopped_quietly(result)


def test_row_01_to_06_and_28_a_clean_studio_passes(run):
    result = run(f"measure a --device virtual {TAKE}", positions=["p2"])

    assert result.exit_code == 0, result.output
    assert "inverted" not in result.stderr
    assert len(result.loudest) == 3 + 2  # two probes, the survey, two takes
    assert max(result.loudest[:3]) <= FIRST_PEAK * (1 + 1e-9)


@pytest.mark.parametrize(("channel", "name", "n_played"), [(None, "L", 1), (2, "R", 2)])
def test_row_02_a_speaker_that_is_not_heard_is_named(run, channel, name, n_played):
    result = run(f"measure a --device virtual {TAKE}", SpeakerSilent(channel=channel))

    assert result.exit_code == 5
    assert f"heard no chirp from {name}" in result.stderr
    assert "amplifier" in result.stderr
    assert len(result.loudest) == n_played
    assert stopped_quietly(result)
    assert soundfile.info(f"measurements/a/{name}.probe-1.wav").channels == 2  # raw, all inputs


def test_row_03_the_input_that_hears_the_speaker_is_named(run):
    result = run(f"--debug measure a --device virtual --json {TAKE}", WrongInput(channel=2))

    told = json.loads(result.stdout)
    assert result.exit_code == told["exit"] == 5
    assert told["id"] == "RC-542"
    assert "signal is on input 2, not 1" in told["message"]
    assert "--input 2" in told["hint"]
    # The empty input lies 30 dB below the microphone's own noise.
    assert told["evidence"]["higher_db"] > 20.0
    assert stopped_quietly(result)


def test_row_03_input_2_is_measured_when_it_is_asked_for(run):
    result = run(f"measure a --device virtual --input 2 {TAKE}", WrongInput(channel=2))

    assert result.exit_code == 0, result.output


def test_row_04_swapped_outputs_contradict_the_places(run):
    result = run(f"measure a --device virtual {TAKE}", SwappedOutputs(), positions=["p2"])

    assert result.exit_code == 5
    assert "L and R look swapped" in result.stderr
    assert stopped_quietly(result)


def test_row_04_at_equal_distances_a_swap_cannot_be_heard(run):
    result = run(f"measure a --device virtual {TAKE}", SwappedOutputs(), positions=["p1"])

    assert result.exit_code == 0, result.output


class Ears(Silent):
    """Answers what only ears can tell."""

    def __init__(self, answer):
        self.answer, self.questions = answer, []

    def confirm(self, question):
        self.questions.append(question)
        return self.answer


class Card:
    """The virtual studio as a sound card: nobody but a person knows which speaker plays."""

    def __init__(self, studio):
        self._studio = studio

    def __getattr__(self, name):
        return getattr(self._studio, name)

    def default_studio(self):
        return None


def wiring_of(answer, tmp_path, *, position="p1", card=True, known=None):
    device = VirtualStudio(BEDROOM)
    studio = device.default_studio()
    at = next(p for p in studio.positions if p.name == position)
    device.place_microphone(at.name)
    place = Place(studio, Card(device) if card else device, "Box")
    ears = Ears(answer)
    check_wiring(place, studio.speakers, at, ears, folder=tmp_path, known=known)
    return ears


def test_row_04_where_no_arrival_can_tell_the_ears_are_asked(tmp_path):
    (question,) = wiring_of(True, tmp_path).questions

    assert "from L, then R, then L again" in question
    with pytest.raises(MeasurementError, match="L, R look swapped") as caught:
        wiring_of(False, tmp_path)
    assert (caught.value.fault, caught.value.exit_code) == ("RC-527", 5)


def test_row_04_nobody_is_asked_what_is_known_or_cannot_be_heard(tmp_path):
    assert wiring_of(False, tmp_path, position="p2").questions == []  # the arrivals tell
    assert wiring_of(False, tmp_path, card=False).questions == []  # a simulation
    check = LevelCheck("Box", 1, "p1", -20.0, (), ())
    assert wiring_of(False, tmp_path, known=check).questions == []  # asked by `level`


def test_row_05_mono_downmix_shows_two_arrivals(run):
    result = run(f"measure a --device virtual {TAKE}", MonoDownmix(), positions=["p2"])

    # The paths of p2 differ by 0.237 m: 0.69 ms.
    assert result.exit_code == 5
    text = " ".join(result.stderr.split())
    assert "two arrivals, 0.7 ms apart, when only L should play" in text
    assert stopped_quietly(result)


@pytest.mark.parametrize("room", [BEDROOM, ROOMS["control-room"]], ids=lambda r: r.name)
def test_row_06_the_same_speaker_twice_is_refused(run, room):
    result = run(f"measure a --device virtual {TAKE}", SameSpeaker(), room=room)

    assert result.exit_code == 5
    assert "L and R are the same response" in " ".join(result.stderr.split())
    assert stopped_quietly(result)


def test_row_06_a_mirrored_room_with_equal_speakers_passes(run):
    result = run(f"measure a --device virtual {TAKE}", room=mirrored())

    assert "same response" not in result.stderr
    assert result.exit_code == 0, result.output


def test_row_28_an_inverted_speaker_is_a_loud_warning_and_is_left_alone(run):
    result = run(f"measure a --device virtual {TAKE}", PolarityFlip(channel=2))

    assert result.exit_code == 0, result.output
    assert "Warning: R is inverted against L" in result.stderr


def test_row_28_the_sign_is_right_at_every_position():
    from roomcal.measure.survey import plan_survey, render_survey, survey_from_recording
    from roomcal.measure.wiring import judge_survey

    fs, wrong = 48000, []
    for faults in ((), (PolarityFlip(channel=2),)):
        device = VirtualStudio(BEDROOM, faults=faults)
        studio = device.default_studio()
        for position in studio.positions[:4]:
            device.place_microphone(position.name)
            plan = plan_survey(2, fs)
            recording = device.play_record(
                render_survey(plan), fs=fs, output_channels=[1, 2], input_channels=[1]
            )
            survey = survey_from_recording(
                recording.samples[0], plan, speakers=["L", "R"], position="p", delay=2700
            )
            found = {v.fault for v in judge_survey(survey.responses, studio.speakers, position)}
            if found != ({"RC-525"} if faults else set()):
                wrong.append((faults, position.name, found))
    assert not wrong
