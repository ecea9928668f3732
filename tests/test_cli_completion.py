"""What Tab completes in a shell: asked the way that a shell asks, through click's variables."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli


@pytest.fixture
def complete(runner, studio_folder):
    """Complete a command line in a studio folder with one session and one bank."""
    h = np.zeros(6000)
    h[100] = 0.5
    soundfile.write("L-p1.wav", h, 48000, subtype="FLOAT")
    for command in ("import L-p1.wav --session before", "design mix --from before --taps 1024"):
        assert runner.invoke(cli, command.split()).exit_code == 0

    def complete(line, cwd=studio_folder):
        environment = dict(
            os.environ,
            _ROOMCAL_COMPLETE="bash_complete",
            COMP_WORDS=f"roomcal {line}",
            COMP_CWORD=str(len(line.split(" "))),
        )
        code = "from roomcal.cli.main import cli; cli(prog_name='roomcal')"
        result = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not result.stderr
        rows = (row.partition(",")[2] for row in result.stdout.splitlines())
        return [name for name in rows if name]

    return complete


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ver", ["verify"]),
        ("analyze b", ["before"]),
        ("design new --from ", ["before"]),
        ("verify ", ["mix"]),
        ("measure after --device virtual:bedroom-", ["virtual:bedroom-treated"]),
        ("design new --target har", ["harman"]),
        ("export mix --to jc", ["jconvolver"]),
        ("analyze nothing-like-it", []),
    ],
)
def test_names_are_completed(complete, line, expected):
    assert complete(line) == expected


def test_the_studio_folder_of_the_line_counts(complete, studio_folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    assert complete("analyze ", Path(elsewhere)) == []
    assert complete(f"-C {studio_folder} analyze ", Path(elsewhere)) == ["before"]
