"""Small graphs in the terminal: they need no colour, and fall back to ASCII."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from roomcal.cli.settings import Settings

if TYPE_CHECKING:
    from roomcal.analyze.analysis import ResponseAnalysis
    from roomcal.report.text_graph import Letters

MOST_GRAPHS = 3  # more speakers are rows of blocks
SPARK_SPAN_DB = 30.0
SPARK_POINTS = 60


def letters() -> "Letters":
    """Return what standard output can show."""
    from roomcal.report.text_graph import Letters

    return Letters.of(getattr(sys.stdout, "encoding", None))


def draw_responses(settings: Settings, found: Sequence["ResponseAnalysis"]) -> None:
    """Draw the mean response of each speaker."""
    from roomcal.analyze.response import spatial_average
    from roomcal.report.text_graph import level_graph, response_sparkline

    speakers = list(dict.fromkeys(a.speaker for a in found))
    averages = {
        s: spatial_average([a.response for a in found if a.speaker == s], name=s) for s in speakers
    }
    if len(speakers) > MOST_GRAPHS:
        settings.show_table(
            "Level from 20 Hz to 20 kHz, each speaker below its loudest",
            ["", f"{SPARK_SPAN_DB:.0f} dB"],
            [
                [s, response_sparkline(a.mean, letters(), span_db=SPARK_SPAN_DB, n=SPARK_POINTS)]
                for s, a in averages.items()
            ],
        )
        return
    for speaker, average in averages.items():
        places = f"mean of {average.n_positions} positions" if average.n_positions > 1 else ""
        click.echo(f"Level of {speaker} in dB{', ' if places else ''}{places}, over Hz")
        click.echo("\n".join(level_graph(average.mean.f_hz, average.mean.level_db, letters())))
        click.echo()
