"""What a terminal, a pipe or a script sees: whole names, quiet ends, no work thrown away."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from rich.console import Console

from roomcal.cli.main import cli
from roomcal.cli.settings import Settings
from roomcal.cli.terminal import Terminal
from roomcal.errors import InputError
from roomcal.jobs.describe import notes_by_speaker
from roomcal.model.filter_bank import Explanation
from roomcal.model.studio import Position

FULL = Path("/dev/full")
ROOMCAL = [sys.executable, "-m", "roomcal"]


@pytest.fixture
def run(runner):
    """Run a command line in a studio folder of its own."""
    return lambda command: runner.invoke(cli, command.split())


@pytest.fixture
def imported(run):
    """A studio folder with a session of one response."""
    rng = np.random.default_rng(3)
    h = 0.1 * rng.standard_normal(12000) * 10 ** (-3 * np.arange(12000) / 48000 / 0.2)
    h[100] = 1.0
    soundfile.write("L-p1.wav", h, 48000, subtype="FLOAT")
    result = run("import L-p1.wav --session before")
    assert result.exit_code == 0, result.output
    return result


def test_a_table_never_cuts_a_name_that_has_to_be_typed(run):
    lines = run("devices").stdout.splitlines()

    assert any(line.split()[:1] == ["virtual:control-room-2.1"] for line in lines)
    assert max(map(len, lines)) <= 80


def test_one_thing_is_told_in_the_singular(imported):
    assert imported.stdout.rstrip().endswith(": 1 response")


def test_an_empty_list_is_empty_on_stdout_and_says_what_to_do(run):
    for command, cure in (("sessions", "roomcal measure"), ("banks", "roomcal design")):
        result = run(command)
        assert (result.exit_code, result.stdout) == (0, "")
        assert cure in result.stderr


def test_a_studio_folder_that_is_not_there_is_no_empty_one(run):
    for command in ("sessions", "banks"):
        result = run(f"-C mistyped {command}")
        assert result.exit_code == 3
        assert "mistyped" in result.stderr


def test_more_positions_than_a_room_has_are_refused_before_anything_is_measured(run):
    result = run("measure x --device virtual:bedroom --positions 30")

    assert result.exit_code == 3
    assert "has 9 positions, 30 are asked for" in result.stderr
    assert not Path("measurements").exists()


@pytest.mark.usefixtures("imported")
def test_a_bank_that_exists_is_refused_before_the_design(run):
    Path("filters/mix").mkdir(parents=True)

    result = run("design mix --from before")

    assert result.exit_code == 6
    assert "Designing" not in result.stderr


@pytest.mark.usefixtures("imported")
def test_a_design_reads_against_its_target(run):
    result = run("design mix --from before --target flat --taps 4096")

    rows = {" ".join(line.split()[:2]): line.split()[2:] for line in result.stdout.splitlines()}
    # The response is about flat: no octave is 10 dB off its target, at whatever level it plays.
    for name in ("L before", "L predicted"):
        assert len(rows[name]) == 8
        assert all(abs(float(v)) < 10.0 for v in rows[name])


def test_what_holds_for_every_speaker_is_said_once():
    explanations = [
        Explanation("L", {}, notes=("few positions", "turned down")),
        Explanation("R", {}, notes=("few positions",)),
    ]

    assert notes_by_speaker(explanations) == (
        ("All speakers", ("few positions",)),
        ("L", ("turned down",)),
    )
    assert notes_by_speaker(explanations[1:]) == (("R", ("few positions",)),)


def test_a_long_name_leaves_every_date_whole(run):
    assert (
        run(
            "measure control-room-before-treatment --device virtual:control-room-2.1 "
            "--positions 1 --speakers L --sweeps 1 --length 0.5"
        ).exit_code
        == 0
    )

    table = run("sessions").stdout

    assert "control-room-before-treatment" in table
    assert "virtual:control-room-2.1" in table
    assert re.search(r"\d{4}-\d\d-\d\d", table)


@pytest.mark.usefixtures("imported")
def test_usual_names_fit_a_terminal_of_80_columns(run):
    assert run("design mix --from before --target harman --taps 4096").exit_code == 0

    for command in ("sessions", "banks", "targets", "devices", "analyze before", "export --list"):
        lines = run(command).stdout.splitlines()
        assert max(map(len, lines)) <= 80, command


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
@pytest.mark.parametrize("command", ["targets", "targets --json", "--help", "design --help"])
def test_a_reader_that_has_seen_enough_ends_the_command_quietly(command):
    shell = f"({' '.join(ROOMCAL)} {command}; echo status $? >&2) | true"

    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)

    assert done.stderr.replace("next: roomcal design mix --from before --target NAME\n", "") == (
        "status 0\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
def test_a_closed_stdout_is_no_bug():
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(ROOMCAL)} targets >&-"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "bug" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["targets", "targets --json"])
def test_a_full_disk_behind_stdout_is_told(command):
    with FULL.open("w") as full:
        done = subprocess.run(
            [*ROOMCAL, *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 6
    assert "RC-601" in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="rights do not bind root")
@pytest.mark.usefixtures("imported")
def test_a_folder_without_the_right_to_write_is_told(run):
    shutil.copy("L-p1.wav", "R-p1.wav")
    Path("measurements").chmod(0o500)

    result = run("import R-p1.wav --session after")

    Path("measurements").chmod(0o700)
    assert result.exit_code == 6
    assert "RC-601" in result.stderr


def test_what_the_system_refuses_is_a_storage_fault(run, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied", "roomcal-demo")

    monkeypatch.setattr(Path, "mkdir", refuse)

    result = run("demo")

    assert result.exit_code == 6
    assert "RC-601: cannot write roomcal-demo: Permission denied" in result.stderr


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("person", [False, True])
def test_a_person_is_asked_to_move_the_microphone_also_quietly(monkeypatch, quiet, person):
    """--quiet leaves out progress and notes; unasked, every position would be the first one."""
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: person, raising=False)
    monkeypatch.setattr(click, "prompt", lambda text, **_: asked.append(text))
    monkeypatch.setattr("roomcal.cli.terminal.time.sleep", lambda _s: None)

    Terminal(Console(stderr=True), quiet=quiet).place_microphone(Position("sofa"), 2, 3)

    assert len(asked) == person
    assert all("sofa" in text for text in asked)


def test_a_finding_that_repeats_is_said_once_unless_all_of_it_is_asked_for(capsys):
    for verbose, expected in ((False, 1), (True, 2)):
        terminal = Terminal(Console(stderr=True), quiet=False, verbose=verbose)
        terminal.note("L at p1: the clock is off")
        terminal.note("R at p1: the clock is off")
        terminal.note("R at p1: mains hum")
        terminal.verdict("R at p1: good")

        said = capsys.readouterr().err
        assert said.count("the clock is off") == expected
        assert said.count("mains hum") == 1
        assert ("good" in said) is verbose


WHERE = "22 cm to the left, 25 cm to the front and 12 cm below the listening point of the first"
LONG = (
    "At the microphone every speaker is 12 dB quieter than when its sensitivity was confirmed. " * 3
)


def plain(text):
    """Text without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_no_word_of_a_prompt_is_cut_where_the_terminal_ends(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "prompt", lambda text, **_: asked.append(text))
    monkeypatch.setattr(click, "confirm", lambda text, **_: asked.append(text) or True)
    monkeypatch.setattr("roomcal.cli.terminal.time.sleep", lambda _s: None)
    terminal = Terminal(Console(stderr=True, force_terminal=True, width=80), quiet=False)

    terminal.place_microphone(Position("p2"), 2, 2, how=(WHERE,))
    terminal.confirm(LONG)
    terminal.confirm("Did you hear them there?")

    said = plain(capsys.readouterr().err)
    assert all(len(line) <= 80 for line in said.split("sound in")[0].splitlines())
    assert f"Microphone to p2 (2 of 2): {WHERE}" in " ".join(said.split())
    assert LONG.strip() in " ".join(said.split())
    assert "p2" in asked[0]
    assert asked[2] == "Did you hear them there?"
    assert max(map(len, asked)) <= 40


@pytest.mark.parametrize("terminal", [True, False])
def test_errors_and_warnings_are_wrapped_alike_on_a_terminal_and_never_in_a_pipe(
    monkeypatch, capsys, terminal
):
    settings = Settings()
    console = Console(stderr=True, force_terminal=terminal, width=80)
    monkeypatch.setattr(settings, "console", lambda **_: console)
    error = InputError("RC-309", f"no session: {LONG}", hint=f"there are: {LONG}")

    settings.show_error(error)
    settings.talk.warn(LONG)

    said = plain(capsys.readouterr().err)
    lines = said.splitlines()
    assert said.split() == f"Error RC-309: {error.message} {error.hint} Warning: {LONG}".split()
    if terminal:
        assert len(lines) > 6
        assert all(len(line) <= 80 for line in lines)
    else:
        assert len(lines) == 3
