"""The tables of `roomcal analyze` about responses: level, decay, modes, reflections."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from roomcal.cli.graphs import draw_responses, letters
from roomcal.cli.settings import Settings

if TYPE_CHECKING:
    from roomcal.analyze.analysis import ResponseAnalysis

MOST_REFLECTIONS = 10  # in a table; JSON has all
MOST_COLUMNS = 5  # speakers beside each other
SMALL_ROOM_HZ = 200.0  # below, a small room has few modes an octave; its size tells better
BAR_WIDTH = 12  # letters, of the longest decay


def number(value: float, form: str) -> str:
    """Format a number, or a dash for what could not be had; zero has no sign of its own."""
    if not math.isfinite(value):
        return "-"
    text = format(value, form)
    return text if float(text) else format(0.0, form)


def show_responses(settings: Settings, found: Sequence["ResponseAnalysis"]) -> None:
    """Show arrival, noise and a few levels of each response."""
    from roomcal.dsp.smoothing import width_text

    probes_hz = (50.0, 100.0, 200.0, 1000.0, 4000.0, 12000.0)
    rows = []
    for a in found:
        level = a.response.level_at(probes_hz)
        rows.append(
            [
                f"{a.speaker} {a.position}",
                number(1000.0 * a.arrival.arrival_s, ".2f"),
                number(a.snr.snr_db, ".0f"),
                *(number(v, "+.1f") for v in level),
            ]
        )
    notes = {f"arrival: {a.arrival.reason}" for a in found if a.arrival.reason}
    notes |= {f"S/N: {a.snr.reason}" for a in found if a.snr.reason}
    notes.add(f"smoothing: {width_text(found[0].smoothing)}")
    if any(a.time_reference == "marks" for a in found):
        notes.add("arrival: after that of the first speaker, which plays the timing marks")
    settings.show_table(
        "Responses: arrival in ms, signal to noise in dB, level in dB",
        ["", "arrival", "S/N", "50 Hz", "100", "200", "1 kHz", "4 kHz", "12 kHz"],
        rows,
        caption="- " + "\n- ".join(sorted(notes)),
    )
    draw_responses(settings, found)


def show_decay(settings: Settings, found: Sequence["ResponseAnalysis"]) -> None:
    """Show the decay per octave of each speaker, mean and spread over positions."""
    from roomcal.analyze.decay_average import average_decay
    from roomcal.report.text_graph import bars
    from roomcal.units import frequency_text, nominal_hz

    for speaker in dict.fromkeys(a.speaker for a in found):
        own = [a.octave_decay for a in found if a.speaker == speaker]
        rows, reasons = [], []
        drawn = bars(average_decay(own).time_s, letters(), width=BAR_WIDTH)
        for index, f_hz in enumerate(own[0].bands_hz):
            cells = []
            for key, form in (
                ("edt_s", ".2f"),
                ("t20_s", ".2f"),
                ("t30_s", ".2f"),
                ("c80_db", "+.1f"),
            ):
                mean, spread, n = _mean([float(getattr(d, key)[index]) for d in own])
                text = number(mean, form)
                if n > 1:
                    text += f" ± {spread:.2f}" if key != "c80_db" else f" ± {spread:.1f}"
                cells.append(text)
            why = next((d.reason[index] for d in own if d.reason[index]), "")
            if why:
                reasons.append(f"{frequency_text(nominal_hz(f_hz))}: {why}")
            rows.append([frequency_text(nominal_hz(f_hz)), *cells, drawn[index]])
        places = f"mean of {len(own)} positions ± spread" if len(own) > 1 else "one position"
        settings.show_table(
            f"Decay of {speaker} per octave, {places}",
            ["octave", "EDT s", "T20 s", "T30 s", "C80 dB", ""],
            rows,
            caption="- " + "\n- ".join([_modal_note(found), *reasons]),
        )


def _modal_note(found: Sequence["ResponseAnalysis"]) -> str:
    """Say where octaves hold single modes, which have their own table."""
    limit_hz = found[0].room.schroeder_hz
    below = f"{limit_hz:.0f} Hz" if math.isfinite(limit_hz) else f"about {SMALL_ROOM_HZ:.0f} Hz"
    return f"below {below} single modes decay, each at its own pace: --only modes"


def show_modes(settings: Settings, found: Sequence["ResponseAnalysis"]) -> None:
    """Show the modes of the room."""
    room = found[0].room
    if not room.modes:
        settings.show_text(f"Modes of the room: none: {room.reason}.\n")
        return
    speakers = list(dict.fromkeys(a.speaker for a in found))
    many = len(speakers) > MOST_COLUMNS
    rows = []
    for mode in room.modes:
        best = [
            max(float(mode.level_db[a.index]) for a in found if a.speaker == s) for s in speakers
        ]
        levels = [number(level, "+.0f") for level in best]
        if many:
            loudest = max(range(len(best)), key=lambda i: best[i])
            levels = [levels[loudest], speakers[loudest]]
        row = [
            number(mode.f_hz, ".1f"),
            f"{number(mode.t60_s, '.2f')} ± {number(mode.t60_std_s, '.2f')}",
            number(mode.q, ".0f"),
            *levels,
        ]
        if math.isfinite(room.schroeder_hz):
            row.append(" ".join(map(str, mode.numbers)) if mode.numbers else "-")
            row.append(number(mode.box_hz, ".1f"))
        rows.append(row)
    named = math.isfinite(room.schroeder_hz)
    notes = ["level: of the resonance at its peak, the strongest of the positions"]
    if named:
        notes.append("half waves: along x, y and z; box: where rigid walls of that size have them")
        notes.append(
            f"Schroeder frequency {room.schroeder_hz:.0f} Hz: modes above overlap, and are left out"
        )
    settings.show_table(
        "Modes of the room, level in dB",
        [
            "Hz",
            "T60 s",
            "Q",
            *(["dB", "from"] if many else speakers),
            *(["half waves", "box Hz"] if named else []),
        ],
        rows,
        caption="- " + "\n- ".join(notes),
    )


def show_reflections(settings: Settings, found: Sequence["ResponseAnalysis"]) -> None:
    """Show the strongest reflections of each speaker."""
    from roomcal.analyze.reflections import CRITERION_DB, CRITERION_S

    for speaker in dict.fromkeys(a.speaker for a in found):
        a = next(a for a in found if a.speaker == speaker)
        early = a.reflections
        strongest = sorted(early.found, key=lambda r: -r.level_db)[:MOST_REFLECTIONS]
        rows = [
            [
                number(1000.0 * r.delay_s, ".2f"),
                number(r.level_db, "+.1f"),
                number(r.path_m, ".2f"),
                r.surface or "-",
            ]
            for r in sorted(strongest, key=lambda r: r.delay_s)
        ]
        if early.reason:
            note = f"none: {early.reason}"
        elif early.strongest is None:
            note = f"none within {1000 * CRITERION_S:.0f} ms"
        else:
            kept = "kept" if early.strongest.level_db <= CRITERION_DB else "missed"
            note = (
                f"strongest within {1000 * CRITERION_S:.0f} ms: "
                f"{early.strongest.level_db:+.1f} dB; "
                f"at most {CRITERION_DB:.0f} dB (ITU-R BS.1116) is {kept}"
            )
        settings.show_table(
            f"Strongest reflections of {speaker} at {a.position}, re the direct sound, 1-8 kHz",
            ["delay ms", "level dB", "detour m", "surface"],
            rows,
            caption=f"- {note}",
        )


def _mean(values: list[float]) -> tuple[float, float, int]:
    """Mean and spread of what is finite, and how much that is."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return float("nan"), float("nan"), 0
    mean = sum(finite) / len(finite)
    spread = math.sqrt(sum((v - mean) ** 2 for v in finite) / max(len(finite) - 1, 1))
    return mean, spread, len(finite)
