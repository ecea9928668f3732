"""The page of a comparison: what changed, whether by chance, and the curves behind it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import roomcal
from roomcal.analyze.response import smoothed_response, spatial_average
from roomcal.dsp.smoothing import FINEST
from roomcal.jobs.charts import BASS, TREBLE
from roomcal.jobs.compare import Compared
from roomcal.jobs.report import write_page
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.report.chart import Chart, Key, Line, Panel
from roomcal.report.difference_figure import (
    DifferenceTrace,
    difference_figure,
    difference_top_db,
)
from roomcal.report.figures import DecayTrace, Trace, decay_figure, response_figure
from roomcal.report.page import Advice, Notes, Page, Section, Table, Tile
from roomcal.report.style import FREQUENCY_RANGE_HZ, LIGHT, level_range_db
from roomcal.units import FloatArray, counted, frequency_text, log_grid_hz, nominal_hz
from roomcal.verify.compare import Comparison, SpeakerComparison, speaker_text
from roomcal.verify.session_changes import Change

_FINE_HZ = log_grid_hz(20.0, 20000.0, 2 * FINEST)
_SCALE_FROM_HZ = 40.0
_MOST = 3  # of the largest changes of each kind


def write_comparison(compared: Compared, path: Path, *, force: bool = False) -> None:
    """Write a comparison as one self-contained HTML file, or as PDF if the name ends so.

    Raises
    ------
    InputError
        RC-314 for another ending.
    StorageError
        RC-602 if the file exists and `force` is not given.
    """
    write_page(lambda: tell_comparison(compared), path, force=force)


def tell_comparison(compared: Compared) -> Page:
    """Lay a comparison out as a page."""
    names = [store.folder.name for store in compared.sessions]
    return Page(
        title=f"roomcal: {', '.join(names[1:])} against {names[0]}",
        verdict=_verdict(compared.comparisons),
        tiles=_tiles(compared.comparisons),
        sections=(_changed(compared.comparisons), _beside(compared.comparisons)),
        charts=(
            _difference_chart(compared.comparisons),
            _response_chart(compared, names),
            _decay_chart(compared.comparisons, names),
        ),
        details=tuple(_table(c, s) for c in compared.comparisons for s in c.speakers),
        provenance=(
            ("roomcal", roomcal.__version__),
            *((store.folder.name, store.session.created_at) for store in compared.sessions),
        ),
    )


def _verdict(comparisons: Sequence[Comparison]) -> str:
    """One sentence for each later session."""
    sentences = []
    for c in comparisons:
        n = sum(len(s.found) for s in c.speakers)
        whose = ", not all of them the room's" if c.confounded else ""
        what = (
            f"{n} of {c.n_compared} numbers changed by more than chance{whose}"
            if c.changed
            else f"{c.verdict} in {counted(c.n_compared, 'number')}"
        )
        sentences.append(f"{c.b} against {c.a}: {what}.")
    return " ".join(sentences)


def _tiles(comparisons: Sequence[Comparison]) -> tuple[Tile, ...]:
    """How many numbers changed, and the largest change of each kind."""
    tiles = []
    for c in comparisons:
        n = sum(len(s.found) for s in c.speakers)
        tiles.append(Tile(f"{c.b} against {c.a}", f"{n} of {c.n_compared}", "", "numbers changed"))
    if len(comparisons) > 1:
        return tuple(tiles)
    for quantity, unit, digits in (("level", "dB", 1), ("decay", "s", 2), ("reflections", "dB", 1)):
        found = [
            (s.speaker, change)
            for s in comparisons[0].speakers
            for change in s.found
            if change.quantity == quantity
        ]
        if found:
            speaker, most = max(found, key=lambda pair: abs(pair[1].difference))
            value = f"{most.difference:+.{digits}f} {unit}".replace("-", "\u2212")
            tiles.append(
                Tile(f"Largest change of {quantity}", value, "", f"{speaker}, {_where(most)}")
            )
    return tuple(tiles)


def _changed(comparisons: Sequence[Comparison]) -> Section:
    """List the largest changes that are more than chance."""
    advice = []
    for c in comparisons:
        for speaker in c.speakers:
            for quantity in ("level", "decay", "reflections"):
                own = [x for x in speaker.found if x.quantity == quantity]
                own = sorted(own, key=lambda x: -abs(x.difference))[:_MOST]
                advice += [_advice(c, speaker, x) for x in sorted(own, key=lambda x: x.at)]
    texts = tuple(
        f"{c.b}, {text}".replace(" -", " \u2212")
        for c in comparisons
        for s in c.speakers
        if (text := speaker_text(s))
    )
    if not texts:
        texts = (f"No number of {comparisons[0].n_compared} changed by more than chance.",)
    return Section(
        "What changed",
        "All that was compared is judged together: one false alarm in twenty comparisons.",
        notes=(Notes("In short", texts),),
        advice=tuple(advice),
    )


def _beside(comparisons: Sequence[Comparison]) -> Section:
    """Name what differs beside the room."""
    notes = []
    for c in comparisons:
        found = (*(f.message for f in c.findings), *c.notes)
        if found:
            sentences = tuple(f"{text[:1].upper()}{text[1:]}" for text in found)
            notes.append(Notes(f"{c.b} against {c.a}", sentences))
    return Section("What else differs", "", tuple(notes))


def _difference_chart(comparisons: Sequence[Comparison]) -> Chart:
    """Change of level per third octave with its interval."""
    traces: dict[str, list[DifferenceTrace]] = {}
    panels: dict[str, list[Line]] = {}
    bands = max((s.levels for c in comparisons for s in c.speakers), key=len, default=())
    f_hz = np.array([x.at for x in bands])
    for k, c in enumerate(comparisons):
        for s in c.speakers:
            trace = _difference(f"{c.b} against {c.a}", s.levels, f_hz)
            traces.setdefault(s.speaker, []).append(trace)
            difference, half = trace.difference_db, trace.uncertainty_db
            panels.setdefault(s.speaker, []).extend(
                [
                    Line(
                        f"s{k}",
                        difference[None],
                        low=difference - half,
                        high=difference + half,
                        band=True,
                    ),
                    Line(f"s{k}", trace.marked_db[None], marks=True, quiet=True),
                ]
            )
    top = difference_top_db([t for own in traces.values() for t in own])
    return Chart(
        "difference",
        "Change of level",
        "Per third octave, mean over the positions that both sessions have; the shaded range is "
        "the 95 % interval. A dot is more than chance.",
        "Change of level over frequency of each speaker, with its interval.",
        f_hz,
        tuple(Panel(speaker, tuple(lines)) for speaker, lines in panels.items()),
        tuple(
            Key(f"s{k}", f"{c.b} against {c.a}", LIGHT.series[k % len(LIGHT.series)])
            for k, c in enumerate(comparisons)
        ),
        difference_figure(traces, title=""),
        "Change of level (dB)",
        (-top, top),
        "dB",
        FREQUENCY_RANGE_HZ,
        range_label="95 % interval",
        views=(BASS, TREBLE),
    )


def _difference(label: str, changes: Sequence[Change], f_hz: FloatArray) -> DifferenceTrace:
    """Lay changes out on the bands of the chart."""
    rows = np.full((3, f_hz.size), np.nan)
    rows[2] = 0.0
    for x in changes:
        i = int(np.argmin(np.abs(f_hz - x.at)))
        rows[:, i] = x.difference, x.uncertainty, float(x.significant)
    return DifferenceTrace(label, f_hz, *rows)


def _response_chart(compared: Compared, names: Sequence[str]) -> Chart:
    """Level of each speaker in each session, over the positions that all have."""
    loaded = {n: s.load_responses() for n, s in zip(names, compared.sessions, strict=True)}
    paths = [{(r.speaker, r.position) for r in own} for own in loaded.values()]
    common = set.intersection(*paths) or set.union(*paths)
    keys = tuple(
        Key(f"s{k}", name, LIGHT.series[k % len(LIGHT.series)]) for k, name in enumerate(names)
    )
    panels, traces = [], {}
    speakers = dict.fromkeys(r.speaker for r in next(iter(loaded.values())))
    for speaker in speakers:
        lines, own_traces = [], []
        for k, name in enumerate(names):
            own = [
                r
                for r in loaded[name]
                if r.speaker == speaker and (r.speaker, r.position) in common
            ]
            if own:
                lines.append(Line(f"s{k}", _rows(own)))
                average = spatial_average([smoothed_response(r) for r in own]).mean
                own_traces.append(Trace(average, label=name))
        if lines:
            panels.append(Panel(speaker, tuple(lines)))
            traces[speaker] = own_traces
    levels = [
        t.curve.level_db[t.curve.f_hz >= _SCALE_FROM_HZ] for own in traces.values() for t in own
    ]
    return Chart(
        "response",
        "Response",
        "Mean over the positions that all sessions have; no level is taken off.",
        f"Level over frequency of each speaker in {', '.join(names)}.",
        _FINE_HZ,
        tuple(panels),
        keys,
        response_figure(traces, title=""),
        "Level (dB)",
        level_range_db(levels),
        "dB",
        FREQUENCY_RANGE_HZ,
        y_step=5.0,
        smoothing=True,
        views=(BASS, TREBLE),
    )


def _rows(responses: Sequence[ImpulseResponse]) -> FloatArray:
    """Levels at each position, as fine as the page wants them."""
    curves = [smoothed_response(r, smoothing=FINEST, per_octave=2 * FINEST) for r in responses]
    return np.array(
        [np.where(c.f_hz[-1] * 1.0001 >= _FINE_HZ, c.level_at(_FINE_HZ), np.nan) for c in curves]
    )


def _decay_chart(comparisons: Sequence[Comparison], names: Sequence[str]) -> Chart:
    """Decay time per octave in each session."""
    bands = max((s.decays for c in comparisons for s in c.speakers), key=len, default=())
    f_hz = np.array([x.at for x in bands])
    times: dict[str, dict[str, FloatArray]] = {}
    for k, c in enumerate(comparisons):
        for s in c.speakers:
            own = times.setdefault(s.speaker, {})
            for name, value in ((names[0], "a"), (names[k + 1], "b")):
                row = np.full(f_hz.size, np.nan)
                for x in s.decays:
                    row[int(np.argmin(np.abs(f_hz - x.at)))] = getattr(x, value)
                if name not in own or np.isfinite(row).sum() > np.isfinite(own[name]).sum():
                    own[name] = row
    traces: Mapping[str, list[DecayTrace]] = {
        speaker: [DecayTrace(f_hz, t, t, t, label=name) for name, t in own.items()]
        for speaker, own in times.items()
    }
    finite = [t[np.isfinite(t)] for own in times.values() for t in own.values()]
    top = max((float(t.max()) for t in finite if t.size), default=1.0)
    index = {name: k for k, name in enumerate(names)}
    return Chart(
        "decay",
        "Decay per octave",
        "T30, or T20 where that is all there is, mean over positions. Gaps stand where a "
        "measurement does not carry a number.",
        "Decay time per octave of each speaker in each session.",
        f_hz,
        tuple(
            Panel(
                speaker,
                tuple(Line(f"s{index[n]}", t[None], marks=True) for n, t in own.items()),
            )
            for speaker, own in times.items()
        ),
        tuple(
            Key(f"s{k}", name, LIGHT.series[k % len(LIGHT.series)]) for k, name in enumerate(names)
        ),
        decay_figure(traces, title="", quantity=""),
        "Time for 60 dB (s)",
        (0.0, float(np.ceil(11.0 * top) / 10.0)),
        "s",
        FREQUENCY_RANGE_HZ,
        digits=2,
        quantum=0.001,
        views=(BASS, TREBLE),
    )


def _advice(c: Comparison, speaker: SpeakerComparison, change: Change) -> Advice:
    digits, unit = (2, "s") if change.quantity == "decay" else (1, "dB")
    amount = f"{change.difference:+.{digits}f} \u00b1 {change.uncertainty:.{digits}f} {unit}"
    values = f"{change.a:.{digits}f} to {change.b:.{digits}f} {unit}".replace("-", "\u2212")
    return Advice(
        _where(change),
        speaker.speaker,
        f"{change.quantity.capitalize()} {amount}".replace("-", "\u2212"),
        f"{c.b} against {c.a}: from {values}, over {counted(change.n_positions, 'position')}.",
    )


def _table(c: Comparison, speaker: SpeakerComparison) -> Table:
    """Every number that was compared."""
    return Table(
        f"{speaker.speaker}: {c.b} against {c.a}",
        ("What", c.a, c.b, "Change", "\u00b1", "More than chance"),
        tuple(
            (
                f"{x.quantity} {_where(x)} ({'s' if x.quantity == 'decay' else 'dB'})",
                x.a,
                x.b,
                x.difference,
                x.uncertainty,
                "yes" if x.significant else x.reason or "no",
            )
            for x in speaker.changes
        ),
        note="\u00b1: half the 95 % interval, from noise, the placing of the microphone and the "
        "positions.",
    )


def _where(change: Change) -> str:
    if change.quantity == "reflections":
        return f"{1000.0 * change.at:.3g}\u2013{1000.0 * change.until:.3g} ms"
    return frequency_text(nominal_hz(change.at))
