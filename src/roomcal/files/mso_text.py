"""Read the reports of Multi-Sub Optimizer: its filters by channel, and its channel settings.

Gains and delays come from the final settings at the end of a report; those of its blocks are
intermediate, as the report says itself. Filters of the shared sub channel act on every sub.
"""

import re
from pathlib import Path

from roomcal.files.foreign_filters import (
    LEVEL_LIMIT_DB,
    LONGEST_DELAY_S,
    MOST_FILTERS,
    Channel,
    Filter,
    ForeignFilters,
    check_filter,
)
from roomcal.files.number_text import line_error, number, numbered_lines

_CHANNEL = re.compile(r'Channel: "(.{1,40})"')
_FILTER = re.compile(r"(FL\d+): (.+)")
_PARAMETER = re.compile(r'Parameter "(.+)" = (\S+)')
_FINAL = re.compile(r"(\S.{0,39}?) (gain|delay): (\S+) (dB|msec)")
_INVERSION = re.compile(r"(\S.{0,39}?)(?::\s*Invert|\s+Inverted)")
_TABLE = re.compile(r"(\S+)\s+([-+]?[\d.,]+) (ms|dB)\b.*")
# Name in the report, kind, names of frequency, gain and Q.
_KINDS = {
    "Parametric EQ (RBJ)": ("peak", "Center freq (Hz)", "Boost (dB)", "Q (RBJ)"),
    "All-Pass Second-Order": ("all pass", "Freq of 180 deg phase (Hz)", "", "All-pass Q"),
}
_INTERMEDIATE = ("Delay Block", "Gain Block", "Polarity Inversion")
_SHARED = "shared sub"


def is_mso_text(text: str) -> bool:
    """Tell a report by its first words."""
    return text.lstrip().startswith(
        ("Filters by channel:", "MSO Channel Settings Export", 'Channel: "')
    )


def read_mso_text(path: Path) -> ForeignFilters:
    """Read one report.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read; RC-307, with the line, for what cannot be followed.
    """
    channels: dict[str, Channel] = {}
    shared: list[Filter] = []
    filters: list[Filter] | None = None
    block: tuple[int, str] | None = None
    values: dict[str, float] = {}
    is_final = is_relative = False
    last = 1

    def close() -> None:
        nonlocal block, values
        if block and block[1] in _KINDS:
            if filters is None:
                raise line_error(path, block[0], "a filter stands outside of a channel")
            if len(filters) >= MOST_FILTERS:
                raise line_error(path, block[0], f"more than {MOST_FILTERS} filters")
            filters.append(_filter(path, block[0], block[1], values))
        block, values = None, {}

    for line_number, line in numbered_lines(path):
        last = line_number
        if opened := _CHANNEL.fullmatch(line):
            close()
            filters = _channel(path, line_number, channels, opened[1]).filters
        elif line.startswith(("End Channel", "End shared")):
            close()
            filters = None
        elif line == "Shared sub channel:":
            filters = shared
        elif line.startswith("Shared mains channel"):
            filters = None
        elif named := _FILTER.fullmatch(line):
            if is_final or " gain: " in line or " delay: " in line:
                continue
            close()
            if named[2] not in _KINDS and named[2] not in _INTERMEDIATE and filters is not None:
                raise line_error(path, line_number, f"{named[2][:40]!r} cannot be imported")
            block = (line_number, named[2])
        elif parameter := _PARAMETER.fullmatch(line):
            values[parameter[1]] = _number(path, line_number, parameter[2])
        elif line.startswith(("Final gain and delay", "MSO Channel Settings")):
            is_final = True
        elif line.startswith("Relative Delays"):
            is_relative = True
        elif line.startswith("Absolute Delays"):
            is_relative = False
        elif line == "GAIN SETTINGS":
            is_relative = True
        elif is_final and (final := _FINAL.fullmatch(line)):
            _set(path, line_number, channels, name=final[1], text=final[3], unit=final[4])
        elif is_final and is_relative and (table := _TABLE.fullmatch(line)):
            _set(path, line_number, channels, name=table[1], text=table[2], unit=table[3])
        elif is_final and (inverted := _INVERSION.fullmatch(line)):
            _channel(path, line_number, channels, inverted[1]).inverted = True
    if not channels or not is_final:
        raise line_error(path, last, "the report ends without its final gains and delays")
    for channel in channels.values():
        channel.filters += shared
    earliest = min(channel.delay_s for channel in channels.values())
    for channel in channels.values():
        channel.delay_s -= earliest  # delays below 0 are meant against the others
    return ForeignFilters(channels)


def _channel(path: Path, line: int, channels: dict[str, Channel], name: str) -> Channel:
    if len(channels) >= 64:
        raise line_error(path, line, "it has more than 64 channels")
    return channels.setdefault(name.strip(), Channel())


def _filter(path: Path, line: int, kind: str, values: dict[str, float]) -> Filter:
    name, f_key, gain_key, q_key = _KINDS[kind]
    missing = [key for key in (f_key, gain_key, q_key) if key and key not in values]
    if missing:
        raise line_error(path, line, f"{kind} without {missing[0]}")
    gain_db = values[gain_key] if gain_key else 0.0
    found = Filter(name, f_hz=values[f_key], gain_db=gain_db, width=values[q_key], line=line)
    return check_filter(path, found)


def _set(
    path: Path, line: int, channels: dict[str, Channel], *, name: str, text: str, unit: str
) -> None:
    """Take a final gain or delay."""
    value = _number(path, line, text)
    channel = _channel(path, line, channels, name)
    if unit == "dB":
        if abs(value) > LEVEL_LIMIT_DB:
            raise line_error(path, line, f"a gain of {value:g} dB")
        channel.gain_db = value
    else:
        if abs(value) > 1000.0 * LONGEST_DELAY_S:
            raise line_error(path, line, f"a delay of {value:g} ms")
        channel.delay_s = value / 1000.0


def _number(path: Path, line: int, text: str) -> float:
    try:
        return number(text)
    except ValueError as error:
        raise line_error(path, line, str(error)) from error
