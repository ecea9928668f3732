"""The graphs over time, and of delays, that a report shows of one position."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from roomcal.analyze.phase import phase_response
from roomcal.analyze.reflections import (
    CRITERION_DB,
    CRITERION_S,
    EarlyReflections,
    EnergyTimeCurve,
    energy_time_curve,
    find_reflections,
)
from roomcal.analyze.step import step_response
from roomcal.dsp.smoothing import FINEST
from roomcal.jobs.charts import BASS, TREBLE, stage_keys
from roomcal.jobs.story import Story, stage_name
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.report.chart import Chart, Key, Line, Panel
from roomcal.report.figures import etc_figure, group_delay_figure, step_figure
from roomcal.report.phase_figure import delay_range_ms
from roomcal.report.step_figure import SHOWN_S as STEP_SHOWN_S
from roomcal.report.style import FREQUENCY_RANGE_HZ, LIGHT
from roomcal.report.table import Table
from roomcal.units import FloatArray, log_grid_hz

_WIDEST_PT = 1.5  # dense curves want thin lines
_STEP_MS = 0.02  # between points over time
_ETC_MS = (-2.0, 40.0)
_ETC_DB = (-40.0, 5.0)
_MOST_ETC_PANELS = 6  # of the picture; the graph has them all
_MOST_REFLECTIONS = 12  # of a table

_Result = TypeVar("_Result")
_ByRole = Mapping[str, Mapping[str, _Result]]  # results by stage and speaker


def group_delay_chart(story: Story) -> Chart:
    """Group delay of each speaker, all stages."""
    found = _analyzed(story, phase_response)
    grid = log_grid_hz(20.0, 20000.0, FINEST)
    panels = tuple(
        Panel(
            speaker,
            tuple(
                Line(role, _over(grid, own[speaker].f_hz, 1000.0 * own[speaker].group_delay_s))
                for role, own in found.items()
                if speaker in own
            ),
        )
        for speaker in _speakers(found)
    )
    named = _named(story, found)
    low, high = delay_range_ms(
        [(p.f_hz, 1000.0 * p.group_delay_s) for own in found.values() for p in own.values()]
    )
    return Chart(
        "group-delay",
        f"Group delay at {story.position}",
        "Within six cycles of the direct sound. What is late is heard late: a peak in the bass is "
        "a mode that builds up slowly.",
        "Group delay over frequency of each speaker.",
        grid,
        panels,
        stage_keys(story, faint=_faint(story), widest=_WIDEST_PT),
        group_delay_figure(named, title=""),
        "Group delay (ms)",
        (low, high),
        "ms",
        FREQUENCY_RANGE_HZ,
        views=(BASS, TREBLE),
    )


def step_chart(story: Story) -> Chart:
    """Step response of each speaker, all stages."""
    first_s, last_s = STEP_SHOWN_S
    found = _analyzed(story, lambda r: step_response(r, first_s=first_s, last_s=last_s))
    t = _times(1000.0 * first_s, 1000.0 * last_s)
    panels = tuple(
        Panel(
            speaker,
            tuple(
                Line(role, _over(t, 1000.0 * own[speaker].t_s, own[speaker].value))
                for role, own in found.items()
                if speaker in own
            ),
        )
        for speaker in _speakers(found)
    )
    return Chart(
        "step",
        f"Step response at {story.position}",
        "One clean rise says that the drivers push together.",
        "Step response of each speaker over ten milliseconds.",
        t,
        panels,
        stage_keys(story, faint=_faint(story), widest=_WIDEST_PT),
        step_figure(_named(story, found), title=""),
        "Pressure re peak",
        (-1.25, 1.25),
        "",
        (1000.0 * first_s, 1000.0 * last_s),
        y_step=0.5,
        digits=2,
        quantum=0.001,
        over_frequency=False,
    )


def reflections_chart(story: Story, early: Mapping[str, EarlyReflections]) -> Chart:
    """Energy time curve of each speaker, all stages, with the limit of ITU-R BS.1116.

    Parameters
    ----------
    story : Story
    early : mapping of str to EarlyReflections
        By speaker, of the first stage.
    """
    found = _analyzed(story, energy_time_curve)
    t = _times(*_ETC_MS)
    inside = (t >= 0.7) & (t <= 1000.0 * CRITERION_S)
    limit = np.where(inside, CRITERION_DB, np.nan)
    panels = tuple(
        Panel(
            speaker,
            (
                *(
                    Line(role, _over(t, 1000.0 * own[speaker].t_s, own[speaker].level_db))
                    for role, own in found.items()
                    if speaker in own
                ),
                Line("limit", limit[None]),
            ),
            early[speaker].reason if speaker in early else "",
        )
        for speaker in _speakers(found)
    )
    limit_key = Key("limit", "Limit of ITU-R BS.1116", LIGHT.line("limit"))
    return Chart(
        "reflections",
        f"Reflections at {story.position}, 1\u20138 kHz",
        "Level of the envelope re the direct sound. What stands above the limit colours the sound "
        "and blurs the image; a filter cannot take it away.",
        "Energy time curve of each speaker over 40 milliseconds, with the limit of ITU-R BS.1116.",
        t,
        panels,
        (*stage_keys(story, faint=_faint(story), widest=_WIDEST_PT), limit_key),
        etc_figure(_etc_panels(story, found, early), title=""),
        "Level (dB)",
        _ETC_DB,
        "dB",
        _ETC_MS,
        y_step=5.0,
        over_frequency=False,
        views=(("First 15 ms", (-1.0, 16.0)),),
        tables=tuple(_reflections_table(s, e) for s, e in early.items() if e.found),
    )


def early_reflections(story: Story) -> dict[str, EarlyReflections]:
    """Reflections before the correction at the one place, by speaker."""
    return {
        a.speaker: a.reflections for a in story.analysis.responses if a.position == story.position
    }


def _analyzed(
    story: Story, analyze: Callable[[ImpulseResponse], _Result]
) -> dict[str, dict[str, _Result]]:
    """Results at the one place, by stage and speaker."""
    return {
        stage.role: {speaker: analyze(r) for speaker, r in story.here(stage.role).items()}
        for stage in story.stages
    }


def _speakers(found: _ByRole[_Result]) -> list[str]:
    return list(dict.fromkeys(speaker for own in found.values() for speaker in own))


def _named(story: Story, found: _ByRole[_Result]) -> dict[str, list[tuple[str, _Result]]]:
    """Results by speaker, each with the name of its stage, as figures want them."""
    names = {stage.role: stage_name(stage, story.stages) for stage in story.stages}
    return {
        speaker: [(names[role], own[speaker]) for role, own in found.items() if speaker in own]
        for speaker in _speakers(found)
    }


def _faint(story: Story) -> tuple[str, ...]:
    """Leave the prediction out at first where it has come true."""
    return ("predicted",) if len(story.stages) > 2 else ()


def _times(first_ms: float, last_ms: float) -> FloatArray:
    n = round((last_ms - first_ms) / _STEP_MS) + 1
    return np.round(first_ms + np.arange(n) * _STEP_MS, 4)


def _over(grid: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """One row on the common grid; NaN beyond what there is."""
    if not x.size:
        return np.full((1, grid.size), np.nan)
    return np.interp(grid, x, y, left=np.nan, right=np.nan)[None]


def _etc_panels(
    story: Story, found: _ByRole[EnergyTimeCurve], early: Mapping[str, EarlyReflections]
) -> list[tuple[str, EnergyTimeCurve, EarlyReflections]]:
    """Choose what the picture shows: the first stage with what was found, and the last."""
    first, last = story.stages[0], story.stages[-1]
    shown = []
    for speaker in _speakers(found):
        name = stage_name(first, story.stages).lower()
        shown.append((f"{speaker}, {name}", found[first.role][speaker], early[speaker]))
        if last is not first and speaker in found[last.role]:
            after = find_reflections(story.here(last.role)[speaker])
            name = stage_name(last, story.stages).lower()
            shown.append((f"{speaker}, {name}", found[last.role][speaker], after))
    return shown if len(shown) <= _MOST_ETC_PANELS else shown[:: 1 if last is first else 2]


def _reflections_table(speaker: str, early: EarlyReflections) -> Table:
    strongest = sorted(early.found, key=lambda r: -r.level_db)[:_MOST_REFLECTIONS]
    return Table(
        f"{speaker}, strongest reflections",
        ("Delay (ms)", "Level (dB)", "Detour (m)", "Surface"),
        tuple(
            (f"{1000.0 * r.delay_s:.2f}", round(r.level_db, 1), r.path_m, r.surface or "\u2013")
            for r in sorted(strongest, key=lambda r: r.delay_s)
        ),
    )
