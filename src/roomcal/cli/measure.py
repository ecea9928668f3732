"""`roomcal measure`: sweeps through every speaker at every position."""

from typing import TYPE_CHECKING

import click

from roomcal.cli import completion
from roomcal.cli.audio_options import audio_options
from roomcal.cli.loudness_options import (
    check_level,
    loudness_options,
    on_input,
    refuse_unattended,
)
from roomcal.cli.numbers import NUMBER
from roomcal.cli.settings import Settings, force_option, json_option
from roomcal.cli.sweep_options import length_option, pause_option

if TYPE_CHECKING:
    from roomcal.jobs.measure_plan import MeasurePlan


@click.command()
@click.argument("name", shell_complete=completion.sessions)
@click.option(
    "--device",
    envvar="ROOMCAL_DEVICE",
    shell_complete=completion.devices,
    help="Device; virtual:ROOM needs no hardware.",
)
@audio_options
@click.option("--speakers", default="", help="Speakers to measure, like L,R.  [default: all]")
@click.option("--positions", type=int, help="How many positions.  [default: the studio's]")
@click.option(
    "--sweeps",
    type=click.IntRange(1, 32),
    default=3,
    show_default=True,
    help="Sweeps a take; more of them lower the noise.",
)
@length_option
@pause_option
@click.option(
    "--level",
    type=NUMBER,
    help="Peak of the sweep in dBFS.  [default: what `level` found, else -20]",
)
@loudness_options
@click.option(
    "--through",
    metavar="BANK",
    shell_complete=completion.banks,
    help="Measure through a bank.",
)
@click.option("--no-cal", is_flag=True, help="Leave the microphone calibration out.")
@click.option("--dry-run", is_flag=True, help="Say what would be measured; play nothing.")
@force_option
@json_option
@click.pass_obj
def measure(
    settings: Settings,
    *,
    name: str,
    device: str | None,
    speakers: str,
    positions: int | None,
    sweeps: int,
    length: float,
    pause: float,
    level: float | None,
    max_spl: float,
    loud: bool,
    input_channel: int | None,
    yes: bool,
    through: str | None,
    no_cal: bool,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Measure the impulse responses of a studio into session NAME.

    A session that exists is continued: paths that it has are left alone.

    \b
    Examples:
      roomcal measure before --device virtual:bedroom
      roomcal measure before --positions 9 --sweeps 3
      roomcal measure after --through mix
    """
    from roomcal.files.bank_store import load_bank
    from roomcal.jobs.measure import measure as measure_job
    from roomcal.jobs.measure_plan import MeasureRequest, plan_measurement
    from roomcal.jobs.studio import chosen_positions, chosen_speakers, open_place
    from roomcal.units import counted

    check_level(level, loud=loud)
    place = open_place(
        settings.folder,
        device,
        input_name=settings.input_device,
        audio_changes=settings.audio_changes,
        use_calibration=not no_cal,
    )
    place = on_input(place, input_channel)
    request = MeasureRequest(
        speakers=chosen_speakers(place.studio, _split(speakers)),
        positions=chosen_positions(place, positions),
        sweeps=sweeps,
        length_s=length,
        pause_s=pause,
        level_dbfs=level,
        max_spl_db=max_spl,
        through=load_bank(settings.folder, through) if through else None,
        use_calibration=not no_cal,
        force=force,
    )
    if dry_run:
        plan = plan_measurement(settings.folder, name, place, request)
        plan.refuse_nothing_to_do()
        _show_plan(settings, plan, as_json=as_json)
        return
    refuse_unattended(place, yes=yes)
    try:
        store = measure_job(settings.folder, name, place, request, settings.talk)
    except (KeyboardInterrupt, click.Abort):  # the second: while a question stood there
        settings.talk.note("what is measured so far is kept; the same command goes on from there")
        raise
    n_responses, n_takes = len(store.session.responses), len(store.session.takes)
    if as_json:
        from roomcal.jobs.describe import session_json

        settings.show_json(session_json(store))
    else:
        click.echo(
            f"{store.folder}: {counted(n_responses, 'response')}, {counted(n_takes, 'take')}"
        )
    settings.next_step(f"roomcal analyze {name}")


def _show_plan(settings: Settings, plan: "MeasurePlan", *, as_json: bool) -> None:
    """Say what is to be done; what is measured already is not."""
    speakers = dict.fromkeys(speaker.name for _, speaker in plan.todo)
    positions = dict.fromkeys(position.name for position, _ in plan.todo)
    name, device = plan.store.folder.name, plan.place.device_name
    if as_json:
        settings.show_json(
            {
                "session": name,
                "device": device,
                "speakers": list(speakers),
                "positions": list(positions),
                "paths": [{"speaker": s.name, "position": p.name} for p, s in plan.todo],
                "level_dbfs": plan.level_dbfs,
                "quiet_s": plan.quiet_s,
                "duration_s": plan.sweeps_s,
            }
        )
        return
    what = f"{', '.join(speakers)} at {', '.join(positions)}"
    if len(plan.todo) < len(speakers) * len(positions):  # not every one everywhere
        what = ", ".join(f"{s.name} at {p.name}" for p, s in plan.todo)
    if plan.n_done:
        settings.talk.note(f"{plan.n_done} of {plan.n_paths} paths are measured already")
    click.echo(
        f"{name}: {what} on {device}, {plan.quiet_s:.0f} s of quiet sounds, then "
        f"{plan.sweeps_s:.0f} s of sweeps at {plan.level_dbfs:g} dBFS"
    )


def _split(names: str) -> tuple[str, ...]:
    return tuple(n.strip() for n in names.split(",") if n.strip())
