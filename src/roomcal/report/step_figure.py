"""Picture of step responses, one panel a speaker."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from roomcal.analyze.step import StepResponse
from roomcal.report.panels import new_panels, say
from roomcal.report.style import LIGHT, Theme, draw_line, legend_below, literal, look, styled

SHOWN_S = (-0.001, 0.010)
_ROW_HEIGHT_IN = 2.0


def step_figure(
    speakers: Mapping[str, Sequence[tuple[str, StepResponse]]],
    *,
    title: str = "Step response",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw step responses, each re its first peak.

    Parameters
    ----------
    speakers : mapping of str to sequence of (name, StepResponse)
        By speaker; the names tell sessions apart.
    title : str
    theme : Theme
    """
    if not speakers:
        raise ValueError("a picture needs at least one response")
    with styled(theme):
        panels = new_panels(len(speakers), row_height_in=_ROW_HEIGHT_IN, title=title)
        several = any(len(named) > 1 for named in speakers.values())
        for i, (speaker, named) in enumerate(speakers.items()):
            axes = panels.axes[i]
            axes.set_title(literal(speaker))
            axes.set_xlim(1000.0 * SHOWN_S[0], 1000.0 * SHOWN_S[1])
            axes.xaxis.set_major_locator(MultipleLocator(1.0 if panels.n_columns == 1 else 2.0))
            axes.set_ylim(-1.25, 1.25)
            axes.yaxis.set_major_locator(MultipleLocator(0.5))
            axes.axhline(0.0, color=theme.muted, linewidth=0.8)
            if panels.at_left(i):
                axes.set_ylabel("Pressure re peak")
            if panels.at_bottom(i):
                axes.set_xlabel("Time after the direct sound (ms)")
            for k, (name, step) in enumerate(named):
                label = literal(name) if several else ""
                style = look(theme, name, k)
                draw_line(axes, 1000.0 * step.t_s, step.value, style, label=label)
            if not any(step.value.any() for _, step in named):
                say(axes, "The response is silent", theme)
        legend_below(panels.figure, panels.axes)
    return panels.figure
