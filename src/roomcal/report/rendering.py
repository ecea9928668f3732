"""From a figure to bytes: PNG, SVG and PDF that come out the same every time."""

import io
import re
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from roomcal.errors import InputError
from roomcal.files.atomic import write_bytes
from roomcal.report.style import LIGHT, styled

PNG_DPI = 160
FORMATS = ("png", "svg", "pdf")
# Text stays text: small, selectable, readable by machines, in the reader's own font.
FONT_STACK = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

_PATH_DATA = re.compile(r' d="[^"]*"')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_FONT_FAMILY = re.compile(r"'DejaVu Sans'")
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; the ending of the name chooses PNG, SVG or PDF.

    Raises
    ------
    InputError
        RC-314 for another ending.
    StorageError
        RC-601 when the file cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise InputError(
            "RC-314",
            f"a picture cannot be written as {path.name}",
            hint=f"let the name end in {', '.join('.' + name for name in FORMATS)}",
        )
    write_bytes(path, svg_text(figure).encode() if kind == "svg" else _bytes(figure, kind))


def svg_text(figure: Figure) -> str:
    """Return a figure as one `<svg>` element, coordinates rounded to 0.01 point.

    Returns
    -------
    svg : str
        With the XML namespace, without declaration, doctype and metadata: fit for a file of its
        own and for the inside of a page.
    """
    text = _bytes(figure, "svg").decode()
    text = _METADATA.sub("", text[text.index("<svg") :])
    text = _PATH_DATA.sub(lambda found: _rounded(found.group()), text)
    return _FONT_FAMILY.sub(FONT_STACK, text)


def _bytes(figure: Figure, kind: str) -> bytes:
    """Draw a figure without dates and program names in it."""
    metadata: dict[str, dict[str, None]] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    # Colours were fixed when the figure was made; the theme matters for fonts and salts alone.
    with styled(LIGHT), io.BytesIO() as file:
        canvas = FigureCanvasAgg(figure)
        canvas.figure.savefig(
            file,
            format=kind,
            dpi=PNG_DPI if kind == "png" else "figure",
            facecolor=figure.get_facecolor(),
            metadata=metadata[kind],
        )
        return file.getvalue()


def _rounded(text: str) -> str:
    """Shorten the numbers of a path."""
    return _LONG_NUMBER.sub(lambda n: f"{float(n.group()):.2f}".rstrip("0").rstrip("."), text)
