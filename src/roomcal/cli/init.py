"""`roomcal init`: from a few answers to studio.toml."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from roomcal.cli import completion
from roomcal.cli.settings import Settings, force_option

if TYPE_CHECKING:
    from roomcal.model.studio import Microphone

LAYOUTS = {
    "stereo": (("L", "L"), ("R", "R")),
    "2.1": (("L", "L"), ("R", "R"), ("Sub", "LFE")),
}
N_SOURCES = 2  # inputs of a bank for any of them
INCIDENCES: dict[str, Literal[0, 90]] = {"0": 0, "90": 90}  # degrees


@click.command()
@click.option("--name", default="my studio", show_default=True, help="What you call it.")
@click.option(
    "--layout",
    type=click.Choice(list(LAYOUTS)),
    default="stereo",
    show_default=True,
    help="Speakers.",
)
@click.option(
    "--output-device",
    shell_complete=completion.devices,
    help="Device that plays: a name of `roomcal devices`.",
)
@click.option("--input-device", help="Device that records.  [default: the same]")
@click.option(
    "--mic-channel",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Input channel of the microphone.",
)
@click.option(
    "--mic-cal",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Calibration file of the microphone.",
)
@click.option(
    "--mic-incidence",
    type=click.Choice(list(INCIDENCES)),
    help="How the microphone points: 0 at the speakers, 90 at the ceiling.  [default: the file's]",
)
@click.option("--source", help="What `run` corrects: the DAW's output, DEVICE:1,2.")
@click.option("--fs", type=int, default=48000, show_default=True, help="Sample rate in Hz.")
@force_option
@click.pass_obj
def init(
    settings: Settings,
    *,
    name: str,
    layout: str,
    output_device: str | None,
    input_device: str | None,
    mic_channel: int,
    mic_cal: Path | None,
    mic_incidence: str | None,
    source: str | None,
    fs: int,
    force: bool,
) -> None:
    """Describe the studio in studio.toml.

    \b
    Examples:
      roomcal init
      roomcal init --output-device virtual:bedroom
      roomcal init --layout 2.1 --mic-cal umik.txt
    """
    from roomcal.errors import InputError
    from roomcal.files.atomic import refuse_existing
    from roomcal.files.studio_toml import FILE_NAME, write_studio
    from roomcal.jobs.studio_devices import absent_device
    from roomcal.live.routing import parse_source
    from roomcal.model.studio import Microphone, Speaker, Studio

    path = settings.folder / FILE_NAME
    refuse_existing(path, force=force)
    for option, value in (
        ("--name", name),
        ("--output-device", output_device),
        ("--input-device", input_device),
    ):
        if value is not None and not value.strip():
            raise click.UsageError(f"{option} is empty")
    if output_device is None:
        output_device = _asked_device()
    microphone = Microphone(input_channel=mic_channel)
    if mic_cal is not None:
        microphone = _calibrated(settings, microphone, mic_cal, mic_incidence)
    try:
        studio = Studio(
            name=name,
            speakers=tuple(
                Speaker(speaker, output_channel=channel, role=role)
                for channel, (speaker, role) in enumerate(LAYOUTS[layout], start=1)
            ),
            fs=fs,
            output_device=output_device,
            input_device=input_device or output_device,
            microphone=microphone,
            source=parse_source(source, N_SOURCES) if source else None,
        )
    except ValueError as error:
        raise InputError("RC-308", str(error), hint="give another value") from error
    absent = absent_device(studio)
    if absent:
        settings.talk.warn(absent)
    settings.folder.mkdir(parents=True, exist_ok=True)
    write_studio(path, studio)
    click.echo(f"{path}: {len(studio.speakers)} speakers, {fs} Hz, plays on {output_device}")
    settings.next_step("roomcal measure before")


def _asked_device() -> str:
    """Ask for the device that plays; where nobody answers, name the option that says it."""
    try:
        answer: str = click.prompt("Device that plays (see `roomcal devices`)", err=True)
    except click.Abort as error:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        raise click.UsageError(
            "nobody says which device plays: add --output-device, as in --output-device virtual"
        ) from error
    return answer


def _calibrated(
    settings: Settings, microphone: "Microphone", file: Path, incidence: str | None
) -> "Microphone":
    """Enter a calibration file; one that cannot be used is refused now, not while measuring."""
    import dataclasses

    from roomcal.files.mic_calibration import (
        read_mic_calibration,
        refuse_other_microphone,
        sparkline,
    )

    read = read_mic_calibration(file)
    for warning in read.warnings:
        settings.talk.warn(f"{file}: {warning}; {sparkline(read.curve)}")
    if incidence is None and read.incidence_deg is None:
        if sys.stdin.isatty():
            incidence = click.prompt(
                "Does the microphone point at the speakers (0) or the ceiling (90)?",
                type=click.Choice(list(INCIDENCES)),
                err=True,
            )
        else:
            settings.talk.note(
                f"{file} does not say how the microphone points; --mic-incidence 0 (at the "
                "speakers) or 90 (at the ceiling) does"
            )
    own = dataclasses.replace(
        microphone,
        calibration=str(file.resolve()),
        serial=read.serial,
        incidence_deg=INCIDENCES[incidence] if incidence else read.incidence_deg,
    )
    refuse_other_microphone(read, own, path=file)
    return own
