"""`roomcal health` in the virtual studio: what it prints, what it keeps, how it ends."""

import json
import re
from pathlib import Path

import pytest

from roomcal.cli.main import cli
from roomcal.devices import registry
from roomcal.devices.virtual.faults_output import AmplifierGain
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio

MEASURE = "measure before --device virtual:bedroom --positions 1 --sweeps 1 --length 2"


@pytest.fixture
def run(runner):
    return lambda command: runner.invoke(cli, command.split())


def documented() -> set[str]:
    page = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
    section = page.read_text(encoding="utf-8").split("`health --json`")[1].split("`demo --json`")[0]
    return set(re.findall(r'"([^"]+)"', section))


def test_without_a_baseline_there_is_nothing_to_compare_with(run):
    result = run("health --device virtual:bedroom")

    assert result.exit_code == 3
    assert "there is no session to compare with" in result.stderr
    assert "roomcal measure before" in result.stderr


def test_a_misspelt_baseline_gets_the_nearest(run):
    assert run(MEASURE).exit_code == 0

    result = run("health --baseline befor")

    assert result.exit_code == 3
    assert "did you mean 'before'" in result.stderr


def test_health_says_what_changed_and_keeps_its_measurements(run, monkeypatch):
    assert run(MEASURE).exit_code == 0
    well = run("health")

    assert well.exit_code == 0, well.output
    assert "Healthy: nothing changed" in well.stdout
    assert Path("measurements/before.health/session.json").exists()

    quieter = AmplifierGain(gain_db=-3.0)
    room = ROOMS["bedroom"]
    monkeypatch.setattr(
        registry, "VirtualStudio", lambda _room, **k: VirtualStudio(room, faults=[quieter], **k)
    )
    changed = run("health --json")

    assert changed.exit_code == 0, changed.output
    answer = json.loads(changed.stdout)
    assert answer["baseline"] == "before"
    assert answer["session"] == "before.health-2"
    assert not answer["unchanged"]
    (finding,) = answer["findings"]
    assert (finding["kind"], finding["severity"]) == ("gain", "warning")
    assert "3.0 dB quieter" in answer["verdict"]
    top = set(answer) | set(finding) | set(answer["speakers"][0])
    assert top <= documented()


def test_without_a_session_before_the_oldest_is_the_baseline(run):
    assert run(MEASURE.replace("before", "spring")).exit_code == 0
    assert run("measure summer --device virtual:bedroom --positions 1 --sweeps 1").exit_code == 0
    path = Path("measurements/spring/session.json")
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "created_at": "2001-01-01T00:00:00+00:00"}))
    Path("measurements/broken").mkdir()
    Path("measurements/broken/session.json").write_text("{")

    result = run("health --json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["baseline"] == "spring"


def test_a_baseline_with_a_short_pause_does_not_make_a_sick_room(run):
    """A single sweep in a room that outlasts its pause would look like a slam."""
    short = "--sweeps 3 --length 2 --pause 0.3"
    assert run(f"measure before --device virtual:living-room --positions 1 {short}").exit_code == 0

    result = run("health --device virtual:living-room --json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["unchanged"]
