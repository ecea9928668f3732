"""The page of a calibration: verdict, numbers, what the filters do and cannot do, graphs."""

from collections.abc import Mapping, Sequence

import numpy as np

import roomcal
from roomcal.analyze.modes import RoomModes
from roomcal.analyze.reflections import EarlyReflections
from roomcal.analyze.response import DEVIATION_BANDS_HZ
from roomcal.analyze.spectrograms import wavelet_spectrogram
from roomcal.analyze.waterfall import waterfall
from roomcal.jobs.advice import corrected, left, reflected, ringing, treated
from roomcal.jobs.charts import (
    correction_chart,
    decay_chart,
    response_chart,
    speakers_chart,
)
from roomcal.jobs.describe import notes_by_speaker
from roomcal.jobs.distortion_chart import distortion_chart
from roomcal.jobs.ledger_page import ledger_tables
from roomcal.jobs.room_page import (
    noise_section,
    room_section,
    standards_section,
    standards_tables,
    typeset,
)
from roomcal.jobs.story import Story, stage_name
from roomcal.jobs.summary import Stage
from roomcal.jobs.time_charts import (
    early_reflections,
    group_delay_chart,
    reflections_chart,
    step_chart,
)
from roomcal.report.chart import Chart
from roomcal.report.figures import modes_figure, spectrogram_figure, waterfall_figure
from roomcal.report.page import Notes, Page, Picture, Section, Table, Tile
from roomcal.units import nominal_hz
from roomcal.verify.promise import Verification


def tell(story: Story, *, title: str) -> Page:
    """Lay a story out as a page."""
    verification = story.verification
    early = early_reflections(story)
    return Page(
        title=title,
        verdict=verdict(story),
        passed=verification.passed if verification else None,
        tiles=tiles(story.stages),
        tables=(summary_table(story.stages),),
        sections=(
            room_section(story.overview, corrected=story.bank is not None),
            *_sections(story, early),
            noise_section(story.analysis.noise),
            standards_section(story.analysis.standards, corrected=story.bank is not None),
        ),
        charts=_charts(story, early),
        figures=tuple(_pictures(story)),
        details=(
            *(ledger_tables(story.bank.explanations) if story.bank else ()),
            *((_verification_table(verification),) if verification else ()),
            *((_modes_table(story.modes),) if story.modes.modes else ()),
            *standards_tables(story.analysis.standards),
        ),
        exports=story.exports,
        provenance=(
            ("roomcal", roomcal.__version__),
            ("Session", story.session),
            *story.provenance,
        ),
    )


def tiles(stages: Sequence[Stage]) -> tuple[Tile, ...]:
    """Pick the numbers that count, before and in the end; what cannot be had is left out."""
    before, after = stages[0], stages[-1]
    band_names = dict(
        zip(DEVIATION_BANDS_HZ, ("Bass", "Upper bass", "Middle", "Treble"), strict=True)
    )
    wanted: list[tuple[str, float, float, str, str]] = [
        (
            f"{band_names[band]}, {band}",
            before.deviation_db[band],
            after.deviation_db[band],
            "dB",
            "rms from the target",
        )
        for band in DEVIATION_BANDS_HZ
    ]
    wanted.append(
        ("Decay of the bass", before.bass_decay_s, after.bass_decay_s, "s", "63 and 125 Hz")
    )
    wanted.append(
        ("Decay of the middle", before.mid_decay_s, after.mid_decay_s, "s", "500 Hz to 2 kHz")
    )
    if len(before.pair) == 2:
        first, second = before.pair
        wanted.append(
            (
                f"{first} against {second}",
                before.match_rms_db,
                after.match_rms_db,
                "dB",
                "rms difference in shape",
            )
        )
    made = []
    for what, old, new, unit, detail in wanted:
        if not np.isfinite(new):
            continue
        digits = 2 if unit == "s" else 1
        was = f"{old:.{digits}f}" if before is not after and np.isfinite(old) else ""
        made.append(Tile(what, f"{new:.{digits}f} {unit}", was, detail))
    return tuple(made)


def verdict(story: Story) -> str:
    """One sentence for who reads no further."""
    before = story.stages[0]
    after = story.stages[-1]
    if story.verification is None and story.bank is None:
        return f"Measured, no correction yet: {typeset(story.overview.verdict)}."
    worst = max(DEVIATION_BANDS_HZ, key=lambda b: before.deviation_db[b] - after.deviation_db[b])
    gain = (
        f"the deviation from the target at {worst} falls from {before.deviation_db[worst]:.1f} to "
        f"{after.deviation_db[worst]:.1f} dB"
    )
    if story.verification is None:
        return f"Predicted, not yet verified: {gain}."
    if story.verification.passed:
        return f"The correction keeps its promise: {gain}."
    return "The promise is broken: " + "; ".join(story.verification.failures) + "."


def summary_table(stages: Sequence[Stage]) -> Table:
    """Before, predicted, verified in columns."""
    columns = ("", *(stage_name(stage, stages) for stage in stages))
    rows: list[tuple[str | float, ...]] = []
    if any(np.isfinite(value) for s in stages for value in s.deviation_db.values()):
        rows += [
            (f"Deviation from the target, {band} (dB)", *(s.deviation_db[band] for s in stages))
            for band in DEVIATION_BANDS_HZ
        ]
    rows += [
        ("Decay, 63 and 125 Hz (s)", *(s.bass_decay_s for s in stages)),
        ("Decay, 500 Hz to 2 kHz (s)", *(s.mid_decay_s for s in stages)),
    ]
    if len(stages[0].pair) == 2:
        first, second = stages[0].pair
        rows += [
            (f"{first} minus {second}, level (dB)", *(s.match_level_db for s in stages)),
            (f"{first} against {second}, shape (dB)", *(s.match_rms_db for s in stages)),
        ]
    return Table(
        caption="What the correction does" if len(stages) > 1 else "What was measured",
        columns=columns,
        rows=tuple(rows),
        note=_summary_note(rows),
    )


