"""REW's filter settings as text: a file a channel and sample rate, as REW itself exports them."""

import re
from collections.abc import Mapping
from pathlib import Path

from roomcal.export.band_reading import Band, band_coefficients, bank_of_channels, played
from roomcal.export.band_text import frequency_digits, gain_digits, q_digits
from roomcal.export.bands import carried_of, settings_of
from roomcal.export.by_hand import read_by_hand, write_by_hand
from roomcal.export.carried import Carried
from roomcal.export.impulse_files import refused
from roomcal.export.readme import write_band_readme
from roomcal.files.atomic import write_bytes
from roomcal.model.biquad import Biquad
from roomcal.model.equaliser import ChannelSettings
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray

# REW's "Generic" equaliser has peaks, and shelves with a Q: "LS Q", "HS Q".
_WRITTEN = {"peak": "PK", "low shelf": "LS Q", "high shelf": "HS Q"}
_READ = {"PK": "peak", "LS Q": "low shelf", "HS Q": "high shelf"}
_LINE = re.compile(
    r"Filter +(\d+): ON  (PK|LS Q|HS Q) +Fc +(\d+\.(?:\d\d|\d{4})) Hz  "
    r"Gain +(-?\d+\.\d\d) dB  Q +(\d+\.\d{3})"
)
_HEADER = ("Filter Settings file", "", "Room EQ V5 filter settings")
_EMPTY = "Filter  1: ON  None"
_MOST = 20  # filters of REW's Generic equaliser
_INSTALL = """
1. REW: open the measurement of the channel, EQ, set the Equaliser to Generic, then in the EQ
   Filters panel "Load filter settings from file", and choose RATE-CHANNEL.txt.
   RME Room EQ and other programs that read REW's text: import the file of each channel there.
2. Take the files of the sample rate that the device runs at.
3. Set gain and delay of each channel as by-hand.txt says: this text has no place for them.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write RATE-CHANNEL.txt, and what is set by hand."""
    settings = settings_of(bank, most=_MOST)
    written = []
    for fs, channels in settings.items():
        for channel in channels:
            path = folder / f"{fs}-{channel.name}.txt"
            write_bytes(path, _text(bank.name, fs, channel).encode("ascii"))
            written.append(path)
    written.append(write_by_hand(folder, settings, with_gain=True))
    readme = write_band_readme(
        bank,
        folder,
        program="REW, RME Room EQ and others that read its text",
        install=_INSTALL,
        carried=carried_by_rew(bank),
    )
    return [*written, readme]


def carried_by_rew(bank: Bank) -> Carried:
    """Return what REW's filters carry of a bank."""
    return carried_of(bank, most=_MOST)


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every file strictly.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    rows: dict[int, dict[str, FloatArray]] = {}
    for (fs, name), by_hand in read_by_hand(folder).items():
        path = folder / f"{fs}-{name}.txt"
        try:
            lines = path.read_text(encoding="ascii").split("\n")
            if tuple(lines[:3]) != _HEADER or lines[-1]:
                raise ValueError("it does not begin or end as such a file does")
            at = lines.index(name, lines.index("Equaliser: Generic")) + 1
            bands = [] if lines[at:-1] == [_EMPTY] else list(map(_band, range(1, 99), lines[at:-1]))
            sections = [band_coefficients(band, fs) for band in bands]
            rows.setdefault(fs, {})[name] = played(sections, fs, by_hand)
        except (OSError, ValueError) as error:
            raise refused(path, f"is no filter text of this export: {error}") from error
    return {fs: bank_of_channels(fs, found) for fs, found in rows.items()}


def _text(name: str, fs: int, channel: ChannelSettings) -> str:
    lines = [
        *_HEADER,
        "",
        f"Notes:roomcal {name} {channel.name} at {fs} Hz; gain and delay as by-hand.txt says",
        "",
        "Equaliser: Generic",
        channel.name,
    ]
    lines += [_filter_line(n, band) for n, band in enumerate(channel.biquads, start=1)]
    if not channel.biquads:
        lines.append(_EMPTY)
    return "\n".join(lines) + "\n"


def _filter_line(n: int, band: Biquad) -> str:
    """Numbers stand to the right of their columns, as in REW's own files."""
    return (
        f"Filter {n:2d}: ON  {_WRITTEN[band.kind]:8} Fc {frequency_digits(band):>8} Hz  "
        f"Gain {gain_digits(band.gain_db):>6} dB  Q {q_digits(band):>6}"
    )


def _band(n: int, line: str) -> Band:
    found = _LINE.fullmatch(line)
    if found is None or int(found[1]) != n:
        raise ValueError(f"unexpected line {line[:60]!r}")
    return _READ[found[2]], float(found[3]), float(found[4]), float(found[5])
