"""The lines that change a running engine: what each does, and what is refused."""

import dataclasses

import pytest

from roomcal.errors import InputError
from roomcal.live.controls import Cast, Controls, changed, put
from roomcal.live.panel import Panel

CAST = Cast(banks=("mix", "flat", "night"), speakers=("L", "R", "Sub"))


def after(*lines, start=None):
    controls = start or Controls()
    for line in lines:
        controls = changed(controls, line, CAST)
    return controls


@pytest.mark.parametrize(
    ("line", "bank"), [("flat", 1), ("bank night", 2), ("bank 2", 1), ("3", 2), ("next", 1)]
)
def test_a_bank_is_chosen_by_name_by_number_or_in_turn(line, bank):
    assert after(line).bank == bank


def test_the_turn_begins_again_after_the_last_bank():
    assert after("next", "next", "next").bank == 0


def test_a_bank_called_like_a_command_is_reached_through_bank():
    cast = Cast(banks=("mix", "mute"), speakers=("L",))

    assert changed(Controls(), "mute", cast) == Controls(mute=True)
    assert changed(Controls(), "bank mute", cast) == Controls(bank=1)


@pytest.mark.parametrize("switch", ["bypass", "mute", "dim"])
def test_a_switch_turns_over_or_is_set(switch):
    assert getattr(after(switch), switch)
    assert not getattr(after(switch, switch), switch)
    assert getattr(after(f"{switch} on", f"{switch} on"), switch)
    assert not getattr(after(f"{switch} off"), switch)


def test_no_control_changes_another():
    everything = after("2", "bypass", "mute", "dim", "solo R", "polarity L", "gain Sub -3")

    assert everything == Controls(1, True, True, True, "R", frozenset({"L"}), {"Sub": -3.0})
    for line, field in (("bank 1", "bank"), ("bypass", "bypass"), ("solo off", "solo")):
        changed_one = after(line, start=everything)
        same = dataclasses.replace(changed_one, **{field: getattr(everything, field)})
        assert same == everything, line


def written(*lines, trims_db=(0.0, -1.5, 0.0)):
    panel = Panel.alone()
    put(panel, after(*lines), CAST.speakers, trims_db)
    return panel


def test_everything_that_is_wanted_stands_on_the_panel():
    panel = written("night", "bypass", "mute", "dim", "solo R", "polarity L", "polarity Sub")

    assert panel["wanted"] == 2
    assert (panel["bypass"], panel["mute"], panel["dim"]) == (1, 1, 1)
    assert panel["solo"] == 0b010
    assert panel["inverted"] == 0b101


def test_what_is_not_wanted_any_more_is_taken_back():
    panel = written("bypass", "bypass", "solo R", "solo off", "polarity L", "polarity L off")

    assert (panel["bypass"], panel["solo"], panel["inverted"]) == (0, 0, 0)


def test_the_gain_of_a_speaker_comes_beside_the_trim_of_the_studio():
    panel = written("gain R -6", "gain L -3")

    assert panel.channels("gain_db")[:3].tolist() == [-3.0, -7.5, 0.0]


def test_the_engine_is_told_that_something_changed():
    assert written()["serial"] == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "no command ''"),
        ("bypas", "did you mean bypass"),
        ("nihgt", "did you mean night"),
        ("4", "no command or bank '4'"),
        ("bank", "0 words instead of 1"),
        ("bank mix flat", "2 words instead of 1"),
        ("bypass maybe", "neither on nor off"),
        ("solo C", "no speaker 'C'"),
        ("polarity", "no speaker ''"),
        ("polarity L down", "neither on nor off"),
        ("gain L", "1 words instead of 2"),
        ("gain L loud", "out of range"),
        ("gain L nan", "out of range"),
        ("gain L 3", "out of range"),
        ("gain L -61", "out of range"),
        ("explode now", "no command 'explode'"),
    ],
)
def test_what_is_not_understood_is_named_with_what_is_known(line, said):
    with pytest.raises(InputError) as refused:
        changed(Controls(), line, CAST)

    assert said in f"{refused.value.message} {refused.value.hint}"