def _summary_note(rows: Sequence[tuple[str | float, ...]]) -> str:
    """Explain the rows that are there."""
    names = " ".join(str(row[0]) for row in rows)
    notes = {
        "Deviation": "Deviation: rms over positions and frequencies at 1/6 octave.",
        "Decay": "Decay: T20.",
        "shape": "Shape: rms of the difference between the speakers, 100 Hz to 10 kHz, about its "
        "mean.",
    }
    return " ".join(text for word, text in notes.items() if word in names)


def _sections(story: Story, early: Mapping[str, EarlyReflections]) -> tuple[Section, ...]:
    """Say what the filters do, what they cannot do, and what to treat or to move."""
    found = list(early.items())
    if story.bank is None:
        return (
            Section(
                "What to treat",
                "What filters do not mend, from the modes and the reflections that were measured.",
                advice=(*ringing(story.modes), *reflected(found)),
            ),
        )
    explanations = story.bank.explanations
    return (
        Section(
            "What the filters do",
            "The largest corrections, and how they were chosen; the ledger below has all of them.",
            notes=tuple(
                Notes(who, tuple(text[:1].upper() + text[1:] for text in notes))
                for who, notes in notes_by_speaker(explanations)
            ),
            advice=corrected(explanations),
        ),
        Section(
            "What they cannot do",
            "What is left on purpose, or because more would cost headroom, ring or help one seat "
            "alone.",
            advice=left(explanations),
        ),
        Section(
            "What to treat or to move",
            "What absorption or another place mends, and no filter.",
            advice=(*treated(explanations), *ringing(story.modes), *reflected(found)),
        ),
    )


def _charts(story: Story, early: Mapping[str, EarlyReflections]) -> tuple[Chart, ...]:
    """Draw what the reader looks into."""
    charts = (
        response_chart(story),
        speakers_chart(story),
        correction_chart(story),
        decay_chart(story),
        reflections_chart(story, early),
        step_chart(story),
        group_delay_chart(story),
        distortion_chart(story),
    )
    return tuple(chart for chart in charts if chart is not None)


def _pictures(story: Story) -> list[Picture]:
    """Draw what is looked at from afar: decays in perspective, maps, modes."""
    first, last = story.stages[0], story.stages[-1]
    pictures = []
    measured = [s for s in story.stages if s.role != "predicted"]
    shown = [
        (stage, speaker, r) for stage in measured for speaker, r in story.here(stage.role).items()
    ]
    shown.sort(key=lambda found: story.speakers.index(found[1]))
    several = len(measured) > 1

    def name(stage: Stage, speaker: str) -> str:
        return f"{speaker}, {stage_name(stage, story.stages).lower()}" if several else speaker

    falls = [(name(stage, speaker), waterfall(r)) for stage, speaker, r in shown]
    pictures.append(
        Picture(
            waterfall_figure(falls, title="Decay of the bass"),
            f"At {story.position}. A ridge that runs to the front is a mode that rings on.",
            "Waterfall of each speaker, 20 to 300 Hz over 500 milliseconds.",
        )
    )
    pictures.append(
        Picture(
            modes_figure([("", story.modes)]),
            "Fitted to all responses together"
            + (", before the correction." if story.bank else "."),
            "Frequency, decay time and strength of the modes of the room.",
        )
    )
    maps = [(speaker, wavelet_spectrogram(r)) for speaker, r in story.here(first.role).items()]
    pictures.append(
        Picture(
            spectrogram_figure(maps, title="Wavelet spectrogram"),
            f"At {story.position}{', before the correction' if last is not first else ''}. What is "
            "bright for long rings; the dashed line shows what arrives late.",
            "Level over time and frequency of each speaker.",
        )
    )
    return pictures


def _verification_table(verification: Verification) -> Table:
    bands = verification.speakers[0].f_hz
    rows = []
    for index, f_hz in enumerate(bands):
        cells: list[str | float] = [f"{nominal_hz(f_hz):g}"]
        for s in verification.speakers:
            cells += [float(s.error_db[index]), float(s.tolerance_db[index])]
        rows.append(tuple(cells))
    columns = ["Third octave (Hz)"]
    for s in verification.speakers:
        columns += [f"{s.speaker}: error (dB)", f"{s.speaker}: allowed (dB)"]
    return Table(
        caption="Measured minus predicted",
        columns=tuple(columns),
        rows=tuple(rows),
        note=f"All speakers together measured {verification.common_gain_db:+.2f} dB against the "
        "prediction; that much is taken off.",
    )


def _modes_table(room: RoomModes) -> Table:
    """List each mode with the highest level that any response has of it."""
    return Table(
        caption="Modes of the room",
        columns=("Frequency (Hz)", "Decay, T60 (s)", "Q", "Level (dB)"),
        rows=tuple(
            (f"{m.f_hz:.1f}", m.t60_s, round(m.q, 1), round(float(m.level_db.max()), 1))
            for m in room.modes
        ),
        note="Fitted to all responses together. Level: of the resonance at its peak, in the "
        "response where it is strongest. A mode that no speaker drives at any position is not "
        "found.",
    )
