"""`roomcal level`: a level that is safe and enough, found from the quietest sound upwards."""

from typing import TYPE_CHECKING, Any

import click

from roomcal.cli import completion
from roomcal.cli.audio_options import audio_options
from roomcal.cli.loudness_options import (
    check_level,
    loudness_options,
    on_input,
    refuse_unattended,
)
from roomcal.cli.numbers import NUMBER, Number
from roomcal.cli.settings import Settings, json_option

if TYPE_CHECKING:
    from roomcal.jobs.level import Levelled, LevelRequest
    from roomcal.jobs.pink_noise import NoiseLevel
    from roomcal.jobs.studio import Place
    from roomcal.measure.loudness import FullScale


@click.command()
@click.option(
    "--device",
    envvar="ROOMCAL_DEVICE",
    shell_complete=completion.devices,
    help="Device; virtual:ROOM needs no hardware.",
)
@audio_options
@click.option("--speakers", default="", help="Speakers to check, like L,R.  [default: all]")
@click.option("--level", type=NUMBER, help="Go no louder than this peak in dBFS.")
@loudness_options
@click.option(
    "--target-spl",
    type=click.Choice(["79", "82", "83", "85", "k-20", "k-14", "k-12"]),
    help="Trim every speaker to this many dB(C) with pink noise of -20 dBFS, or as the K-System "
    "wants it.",
)
@click.option(
    "--noise",
    type=Number(2.0, 120.0),
    metavar="SECONDS",
    help="Play pink noise from the first speaker, to read a sound level meter by.",
)
@click.option(
    "--reading",
    type=Number(30.0, 120.0),
    metavar="DB",
    help="What the meter showed during --noise, dB(C).  Plays nothing.",
)
@click.option(
    "--calibrator",
    type=Number(60.0, 130.0),
    metavar="DB",
    help="A calibrator of 94 or 114 dB is on the microphone.  Plays nothing.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be played; play nothing.")
