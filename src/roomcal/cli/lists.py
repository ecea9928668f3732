"""`roomcal sessions`, `banks` and `targets`: what is here to be named."""

import datetime
from pathlib import Path

import click

from roomcal.cli.settings import Settings, json_option
from roomcal.errors import InputError


@click.command()
@json_option
@click.pass_obj
def sessions(settings: Settings, *, as_json: bool) -> None:
    """List the measurement sessions of the studio folder."""
    from roomcal.jobs.describe import all_sessions

    _refuse_absent(settings.folder)
    found, damaged = all_sessions(settings.folder)
    for text in damaged:
        settings.talk.warn(text)
    if as_json:
        settings.show_json({"sessions": found})
        return
    if not found:
        settings.talk.note("no sessions yet: `roomcal measure` or `roomcal import` makes one")
        return
    settings.show_table(
        "Sessions",
        ["session", "speakers", "positions", "device", "made"],
        [
            [
                s["session"],
                ",".join(s["speakers"]),
                str(len(s["positions"])),
                s["device"] or "imported",
                _local_time(s["created_at"]),
            ]
            for s in found
        ],
    )


@click.command()
@json_option
@click.pass_obj
def banks(settings: Settings, *, as_json: bool) -> None:
    """List the filter banks of the studio folder."""
    from roomcal.jobs.describe import all_banks

    _refuse_absent(settings.folder)
    found, damaged = all_banks(settings.folder)
    for text in damaged:
        settings.talk.warn(text)
    if as_json:
        settings.show_json({"banks": found})
        return
    if not found:
        settings.talk.note("no banks yet: `roomcal design` makes one")
        return
    settings.show_table(
        "Banks",
        ["bank", "rates in Hz", "taps", "headroom dB", "from", "target"],
        [
            [
                b["bank"],
                " ".join(str(fs) for fs in b["fs"]),
                str(b["n_taps"]),
                f"{b['headroom_db']:.1f}",
                b["session"],
                b["target"],
            ]
            for b in found
        ],
    )


@click.command()
@json_option
@click.pass_obj
def targets(settings: Settings, *, as_json: bool) -> None:
    """List the named target curves; --target takes a text file as well."""
    from roomcal.design.targets import TARGETS
    from roomcal.design.targets_measured import MEASURED_TARGETS

    probes = (30.0, 100.0, 1000.0, 10000.0)
    if as_json:
        settings.show_json(
            {
                "targets": [
                    {
                        "name": name,
                        "description": target.description,
                        "source": target.source,
                        "f_hz": target.curve.f_hz.tolist(),
                        "level_db": target.curve.level_db.tolist(),
                    }
                    for name, target in TARGETS.items()
                ],
                "measured": [
                    {"name": name, "description": text} for name, text in MEASURED_TARGETS.items()
                ],
            }
        )
        return
    settings.show_table(
        "Targets, in dB at",
        ["target", "30 Hz", "100 Hz", "1 kHz", "10 kHz", ""],
        [
            [name, *(f"{v:+.1f}" for v in target.curve.level_at(probes)), target.description]
            for name, target in TARGETS.items()
        ]
        + [[name, "-", "-", "-", "-", text] for name, text in MEASURED_TARGETS.items()],
    )
    settings.next_step("roomcal design mix --from before --target NAME")


def _refuse_absent(folder: Path) -> None:
    """Tell an empty studio folder from a mistyped one."""
    if not folder.is_dir():
        raise InputError(
            "RC-301", f"there is no folder {folder}", hint="check -C and ROOMCAL_STUDIO"
        )


def _local_time(created_at: str) -> str:
    """Write a time of a session as the clock on the wall shows it; what is no time stays."""
    try:
        moment = datetime.datetime.fromisoformat(created_at)
    except ValueError:
        return created_at
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
