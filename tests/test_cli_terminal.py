"""The conversation with a terminal."""

import sys

import click
import pytest
from rich.console import Console

from roomcal.cli.terminal import Terminal
from roomcal.model.studio import Position


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("person", [False, True])
def test_a_person_is_asked_to_move_the_microphone_also_quietly(monkeypatch, quiet, person):
    """--quiet leaves out progress and notes; unasked, every position would be the first one."""
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: person, raising=False)
    monkeypatch.setattr(click, "prompt", lambda text, **_: asked.append(text))

    Terminal(Console(stderr=True), quiet=quiet).place_microphone(Position("sofa"), 2, 3)

    assert len(asked) == person
    assert all("sofa" in text for text in asked)
