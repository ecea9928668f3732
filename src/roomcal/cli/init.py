"""`roomcal init`: from a few answers to studio.toml."""

from pathlib import Path

import click

from roomcal.cli.settings import Settings, force_option

LAYOUTS = {
    "stereo": (("L", "L"), ("R", "R")),
    "2.1": (("L", "L"), ("R", "R"), ("Sub", "LFE")),
}


@click.command()
@click.option("--name", default="my studio", show_default=True, help="What you call it.")
@click.option(
    "--layout",
    type=click.Choice(list(LAYOUTS)),
    default="stereo",
    show_default=True,
    help="Speakers.",
)
@click.option("--output-device", help="Device that plays: a name of `roomcal devices`.")
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
    from roomcal.files.curve_text import read_curve
    from roomcal.files.studio_toml import FILE_NAME, write_studio
    from roomcal.model.studio import Microphone, Speaker, Studio

    path = settings.folder / FILE_NAME
    refuse_existing(path, force=force)
    if output_device is None:
        output_device = click.prompt("Device that plays (see `roomcal devices`)", err=True)
    if mic_cal is not None:
        read_curve(mic_cal)  # a file that cannot be used is refused now, not while measuring
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
            microphone=Microphone(
                input_channel=mic_channel, calibration=str(mic_cal.resolve()) if mic_cal else ""
            ),
        )
    except ValueError as error:
        raise InputError("RC-308", str(error), hint="give another value") from error
    _warn_of_unknown(settings, output_device)
    settings.folder.mkdir(parents=True, exist_ok=True)
    write_studio(path, studio)
    click.echo(f"{path}: {len(studio.speakers)} speakers, {fs} Hz, plays on {output_device}")
    settings.next_step("roomcal measure before")


def _warn_of_unknown(settings: Settings, device: str) -> None:
    """Warn of a device that is not here: the studio may be described on another computer."""
    from roomcal.devices.registry import list_devices

    if device != "virtual" and device not in {d.name for d in list_devices()}:
        settings.talk.warn(
            f"there is no device {device!r} here; `roomcal devices` lists what there is"
        )
