"""Read lists of filters: Equalizer APO, AutoEq's ParametricEQ and REW's filter settings.

All three share the line `Filter 1: ON PK Fc 91.9 Hz Gain -6.5 dB Q 4.36`. REW prints numbers as the
language of the computer has them; Equalizer APO has commands around the filters. A command that is
not known would change the sound, so it is refused with its line.
"""

import re
from pathlib import Path

import numpy as np

from roomcal.errors import InputError
from roomcal.files.foreign_filters import (
    HIGHEST_HZ,
    LEVEL_LIMIT_DB,
    LONGEST_DELAY_S,
    LOWEST_HZ,
    MOST_FILTERS,
    Channel,
    Filter,
    ForeignFilters,
    check_filter,
)
from roomcal.files.number_text import line_error, number, numbered_lines
from roomcal.model.curve import Curve

DEEPEST_INCLUDE = 5
MOST_GRAPHIC = 4  # of one channel: each costs a transform, and a hostile file has thousands
# What Equalizer APO takes where a line says no width: its source, "found out by experimentation
# with RoomEQWizard".
_DEFAULT_WIDTH = {
    "low pass": (0.5**0.5, "q"),
    "high pass": (0.5**0.5, "q"),
    "band pass": (0.5**0.5, "q"),
    "notch": (30.0, "q"),
    "low shelf": (0.9, "slope"),
    "high shelf": (0.9, "slope"),
}
_KINDS = {
    **dict.fromkeys(("PK", "PEQ", "PA", "MODAL"), "peak"),
    **dict.fromkeys(("LP", "LPQ"), "low pass"),
    **dict.fromkeys(("HP", "HPQ"), "high pass"),
    **dict.fromkeys(("LS", "LSC", "LSQ"), "low shelf"),
    **dict.fromkeys(("HS", "HSC", "HSQ"), "high shelf"),
    "BP": "band pass",
    **dict.fromkeys(("NO", "NOTCH", "NOTCHQ"), "notch"),
    **dict.fromkeys(("AP", "ALLPASS"), "all pass"),
    "LP1": "first-order low pass",
    "HP1": "first-order high pass",
}
_DB_PER_OCTAVE = 12.0  # of a shelf with slope 1
_FILTER = re.compile(r"Filter\s*\d*\s*:\s*(ON|OFF)\b\s*(.*)", re.IGNORECASE)
_VALUE = r"([-+\u2212]?[\d.,\u00a0\u202f ]*\d)"
# The types that REW prints in two words, and as one.
_TWO_WORDS = re.compile(
    r"(LS|HS|LP|HP|Notch)\s+(Q)\b\s*(?=Fc)|(All)\s+(pass)\b|(LSC?|HSC?)\s+(\d+(?:[.,]\d+)?)\s*dB\b",
    re.IGNORECASE,
)
_FREQUENCY = re.compile(rf"\bFc\s*{_VALUE}\s*(k?)Hz", re.IGNORECASE)
_GAIN = re.compile(rf"\bGain\s*{_VALUE}\s*dB", re.IGNORECASE)
_Q = re.compile(rf"\bQ\s*{_VALUE}\s*(?:T60\b[^Q]*)?$", re.IGNORECASE)
_OCTAVES = re.compile(rf"\bBW\s*Oct\s*{_VALUE}\s*$", re.IGNORECASE)
_OCTAVES_BEHIND = re.compile(rf"\bBW\s*{_VALUE}\s*Oct\s*$", re.IGNORECASE)
_SIXTIETHS = re.compile(rf"\bBW/60\s*{_VALUE}\s*$", re.IGNORECASE)
_THOUSANDS = re.compile(r"^(\d{1,3})[.,](\d{3})$")
_COMMAND = re.compile(r"([A-Za-z]+)\s*:\s*(.*)")
# Bounded, since it is tried at every line of what may be no such text at all.
_BEGINNING = re.compile(
    r"^[ \t]{0,40}(Filter[ \t]{0,20}\d{0,6}|Preamp|GraphicEQ)[ \t]{0,20}:",
    re.MULTILINE | re.IGNORECASE,
)
_REW_TITLES = ("dated", "notes", "equaliser", "average", "target")
_EVERY = ("L", "R")


def is_equalizer_text(text: str) -> bool:
    """Tell a list of filters by its lines."""
    return _BEGINNING.search(text) is not None


