"""Files that are part of the page: our style sheet and script, and uPlot with its licence."""

from functools import cache
from importlib.resources import files


@cache
def asset_text(name: str) -> str:
    """Read a file below this package, for example "own/page.css"."""
    return files("roomcal.report").joinpath(name).read_text(encoding="utf-8")


def uplot_licence() -> str:
    """Return the licence of uPlot, which goes wherever uPlot goes."""
    return asset_text("vendor/uPlot.LICENSE").strip()
