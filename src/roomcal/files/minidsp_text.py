"""Read miniDSP's biquad text: b0, b1, b2 and the negated a1, a2 of each section."""

import re
from pathlib import Path

from roomcal.files.foreign_filters import Channel, Filter, ForeignFilters
from roomcal.files.number_text import line_error, number, numbered_lines

MOST_SECTIONS = 64
LARGEST = 1e6
_KEYS = ("b0", "b1", "b2", "a1", "a2")


def is_minidsp_text(text: str) -> bool:
    """Tell a biquad text by its first line."""
    return re.match(r"\s*biquad\s*1\s*,", text) is not None


def read_minidsp_text(path: Path, speakers: tuple[str, ...] = ()) -> ForeignFilters:
    """Read the sections, in the order of a transfer function and with its signs.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read; RC-307, with the line, for what is no such text.
    """
    sections: list[Filter] = []
    values: list[float] = []
    opened = last = 0
    for line_number, line in numbered_lines(path):
        last = line_number
        for item in filter(None, (part.strip() for part in line.split(","))):
            if re.fullmatch(r"biquad\s*\d+", item):
                if opened and len(values) != len(_KEYS):
                    raise line_error(
                        path, line_number, f"the section before has {len(values)} of 5"
                    )
                opened, values = line_number, []
                continue
            key, equals, text = item.partition("=")
            expected = _KEYS[len(values)] if opened and len(values) < len(_KEYS) else "biquad"
            if not equals or key.strip() != expected:
                raise line_error(path, line_number, f"{item[:40]!r} stands where {expected} should")
            try:
                value = number(text)
            except ValueError as error:
                raise line_error(path, line_number, str(error)) from error
            if abs(value) > LARGEST:
                raise line_error(path, line_number, f"a coefficient of {value:g}")
            values.append(value)
            if len(values) == len(_KEYS):
                if len(sections) >= MOST_SECTIONS:
                    raise line_error(path, line_number, f"more than {MOST_SECTIONS} sections")
                b0, b1, b2, a1, a2 = values
                row = (b0, b1, b2, 1.0, -a1, -a2)
                sections.append(Filter("coefficients", coefficients=row, line=opened))
    if not sections or len(values) != len(_KEYS):
        raise line_error(path, last, f"the text ends within section {len(sections) + 1}")
    channels = {name: Channel(filters=list(sections)) for name in speakers or ("L", "R")}
    return ForeignFilters(channels, needs_rate=True)
