"""`init` writes no studio that the other commands cannot use."""

from pathlib import Path

import pytest

from roomcal.cli.main import cli
from roomcal.devices import registry
from roomcal.devices.port_audio import Card
from roomcal.errors import DeviceError

BOX = Card(0, "Box", "ALSA", n_inputs=2, n_outputs=2, default_fs=48000, input_latency_s=0.0,
           output_latency_s=0.0)  # fmt: skip
SECOND_BOX = Card(1, "Box two", "ALSA", n_inputs=2, n_outputs=2, default_fs=48000,
                  input_latency_s=0.0, output_latency_s=0.0)  # fmt: skip


@pytest.fixture
def init(runner):
    return lambda *options, **more: runner.invoke(cli, ["init", *options], **more)


def words(result):
    return " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("options", "exit_code", "said"),
    [
        (["--name", ""], 2, "--name is empty"),
        (["--name", "  "], 2, "--name is empty"),
        (["--output-device", ""], 2, "--output-device is empty"),
        (["--input-device", ""], 2, "--input-device is empty"),
        (["--output-device", "virtual:bedrom"], 4, "did you mean virtual:bedroom?"),
        (["--mic-channel", "99"], 4, "virtual has no input 99"),
        (["--fs", "12345"], 4, "virtual does not run at 12345 Hz"),
        (["--input-device", "nope"], 4, "nope does not record what virtual plays"),
        (["--input-device", "virtual:control-room-2.1"], 4, "does not record what virtual plays"),
    ],
)
def test_what_a_virtual_studio_cannot_do_is_refused_before_anything_is_written(
    init, options, exit_code, said
):
    device = [] if "--output-device" in options else ["--output-device", "virtual"]

    result = init(*device, *options)

    assert result.exit_code == exit_code, result.output
    assert said in words(result)
    assert not Path("studio.toml").exists()


def test_where_nobody_answers_the_option_is_named(init):
    result = init("--force", input="")

    assert result.exit_code == 2
    assert "--output-device" in words(result)
    assert not Path("studio.toml").exists()


def test_an_answer_that_is_given_counts(init):
    assert init(input="virtual:bedroom\n").exit_code == 0
    assert "virtual:bedroom" in Path("studio.toml").read_text()


@pytest.mark.parametrize("device", ["virtual", "virtual:bedroom", "virtual:control-room-2.1"])
def test_what_is_written_can_be_measured(init, runner, device):
    assert init("--output-device", device).exit_code == 0

    plan = runner.invoke(cli, ["measure", "a", "--dry-run"])

    assert plan.exit_code == 0, plan.output


@pytest.mark.parametrize("there", [True, False])
def test_a_sound_card_that_is_not_here_is_a_warning(init, monkeypatch, there):
    """It may be plugged in later, or the audio system may be missing on this computer."""

    def cards():
        if there:
            return [BOX]
        raise DeviceError("RC-406", "there is no audio system")

    monkeypatch.setattr(registry, "cards", cards)

    result = init("--output-device", "Interface")

    assert result.exit_code == 0, result.output
    assert "Warning" in result.stderr
    assert Path("studio.toml").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mic-channel", "3"], "Box has no input 3"),
        (["--layout", "2.1"], "Box has no output 3"),
        (["--output-device", "ALSA"], "means 2 devices"),
    ],
)
def test_a_sound_card_that_is_here_is_asked(init, monkeypatch, options, said):
    monkeypatch.setattr(registry, "cards", lambda: [BOX, SECOND_BOX])
    monkeypatch.setattr("roomcal.devices.port_audio.supported_rates", lambda _card: (48000,))

    result = init("--output-device", "Box", *options)

    assert result.exit_code == 4, result.output
    assert said in words(result)
    assert not Path("studio.toml").exists()
