"""`roomcal import`: responses and recordings from elsewhere."""

from pathlib import Path

import click

from roomcal.cli import completion
from roomcal.cli.numbers import Number
from roomcal.cli.settings import Settings, force_option, json_option


@click.command("import")
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--session",
    "name",
    shell_complete=completion.sessions,
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
    "--channel",
    type=click.IntRange(min=1),
    help="Channel of such recordings that holds the microphone.  [default: the only one]",
)
@click.option(
    "--spacing",
    type=Number(0.0, min_open=True),
    metavar="SECONDS",
    help="From one sweep's start to the next: ties the speakers' arrivals together.",
)
@click.option(
    "--bank",
    metavar="NAME",
    help="The files are filters: make a bank of them.  [text: --fs, else 48000]",
)
@click.option(
    "--fs",
    default="",
    metavar="HZ,...",
    help="Sample rate of files that do not say it (.dbl); rates of a bank out of text.",
)
@click.option(
    "--calibrate",
    is_flag=True,
    help="Take out the microphone calibration that the file itself holds (.mdat).",
)
@click.option(
    "--rew",
    metavar="all|1,3",
    help="Measurements of a REW that runs on this computer, as it numbers them.",
)
@click.option(
    "--rew-port",
    type=click.IntRange(1, 65535),
    default=4735,
    show_default=True,
    help="Port of REW's API.",
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
    channel: int | None,
    spacing: float | None,
    fs: str,
    bank: str | None,
    calibrate: bool,
    rew: str | None,
    rew_port: int,
    force: bool,
    as_json: bool,
) -> None:
    """Import impulse responses, or recordings of a sweep.

    A file called L-p1.wav says itself that it is speaker L at position p1.
    Responses: WAV, AIFF, FLAC, REW .mdat and text exports, FRD, SOFA, .dbl.
    Filters, with --bank: WAV, .dbl, and text of Equalizer APO, AutoEq, REW's filter settings,
    Multi-Sub Optimizer and miniDSP.

    \b
    Examples:
      roomcal import L-p1.wav R-p1.wav --session before
      roomcal import l48.wav --speaker L --session monitor
      roomcal import left.mdat --speaker L --session rew
      roomcal import --rew 1,2 --speaker L,R --session rew
      roomcal import ParametricEQ.txt --bank autoeq --fs 44100,48000
      roomcal import --rew 1,2 --bank rew
      roomcal import take.wav --sweep sweep.wav --speaker FL,FR --session room
    """
    from roomcal.jobs.import_files import ImportRequest, import_files

    names = tuple(n.strip() for n in speaker.split(",") if n.strip())
    rates = _rates(fs)
    if not files and not rew:
        raise click.UsageError("name files, or --rew for a running REW")
    if rew and (sweep or (bank is not None and files)):
        raise click.UsageError("--rew goes without --sweep, and with --bank without files")
    if channel is not None and sweep is None:
        raise click.UsageError("--channel goes with --sweep: it is that of a recording")
    if bank is not None:
        if sweep or position or spacing or calibrate:
            raise click.UsageError("--bank goes with --speaker, --fs and --force alone")
        _import_bank(
            settings,
            bank,
            files,
            speakers=names,
            rates=rates,
            rew=(rew or "", rew_port),
            force=force,
            json=as_json,
        )
        return
    if len(rates) > 1:
        raise click.UsageError(f"--fs {fs}: several rates go with --bank")
    request = ImportRequest(
        files=files,
        speakers=names,
        position=position,
        sweep=sweep,
        channel=channel,
        spacing_s=spacing,
        fs=rates[0] if rates else None,
        calibrate=calibrate,
        force=force,
        rew=rew or "",
        rew_port=rew_port,
    )
    store = import_files(settings.folder, name, request, settings.talk)
    if as_json:
        from roomcal.jobs.describe import session_json

        settings.show_json(session_json(store))
    else:
        from roomcal.units import counted

        click.echo(f"{store.folder}: {counted(len(store.session.responses), 'response')}")
    settings.next_step(f"roomcal analyze {name}")


def _import_bank(
    settings: Settings,
    name: str,
    files: tuple[Path, ...],
    *,
    speakers: tuple[str, ...],
    rates: tuple[int, ...],
    rew: tuple[str, int],
    force: bool,
    json: bool,
) -> None:
    """Make the bank, and say what is in it."""
    from roomcal.jobs.import_bank import import_bank

    made = import_bank(
        settings.folder,
        name,
        files,
        speakers=speakers,
        rates=rates,
        force=force,
        talk=settings.talk,
        rew=rew[0],
        rew_port=rew[1],
    )
    if json:
        settings.show_json(
            {
                "bank": made.name,
                "fs": list(made.filters),
                "n_taps": [f.n_taps for f in made.filters.values()],
                "paths": [list(pair) for pair in next(iter(made.filters.values())).active_paths],
            }
        )
    else:
        for fs, filters in made.filters.items():
            paths = ", ".join(f"{i} to {o}" for o, i in filters.active_paths)
            click.echo(f"{made.name}: {filters.n_taps} taps at {fs} Hz, {paths}")
    settings.next_step(f"roomcal export {made.name} --to camilladsp")


def _rates(text: str) -> tuple[int, ...]:
    """Read the rates of an option like 44100,48000."""
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",") if part.strip()))
    except ValueError as error:
        raise click.UsageError(f"--fs {text!r}: give whole numbers in Hz") from error
