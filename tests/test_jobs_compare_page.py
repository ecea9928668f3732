"""The page of a comparison says what changed, and that nothing did."""

import json

import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli
from roomcal.jobs.compare import compare_stored
from roomcal.jobs.compare_page import tell_comparison
from roomcal.report.chart import charts_json
from roomcal.report.difference_figure import DifferenceTrace, difference_figure

FS = 48000


def write(name, *, t60_s, seed, gain=1.0):
    """Write the same early sound under another noise, with another decay."""
    t = np.arange(FS // 2) / FS
    h = 0.05 * np.random.default_rng(7).standard_normal(t.size) * 10.0 ** (-3.0 * t / t60_s)
    h[0] = 1.0
    noise = 1e-5 * np.random.default_rng(seed).standard_normal(t.size + 1000)
    h = gain * np.concatenate([np.zeros(1000), h]) + noise
    soundfile.write(name, h, FS, subtype="FLOAT")


@pytest.fixture
def sessions(runner, studio_folder):
    for session, t60_s, seed in (("before", 0.5, 1), ("same-again", 0.5, 2), ("after", 0.2, 3)):
        names = [f"{s}-{p}.wav" for s in ("L", "R") for p in ("p1", "p2")]
        for k, name in enumerate(names):
            write(name, t60_s=t60_s, seed=10 * seed + k)
        done = runner.invoke(cli, ["import", *names, "--session", session])
        assert done.exit_code == 0, done.output
    return studio_folder


def page(folder, *names):
    return tell_comparison(compare_stored(folder, names))


def test_no_change_is_a_verdict(sessions):
    found = page(sessions, "before", "same-again")

    assert "no significant change" in found.verdict
    assert not found.sections[0].advice
    assert "same-again" in found.verdict  # a name keeps its hyphen
    assert found.passed is None


def test_a_change_is_named_with_its_interval(sessions):
    found = page(sessions, "before", "after")

    assert "changed by more than chance" in found.verdict
    decays = [a for a in found.sections[0].advice if a.deed.startswith("Decay")]
    assert decays
    assert all("\u2212" in a.deed and "\u00b1" in a.deed for a in decays)
    charts = {c.identifier: c for c in found.charts}
    change = charts["difference"].panels[0].lines
    assert (change[0].low <= change[0].rows[0])[np.isfinite(change[0].low)].all()
    marked = np.isfinite(change[1].rows[0])
    assert (change[0].rows[0][marked] == change[1].rows[0][marked]).all()
    assert json.loads(charts_json(found.charts))


def test_a_trend_has_a_curve_a_session(sessions):
    found = page(sessions, "before", "same-again", "after")

    keys = {c.identifier: [k.label for k in c.keys] for c in found.charts}
    assert keys["response"] == ["before", "same-again", "after"]
    assert keys["difference"] == ["same-again against before", "after against before"]


@pytest.mark.parametrize("ending", ["html", "pdf"])
def test_the_command_writes_it(runner, sessions, ending):
    arguments = ["compare", "before", "after", "-o", f"change.{ending}"]
    done = runner.invoke(cli, arguments)

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == f"change.{ending}"
    size = (sessions / f"change.{ending}").stat().st_size
    assert 10_000 < size < 1_500_000
    assert runner.invoke(cli, arguments).exit_code == 6  # what exists is kept
    assert runner.invoke(cli, [*arguments[:-1], "change.doc"]).exit_code == 3


def test_a_picture_without_numbers_says_so():
    none = np.full(3, np.nan)
    trace = DifferenceTrace("x", np.array([100.0, 200.0, 400.0]), none, none, np.zeros(3))

    figure = difference_figure({"L": [trace]})

    assert [t.get_text() for t in figure.axes[0].texts] == ["Nothing could be compared"]
