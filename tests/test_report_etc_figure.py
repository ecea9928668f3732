"""The picture of reflections shows what was found, and says so where nothing can be."""

import numpy as np
import pytest

from roomcal.analyze.reflections import energy_time_curve, find_reflections
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.report.etc_figure import etc_figure
from roomcal.report.rendering import svg_text

FS = 48000


def curve(name, h):
    response = ImpulseResponse(h, FS, name, "p1")
    return name, energy_time_curve(response), find_reflections(response)


def room(*, noise=0.0):
    h = noise * np.random.default_rng(5).standard_normal(FS // 4)
    h[200], h[200 + 240] = 1.0, 0.3  # 5 ms later, -10.5 dB
    return h


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_every_reflection_is_marked_where_it_is():
    figure = etc_figure([curve("L", room())])

    marks = figure.axes[0].lines[-1]

    assert marks.get_xdata() == pytest.approx([5.0], abs=0.1)
    assert marks.get_ydata() == pytest.approx([-10.5], abs=0.5)


def test_a_speaker_without_treble_says_why_it_has_no_curve():
    figure = etc_figure([curve("LFE", np.zeros(FS // 4))])

    assert texts(figure.axes[0]) == ["The speaker does not play 1-8 kHz"]


@pytest.mark.parametrize("n", [1, 2, 12])
def test_each_speaker_has_its_panel(n):
    figure = etc_figure([curve(f"S{i}", room(noise=0.02)) for i in range(n)])

    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert titles == [f"S{i}" for i in range(n)]


def test_the_same_picture_is_the_same_file():
    assert svg_text(etc_figure([curve("L", room())])) == svg_text(etc_figure([curve("L", room())]))


def test_a_picture_of_nothing_is_a_mistake():
    with pytest.raises(ValueError, match="at least one"):
        etc_figure([])
