"""The options that say how long a sweep is and what follows it."""

import click

from roomcal.cli.numbers import Number

length_option = click.option(
    "--length",
    type=Number(0.5, 60.0),
    default=5.5,
    show_default=True,
    help="Length of a sweep in seconds.",
)
pause_option = click.option(
    "--pause",
    type=Number(0.3, 10.0),
    default=1.5,
    show_default=True,
    help="Silence after a sweep, in which the room decays; also the length of the response.",
)
