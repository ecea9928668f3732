"""The type of every option that is a decimal number: what is not finite is no number here."""

import math
from typing import Any

import click


class Number(click.FloatRange):
    """A finite number, between limits if there are any.

    click lets NaN through every limit, because no comparison with it is true.
    """

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's interface
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - click's interface
        """Read a number; a usage error for NaN, an infinity, or what the limits leave out."""
        number = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(number):
            limits = self._describe_range()
            kind = f"number in the range {limits}" if limits else "finite number"
            self.fail(f"{value} is not a {kind}.", param, ctx)
        return super().convert(number, param, ctx)

    def _describe_range(self) -> str:
        """Text of the limits, which click's help shows too; none without any."""
        return "" if self.min is None and self.max is None else super()._describe_range()


NUMBER = Number()
NUMBER.name = "float"  # as the help calls it: there is no range