@json_option
@click.pass_obj
def level(
    settings: Settings,
    *,
    device: str | None,
    speakers: str,
    level: float | None,
    max_spl: float,
    loud: bool,
    input_channel: int | None,
    yes: bool,
    target_spl: str | None,
    noise: float | None,
    reading: float | None,
    calibrator: float | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Find a safe, sufficient level, and prove the wiring before anything loud.

    The first sound is at -50 dBFS. Every step is taken only after the microphone has heard the
    last one rise as it should. `measure` uses what is found.

    \b
    Examples:
      roomcal level
      roomcal level --calibrator 94
      roomcal level --noise 10
      roomcal level --reading 83.5
      roomcal level --target-spl 79
      roomcal level --target-spl k-14
    """
    from roomcal.jobs.alone import alone_on_device
    from roomcal.jobs.confirmation import confirm_by_calibrator, confirm_by_reading
    from roomcal.jobs.level import LevelRequest, find_level
    from roomcal.jobs.pink_noise import TARGETS_DB_SPL
    from roomcal.jobs.studio import chosen_speakers, open_place
    from roomcal.measure.probe import FIRST_LEVEL_DBFS

    given = [
        f"--{name}"
        for name, value in (
            ("reading", reading),
            ("calibrator", calibrator),
            ("noise", noise),
            ("target-spl", target_spl),
        )
        if value is not None
    ]
    if dry_run and (reading is not None or calibrator is not None):
        given.append("--dry-run")
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} do not go together: one at a time")
    check_level(level, loud=loud)
    if level is not None and level < FIRST_LEVEL_DBFS:
        raise click.UsageError(
            f"--level {level:g} dBFS is below the first sound of {FIRST_LEVEL_DBFS:g} dBFS"
        )
    place = open_place(
        settings.folder,
        device,
        input_name=settings.input_device,
        audio_changes=settings.audio_changes,
    )
    place = on_input(place, input_channel)
    if reading is not None or calibrator is not None:
        if calibrator is not None:
            with alone_on_device(place.device_name):
                full_scale = confirm_by_calibrator(
                    settings.folder, place, calibrator, settings.talk
                )
        else:
            full_scale = confirm_by_reading(settings.folder, place, reading or 0.0, settings.talk)
        _show_sensitivity(settings, full_scale)
        settings.next_step("roomcal level")
        return
    request = LevelRequest(
        speakers=chosen_speakers(
            place.studio, tuple(n.strip() for n in speakers.split(",") if n.strip())
        ),
        level_dbfs=level,
        max_spl_db=max_spl,
        target_spl_db=TARGETS_DB_SPL[target_spl] if target_spl else None,
        noise_s=noise or 0.0,
    )
    if dry_run:
        _show_plan(settings, place, request)
        return
    refuse_unattended(place, yes=yes)
    with alone_on_device(place.device_name):
        found = find_level(settings.folder, place, request, settings.talk)
    if as_json:
        settings.show_json(_as_json(found))
    else:
        _show(settings, found)
    settings.next_step("roomcal level --reading DB" if noise else "roomcal measure before")


def _show_plan(settings: Settings, place: "Place", request: "LevelRequest") -> None:
    """Say what would be played, and how loud at most."""
    from roomcal.jobs.sensitivity import with_sensitivity
    from roomcal.measure.level import limits
    from roomcal.measure.probe import FIRST_LEVEL_DBFS

    _, full_scale, _ = with_sensitivity(settings.folder, place)
    bounds = limits(full_scale, max_spl_db=request.max_spl_db, asked_dbfs=request.level_dbfs)
    known = full_scale.at_most_db_spl is not None
    if settings.json:
        settings.show_json(
            {
                "speakers": [s.name for s in request.speakers],
                "device": place.device_name,
                "first_dbfs": FIRST_LEVEL_DBFS,
                "highest_dbfs": bounds.highest_dbfs,
                "max_c_db_spl": request.max_spl_db if known else None,
            }
        )
        return
    names = ", ".join(s.name for s in request.speakers)
    noise = "; then pink noise below the level that is found"
    click.echo(
        f"{names} on {place.device_name}: from {FIRST_LEVEL_DBFS:g} dBFS upwards in steps of 6 dB, "
        f"at most {bounds.highest_dbfs:g} dBFS"
        + (f" and {request.max_spl_db:g} dB(C)" if known else " (dB SPL is not known)")
        + (noise if request.noise_s or request.target_spl_db is not None else "")
    )


def _show_sensitivity(settings: Settings, full_scale: "FullScale") -> None:
    if settings.json:
        settings.show_json(
            {
                "full_scale_db_spl": full_scale.db_spl,
                "sensitivity": full_scale.sensitivity,
                "source": full_scale.source,
            }
        )
    else:
        click.echo(f"0 dBFS is {full_scale.db_spl:.1f} dB SPL, after {full_scale.source}")


def _as_json(found: "Levelled") -> dict[str, Any]:
    check = found.check
    return {
        "device": check.device,
        "position": check.position,
        "level_dbfs": check.level_dbfs,
        "sensitivity": check.sensitivity,
        "full_scale_db_spl": check.full_scale_db_spl,
        "sensitivity_source": check.sensitivity_source,
        "leq_a_db_spl": found.leq_a_db,
        "daily_dose_after_s": _allowed_s(found),
        "speakers": [
            {
                "speaker": s.speaker,
                "level_dbfs": s.level_dbfs,
                "stopped_by": s.stopped_by,
                "microphone_peak_dbfs": s.peak_dbfs,
                "snr_db": s.snr_db,
                "c_db_spl": s.spl_c_db,
                "a_db_spl": s.spl_a_db,
            }
            for s in check.speakers
        ],
        "noise": [
            {
                "speaker": n.speaker,
                "c_dbfs": n.c_dbfs,
                "at_reference_c_db_spl": n.at_reference_db_spl,
                "trim_db": n.trim_db,
                "gain_db": n.gain_db,
            }
            for n in found.noise
        ],
        "warnings": list(found.warnings),
    }


def _allowed_s(found: "Levelled") -> float | None:
    from roomcal.measure.loudness import allowed_s

    return None if found.leq_a_db is None else allowed_s(found.leq_a_db)


def _show(settings: Settings, found: "Levelled") -> None:
    check = found.check
    unit = "dB(C)" + (" est." if check.sensitivity == "estimated" else "")
    known = check.sensitivity != "unknown"
    several = len(check.speakers) > 1
    settings.show_table(
        f"Level: {check.level_dbfs:.1f} dBFS{' for all' if several else ''}, at position "
        f"{check.position}",
        [
            "",
            *([unit] if known else []),
            "mic peak dBFS",
            "above noise dB",
            *(["alone dBFS", "which ends at"] if several else ["ends at"]),
        ],
        [
            [
                s.speaker,
                *([f"{s.spl_c_db:.1f}"] if s.spl_c_db is not None else []),
                f"{s.peak_dbfs:.1f}",
                f"{s.snr_db:.0f}",
                *([f"{s.level_dbfs:.1f}"] if several else []),
                s.stopped_by,
            ]
            for s in check.speakers
        ],
        caption=_loudness_text(found),
    )
    if found.noise:
        _show_trims(settings, found)
    for warning in found.warnings:
        settings.talk.warn(warning)


def _loudness_text(found: "Levelled") -> str:
    from roomcal.measure.loudness import ESTIMATE_MARGIN_DB

    check = found.check
    allowed = _allowed_s(found)
    if found.leq_a_db is None or allowed is None:
        return (
            "how loud that is in dB SPL is not known: `--calibrator`, or `--noise` and `--reading`"
        )
    doubt = (
        f" (estimated from the {check.sensitivity_source}; may be {ESTIMATE_MARGIN_DB:g} dB more)"
        if check.sensitivity == "estimated"
        else ""
    )
    hours = allowed / 3600.0
    time = "more than a day" if hours > 24.0 else f"{hours:.1f} h"
    return (
        f"sweeps are {found.leq_a_db:.0f} dB(A) at the microphone{doubt}; a day's dose (85 dB(A) "
        f"for 8 h) is reached after {time}"
    )


def _show_trims(settings: Settings, found: "Levelled") -> None:
    noise = found.noise
    estimated = " (estimated)" if found.check.sensitivity == "estimated" else ""
    known = all(n.trim_db is not None for n in noise)
    quietest = min(n.c_dbfs - n.played_dbfs for n in noise)
    rows = [
        [
            n.speaker,
            f"{n.at_reference_db_spl:.1f}" if n.at_reference_db_spl is not None else "not known",
            f"{n.trim_db:+.1f}" if n.trim_db is not None else "not known",
            f"{round(quietest - (n.c_dbfs - n.played_dbfs), 1) + 0.0:+.1f}",
            _new_gain_text(n),
        ]
        for n in noise
    ]
    settings.show_table(
        f"Pink noise of -20 dBFS{estimated}",
        ["", "dB(C)", "turn by dB", "to match dB", "or gain_db"],
        rows,
        caption="at the amplifiers, or as gain_db in studio.toml (what stands there is counted in)"
        if known
        else "without a known sensitivity only the match between the speakers can be told",
    )


def _new_gain_text(noise: "NoiseLevel") -> str:
    """Write the gain_db that reaches the target: what is there now, and the trim."""
    if noise.trim_db is None:
        return "not known"
    gain_db = noise.gain_db + noise.trim_db
    return f"{gain_db:.1f}" if gain_db <= 0.0 else "above 0"
