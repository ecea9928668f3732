"""`roomcal report`: one page to look at, to keep and to send."""

from pathlib import Path

import click

from roomcal.cli import completion
from roomcal.cli.settings import Settings, force_option


@click.command()
@click.argument("session", shell_complete=completion.sessions)
@click.option("--bank", shell_complete=completion.banks, help="Bank designed from the session.")
@click.option(
    "--against",
    metavar="SESSION",
    shell_complete=completion.sessions,
    help="Session measured through the bank.",
)
@click.option(
    "-o",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File: .html or .pdf.  [default: SESSION.html]",
)
@force_option
@click.pass_obj
def report(
    settings: Settings,
    *,
    session: str,
    bank: str | None,
    against: str | None,
    path: Path | None,
    force: bool,
) -> None:
    """Write a report about SESSION: one self-contained HTML page, or PDF.

    \b
    Examples:
      roomcal report before
      roomcal report before --bank mix --against mix.verify -o mix.html
      roomcal report before -o before.pdf
    """
    from roomcal.jobs.report import gather, write_report

    if against and not bank:
        raise click.UsageError("--against needs --bank: what was promised?")
    story = gather(settings.folder, session, bank_name=bank, against=against)
    path = path or settings.folder / f"{story.session}.html"
    write_report(story, path, title=f"roomcal: {story.session}", force=force)
    click.echo(path)
