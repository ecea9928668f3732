"""`roomcal compare`: what changed between sessions, and whether it is more than chance."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roomcal.cli.analyze_tables import number
from roomcal.cli.settings import Settings, force_option, json_option

if TYPE_CHECKING:
    from roomcal.jobs.compare import Compared
    from roomcal.verify.compare import Comparison, SpeakerComparison
    from roomcal.verify.session_changes import Change

MOST_LEVELS = 8  # in a table; JSON has all
SIGNIFICANT = "*"


@click.command()
@click.argument("sessions", nargs=-1, required=True, metavar="A B [C]...")
@click.option(
    "-o",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page as well: .html or .pdf.",
)
@force_option
@json_option
@click.pass_obj
def compare(
    settings: Settings,
    *,
    sessions: tuple[str, ...],
    path: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Compare session B with session A; with more sessions, each with the first.

    Level, decay and early reflections of every speaker that both have, over the positions that
    both have. A difference counts when it is more than chance, with all that is compared taken
    together; "no significant change" is an answer. A gain, a microphone or a speaker at another
    place, and warmer air are named.

    \b
    Examples:
      roomcal compare before after
      roomcal compare before after --json
      roomcal compare before after -o change.html
      roomcal compare before january february march
    """
    from roomcal.files.atomic import refuse_existing
    from roomcal.jobs.compare import compare_stored

    if path is not None:
        refuse_existing(path, force=force)
    result = compare_stored(settings.folder, sessions)
    if path is not None:
        from roomcal.jobs.compare_page import write_comparison

        write_comparison(result, path, force=force)
    if as_json:
        settings.show_json(_as_json(result))
        return
    _show(settings, result)
    if path is not None:
        click.echo(path)


def _show(settings: Settings, result: "Compared") -> None:
    if len(result.comparisons) == 1:
        _show_pair(settings, result.comparisons[0])
        return
    settings.show_text(f"{result.verdict}.\n")
    for comparison in result.comparisons:
        _show_verdict(settings, comparison)
    _show_trend(settings, result)


def _show_pair(settings: Settings, comparison: "Comparison") -> None:
    """Verdict, what else differs, and a table a speaker."""
    _show_verdict(settings, comparison)
    for speaker in comparison.speakers:
        _show_speaker(settings, comparison, speaker)


def _show_verdict(settings: Settings, comparison: "Comparison") -> None:
    from roomcal.verify.compare import speaker_text

    c = comparison
    n = sum(len(s.found) for s in c.speakers)
    if not c.changed:
        settings.show_text(f"{c.b} against {c.a}: {c.verdict} in {c.n_compared} numbers.")
    else:
        room = ", not all of them the room's" if c.confounded else ""
        settings.show_text(
            f"{c.b} against {c.a}: {n} of {c.n_compared} numbers changed significantly{room}."
        )
    for speaker in c.speakers:
        if speaker.found:
            settings.show_text(f"- {speaker_text(speaker)}")
    for finding in c.findings:
        mark = "!" if finding.severity == "warning" else "-"
        settings.show_text(f"{mark} {finding.message}")
    for note in c.notes:
        settings.show_text(f"- {note}")
    settings.show_text("")


def _show_speaker(
    settings: Settings, comparison: "Comparison", speaker: "SpeakerComparison"
) -> None:
    """Decay and reflections in full, and the levels that changed most."""
    found = [c for c in speaker.levels if c.significant]
    most = sorted(found, key=lambda c: -abs(c.difference))[:MOST_LEVELS]
    shown = [*sorted(most, key=lambda c: c.at), *speaker.decays, *speaker.reflections]
    rows = [
        [
            _where(c),
            *(number(value, _form(c)) for value in (c.a, c.b)),
            number(c.difference, _form(c, signed=True)),
            number(c.uncertainty, _form(c)),
            SIGNIFICANT if c.significant else "",
        ]
        for c in shown
    ]
    places = len(speaker.positions)
    notes = [
        f"{SIGNIFICANT} more than chance; ± half the 95 % interval, from noise, the placing of "
        f"the microphone and {places} position{'s' * (places > 1)}"
    ]
    if not found:
        notes.append("level: no third octave changed")
    elif len(found) > len(most):
        notes.append(f"level: {len(most)} of {len(found)} third octaves that changed (--json: all)")
    missing = {f"{_where(c)}: {c.reason}" for c in speaker.decays if c.reason}
    notes += sorted(missing)
    settings.show_table(
        f"{speaker.speaker}: {comparison.b} against {comparison.a}",
        ["", comparison.a, comparison.b, "difference", "±", ""],
        rows,
        caption="- " + "\n- ".join(notes),
    )


