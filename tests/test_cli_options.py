"""Options and the choices behind them cannot drift apart."""

import dataclasses

import click
import pytest

from roomcal.cli.design import design
from roomcal.cli.main import COMMANDS, cli
from roomcal.model.design_spec import DesignSpec

# Field of DesignSpec -> option, where the names differ; negated flags are marked.
RENAMED = {
    "max_boost_db": "max_boost",
    "max_cut_db": "max_cut",
    "low_hz": "low",
    "high_hz": "high",
    "hybrid_hz": "hybrid",
    "tilt_db": "tilt",
    "bass_db": "bass",
    "treble_db": "treble",
    "max_latency_s": "max_latency_ms",
}
NEGATED = {
    "match_levels": "no_level_match",
    "match_delays": "no_delay_match",
    "crossover": "no_crossover",
    "direct_sound": "no_direct_sound",
    "excess_phase": "no_excess_phase",
    "modal_decay": "no_modal_decay",
    "guard": "no_guard",
}


def test_every_design_choice_is_an_option_with_the_same_default():
    options = {p.name: p for p in design.params}

    for field in dataclasses.fields(DesignSpec):
        if field.name in NEGATED:
            flag = options[NEGATED[field.name]]
            assert flag.is_flag
            assert field.default is True
        elif field.name == "fs":
            assert options["fs"].default == ",".join(str(fs) for fs in field.default)
        else:
            assert options[RENAMED.get(field.name, field.name)].default == field.default


@pytest.mark.parametrize(
    "options",
    ["--phase linear", "--phase minimum", "--max-latency-ms 3", "--peq 10", "--dry-run"],
)
def test_a_family_refuses_what_it_would_ignore(runner, options):
    answer = runner.invoke(cli, ["design", "mix", "--from", "x", "--family", *options.split()])

    assert answer.exit_code == 2
    said = " ".join(answer.output.replace("│", " ").split())
    assert options.split()[0] in said
    assert "leave out" in said


def test_level_is_not_asked_to_stay_below_its_first_sound(runner):
    result = runner.invoke(cli, ["level", "--device", "virtual:bedroom", "--level", "-80"])

    assert result.exit_code == 2
    assert "-50" in result.stderr


def test_an_option_of_the_command_that_stands_before_it_is_told_where_it_belongs(runner):
    result = runner.invoke(cli, ["--json", "import", "x.wav"])

    assert result.exit_code == 2
    assert "roomcal import --json" in " ".join(result.stderr.split())
    misspelt = runner.invoke(cli, ["--verbos", "level"])
    assert misspelt.exit_code == 2
    assert "--verbose" in misspelt.stderr


def float_options():
    """Every option of every command that takes a decimal number, with the arguments it needs."""
    ctx = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(ctx, name)
        commands = {name: command}
        if isinstance(command, click.Group):
            commands = {f"{name} {sub}": c for sub, c in command.commands.items()}
        for words, one in commands.items():
            needed = ["x" for p in one.params if isinstance(p, click.Argument) and p.required]
            for p in one.params:
                if isinstance(p, click.Option) and p.required:
                    needed += [p.opts[-1], "x"]
            for p in one.params:
                if isinstance(p.type, click.types.FloatParamType):
                    yield words, p, needed


def test_the_walk_finds_the_options_that_take_numbers():
    found = {(words, option.opts[-1]) for words, option, _ in float_options()}

    assert {("measure", "--pause"), ("sweep", "--length"), ("design", "--tilt")} <= found
    assert {("run", "--latency"), ("level", "--max-spl"), ("apply", "--gain")} <= found


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    ("words", "option", "needed"),
    [pytest.param(*found, id=f"{found[0]} {found[1].opts[-1]}") for found in float_options()],
)
def test_what_is_not_finite_is_no_number_for_any_option(runner, words, option, needed, value):
    result = runner.invoke(cli, [*words.split(), *needed, f"{option.opts[-1]}={value}"])

    assert result.exit_code == 2, result.output
    assert option.opts[-1] in result.stderr


@pytest.mark.parametrize("value", ["0", "-5", "39.9"])
def test_a_limit_of_sound_pressure_that_nothing_could_keep_is_refused(runner, value):
    result = runner.invoke(cli, ["measure", "x", "--dry-run", f"--max-spl={value}"])

    assert result.exit_code == 2
    assert "at least 40" in " ".join(result.stderr.replace("│", " ").split())
