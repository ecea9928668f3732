"""The page of a calibration: verdict, numbers, what the filters do, pictures, provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import roomcal
from roomcal.analyze.modes import RoomModes
from roomcal.analyze.response import DEVIATION_BANDS_HZ
from roomcal.jobs.describe import notes_by_speaker
from roomcal.jobs.ledger_page import ledger_tables
from roomcal.jobs.pictures import decay_trace
from roomcal.jobs.summary import Stage, moved
from roomcal.model.curve import Curve
from roomcal.model.filter_bank import Bank
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.report.page import Notes, Page, Picture, Table
from roomcal.report.traces import ROLE_NAMES, DecayTrace, Trace
from roomcal.units import nominal_hz
from roomcal.verify.promise import Verification


@dataclass(frozen=True, eq=False)
class Story:
    """Everything that is known of one calibration; what is missing is left off the page."""

    session: str
    stages: tuple[Stage, ...]
    responses: tuple[ImpulseResponse, ...]  # before
    targets: Mapping[str, Curve]  # from `level_targets`
    bank: Bank | None = None
    verification: Verification | None = None
    modes: RoomModes | None = None  # before
    exports: tuple[tuple[str, str], ...] = ()
    provenance: tuple[tuple[str, str], ...] = ()


def tell(story: Story, *, title: str) -> Page:
    """Lay a story out as a page."""
    verification = story.verification
    return Page(
        title=title,
        verdict=verdict(story),
        passed=verification.passed if verification else None,
        tables=(summary_table(story.stages),),
        notes=tuple(
            Notes(who, notes)
            for who, notes in notes_by_speaker(story.bank.explanations if story.bank else ())
        ),
        figures=tuple(_pictures(story)),
        details=(
            *(ledger_tables(story.bank.explanations) if story.bank else ()),
            *((_verification_table(verification),) if verification else ()),
            *((_modes_table(story.modes),) if story.modes and story.modes.modes else ()),
        ),
        exports=story.exports,
        provenance=(
            ("roomcal", roomcal.__version__),
            ("Session", story.session),
            *story.provenance,
        ),
    )


def verdict(story: Story) -> str:
    """One sentence for who reads no further."""
    before = story.stages[0]
    after = story.stages[-1]
    if story.verification is None and story.bank is None:
        return f"Measured: {', '.join(before.averages)}; no correction yet."
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
    columns = ("", *(_stage_name(stage, stages) for stage in stages))
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
            (f"{first} louder than {second} (dB)", *(s.match_level_db for s in stages)),
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


def _stage_name(stage: Stage, stages: Sequence[Stage]) -> str:
    """Name a stage; "before" makes sense where something comes after it."""
    if len(stages) == 1 and stage.role == "before":
        return "Measured"
    return ROLE_NAMES.get(stage.role, stage.role)


def response_title(story: Story) -> str:
    """Head the picture of the responses."""
    n_positions = len({r.position for r in story.responses})
    return f"Response at the listening position{'s' if n_positions > 1 else ''}"


def response_traces(story: Story) -> dict[str, list[Trace]]:
    """Traces of the response figure, every stage at the level of the target."""
    traces: dict[str, list[Trace]] = {}
    for speaker in story.stages[0].averages:
        own = traces.setdefault(speaker, [])
        if speaker in story.targets:
            own.append(Trace(story.targets[speaker], role="target"))
        for stage in story.stages:
            average = stage.averages.get(speaker)
            if average is not None:
                shift = -stage.level_db if np.isfinite(stage.level_db) else 0.0
                band = stage.role == "before" and average.n_positions > 1
                own.append(
                    Trace(
                        moved(average.mean, shift),
                        role=stage.role,
                        label=_stage_name(stage, story.stages),
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
            name = _stage_name(stage, story.stages)
            traces.setdefault(speaker, []).append(decay_trace(decays, role=stage.role, label=name))
    return traces


def _pictures(story: Story) -> list[Picture]:
    from roomcal.dsp.arrival import arrival_sample
    from roomcal.report.figures import (
        decay_figure,
        filter_figure,
        impulse_figure,
        response_figure,
    )

    stages = ", ".join(_stage_name(s, story.stages).lower() for s in story.stages)
    several = len({r.position for r in story.responses}) > 1
    before = " before the correction" if story.bank else ""
    pictures = [
        Picture(
            response_figure(response_traces(story), title=response_title(story)),
            f"Mean over positions; the shaded range is that of the positions{before}."
            if several
            else "One position.",
            f"Level over frequency of each speaker, {stages}"
            + (", with the target." if story.targets else "."),
        ),
        Picture(
            decay_figure(decay_traces(story)),
            "Gaps stand where the measurement does not carry a number.",
            "Decay time per third octave of each speaker.",
        ),
    ]
    if story.bank is not None:
        spec = dict(story.bank.provenance.get("spec", {}))
        pictures.append(
            Picture(
                filter_figure(story.bank.explanations, max_boost_db=spec.get("max_boost_db")),
                "Without level match and headroom.",
                "Gain of the correction of each speaker over frequency, with the boost limit.",
            )
        )
    first = story.responses[0].position
    shown = [r for r in story.responses if r.position == first]
    pictures.append(
        Picture(
            impulse_figure(shown, [arrival_sample(r.samples, r.fs) for r in shown]),
            f"At {first}{before}; each speaker against its own peak.",
            "Impulse response of each speaker: the first milliseconds, and its decay.",
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
