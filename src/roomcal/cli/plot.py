"""`roomcal plot`: one picture of a session, or of several over each other."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from roomcal.cli import completion
from roomcal.cli.settings import Settings, force_option
from roomcal.cli.smoothing import Smoothing

if TYPE_CHECKING:
    from roomcal.dsp.smoothing import Width

KINDS = (
    *("response", "phase", "group-delay", "impulse", "step", "etc", "decay"),
    *("distortion", "modes", "waterfall", "spectrogram", "wavelet", "csd"),
)


@click.command()
@click.argument(
    "sessions",
    nargs=-1,
    required=True,
    metavar="SESSION...",
    shell_complete=completion.sessions,
)
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "-o",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File: .png, .svg or .pdf.  [default: SESSION-KIND.png]",
)
@click.option(
    "--smoothing",
    type=Smoothing(),
    default="1/6",
    show_default=True,
    help="Of the response: 1/1 to 1/48 octave, erb, psychoacoustic or variable.",
)
@click.option("--speaker", help="Only this speaker.")
@click.option("--position", help="Of pictures that show one place.  [default: the first]")
@click.option("--dark", is_flag=True, help="Light on dark.")
@force_option
@click.pass_obj
def plot(
    settings: Settings,
    *,
    sessions: tuple[str, ...],
    kind: str,
    path: Path | None,
    smoothing: "Width",
    speaker: str | None,
    position: str | None,
    dark: bool,
    force: bool,
) -> None:
    """Draw one picture of SESSION; several sessions lie over each other.

    \b
    Examples:
      roomcal plot before response
      roomcal plot before after response --smoothing 1/12
      roomcal plot before waterfall --speaker L -o waterfall.svg
    """
    from roomcal.jobs.plot import write_plot
    from roomcal.report.style import DARK, LIGHT

    names = [Path(session).name for session in sessions]
    path = path or settings.folder / f"{'-'.join([*names, kind])}.png"
    write_plot(
        settings.folder,
        sessions,
        kind,
        path,
        smoothing=smoothing,
        speaker=speaker,
        position=position,
        theme=DARK if dark else LIGHT,
        force=force,
    )
    click.echo(path)
