"""The graphs of levels and decay times that a report shows, from a story."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from roomcal.analyze.response import PER_OCTAVE, smoothed_response
from roomcal.dsp.smoothing import FINEST
from roomcal.jobs.pictures import decay_trace
from roomcal.jobs.story import Story, stage_name
from roomcal.jobs.summary import Stage, moved
from roomcal.model.curve import Curve
from roomcal.report.chart import Chart, Key, Line, Panel
from roomcal.report.decay_figure import top_s
from roomcal.report.figures import (
    DecayTrace,
    Trace,
    decay_figure,
    filter_figure,
    overlay_figure,
    response_figure,
)
from roomcal.report.style import FREQUENCY_RANGE_HZ, LIGHT, level_range_db
from roomcal.report.table import Cell, Table
from roomcal.report.traces import ROLE_NAMES, ROLES
from roomcal.units import FloatArray, band_centres_hz, frequency_text, log_grid_hz, nominal_hz

BASS = ("Bass, 20\u2013300 Hz", (20.0, 300.0))
TREBLE = ("From 1 kHz", (1000.0, 20000.0))
_SCALE_FROM_HZ = 40.0  # roll-off and rumble may leave the scale
_TABLE_HZ = (31.5, 16000.0)
_GRID_HZ = log_grid_hz(20.0, 20000.0, PER_OCTAVE)
# Twice as many points as windows: every other window tiles a wider one, in the page's smoothing.
_FINE_HZ = log_grid_hz(20.0, 20000.0, 2 * FINEST)


def stage_keys(story: Story, *, faint: Sequence[str] = (), widest: float = 3.0) -> tuple[Key, ...]:
    """One toggle a stage; those in `faint` begin switched off."""
    keys = []
    for stage in story.stages:
        style = LIGHT.line(stage.role)
        style = replace(style, width=min(style.width, widest))
        on = stage.role not in faint
        keys.append(Key(stage.role, stage_name(stage, story.stages), style, on=on))
    return tuple(keys)


def response_chart(story: Story) -> Chart:
    """Level over frequency of each speaker: all stages, at the level of the target."""
    traces = response_traces(story)
    keys = stage_keys(story)
    if story.targets:
        keys = (Key("target", "Target", LIGHT.line("target")), *keys)
    panels = []
    y_range = _range(list(traces.values()))
    for speaker in story.speakers:
        lines = [
            Line("target", story.targets[speaker].level_at(_FINE_HZ)[None])
            for _ in range(speaker in story.targets)
        ]
        lines += [
            Line(stage.role, _rows(story, stage, speaker), band=stage.role == "before")
            for stage in story.stages
            if speaker in stage.averages
        ]
        lines.sort(key=lambda line: ROLES.index(line.key))  # the last lies on top
        shown = any((t.curve.level_db > y_range[0]).any() for t in traces[speaker])
        reason = "" if shown else f"all of it lies below {y_range[0]:.0f} dB".replace("-", "\u2212")
        panels.append(Panel(speaker, tuple(lines), reason))
    names = ", ".join(stage_name(s, story.stages).lower() for s in story.stages)
    several = len({r.position for r in story.responses}) > 1
    before = " before the correction" if story.bank else ""
    return Chart(
        "response",
        response_title(story),
        f"Mean over positions; the shaded range is that of the positions{before}."
        if several
        else "One position.",
        f"Level over frequency of each speaker, {names}"
        + (", with the target." if story.targets else "."),
        _FINE_HZ,
        tuple(panels),
        keys,
        response_figure(traces, title=""),
        "Level (dB)",
        y_range,
        "dB",
        FREQUENCY_RANGE_HZ,
        y_step=5.0,
        smoothing=True,
        views=(BASS, TREBLE),
        tables=tuple(_level_table(name, own) for name, own in traces.items()),
    )


def speakers_chart(story: Story) -> Chart | None:
    """All speakers over each other, as they are in the end; None for one speaker."""
    stage = story.stages[-1]
    if len(stage.averages) < 2:
        return None
    keys = tuple(
        Key(f"s{i}", speaker, LIGHT.series[i % len(LIGHT.series)])
        for i, speaker in enumerate(stage.averages)
    )
    lines = tuple(
        Line(f"s{i}", _rows(story, stage, speaker)) for i, speaker in enumerate(stage.averages)
    )
    shift = _shift_db(stage)
    traces = [
        Trace(moved(average.mean, shift), label=speaker)
        for speaker, average in stage.averages.items()
    ]
    name = stage_name(stage, story.stages)
    match = (
        f"{stage.pair[0]} and {stage.pair[1]} differ in shape by {stage.match_rms_db:.1f} dB rms "
        f"and in level by {abs(stage.match_level_db):.1f} dB, 100 Hz to 10 kHz."
        if len(stage.pair) == 2 and np.isfinite(stage.match_rms_db)
        else "Mean over positions."
    )
    return Chart(
        "speakers",
        f"Speakers over each other, {name.lower()}",
        match,
        f"Level over frequency of {', '.join(stage.averages)}, {name.lower()}. {match}",
        _FINE_HZ,
        (Panel(name, lines),),
        keys,
        overlay_figure(traces, title=""),
        "Level (dB)",
        _range([traces]),
        "dB",
        FREQUENCY_RANGE_HZ,
        y_step=5.0,
        smoothing=True,
        views=(BASS, TREBLE),
    )


def correction_chart(story: Story) -> Chart | None:
    """Gain of the filters over frequency; None without a bank."""
    if story.bank is None:
        return None
    found = [e for e in story.bank.explanations if "correction" in e.curves]
    if not found:
        return None
    max_boost_db = dict(story.bank.provenance.get("spec", {})).get("max_boost_db")
    curves = [e.curves["correction"].level_at(_GRID_HZ) for e in found]
    finite = np.concatenate([c[np.isfinite(c)] for c in curves])
    top = 5.0 * np.ceil((max(float(finite.max(initial=0.0)), max_boost_db or 0.0) + 1.0) / 5.0)
    bottom = 5.0 * np.floor((float(finite.min(initial=0.0)) - 1.0) / 5.0)
    bottom = float(np.clip(bottom, top - 50.0, top - 25.0))
    keys = [
        Key(f"s{i}", e.speaker, LIGHT.series[i % len(LIGHT.series)]) for i, e in enumerate(found)
    ]
    lines = [Line(f"s{i}", curve[None]) for i, curve in enumerate(curves)]
    if max_boost_db is not None:
        keys.append(Key("limit", f"Boost limit {max_boost_db:g} dB", LIGHT.line("limit")))
        lines.append(Line("limit", np.full((1, _GRID_HZ.size), float(max_boost_db))))
    return Chart(
        "correction",
        "Gain of the correction",
        "Without level match and headroom.",
        "Gain of the correction of each speaker over frequency, with the boost limit.",
        _GRID_HZ,
        (Panel("All speakers", tuple(lines)),),
        tuple(keys),
        filter_figure(found, max_boost_db=max_boost_db, title=""),
        "Correction (dB)",
        (bottom, float(top)),
        "dB",
        FREQUENCY_RANGE_HZ,
        y_step=5.0,
        views=(BASS, TREBLE),
    )


def decay_chart(story: Story) -> Chart:
    """Decay time per third octave: measured stages only, since noise spoils a predicted one."""
    traces = decay_traces(story)
    bands = next(iter(traces.values()))[0].f_hz
    panels = tuple(
        Panel(
            speaker,
            tuple(
                Line(t.role, t.time_s[None], low=t.low_s, high=t.high_s, band=True, marks=True)
                for t in own
            ),
            "" if any(np.isfinite(t.time_s).any() for t in own) else "no band carries a decay time",
        )
        for speaker, own in traces.items()
    )
    top = top_s([t for own in traces.values() for t in own])
    roles = {t.role for own in traces.values() for t in own}
    return Chart(
        "decay",
        "Decay per third octave",
        "T30, and T20 where the range is short. Gaps stand where the measurement does not carry a "
        "number; the shaded range is that of the positions.",
        "Decay time per third octave of each speaker.",
        bands,
        panels,
        tuple(key for key in stage_keys(story) if key.key in roles),
        decay_figure(traces, title="", quantity=""),
        "Time for 60 dB (s)",
        (0.0, top),
        "s",
        FREQUENCY_RANGE_HZ,
        digits=2,
        quantum=0.001,
        views=(BASS, TREBLE),
        tables=tuple(_decay_table(name, own) for name, own in traces.items()),
    )


def response_title(story: Story) -> str:
    """Head the picture of the responses."""
    n_positions = len({r.position for r in story.responses})
    return f"Response at the listening position{'s' if n_positions > 1 else ''}"


def response_traces(story: Story) -> dict[str, list[Trace]]:
    """Traces of the response figure, every stage at the level of the target."""
    traces: dict[str, list[Trace]] = {}
    for speaker in story.speakers:
        own = traces.setdefault(speaker, [])
        if speaker in story.targets:
            own.append(Trace(story.targets[speaker], role="target"))
        for stage in story.stages:
            average = stage.averages.get(speaker)
            if average is not None:
                shift = _shift_db(stage)
                band = stage.role == "before" and average.n_positions > 1
                own.append(
                    Trace(
                        moved(average.mean, shift),
                        role=stage.role,
                        label=stage_name(stage, story.stages),
                        low_db=average.low_db + shift if band else None,
                        high_db=average.high_db + shift if band else None,
                    )
                )
    return traces


def decay_traces(story: Story) -> dict[str, list[DecayTrace]]:
    """Traces of the decay figure: measured stages only, since noise spoils a predicted decay."""
    traces: dict[str, list[DecayTrace]] = {}
    for stage in story.stages:
        if stage.role == "predicted":
            continue
        for speaker, decays in stage.decays.items():
            name = stage_name(stage, story.stages)
            traces.setdefault(speaker, []).append(decay_trace(decays, role=stage.role, label=name))
    return traces


def _shift_db(stage: Stage) -> float:
    """Return what brings a stage to the level of the target."""
    return -stage.level_db if np.isfinite(stage.level_db) else 0.0


def _rows(story: Story, stage: Stage, speaker: str) -> FloatArray:
    """Levels at each position, as fine as the grid; the page smooths them."""
    own = [r for r in story.measured(stage.role) if r.speaker == speaker]
    curves = [smoothed_response(r, smoothing=FINEST, per_octave=2 * FINEST) for r in own]
    return np.array([_on_grid(curve) for curve in curves]) + _shift_db(stage)


def _on_grid(curve: Curve) -> FloatArray:
    """Levels on the grid of the page; NaN beyond the curve."""
    level = curve.level_at(_FINE_HZ)
    return np.where(curve.f_hz[-1] * 1.0001 >= _FINE_HZ, level, np.nan)


def _range(groups: Sequence[Sequence[Trace]]) -> tuple[float, float]:
    """Choose the 50 dB that show the most."""
    return level_range_db(
        [t.curve.level_db[t.curve.f_hz >= _SCALE_FROM_HZ] for own in groups for t in own]
    )


@cache
def _table_bands() -> tuple[float, ...]:
    return tuple(float(f) for f in band_centres_hz(*_TABLE_HZ, bands_per_octave=3))


def _level_table(speaker: str, traces: Sequence[Trace]) -> Table:
    """Levels at third octaves."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (frequency_text(nominal_hz(f)), *(float(t.curve.level_at([f])[0]) for t in traces))
        for f in _table_bands()
    )
    columns = ("Frequency", *(f"{t.legend} (dB)" for t in traces))
    return Table(f"{speaker}, level at 1/6 octave", columns, rows, digits=1)


def _decay_table(speaker: str, traces: Sequence[DecayTrace]) -> Table:
    """Decay times, with their range."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (frequency_text(nominal_hz(float(f))), *(float(t.time_s[i]) for t in traces))
        for i, f in enumerate(traces[0].f_hz)
    )
    columns = ("Third octave", *(f"{ROLE_NAMES.get(t.role, t.legend)} (s)" for t in traces))
    return Table(f"{speaker}, decay", columns, rows)
