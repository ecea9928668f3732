"""The tables of `roomcal analyze` about speakers and the room around them, and about standards."""

import textwrap
from typing import TYPE_CHECKING

from roomcal.cli.analyze_tables import number
from roomcal.cli.settings import Settings

if TYPE_CHECKING:
    from roomcal.analyze.session_analysis import SessionAnalysis

_DISTORTION_HZ = (50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)  # rows; JSON has all
_TEXT_WIDTH = 78


def show_boundaries(settings: Settings, found: "SessionAnalysis") -> None:
    """Show the dips that every position of a speaker shares."""
    from roomcal.units import frequency_text

    rows = [
        [
            b.speaker,
            frequency_text(d.f_hz),
            number(d.depth_db, ".0f"),
            number(d.quarter_wave_m, ".2f"),
            d.surface or "-",
        ]
        for b in found.boundaries
        for d in b.dips
    ]
    notes = {f"{b.speaker}: {b.reason}" for b in found.boundaries if b.reason}
    if not rows:
        _show_nothing(settings, "Dips by boundaries", "none of 4 dB between 40 and 500 Hz")
        return
    settings.show_table(
        "Dips that the positions share, and the distance of a boundary that makes them",
        ["speaker", "dip", "depth dB", "distance m", "fits"],
        rows,
        caption=_notes(notes),
    )


def show_pairs(settings: Settings, found: "SessionAnalysis") -> None:
    """Show how pairs match, and whether they add up."""
    from roomcal.units import frequency_text

    rows, notes = [], set()
    for p in found.pairs:
        polarity = "unknown" if p.inverted is None else "OPPOSITE" if p.inverted else "same"
        low_db, low_hz = p.worst_sum
        rows.append(
            [
                f"{p.first} / {p.second}",
                number(p.level_db, "+.1f"),
                number(p.direct_level_db, "+.1f"),
                number(p.rms_db, ".1f"),
                number(1000.0 * p.delay_s, "+.3f"),
                polarity,
                number(p.bass_sum_db, "+.1f"),
            ]
        )
        if p.sum_db is not None:
            notes.add(
                f"{p.first} and {p.second} together at {p.position}: worst {low_db:+.0f} dB at "
                f"{frequency_text(low_hz)}"
            )
        if p.reason:
            notes.add(p.reason)
    if not rows:
        _show_nothing(settings, "Left and right", "there is no pair of speakers at one position")
        return
    notes.add(
        "level: of the first re the second, 100 Hz to 10 kHz, all positions; rms: of their "
        "difference about it"
    )
    notes.add("delay: the second after the first; sum: of both re their powers, +3 in phase")
    settings.show_table(
        "Left and right: level and direct sound in dB, delay in ms",
        ["pair", "level", "direct", "rms", "delay", "polarity", "sum 30-200 Hz"],
        rows,
        caption=_notes(notes),
    )


def show_distortion(settings: Settings, found: "SessionAnalysis") -> None:
    """Show the harmonics of each speaker at a few frequencies."""
    from roomcal.analyze.distortion import ORDERS
    from roomcal.units import frequency_text

    silent: dict[str, list[str]] = {}
    for speaker, d in found.distortion.items():
        if not d.f_hz.size:
            silent.setdefault(d.reason, []).append(speaker)
    for reason, speakers in silent.items():
        _show_nothing(settings, f"Distortion of {', '.join(speakers)}", reason)
    for speaker, d in found.distortion.items():
        if not d.f_hz.size:
            continue
        rows = []
        for f_hz in _DISTORTION_HZ:
            k = int(abs(d.f_hz - f_hz).argmin())
            percent = 100.0 * 10.0 ** (float(d.thd_db[k]) / 20.0)
            rows.append(
                [
                    frequency_text(f_hz),
                    *(number(float(d.harmonics_db[o][k]), ".0f") for o in ORDERS),
                    number(float(d.thd_db[k]), ".0f"),
                    number(percent, ".2f"),
                    number(float(d.thd_n_db[k]), ".0f"),
                    number(float(d.floor_db[k]), ".0f"),
                ]
            )
        settings.show_table(
            f"Distortion of {speaker} in dB re the fundamental, sweep at {d.level_dbfs:g} dBFS",
            ["", *(f"H{o}" for o in ORDERS), "THD", "THD %", "THD+N", "floor"],
            rows,
            caption=_notes({d.reason} if d.reason else set()),
        )


def show_noise(settings: Settings, found: "SessionAnalysis") -> None:
    """Show the noise per octave with its ratings."""
    from roomcal.analyze.noise import NO_NOISE, rating_texts
    from roomcal.units import frequency_text, nominal_hz

    noise = found.noise
    if noise is None:
        _show_nothing(settings, "Noise of the room", NO_NOISE)
        return
    known = noise.sensitivity != "unknown"
    level = noise.level_db_spl if known else noise.level_dbfs
    rows = [[number(float(v), ".0f") for v in level]]
    notes = {noise.reason} if noise.reason else set()
    if known:
        notes.add(", ".join(rating_texts(noise)))
    settings.show_table(
        f"Noise of the room per octave in {'dB SPL' if known else 'dBFS'}",
        [frequency_text(nominal_hz(float(f))) for f in noise.bands_hz],
        rows,
        caption=_notes(notes),
    )


def show_standards(settings: Settings, found: "SessionAnalysis", *, whole: bool) -> None:
    """Show every clause, or how many are kept."""
    from roomcal.analyze.standards import remembered_text

    if not found.standards:
        return
    standards = list(dict.fromkeys(v.clause.standard for v in found.standards))
    if not whole:
        rows = [
            [
                standard,
                *(
                    str(
                        sum(
                            v.status == status and v.clause.standard == standard
                            for v in found.standards
                        )
                    )
                    for status in ("pass", "fail", "not measurable")
                ),
            ]
            for standard in standards
        ]
        settings.show_table(
            "Clauses of standards",
            ["", "pass", "fail", "not measurable"],
            rows,
            caption=_notes({"each one with its reason: --only standards"}),
        )
        return
    for standard in standards:
        settings.show_text(f"{standard}")
        for v in found.standards:
            if v.clause.standard != standard:
                continue
            mark = {"pass": "pass", "fail": "FAIL", "not measurable": " -  "}[v.status]
            lines = textwrap.wrap(f"{v.clause.asks}: {v.found}", _TEXT_WIDTH - 6)
            settings.show_text(f"{mark}  {lines[0]}")
            for line in lines[1:]:
                settings.show_text(f"      {line}")
        settings.show_text("")
    settings.show_text(f"{remembered_text(found.standards)} (docs/analysis.md).")


def _show_nothing(settings: Settings, title: str, reason: str) -> None:
    """Say why there is no table."""
    settings.show_text(f"{title}: {reason}.\n")


def _notes(notes: set[str]) -> str:
    return "- " + "\n- ".join(sorted(notes)) if notes else ""
