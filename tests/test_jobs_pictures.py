"""Every kind of picture, from all sorts of responses, with units on its axes and nothing hidden."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from roomcal.cli.main import cli
from roomcal.cli.plot import KINDS as CLI_KINDS
from roomcal.jobs.pictures import KINDS, Material
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.report.figures import DARK, svg_text
from roomcal.report.rendering import save_figure

FS = 48000
WITHOUT_AXES = {"waterfall", "csd"}  # slices in perspective: their scales are drawn
ALL = pytest.mark.parametrize("kind", KINDS)


def room(speaker="L", *, position="p1", seed=0, duration_s=0.7, noise=0.0, delay=0):
    """A few modes, reflections and a tail behind a direct sound."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(duration_s * FS)) / FS
    h = 0.02 * rng.standard_normal(t.size) * 10.0 ** (-3.0 * t / 0.35)
    for f_hz, t60_s in ((41.0, 0.8), (82.0, 0.6)):
        h += 0.01 * np.exp(-6.9 * t / t60_s) * np.sin(2.0 * np.pi * f_hz * t)
    h[0] = 1.0
    h = np.concatenate([np.zeros(1000 + delay), h])
    h += noise * rng.standard_normal(h.size)
    return ImpulseResponse(h, FS, speaker, position)


def material(*responses, **kwargs):
    return Material({"before": responses}, "p1", **kwargs)


def drawn(figure):
    """Lay a figure out, and prove that it is sound."""
    svg = svg_text(figure)
    ET.fromstring(svg)
    return svg


def test_the_command_offers_just_the_kinds_there_are():
    assert set(CLI_KINDS) == set(KINDS)


@ALL
def test_axes_have_units_and_legends_cover_no_curve(kind):
    figure = KINDS[kind](material(room("L"), room("R", seed=1)))
    svg = drawn(figure)

    labels = [a.get_xlabel() for a in figure.axes] + [a.get_ylabel() for a in figure.axes]
    units = (
        "fundamental (dB)",
        "(Hz)",
        "(ms)",
        "(dB)",
        "Level (dB), 1/6 octave",
        "(degrees)",
        "(s)",
        "re peak",
    )
    assert all(label.endswith(units) for label in labels if label)
    if kind in WITHOUT_AXES:
        assert "0 dB" in svg
        assert " ms" in svg
    else:
        assert any(a.get_xlabel() for a in figure.axes)
        assert any(a.get_ylabel() for a in figure.axes)
    for legend in figure.legends:
        top = legend.get_window_extent().y1
        assert all(a.get_window_extent().y0 > top for a in figure.axes if a.get_visible())


@ALL
@pytest.mark.parametrize(
    "responses",
    [
        pytest.param([room(noise=0.3)], id="noise"),
        pytest.param([room(duration_s=0.05)], id="short"),
        pytest.param([ImpulseResponse(np.zeros(4800), FS, "L", "p1")], id="silence"),
        pytest.param([room(name) for name in ("$x_{", "_hidden", '<b>&"')], id="hostile"),
    ],
)
def test_bad_responses_give_a_picture_all_the_same(kind, responses):
    drawn(KINDS[kind](material(*responses)))


@ALL
def test_twelve_speakers_have_a_panel_each(kind):
    names = [f"S{i}" for i in range(12)]
    figure = KINDS[kind](material(*(room(name, seed=i) for i, name in enumerate(names))))

    titles = [a.get_title(loc="left") for a in figure.axes if a.get_visible()]
    assert [t for t in titles if t] == ([] if kind == "modes" else names)


@ALL
def test_sessions_lie_over_each_other_under_their_names(kind):
    sessions = {"before": (room("L"), room("R")), "after": (room("L", seed=2), room("R", seed=3))}

    figure = KINDS[kind](Material(sessions, "p1", theme=DARK))

    titles = [a.get_title(loc="left") for a in figure.axes]
    labels = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    for name in ("before", "after"):
        assert any(name in text for text in titles + labels)


@pytest.mark.parametrize("kind", ["phase", "waterfall", "wavelet"])  # lines, image, mesh
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_picture_is_the_same_file(kind, ending, tmp_path):
    for number in (1, 2):
        save_figure(KINDS[kind](material(room())), tmp_path / f"{number}.{ending}")

    assert (tmp_path / f"1.{ending}").read_bytes() == (tmp_path / f"2.{ending}").read_bytes()


def distortion(thd_db=-50.0):
    from roomcal.analyze.distortion import ORDERS, Distortion

    f = np.geomspace(20.0, 10000.0, 50)
    row = np.full(f.size, thd_db)
    rows = {k: row - 3.0 * k for k in ORDERS}
    return Distortion(f, rows, rows, row, row - 20.0, row + 1.0, -20.0)


@pytest.mark.parametrize("thd_db", [-50.0, -4.0])
def test_distortion_shows_its_parts_and_the_floor_whatever_its_size(thd_db):
    figure = KINDS["distortion"](material(room(), distortion=lambda _: {"L": distortion(thd_db)}))

    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["THD", "Noise floor", "H2", "H3", "H4", "H5"]
    low, high = figure.axes[0].get_ylim()
    assert low < thd_db < high


def luminance_order(colours):
    rgb = np.asarray(colours)[:, :3]
    return rgb @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("name", ["cividis", "viridis"])
def test_maps_keep_their_order_in_grey(name):
    import matplotlib as mpl

    grey = luminance_order(mpl.colormaps[name](np.linspace(0.0, 1.0, 32)))

    assert (np.diff(grey) > 0.0).all()


def test_the_smoothing_stands_on_the_axis():
    figure = KINDS["response"](material(room(), smoothing="psychoacoustic"))

    assert figure.axes[0].get_ylabel() == "Level (dB), psychoacoustic"


@pytest.fixture
def sessions(runner):
    import soundfile

    for session, seed in (("before", 0), ("after", 4)):
        soundfile.write("L-p1.wav", room(seed=seed).samples, FS, subtype="FLOAT")
        done = runner.invoke(cli, ["import", "L-p1.wav", "--session", session])
        assert done.exit_code == 0


@pytest.mark.usefixtures("sessions")
def test_several_sessions_make_one_picture(runner):
    done = runner.invoke(cli, ["plot", "before", "after", "response", "--smoothing", "1/12"])

    assert done.stdout.strip() == "before-after-response.png"
    assert Path(done.stdout.strip()).read_bytes()[:4] == b"\x89PNG"


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["before", "response", "--smoothing", "1/99"], 2, "psychoacoustic"),
        (["before", "response", "--position", "p2"], 3, "p1"),
        (["before", "pie"], 2, "waterfall"),
        (["response"], 2, "SESSION"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_can(runner, arguments, code, words):
    done = runner.invoke(cli, ["plot", *arguments])

    assert done.exit_code == code
    assert words in done.stderr
