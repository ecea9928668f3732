"""The JSON that other tools rely on: docs/cli.md names every key that a command prints."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
FS = 48000


@pytest.fixture
def answer(runner):
    """Run a command with --json in a studio folder with one imported session and one bank."""
    rng = np.random.default_rng(3)
    h = 0.1 * rng.standard_normal(12000) * 10 ** (-3 * np.arange(12000) / FS / 0.2)
    h[100] = 1.0
    for name in ("L-p1.wav", "R-p1.wav"):
        soundfile.write(name, h, FS, subtype="FLOAT")

    def answer(command):
        result = runner.invoke(cli, [*command.split(), "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    answer("import L-p1.wav --session before")
    answer("import L-p1.wav --session after")
    answer("import L-p1.wav --session third")
    answer("design mix --from before --taps 4096")
    return answer


def keys(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from keys(value)
    elif isinstance(document, list):
        for value in document:
            yield from keys(value)


def documented() -> set[str]:
    section = PAGE.read_text(encoding="utf-8").split("## JSON")[1].split("## Help")[0]
    return set(re.findall(r'"([^"]+)"', section))


@pytest.mark.parametrize(
    "command",
    [
        "import R-p1.wav --session before",
        "sessions",
        "banks",
        "targets",
        "devices",
        "analyze before",
        "design other --from before --taps 4096",
        "export mix --to json",
        "apply mix L-p1.wav out.wav",
        "compare before after",
        "compare before after third",
        "measure plan --device virtual --dry-run",
    ],
)
def test_every_key_is_documented(answer, command):
    assert set(keys(answer(command))) <= documented()


def test_the_documented_shape_of_a_session_is_printed(answer):
    session = answer("sessions")["sessions"][0]

    assert list(session)[:3] == ["session", "folder", "device"]
    assert session["responses"][0]["time_reference"] == "none"
