import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure

from roomcal.errors import InputError
from roomcal.model.curve import Curve
from roomcal.model.filter_bank import Explanation
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.report.figures import (
    DARK,
    LIGHT,
    DecayTrace,
    Trace,
    decay_figure,
    filter_figure,
    impulse_figure,
    overlay_figure,
    response_figure,
    save_figure,
    svg_text,
)

F_HZ = np.geomspace(20.0, 20000.0, 200)
BANDS_HZ = 1000.0 * 10.0 ** (0.1 * np.arange(-16, 13))
TWELVE = ("L", "R", "C", "LFE", "Ls", "Rs", "Lb", "Rb", "Ltf", "Rtf", "Ltr", "Rtr")
HOSTILE = ("$x_{", "_hidden", '<b>&"', "%s{0}\\")


def traces(rng, level_db=0.0):
    def curve():
        return Curve(F_HZ, level_db + rng.standard_normal(F_HZ.size))

    before = curve()
    low, high = before.level_db - 2.0, before.level_db + 2.0
    return [
        Trace(before, "before", low_db=low, high_db=high),
        Trace(curve(), "predicted"),
        Trace(curve(), "verified"),
        Trace(Curve(np.array([20.0, 20000.0]), np.zeros(2)), "target"),
    ]


def decay(time_s):
    time_s = np.broadcast_to(np.asarray(time_s, dtype=float), BANDS_HZ.shape)
    return DecayTrace(BANDS_HZ, time_s, 0.9 * time_s, 1.1 * time_s, "before")


def explanation(speaker, level_db=-3.0):
    return Explanation(speaker, {"correction": Curve(F_HZ, np.full(F_HZ.size, level_db))})


def all_figures(names, rng, theme=LIGHT):
    h = np.zeros(24000)
    h[1000], h[1400] = 1.0, 0.5
    responses = [ImpulseResponse(h, 48000, "L", "p1")]
    return [
        response_figure({name: traces(rng) for name in names}, theme=theme),
        overlay_figure([Trace(t.curve, label=n) for n in names for t in traces(rng)], title="x"),
        decay_figure({name: [decay(0.4)] for name in names}, theme=theme),
        filter_figure([explanation(name) for name in names], max_boost_db=6.0, theme=theme),
        impulse_figure(responses, [1000.0], theme=theme),
    ]


@pytest.mark.parametrize("names", [("L",), ("L", "R"), TWELVE, HOSTILE, ()], ids=len)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda t: t.name)
def test_every_figure_is_sound_svg_for_any_number_of_speakers(names, theme, rng):
    for figure in all_figures(names, rng, theme):
        assert isinstance(figure, Figure)
        ET.fromstring(svg_text(figure))


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_picture_is_the_same_twice_byte_for_byte(kind, tmp_path):
    for number in (1, 2):
        rng = np.random.default_rng(5)
        save_figure(all_figures(("L", "R"), rng)[0], tmp_path / f"{number}.{kind}")

    first, second = ((tmp_path / f"{number}.{kind}").read_bytes() for number in (1, 2))
    assert first == second
    assert len(first) > 10_000


def test_saving_one_figure_twice_changes_nothing(rng):
    figure = all_figures(("L",), rng)[2]

    assert svg_text(figure) == svg_text(figure)


def test_another_ending_is_refused_with_the_known_ones(rng, tmp_path):
    with pytest.raises(InputError, match=r"x\.bmp") as caught:
        save_figure(all_figures(("L",), rng)[4], tmp_path / "x.bmp")
    assert ".svg" in caught.value.hint


def test_the_axis_reads_as_the_field_reads(rng):
    axes = response_figure({"L": traces(rng)}).axes[0]

    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["20", "50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"]
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == (20.0, 20000.0)
    assert np.diff(axes.get_ylim()) == 50.0
    assert axes.get_xlabel() == "Frequency (Hz)"
    assert "dB" in axes.get_ylabel()


def test_all_speakers_share_one_scale_that_holds_the_loudest(rng):
    figure = response_figure({"L": traces(rng, -40.0), "R": traces(rng, -20.0)})

    limits = {axes.get_ylim() for axes in figure.axes}
    assert len(limits) == 1
    assert limits.pop()[1] >= -20.0 + 2.0


def test_a_band_without_a_number_is_a_gap():
    time_s = np.full(BANDS_HZ.size, 0.5)
    time_s[10:13] = np.nan

    figure = decay_figure({"L": [decay(time_s)]})

    assert np.isnan(figure.axes[0].lines[0].get_ydata()[10:13]).all()
    ET.fromstring(svg_text(figure))


def test_no_number_at_all_is_said():
    svg = svg_text(decay_figure({"L": [decay(np.nan)]}))

    assert "No band carries a decay time" in svg


def test_levels_that_are_nan_do_not_stop_a_picture():
    level = np.full(F_HZ.size, np.nan)

    svg_text(response_figure({"L": [Trace(Curve(F_HZ, level), "before")]}))
    svg_text(filter_figure([Explanation("L", {"correction": Curve(F_HZ, level)})]))


def test_a_legend_lies_outside_the_axes(rng):
    figure = response_figure({"L": traces(rng), "R": traces(rng)})
    svg_text(figure)  # lays the figure out

    legend = figure.legends[0].get_window_extent()

    assert all(axes.get_window_extent().y0 > legend.y1 for axes in figure.axes)


def test_names_stand_as_they_are_written():
    svg = svg_text(filter_figure([explanation(name) for name in HOSTILE]))

    found = "".join(ET.fromstring(svg).itertext())
    assert all(name in found for name in HOSTILE)


def test_roles_are_told_apart_without_colour():
    for theme in (LIGHT, DARK):
        looks = [(style.dashes, style.width) for style in theme.roles.values()]
        assert len(set(looks)) == len(looks)
        assert len({(s.colour, s.dashes) for s in theme.series}) == len(theme.series)


def luminance(colour):
    """Relative luminance (WCAG 2.1)."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda t: t.name)
def test_colours_reach_the_contrast_of_wcag_aa(theme):
    for style in (*theme.roles.values(), *theme.series):
        assert contrast(style.colour, theme.background) >= 3.0, style  # graphics, 1.4.11
    for colour in (theme.text, theme.muted):
        assert contrast(colour, theme.background) >= 4.5  # text, 1.4.3


def test_pyplot_is_never_loaded():
    code = (
        "import sys, roomcal.report.figures, roomcal.report.page;"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