def read_equalizer_text(path: Path, speakers: tuple[str, ...] = ()) -> ForeignFilters:
    """Read a list of filters.

    Parameters
    ----------
    path : Path
    speakers : tuple of str
        Channels for which lines without `Channel:` stand; L and R if none are named.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read; RC-307, with the line, for what cannot be followed.
    """
    found = ForeignFilters({name: Channel() for name in speakers or _EVERY})
    _Reading(found, path.resolve().parent).file(path, depth=0)
    if not any(c.filters or c.gain_db or c.delay_s for c in found.channels.values()):
        raise line_error(path, 1, "the text holds no filter that is on")
    return found


class _Reading:
    """The channels that commands act on, while lines go by."""

    def __init__(self, found: ForeignFilters, folder: Path) -> None:
        self.found = found
        self.folder = folder
        self.every = list(found.channels)
        self.selected = list(self.every)
        self.is_rew = False

    def file(self, path: Path, *, depth: int) -> None:
        """Follow the lines of one file."""
        for line_number, line in numbered_lines(path):
            if line.startswith("Filter Settings file"):
                self.is_rew = True
            elif line and not line.startswith("#"):
                self.line(path, line_number, line, depth=depth)

    def line(self, path: Path, line_number: int, line: str, *, depth: int) -> None:
        filtering = _FILTER.match(line)
        if filtering:
            words = filtering[2].split(maxsplit=1)
            if filtering[1].upper() == "ON" and words and words[0].upper() != "NONE":
                self.add(path, filter_of_text(path, line_number, filtering[2]))
            return
        command = _COMMAND.match(line)
        name = command[1].lower() if command else ""
        if self.is_rew and (not command or name in _REW_TITLES or name not in _COMMANDS):
            return  # titles and notes in free words
        if command is None or name not in _COMMANDS:
            raise line_error(
                path,
                line_number,
                f"{line[:40]!r} is no command that can be imported",
                hint="import what the other program convolves with, or leave the line out",
            )
        if name == "include":
            self.include(path, line_number, command[2], depth=depth)
        else:
            self.command(path, line_number, name, command[2])

    def command(self, path: Path, line_number: int, name: str, argument: str) -> None:
        if name == "channel":
            names = [_CHANNELS.get(n.upper(), n.upper()) for n in argument.split()]
            self.selected = list(self.every) if "ALL" in names else names
            for n in self.selected:
                if not re.fullmatch(r"[A-Za-z0-9]{1,12}", n) or len(self.found.channels) > 64:
                    raise line_error(path, line_number, f"{n[:20]!r} is no channel")
                self.found.channels.setdefault(n, Channel())
            return
        if name == "graphiceq":
            curve = _graphic(path, line_number, argument)
            self.add(path, Filter("graphic", curve=curve, line=line_number))
            return
        if name in ("device", "stage"):
            self.found.notes.append(f"{name}: {argument[:60]} is left out")
            return
        unit = {"preamp": "dB", "delay": "ms"}[name]
        match = re.fullmatch(rf"{_VALUE}\s*{unit}", argument.strip(), re.IGNORECASE)
        if match is None:
            raise line_error(path, line_number, f"{name} without a number in {unit}")
        value = _number(path, line_number, match[1])
        for n in self.selected:
            channel = self.found.channels[n]
            if name == "preamp":
                channel.gain_db += value
            else:
                channel.delay_s += value / 1000.0
            if abs(channel.gain_db) > LEVEL_LIMIT_DB:
                raise line_error(path, line_number, f"a gain of {channel.gain_db:g} dB in all")
            if not 0.0 <= channel.delay_s <= LONGEST_DELAY_S:
                raise line_error(path, line_number, f"a delay of {channel.delay_s:g} s in all")

    def include(self, path: Path, line_number: int, name: str, *, depth: int) -> None:
        """Follow another file of the same folder."""
        file = (self.folder / name.strip().replace("\\", "/")).resolve()
        if not file.is_relative_to(self.folder):
            raise line_error(path, line_number, f"{name[:60]} lies outside of its folder")
        if depth >= DEEPEST_INCLUDE:
            raise line_error(path, line_number, f"files include each other {DEEPEST_INCLUDE} deep")
        try:
            self.file(file, depth=depth + 1)
        except InputError as error:
            raise error.within(f"{path.name} line {line_number}") from error

    def add(self, path: Path, found: Filter) -> None:
        for n in self.selected:
            filters = self.found.channels[n].filters
            filters.append(found)
            if found.curve and sum(f.curve is not None for f in filters) > MOST_GRAPHIC:
                raise line_error(
                    path, found.line, f"more than {MOST_GRAPHIC} graphic equalisers in a channel"
                )
            if len(filters) > MOST_FILTERS:
                raise line_error(path, found.line, f"more than {MOST_FILTERS} filters")


