"""`measure --dry-run` says what the run will do, and refuses what the run would refuse."""

import json
from pathlib import Path

import pytest
import soundfile

from roomcal.cli.main import cli
from roomcal.devices.virtual.studio import VirtualStudio

TAKE = "--device virtual:bedroom --sweeps 1 --length 1"


@pytest.fixture
def run(runner):
    return lambda command: runner.invoke(cli, command.split())


@pytest.fixture
def heard(monkeypatch):
    """Seconds of sound that the virtual studio plays."""
    played = []
    real = VirtualStudio.play_record

    def counting(self, output, *, fs, **more):
        played.append(output.shape[1] / fs)
        return real(self, output, fs=fs, **more)

    monkeypatch.setattr(VirtualStudio, "play_record", counting)
    return played


def both(run, command):
    """Return the exit codes and messages of the plan and of the run."""
    plan, real = run(f"{command} --dry-run"), run(command)
    return [(r.exit_code, " ".join(r.stderr.split())) for r in (plan, real)]


def test_the_plan_names_as_much_sound_as_the_run_plays(run, heard):
    command = f"measure a --positions 2 {TAKE}"

    plan = json.loads(run(f"{command} --dry-run --json").stdout)
    assert not heard
    assert run(command).exit_code == 0

    n_takes = 4  # two speakers at two positions
    assert plan["duration_s"] == pytest.approx(sum(heard[-n_takes:]))
    assert plan["quiet_s"] == pytest.approx(sum(heard[:-n_takes]))


def test_a_plan_counts_what_is_still_to_do(run):
    assert run(f"measure a --positions 1 --speakers L {TAKE}").exit_code == 0

    plan = json.loads(run(f"measure a --positions 2 {TAKE} --dry-run --json").stdout)
    told = run(f"measure a --positions 2 {TAKE} --dry-run")
    one = json.loads(run(f"measure b --positions 1 --speakers L {TAKE} --dry-run --json").stdout)

    missing = [("R", "p1"), ("L", "p2"), ("R", "p2")]
    assert [(p["speaker"], p["position"]) for p in plan["paths"]] == missing
    assert plan["duration_s"] == pytest.approx(3 * one["duration_s"])
    assert "R at p1, L at p2, R at p2" in told.stdout
    assert "1 of 4 paths are measured already" in told.stderr


def test_a_plan_for_a_session_that_is_complete_is_refused_as_the_run_is(run, heard):
    assert run(f"measure a --positions 1 --speakers L {TAKE}").exit_code == 0
    heard.clear()

    plan, real = both(run, f"measure a --positions 1 --speakers L {TAKE}")

    assert plan == real
    assert plan[0] == 6
    assert "RC-602" in plan[1]
    assert not heard


@pytest.mark.parametrize(
    ("name", "options", "exit_code", "fault"),
    [
        ("CON", "", 3, "RC-313"),
        ("Küche", "", 3, "RC-313"),
        ("a", "--input 9", 4, "RC-402: virtual:bedroom has no input 9"),
    ],
)
def test_a_plan_is_refused_where_the_run_would_be(run, heard, name, options, exit_code, fault):
    plan, real = both(run, f"measure {name} --positions 1 {options} {TAKE}")

    assert plan == real
    assert plan[0] == exit_code
    assert fault in plan[1]
    assert not heard


def test_a_name_with_a_blank_is_refused(runner):
    result = runner.invoke(cli, ["measure", " a", *TAKE.split(), "--dry-run"])

    assert result.exit_code == 3
    assert "RC-313" in result.stderr


STUDIO = (
    'name = "attic"\noutput_device = "virtual:bedroom"\nfs = %d\n'
    '[[speakers]]\nname = "L"\noutput_channel = 1\n'
    '[[speakers]]\nname = "R"\noutput_channel = %d\n'
    '[[positions]]\nname = "p1"\n'
)


@pytest.mark.parametrize(
    ("fs", "channel", "fault"),
    [(48000, 40, "has no output 40"), (12345, 2, "does not run at 12345 Hz")],
)
def test_a_studio_that_its_device_cannot_play_is_refused(run, heard, fs, channel, fault):
    Path("studio.toml").write_text(STUDIO % (fs, channel))

    plan, real = both(run, "measure a --no-cal --sweeps 1 --length 0.5")

    assert plan == real
    assert plan[0] == 4
    assert fault in plan[1]
    assert not heard


def test_a_bank_that_does_not_fit_is_refused(run, heard, rng):
    soundfile.write("C.wav", 0.1 * rng.standard_normal(512), 48000, subtype="FLOAT")
    assert run("import C.wav --bank centre --speaker C").exit_code == 0

    plan, real = both(run, f"measure a --through centre --positions 1 {TAKE}")

    assert plan == real
    assert plan[0] == 3
    assert "RC-309" in plan[1]
    assert not heard


def test_responses_without_their_session_are_not_written_over(run, heard):
    command = f"measure a --positions 1 --speakers L {TAKE}"
    assert run(command).exit_code == 0
    folder = Path("measurements/a")
    response = (folder / "L-p1.ir.wav").read_bytes()
    for name in ("session.json", "session.json.bak"):
        (folder / name).unlink()
    heard.clear()

    plan, real = both(run, command)

    assert plan == real
    assert plan[0] == 6
    assert "RC-602" in plan[1]
    assert "restore session.json" in plan[1]
    assert not heard
    assert (folder / "L-p1.ir.wav").read_bytes() == response
    assert run(f"{command} --force").exit_code == 0


def test_a_plan_writes_nothing(run):
    assert run(f"measure a --positions 1 {TAKE} --dry-run").exit_code == 0

    assert not list(Path().iterdir())
