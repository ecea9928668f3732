"""Read the table of filters that newer versions of REW export: a row a filter, a column a number.

The columns are named in the row that begins with Number; they stand apart by blanks, commas, tabs
or semicolons.
"""

import re
from pathlib import Path

from roomcal.errors import InputError
from roomcal.files.equalizer_text import filter_of_text
from roomcal.files.foreign_filters import MOST_FILTERS, Channel, Filter, ForeignFilters
from roomcal.files.number_text import line_error, number, numbered_lines

_HEADER = re.compile(r"^[ \t]{0,20}Number\W{1,20}Enabled\W.{0,200}Frequency ?\(Hz\)", re.MULTILINE)
_NEEDED = ("number", "enabled", "type", "frequency(hz)")


def is_rew_filter_table(text: str) -> bool:
    """Tell such a table by the names of its columns."""
    return _HEADER.search(text) is not None


def read_rew_filter_table(path: Path, speakers: tuple[str, ...] = ()) -> ForeignFilters:
    """Read the rows of filters that are on.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read; RC-307, with the line, for what cannot be followed.
    """
    columns: list[str] = []
    separator = ""
    found: list[Filter] = []
    last = 1
    for line_number, line in numbered_lines(path):
        last = line_number
        if not columns:
            if is_rew_filter_table(line):
                separator = next((s for s in ";\t," if s in line), "")
                columns = [name.lower().replace(" ", "") for name in _split(line, separator)]
            continue
        if not line or not line[0].isdigit():
            break  # compound filters and notes follow
        row = dict(zip(columns, _split(line, separator), strict=False))
        if not all(row.get(name) for name in _NEEDED[:3]):
            raise line_error(path, line_number, f"{line[:40]!r} has too few columns")
        if row["enabled"].lower() not in ("true", "on", "1", "yes") or row["type"] == "None":
            continue
        if len(found) >= MOST_FILTERS:
            raise line_error(path, line_number, f"more than {MOST_FILTERS} filters")
        found.append(_filter(path, line_number, row))
    if not found:
        raise line_error(path, last, "the table holds no filter that is on")
    return ForeignFilters({n: Channel(filters=list(found)) for n in speakers or ("L", "R")})


def _filter(path: Path, line_number: int, row: dict[str, str]) -> Filter:
    """Say a row in the words of a filter line, which is read already."""
    parts = [row["type"]]
    try:
        for name, before, unit in (
            ("frequency(hz)", "Fc", "Hz"),
            ("gain(db)", "Gain", "dB"),
            ("q", "Q", ""),
        ):
            if row.get(name):
                parts.append(f"{before} {number(row[name]):.6f} {unit}".strip())
    except ValueError as error:
        raise line_error(path, line_number, str(error)) from error
    try:
        return filter_of_text(path, line_number, " ".join(parts))
    except InputError as error:
        raise error.within(f"type {row['type'][:20]!r}") from error


def _split(line: str, separator: str) -> list[str]:
    """Cut a line into its fields; those of two words (LS Q) stay whole between separators."""
    if separator:
        return [field.strip().strip('"') for field in line.split(separator)]
    return re.split(r"[ \t]{2,}", line.strip()) if re.search(r" {2,}", line) else line.split()
