"""`roomcal compare` gives its verdict first, fits 80 columns, and refuses what is no pair."""

import json
import shutil

import pytest

from roomcal.cli.main import cli

EXAMPLES = ("example-before", "example-after")


@pytest.fixture
def examples(runner, studio_folder, examples_folder):
    for name in EXAMPLES:
        shutil.copytree(examples_folder / name, studio_folder / "measurements" / name)
    shutil.copytree(
        studio_folder / "measurements" / EXAMPLES[0], studio_folder / "measurements" / "again"
    )
    return runner


@pytest.fixture(scope="module")
def examples_folder():
    from pathlib import Path

    return Path(__file__).resolve().parents[1] / "measurements"


def test_treatment_is_found_and_nothing_else_is_named(examples):
    answer = examples.invoke(cli, ["compare", *EXAMPLES])

    assert answer.exit_code == 0
    first = answer.stdout.splitlines()[0]
    assert first.startswith("example-after against example-before: ")
    assert "numbers changed significantly." in first
    assert "decay 500 Hz, s" in answer.stdout
    assert "!" not in answer.stdout
    assert max(len(line) for line in answer.stdout.splitlines()) <= 80


def test_the_same_takes_are_no_significant_change(examples):
    answer = examples.invoke(cli, ["compare", EXAMPLES[0], "again", "--json"])

    document = json.loads(answer.stdout)
    assert document["verdict"] == "no significant change"
    assert document["changed"] is False
    differences = [b["difference_db"] for s in document["speakers"] for b in s["bands"]]
    assert all(d in (None, 0.0) for d in differences)


def test_several_sessions_are_compared_with_the_first(examples):
    answer = examples.invoke(cli, ["compare", EXAMPLES[0], "again", EXAMPLES[1]])

    lines = answer.stdout.splitlines()
    assert lines[0] == "example-after changed against example-before."
    assert any(line.startswith("again against example-before: no significant") for line in lines)
    row = next(line for line in lines if "decay 500 Hz" in line)
    assert row.count("*") == 1
    assert max(len(line) for line in lines) <= 80


@pytest.mark.parametrize("names", [["again"], ["again", "again"]])
def test_one_session_is_no_pair(examples, names):
    answer = examples.invoke(cli, ["compare", *names])

    assert answer.exit_code == 3
    assert "RC-315" in answer.stderr
    assert "roomcal compare before after" in answer.stderr


def test_sessions_of_other_positions_name_what_they_have(examples, studio_folder):
    path = studio_folder / "measurements" / "again" / "session.json"
    path.write_text(path.read_text().replace('"position": "p', '"position": "q'))

    answer = examples.invoke(cli, ["compare", EXAMPLES[0], "again"])

    assert answer.exit_code == 3
    assert "share no path: L, R at p1" in answer.stderr
