"""`roomcal analyze`: what a session says about the room, in numbers."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from roomcal.cli import completion
from roomcal.cli.check_bounce import check_bounce
from roomcal.cli.settings import Settings, json_option
from roomcal.cli.smoothing import Smoothing

if TYPE_CHECKING:
    from roomcal.analyze.session_analysis import SessionAnalysis
    from roomcal.dsp.smoothing import Width

KINDS = (
    *("response", "decay", "modes", "reflections"),
    *("distortion", "noise", "pair", "boundary", "standards"),
)


class RoomSize(click.ParamType["tuple[float, float, float]"]):
    """Length, width and height in metres: 4.4x5.6x2.8."""

    name = "size"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, float, float]:
        """Read three lengths of a room."""
        parts = [float(p) for p in str(value).lower().split("x") if _is_number(p)]
        if len(parts) != 3 or str(value).count("x") != 2 or not all(1.0 <= p <= 100 for p in parts):
            self.fail(f"{value!r} is no room; write its lengths in metres: 4.4x5.6x2.8", param, ctx)
        return (parts[0], parts[1], parts[2])


@click.command()
@click.argument("session", required=False, shell_complete=completion.sessions)
@click.option("--only", type=click.Choice(KINDS), help="Only this part.")
@click.option("--speaker", help="Only this speaker.")
@click.option(
    "--room",
    type=RoomSize(),
    metavar="XxYxZ",
    help="Size of the room in metres (width, length, height): names modes and surfaces.",
)
@click.option(
    "--smoothing",
    type=Smoothing(),
    default="1/6",
    show_default=True,
    help="Of the levels in the table, the graph and --json: 1/1 to 1/48 octave, erb, "
    "psychoacoustic or variable. The verdict and what a filter can mend are read at 1/6.",
)
@click.option(
    "--check-bounce",
    "mix",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Tell whether a bounced mix carries the correction of --bank.",
)
@click.option(
    "--bank", metavar="NAME", shell_complete=completion.banks, help="With --check-bounce."
)
@json_option
@click.pass_obj
def analyze(
    settings: Settings,
    *,
    session: str | None,
    mix: Path | None,
    bank: str | None,
    only: str | None,
    speaker: str | None,
    room: tuple[float, float, float] | None,
    smoothing: "Width",
    as_json: bool,
) -> None:
    """Say what SESSION tells about the room, and what a filter can mend of it.

    First a verdict, what a filter can mend and what it cannot; then the numbers: response, decay,
    modes, reflections, distortion, noise, how left and right match, dips by walls, and what
    standards ask.

    \b
    Examples:
      roomcal analyze before
      roomcal analyze before --only decay --speaker L
      roomcal analyze before --only response --smoothing 1/24
      roomcal analyze before --only standards --room 4.4x5.6x2.8
      roomcal analyze before --json > before.json
      roomcal analyze --check-bounce mixdown.wav --bank mix
    """
    if mix is not None or bank is not None:
        if mix is None or bank is None or session is not None:
            raise click.UsageError("--check-bounce FILE goes with --bank NAME, without SESSION")
        check_bounce(settings, mix, bank, as_json=as_json)
        return
    if session is None:
        raise click.UsageError("name a session; `roomcal sessions` lists them")
    from roomcal.analyze.session_json import session_to_json
    from roomcal.jobs.analyze import analyze_session

    found = analyze_session(
        settings.folder, session, speaker=speaker, size_m=room, only=only, smoothing=smoothing
    )
    if as_json:
        settings.show_json(session_to_json(found))
        return
    if only is None:
        _show_overview(settings, found)
    _show_tables(settings, found, only)
    settings.next_step(f"roomcal design mix --from {session}")


def _show_overview(settings: Settings, found: "SessionAnalysis") -> None:
    """Verdict first, then what a filter can and cannot mend."""
    from roomcal.analyze.overview import summarize_analysis

    overview = summarize_analysis(found)
    settings.show_text(f"{found.session}: {overview.verdict}.")
    for title, sentences in (
        ("A filter can mend", overview.can),
        ("A filter cannot mend", overview.cannot),
    ):
        if sentences:
            settings.show_text(f"\n{title}:")
        for sentence in sentences:
            settings.show_text(f"- {sentence}")
    settings.show_text("")


def _show_tables(settings: Settings, found: "SessionAnalysis", only: str | None) -> None:
    from roomcal.cli import analyze_speakers, analyze_tables

    responses = found.responses
    if only in (None, "response"):
        analyze_tables.show_responses(settings, responses)
    if only in (None, "decay"):
        analyze_tables.show_decay(settings, responses)
    if only in (None, "modes"):
        analyze_tables.show_modes(settings, responses)
    if only in (None, "reflections"):
        analyze_tables.show_reflections(settings, responses)
    if only in (None, "boundary"):
        analyze_speakers.show_boundaries(settings, found)
    if only in (None, "pair"):
        analyze_speakers.show_pairs(settings, found)
    if only in (None, "distortion"):
        analyze_speakers.show_distortion(settings, found)
    if only in (None, "noise"):
        analyze_speakers.show_noise(settings, found)
    if only in (None, "standards"):
        analyze_speakers.show_standards(settings, found, whole=only is not None)


def _is_number(text: str) -> bool:
    """Whether a text is a plain decimal number."""
    return text.replace(".", "", 1).isdigit()