_COMMANDS = ("channel", "preamp", "delay", "device", "stage", "include", "graphiceq")
_CHANNELS = {"1": "L", "2": "R", "3": "C", "4": "LFE", "SUB": "LFE"}


def _graphic(path: Path, line_number: int, text: str) -> Curve:
    """Read `20 -1.2; 25 0.4`; without any point on the line, commas are decimal ones."""
    if "." not in text:
        text = text.replace(",", ".")
    points: dict[float, float] = {}
    for pair in filter(None, (part.strip() for part in re.split(r"[;,]", text))):
        words = pair.split()
        if len(words) != 2:
            raise line_error(path, line_number, f"{pair[:40]!r} is no frequency and level")
        f_hz, level_db = (_number(path, line_number, word) for word in words)
        if not LOWEST_HZ <= f_hz <= HIGHEST_HZ or abs(level_db) > LEVEL_LIMIT_DB:
            raise line_error(path, line_number, f"{pair[:40]!r} is out of range")
        points[f_hz] = level_db
    if not points:
        raise line_error(path, line_number, "a graphic equaliser without points")
    f = np.array(sorted(points))
    return Curve(f, np.array([points[x] for x in f]))


def filter_of_text(path: Path, line_number: int, text: str) -> Filter:
    """Read what stands behind `ON`: type, frequency, gain and width.

    Raises
    ------
    InputError
        RC-307 with the line.
    """
    kind, rest, slope = _type(path, line_number, text)
    if kind not in _KINDS:
        raise line_error(path, line_number, f"{kind[:20]!r} is no type of filter that is known")
    name = _KINDS[kind]
    frequency, gain = _FREQUENCY.search(rest), _GAIN.search(rest)
    if frequency is None:
        raise line_error(path, line_number, "a filter without a frequency (Fc ... Hz)")
    needs_gain = name in ("peak", "low shelf", "high shelf")
    if needs_gain and gain is None:
        raise line_error(path, line_number, "a filter without a gain (Gain ... dB)")
    width, width_kind = _DEFAULT_WIDTH.get(name, (0.0, "q"))
    is_given = slope is not None
    if slope is not None:
        width, width_kind = slope, "slope"
    for pattern, unit, scale in (
        (_Q, "q", 1.0),
        (_OCTAVES, "octaves", 1.0),
        (_OCTAVES_BEHIND, "octaves", 1.0),
        (_SIXTIETHS, "octaves", 60.0),
    ):
        match = pattern.search(rest)
        if match:
            width, width_kind = _number(path, line_number, match[1]) / scale, unit
            is_given = True
    if name.startswith("first-order"):
        width, width_kind = 1.0, "q"  # it has none
    if not width:
        raise line_error(path, line_number, "a filter without a width (Q ...)")
    thousand = 1000.0 if frequency[2] else 1.0
    return check_filter(
        path,
        Filter(
            name,
            f_hz=thousand * _frequency(path, line_number, frequency[1], is_khz=thousand > 1.0),
            gain_db=_number(path, line_number, gain[1]) if gain and needs_gain else 0.0,
            width=width,
            width_kind=width_kind,
            is_corner=is_given and kind in ("LS", "HS"),
            line=line_number,
        ),
    )


def _type(path: Path, line_number: int, text: str) -> tuple[str, str, float | None]:
    """Split the type from the rest; a shelf may have a slope in dB per octave beside it."""
    two = _TWO_WORDS.match(text)
    if two is None:
        kind, *rest = text.split(maxsplit=1)
        return kind.upper(), rest[0] if rest else "", None
    words = [word.upper() for word in two.groups() if word]
    if two[6]:
        slope = _number(path, line_number, two[6]) / _DB_PER_OCTAVE
        return words[0], text[two.end() :], slope
    return "".join(words), text[two.end() :], None


def _frequency(path: Path, line_number: int, text: str, *, is_khz: bool = False) -> float:
    """Read a frequency: nobody prints three decimals of one, so three digits are thousands.

    Equalizer APO reads `1.000` as 1000 Hz for the same reason.
    """
    plain = text.strip()
    return _number(path, line_number, plain if is_khz else _THOUSANDS.sub(r"\1\2", plain))


def _number(path: Path, line_number: int, text: str) -> float:
    try:
        return number(text)
    except ValueError as error:
        raise line_error(path, line_number, str(error)) from error
