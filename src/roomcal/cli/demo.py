"""`roomcal demo`: the first evening, in a virtual studio."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from roomcal.cli.settings import Settings, json_option

if TYPE_CHECKING:
    from roomcal.jobs.demo import Demo


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="New folder for it.  [default: roomcal-demo]",
)
@click.option("--room", default="bedroom", show_default=True, help="A room of `roomcal devices`.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Another evening."
)
@json_option
@click.pass_obj
def demo(settings: Settings, *, out: Path | None, room: str, seed: int, as_json: bool) -> None:
    """Measure, correct and verify a virtual studio; nothing needs to be plugged in.

    The last line is the path of the report.

    \b
    Examples:
      roomcal demo
      roomcal demo --room living-room --out tryout
    """
    from roomcal.errors import ProofError
    from roomcal.jobs.demo import demo as demo_job

    done = demo_job(out or _fresh(settings.folder / "roomcal-demo"), room, settings.talk, seed=seed)
    if as_json:
        settings.show_json(_as_json(done))
    else:
        _show(settings, done)
    failures = done.verified.verification.failures
    if failures:
        raise ProofError("RC-901", "the promise is broken: " + "; ".join(failures))


def _fresh(path: Path) -> Path:
    """Return the path, or the path with the first free number."""
    number, fresh = 1, path
    while fresh.exists():
        number += 1
        fresh = path.with_name(f"{path.name}-{number}")
    return fresh


def _as_json(done: "Demo") -> dict[str, object]:
    return {
        "folder": str(done.folder),
        "report": str(done.page),
        "passed": done.verified.verification.passed,
        "stages": [
            {
                "stage": stage.role,
                "deviation_db": dict(stage.deviation_db),
                "bass_decay_s": stage.bass_decay_s,
                "mid_decay_s": stage.mid_decay_s,
                "match_level_db": stage.match_level_db,
                "match_rms_db": stage.match_rms_db,
            }
            for stage in done.story.stages
        ],
        "exports": [str(e.folder) for e in done.exports],
    }


def _show(settings: Settings, done: "Demo") -> None:
    from roomcal.cli.analyze_tables import number
    from roomcal.jobs.page import summary_table, verdict
    from roomcal.units import counted

    table = summary_table(done.story.stages)
    settings.show_table(
        table.caption,
        table.columns,
        [
            [number(cell, ".2f") if isinstance(cell, float) else str(cell) for cell in row]
            for row in table.rows
        ],
        caption=table.note,
    )
    settings.show_text(verdict(done.story))
    for e in done.exports:
        whole = "the bank" if e.proof.worst_db is None else "the nearest bands"
        click.echo(f"{e.folder}: {counted(len(e.files), 'file')}, read back and equal to {whole}")
    a = done.applied
    click.echo(f"{a.path}: music through the correction, peak {a.peak_dbfs:.1f} dBFS")
    click.echo(done.page)
