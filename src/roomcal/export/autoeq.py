"""AutoEq's texts, which players and telephones import: ParametricEQ and GraphicEQ a channel.

A graphic equaliser follows the level at 127 frequencies in any shape, bands are nine at most; both
hold the gain. Every level carries a decimal point: without one, Equalizer APO reads commas as
decimals.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from roomcal.dsp.smoothing import smoothed_level_db
from roomcal.export.band_reading import Band, band_coefficients, bank_of_channels, played
from roomcal.export.band_text import EQUALIZER_APO_KINDS, frequency_digits, gain_digits, q_digits
from roomcal.export.bands import carried_of, settings_of
from roomcal.export.by_hand import ByHand, read_by_hand, write_by_hand
from roomcal.export.carried import Carried
from roomcal.export.impulse_files import refused
from roomcal.export.readme import write_band_readme
from roomcal.files.atomic import write_bytes
from roomcal.model.curve import Curve
from roomcal.model.equaliser import ChannelSettings
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray

# As many points as AutoEq writes, from 20 Hz to 20 kHz: 1/12.6 octave.
_POINTS = 127
GRAPHIC_HZ = np.round(np.geomspace(20.0, 20000.0, _POINTS), 1)
GRAPHIC_WIDTH = 12  # bands per octave of the smoothing: as fine as the points
_KINDS = {"PK": "peak", "LSC": "low shelf", "HSC": "high shelf"}
_PREAMP = re.compile(r"Preamp: (-?\d+\.\d\d) dB")
_FILTER = re.compile(
    r"Filter (\d+): ON (PK|LSC|HSC) Fc (\d+\.(?:\d\d|\d{4})) Hz Gain (-?\d+\.\d\d) dB "
    r"Q (\d+\.\d{3})"
)
_PAIR = re.compile(r"(\d+\.\d) (-?\d+\.\d\d)")
_INSTALL = """
Equalizer APO, Peace: import RATE-CHANNEL-ParametricEQ.txt for each channel.
Poweramp, Qudelix, SoundSource and others with parametric bands: import the same file.
Wavelet and others with a graphic equaliser: import RATE-CHANNEL-GraphicEQ.txt.
Take one of the two, never both: each is the whole correction.
A player that takes one file for both channels gets that of the left one, and the right speaker is
then corrected as the left one is.
Preamp holds gain and headroom: leave the program's own volume of the equaliser at 0 dB.
Set the delay of each channel as by-hand.txt says, if the program has one.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write both texts for every channel and rate, and what is set by hand."""
    settings = settings_of(bank)
    written = []
    for fs, channels in settings.items():
        for channel in channels:
            texts = {
                "ParametricEQ": _parametric(channel),
                "GraphicEQ": _graphic(bank.filters[fs].path(channel.name, channel.name), fs),
            }
            for kind, text in texts.items():
                written.append(folder / f"{fs}-{channel.name}-{kind}.txt")
                write_bytes(written[-1], text.encode("ascii"))
    written.append(write_by_hand(folder, settings, with_gain=False))
    readme = write_band_readme(
        bank,
        folder,
        program="programs that import AutoEq's texts",
        install=_INSTALL,
        carried=carried_by_bands(bank),
    )
    return [*written, readme]


def carried_by_bands(bank: Bank) -> Carried:
    """Return what a ParametricEQ carries of a bank."""
    return carried_of(bank)


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every ParametricEQ strictly.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    rows: dict[int, dict[str, FloatArray]] = {}
    for (fs, name), by_hand in read_by_hand(folder).items():
        path = folder / f"{fs}-{name}-ParametricEQ.txt"
        try:
            first, *lines = path.read_text(encoding="ascii").split("\n")
            preamp = _PREAMP.fullmatch(first)
            if preamp is None or lines.pop() or by_hand.gain_db:
                raise ValueError("its Preamp is missing, or its last line is cut")
            sections = [band_coefficients(b, fs) for b in map(_band, range(1, 99), lines)]
            whole = ByHand(float(preamp[1]), by_hand.delay_s, by_hand.inverted)
            rows.setdefault(fs, {})[name] = played(sections, fs, whole)
        except (OSError, ValueError) as error:
            raise refused(path, f"is no ParametricEQ of this export: {error}") from error
    return {fs: bank_of_channels(fs, found) for fs, found in rows.items()}


def read_levels(folder: Path) -> Mapping[int, Mapping[str, Curve]]:
    """Read every GraphicEQ strictly: the level of each channel.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    found: dict[int, dict[str, Curve]] = {}
    for fs, name in read_by_hand(folder):
        path = folder / f"{fs}-{name}-GraphicEQ.txt"
        try:
            text = path.read_text(encoding="ascii")
            if not text.startswith("GraphicEQ: ") or not text.endswith("\n"):
                raise ValueError("it is not one line that begins with GraphicEQ")
            pairs = [_PAIR.fullmatch(pair) for pair in text[11:-1].split("; ")]
            rows = np.array([[float(p[1]), float(p[2])] for p in pairs if p])
            if None in pairs or len(rows) < 2:
                raise ValueError("a point is not frequency and level, each with a decimal point")
            found.setdefault(fs, {})[name] = Curve(rows[:, 0], rows[:, 1])
        except (OSError, ValueError) as error:
            raise refused(path, f"is no GraphicEQ of this export: {error}") from error
    return found


def _parametric(channel: ChannelSettings) -> str:
    lines = [f"Preamp: {gain_digits(channel.gain_db)} dB"]
    lines += [
        f"Filter {n}: ON {EQUALIZER_APO_KINDS[band.kind]} Fc {frequency_digits(band)} Hz "
        f"Gain {gain_digits(band.gain_db)} dB Q {q_digits(band)}"
        for n, band in enumerate(channel.biquads, start=1)
    ]
    return "\n".join(lines) + "\n"


def graphic_hz(fs: int) -> FloatArray:
    """Frequencies of the graphic equaliser that a sample rate reaches."""
    return GRAPHIC_HZ[0.49 * fs > GRAPHIC_HZ]


def _graphic(taps: FloatArray, fs: int) -> str:
    f = graphic_hz(fs)
    level = smoothed_level_db(taps, fs, f, GRAPHIC_WIDTH, n_fft=_transform(taps.size, fs))
    pairs = [f"{a:.1f} {gain_digits(float(b))}" for a, b in zip(f, level, strict=True)]
    return f"GraphicEQ: {'; '.join(pairs)}\n"


def _transform(n_taps: int, fs: int) -> int:
    """Length that resolves a twelfth of an octave at 20 Hz: a bin of 1/8 Hz."""
    return 1 << int(np.ceil(np.log2(max(n_taps, 8 * fs))))


def _band(n: int, line: str) -> Band:
    found = _FILTER.fullmatch(line)
    if found is None or int(found[1]) != n:
        raise ValueError(f"unexpected line {line[:60]!r}")
    return _KINDS[found[2]], float(found[3]), float(found[4]), float(found[5])
