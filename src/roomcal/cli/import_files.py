"""`roomcal import`: responses and recordings from elsewhere."""

from pathlib import Path

import click

from roomcal.cli.settings import Settings, force_option, json_option


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--session",
    "name",
    default="imported",
    show_default=True,
    help="Session to add to, new or existing.",
)
@click.option(
    "--speaker",
    default="",
    metavar="NAMES",
    help="Speaker, or FL,FR in the order in which they play in a recording.",
)
@click.option("--position", help="Position.  [default: from the file name, else p1]")
@click.option(
    "--sweep",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The files are recordings of this sweep.",
)
@click.option(
    "--spacing",
    type=click.FloatRange(0.0, min_open=True),
    metavar="SECONDS",
    help="From one sweep's start to the next: ties the speakers' arrivals together.",
)
@click.option(
    "--fs",
    type=click.IntRange(4000, 800_000),
    metavar="HZ",
    help="Sample rate of files that do not say it (.dbl).",
)
@click.option(
    "--calibrate",
    is_flag=True,
    help="Take out the microphone calibration that the file itself holds (.mdat).",
)
@force_option
@json_option
@click.pass_obj
def import_command(
    settings: Settings,
    *,
    files: tuple[Path, ...],
    name: str,
    speaker: str,
    position: str | None,
    sweep: Path | None,
    spacing: float | None,
    fs: int | None,
    calibrate: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Import impulse responses, or recordings of a sweep.

    A file called L-p1.wav says itself that it is speaker L at position p1.
    Responses: WAV, AIFF, FLAC, REW .mdat and text exports, FRD, SOFA, .dbl.

    \b
    Examples:
      roomcal import L-p1.wav R-p1.wav --session before
      roomcal import l48.wav --speaker L --session monitor
      roomcal import left.mdat --speaker L --session rew
      roomcal import take.wav --sweep sweep.wav --speaker FL,FR --session room
    """
    from roomcal.jobs.import_files import ImportRequest, import_files

    request = ImportRequest(
        files=files,
        speakers=tuple(n.strip() for n in speaker.split(",") if n.strip()),
        position=position,
        sweep=sweep,
        spacing_s=spacing,
        fs=fs,
        calibrate=calibrate,
        force=force,
    )
    store = import_files(settings.folder, name, request, settings.talk)
    if as_json:
        from roomcal.jobs.describe import session_json

        settings.show_json(session_json(store))
    else:
        from roomcal.units import counted

        click.echo(f"{store.folder}: {counted(len(store.session.responses), 'response')}")
    settings.next_step(f"roomcal analyze {name}")
