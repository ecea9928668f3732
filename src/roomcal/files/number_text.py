"""Numbers as programs print them in every language: 1000.5, 1000,5, 1 000,5, 1.000,5."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from roomcal.errors import InputError
from roomcal.files.curve_text import read_text

# No-break spaces in both widths, which separate thousands.
_HARD_SPACE = "\u00a0\u202f"
_PLAIN = re.compile(r"[-+\u2212]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?")
_POINT_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+,\d+")
_COMMA_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+\.\d+")
_LONGEST_LINE = 2000  # characters
_LONGEST_GRAPHIC = 200_000  # of the one line that holds all points of a graphic equaliser
_LONGEST_NUMBER = 40


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Give the lines of a text with their numbers, stripped; never all of them at once.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read, RC-307 when it is too large or has an endless line.
    """
    for number, line in enumerate(io.StringIO(read_text(path), newline=None), start=1):
        if len(line) > (_LONGEST_GRAPHIC if line.startswith("GraphicEQ") else _LONGEST_LINE):
            raise line_error(path, number, f"it has {len(line)} characters; this is no such text")
        yield number, line.strip()


def line_error(path: Path, number: int, what: str, *, hint: str = "") -> InputError:
    """Build the error for a line that cannot be used."""
    return InputError(
        "RC-307",
        f"{path.name} line {number}: {what}",
        hint=hint or "correct the line, or export the file again",
        path=str(path),
        line=number,
    )


def number(text: str) -> float:
    """Read one number that stands alone, with a decimal point or a decimal comma.

    Raises
    ------
    ValueError
        If it is none, or one that can be read in two ways.
    """
    compact = text.strip().replace("\u2212", "-")
    compact = re.sub(rf"(?<=\d)[{_HARD_SPACE}'\u2019 ](?=\d{{3}}(?!\d))", "", compact)
    if len(compact) > _LONGEST_NUMBER:
        raise ValueError(f"{compact[:20]!r}... is no number")
    if _POINT_THOUSANDS.fullmatch(compact):
        compact = compact.replace(".", "").replace(",", ".")
    elif _COMMA_THOUSANDS.fullmatch(compact):
        compact = compact.replace(",", "")
    elif not _PLAIN.fullmatch(compact):
        raise ValueError(f"{text.strip()[:40]!r} is no number")
    value = float(compact.replace(",", "."))
    if abs(value) > 1e300:
        raise ValueError(f"{compact} is too large")
    return value


def starts_with_number(line: str) -> bool:
    """Tell a line of data from a title or a comment."""
    return re.match(r"[-+\u2212]?[.,]?\d", line) is not None


def row(line: str) -> list[float]:
    """Read a line of numbers that stand apart by blanks, tabs, commas or semicolons.

    With tabs, semicolons or blanks between the numbers, a comma in them is a decimal comma.

    Raises
    ------
    ValueError
        If a field is no number, or if commas are both separators and decimal.
    """
    line = re.sub(rf"(?<=\d)[{_HARD_SPACE}](?=\d{{3}}(?!\d))", "", line)
    if ";" in line or "\t" in line:
        fields = re.split(r"[;\t]", line) if ";" in line else line.split("\t")
        fields = [f.strip() for f in fields]
        while fields and not fields[-1]:
            fields.pop()
        return [number(f.rstrip(",")) for f in fields]
    if re.search(r",\s", line) or len(line.split()) == 1:
        fields = [f.strip() for f in line.split(",")]
        if len(fields) > 3 and all(re.fullmatch(r"[-+]?\d+", f) for f in fields):
            raise ValueError(f"{line[:40]!r} separates numbers and decimals by the same comma")
        return [number(f) for f in fields if f]
    fields = line.split()
    if any("," in f for f in fields) and any("." in f for f in fields):
        raise ValueError(f"{line[:40]!r} mixes decimal points and commas")
    return [number(f) for f in fields]
