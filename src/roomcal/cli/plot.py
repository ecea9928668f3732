"""`roomcal plot`: one picture of a session."""

from pathlib import Path

import click

from roomcal.cli import completion
from roomcal.cli.settings import Settings, force_option

KINDS = ("response", "decay", "impulse", "etc", "waterfall")


@click.command()
@click.argument("session", shell_complete=completion.sessions)
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "-o",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File: .png, .svg or .pdf.  [default: SESSION-KIND.png]",
)
@force_option
@click.pass_obj
def plot(settings: Settings, *, session: str, kind: str, path: Path | None, force: bool) -> None:
    """Draw one picture of SESSION.

    \b
    Examples:
      roomcal plot before response
      roomcal plot before decay -o decay.svg
    """
    from roomcal.jobs.plot import write_plot

    path = path or settings.folder / f"{Path(session).name}-{kind}.png"
    write_plot(settings.folder, session, kind, path, force=force)
    click.echo(path)
