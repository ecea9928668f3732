"""Draw one picture of a session into a file."""

from pathlib import Path

from roomcal.analyze.reflections import energy_time_curve, find_reflections
from roomcal.analyze.waterfall import waterfall
from roomcal.dsp.arrival import arrival_sample
from roomcal.files.atomic import refuse_existing
from roomcal.jobs.page import decay_traces, response_title, response_traces
from roomcal.jobs.report import gather
from roomcal.report.figures import (
    decay_figure,
    etc_figure,
    impulse_figure,
    response_figure,
    save_figure,
    waterfall_figure,
)


def write_plot(root: Path, session: str, kind: str, path: Path, *, force: bool = False) -> None:
    """Draw "response", "decay", "impulse", "etc" or "waterfall".

    Raises
    ------
    StorageError
        RC-602 if the file exists and `force` is not given.
    """
    refuse_existing(path, force=force)
    story = gather(root, session)
    path.parent.mkdir(parents=True, exist_ok=True)
    first = story.responses[0].position
    shown = [r for r in story.responses if r.position == first]
    if kind == "response":
        figure = response_figure(response_traces(story), title=response_title(story))
    elif kind == "decay":
        figure = decay_figure(decay_traces(story))
    elif kind == "etc":
        curves = [
            (f"{r.speaker} {r.position}", energy_time_curve(r), find_reflections(r)) for r in shown
        ]
        figure = etc_figure(curves)
    elif kind == "waterfall":
        figure = waterfall_figure([(f"{r.speaker} {r.position}", waterfall(r)) for r in shown])
    else:
        figure = impulse_figure(shown, [arrival_sample(r.samples, r.fs) for r in shown])
    save_figure(figure, path)
