"""The option `--smoothing`, the same wherever a response is shown."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from roomcal.dsp.smoothing import Width


class Smoothing(click.ParamType["Width"]):
    """A width of smoothing: 1/6, erb, psychoacoustic, variable."""

    name = "smoothing"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Width":
        """Read a width."""
        from roomcal.dsp.smoothing import parse_width

        try:
            return parse_width(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
