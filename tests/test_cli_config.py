"""Where a setting comes from: option, variable, studio.toml, the user's configuration, default."""

import json

import pytest

from roomcal.cli.main import cli


@pytest.fixture
def configured(runner, studio_folder, monkeypatch):
    """Run a command with a configuration of the user's own."""

    def run(text, command, **variables):
        file = studio_folder / "config.toml"
        file.write_text(text, encoding="utf-8")
        monkeypatch.setenv("ROOMCAL_CONFIG", str(file))
        return runner.invoke(cli, command.split(), env=variables)

    return run


def settings_of(result):
    assert result.exit_code == 0, result.output
    return {s["name"]: (s["value"], s["origin"]) for s in json.loads(result.stdout)["settings"]}


def planned_s(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["duration_s"]


PLAN = "measure x --device virtual --positions 1 --speakers L --dry-run --json"


def test_option_beats_variable_beats_configuration_beats_default(configured):
    default = planned_s(configured("", PLAN))
    own = planned_s(configured("[measure]\nsweeps = 1\n", PLAN))
    variable = planned_s(configured("[measure]\nsweeps = 1\n", PLAN, ROOMCAL_MEASURE_SWEEPS="2"))
    option = planned_s(
        configured("[measure]\nsweeps = 1\n", f"{PLAN} --sweeps 4", ROOMCAL_MEASURE_SWEEPS="2")
    )

    assert own < variable < default < option  # 1, 2, 3 and 4 sweeps


def test_every_setting_says_where_it_comes_from(configured, studio_folder):
    assert configured("", "init --output-device virtual:bedroom --fs 44100").exit_code == 0
    text = '[measure]\nsweeps = 2\n[design]\ntarget = "bk"\n'

    found = settings_of(configured(text, "config show --json", ROOMCAL_DESIGN_TARGET="flat"))

    assert found["fs"] == (44100, "studio.toml")
    assert found["measure --sweeps"] == (2, str(studio_folder / "config.toml"))
    assert found["design --target"] == ("flat", "ROOMCAL_DESIGN_TARGET")
    assert "measure --length" not in found
    everything = settings_of(configured(text, "config show --all --json"))
    assert everything["measure --length"] == (5.5, "default")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[measur]\nsweeps = 1\n", ["measur", "did you mean [measure]"]),
        ("[measure]\nsweps = 1\n", ["measure.sweps", "did you mean 'sweeps'"]),
        ("[measure]\nsweeps = 99\n", ["measure.sweeps", "99"]),
        ("[measure]\nsweeps = [1]\n", ["measure.sweeps", "single value"]),
        ('[measure]\ndevice = "x"\n', ["measure.device", "studio.toml"]),
        ("[measure]\nyes = true\n", ["measure.yes", "command line"]),
        ("[measure]\ni_know_it_is_loud = true\n", ["measure.i_know_it_is_loud", "command line"]),
        ("sweeps = 1\n", ["'sweeps'", "[measure]"]),
        ("[measure\n", ["no TOML"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_nothing_runs(configured, text, words):
    result = configured(text, PLAN)

    assert result.exit_code == 3
    assert "duration_s" not in result.stdout
    answer = json.loads(result.stdout)
    assert answer["id"] == "RC-320"
    for word in ["config.toml", *words]:
        assert word in answer["message"] + answer["hint"]