def _show_trend(settings: Settings, result: "Compared") -> None:
    """Decay per octave over all sessions, and how the level moved."""
    first = result.comparisons[0]
    names = [first.a, *(c.b for c in result.comparisons)]
    for speaker in first.speakers:
        own = [
            next((s for s in c.speakers if s.speaker == speaker.speaker), None)
            for c in result.comparisons
        ]
        rows = []
        for k, change in enumerate(speaker.decays):
            cells = [s.decays[k] if s and k < len(s.decays) else None for s in own]
            rows.append(
                [
                    _where(change),
                    number(change.a, ".2f"),
                    *(_cell(c, c.b, ".2f") if c else "-" for c in cells),
                ]
            )
        for k, change in enumerate(speaker.reflections):
            cells = [s.reflections[k] if s else None for s in own]
            rows.append(
                [
                    _where(change),
                    number(change.a, ".1f"),
                    *(_cell(c, c.b, ".1f") if c else "-" for c in cells),
                ]
            )
        settings.show_table(
            f"{speaker.speaker}: decay in s per octave, early sound in dB re the direct sound",
            ["", *names],
            rows,
            caption=f"- {SIGNIFICANT} more than chance against {first.a}",
        )


def _cell(change: "Change", value: float, form: str) -> str:
    return number(value, form) + (SIGNIFICANT if change.significant else "")


def _where(change: "Change") -> str:
    from roomcal.units import frequency_text, nominal_hz

    if change.quantity == "reflections":
        return f"after {1000.0 * change.at:.3g}-{1000.0 * change.until:.3g} ms, dB"
    unit = "s" if change.quantity == "decay" else "dB"
    return f"{change.quantity} {frequency_text(nominal_hz(change.at))}, {unit}"


def _form(change: "Change", *, signed: bool = False) -> str:
    digits = 2 if change.quantity == "decay" else 1
    return f"{'+' if signed else ''}.{digits}f"


def _as_json(result: "Compared") -> dict[str, Any]:
    parts = [_comparison_json(c) for c in result.comparisons]
    if len(parts) == 1:
        return parts[0]
    return {
        "sessions": [s.folder.name for s in result.sessions],
        "verdict": result.verdict,
        "comparisons": parts,
    }


def _comparison_json(c: "Comparison") -> dict[str, Any]:
    return {
        "a": c.a,
        "b": c.b,
        "verdict": c.verdict,
        "changed": c.changed,
        "n_compared": c.n_compared,
        "common_gain_db": c.circumstances.common_gain_db,
        "warmer_k": c.circumstances.warmer_k,
        "findings": [
            {
                "kind": f.kind,
                "severity": f.severity,
                "speaker": f.speaker,
                "message": f.message,
                "evidence": dict(f.evidence),
            }
            for f in c.findings
        ],
        "notes": list(c.notes),
        "speakers": [
            {
                "speaker": s.speaker,
                "positions": list(s.positions),
                "gain_db": s.gain_db,
                "bands": [_change_json(x, ("f_hz",), "db") for x in s.levels],
                "decay": [_change_json(x, ("f_hz",), "s") for x in s.decays],
                "reflections": [_change_json(x, ("from_s", "to_s"), "db") for x in s.reflections],
            }
            for s in c.speakers
        ],
    }


def _change_json(change: "Change", places: tuple[str, ...], unit: str) -> dict[str, Any]:
    return {
        **dict(zip(places, (change.at, change.until), strict=False)),
        f"a_{unit}": change.a,
        f"b_{unit}": change.b,
        f"difference_{unit}": change.difference,
        f"uncertainty_{unit}": change.uncertainty,
        "p_value": change.p_value,
        "significant": change.significant,
        "n_positions": change.n_positions,
        "reason": change.reason,
    }
