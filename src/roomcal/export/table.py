"""A table to print, for devices that import nothing: gain, delay, bands and graphic equaliser."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from roomcal.dsp.smoothing import smoothed_level_db
from roomcal.export.band_reading import Band, band_coefficients, bank_of_channels, played
from roomcal.export.band_text import frequency_digits, gain_digits, q_digits
from roomcal.export.bands import carried_of, settings_of
from roomcal.export.by_hand import ByHand
from roomcal.export.carried import Carried
from roomcal.export.impulse_files import refused
from roomcal.export.readme import write_band_readme
from roomcal.files.atomic import write_bytes
from roomcal.model.curve import Curve
from roomcal.model.equaliser import ChannelSettings
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray, band_centres_hz, nominal_hz

THIRDS_WIDTH = 3  # bands per octave of a graphic equaliser
_GRAPHIC_HZ = (25.0, 16000.0)
_CELLS_A_ROW = 4
_INSTALL = """
Print table-RATE.txt, or keep it beside you, and type the numbers in. Take one kind of equaliser,
parametric or graphic, never both.
RME TotalMix: Room EQ of each output; gain as Volume Calibration or channel volume, and Delay.
Genelec GLM, Neumann MA 1, ADAM A Control: the monitor's own bands, level and delay. These bands
  only cut, and reach to some hundred Hz: a design for them is better,
  roomcal design NAME --peq 6 --device-limits monitor
Dolby Atmos Renderer (Mastering Suite): Room calibration; gain, delay and graphic equaliser of
  each speaker.
Bandwidth in octaves stands beside Q for equalisers that ask for it.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write table-RATE.txt for every rate."""
    written = []
    for fs, channels in settings_of(bank).items():
        parts = [f"Correction {bank.name} at {fs} Hz\n"]
        for channel in channels:
            taps = bank.filters[fs].path(channel.name, channel.name)
            parts.append(_channel_text(channel, fs, taps))
        written.append(folder / f"table-{fs}.txt")
        write_bytes(written[-1], "\n".join(parts).encode("ascii"))
    readme = write_band_readme(
        bank,
        folder,
        program="devices whose equaliser is set by hand",
        install=_INSTALL,
        carried=carried_by_table(bank),
    )
    return [*written, readme]


def carried_by_table(bank: Bank) -> Carried:
    """Return what bands carry of a bank; delay and polarity stand in the table."""
    found = carried_of(bank)
    return Carried(found.filters, tuple(x for x in found.losses if "by-hand.txt" not in x))


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every table strictly, its bands.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    found = {}
    for path, fs in _tables(folder):
        rows = {}
        for name, channel in _channels(path, fs).items():
            try:
                sections = [band_coefficients(band, fs) for band in channel.bands]
                rows[name] = played(sections, fs, channel.by_hand)
            except ValueError as error:
                raise refused(path, f"is no table of this export: {error}") from error
        found[fs] = bank_of_channels(fs, rows)
    return found


def read_levels(folder: Path) -> Mapping[int, Mapping[str, Curve]]:
    """Read the graphic equaliser of every table, with the gain."""
    return {
        fs: {name: channel.graphic for name, channel in _channels(path, fs).items()}
        for path, fs in _tables(folder)
    }


def _channel_text(channel: ChannelSettings, fs: int, taps: FloatArray) -> str:
    lines = [
        f"Channel {channel.name}",
        f"  gain     {channel.gain_db:8.3f} dB",
        f"  delay    {1000.0 * channel.delay_s:8.5f} ms",
        f"  polarity {'inverted' if channel.inverted else 'normal'}",
        "",
        "  parametric equaliser",
        "  band type        frequency Hz  gain dB       Q  octaves",
    ]
    for n, band in enumerate(channel.biquads, start=1):
        octaves = 2.0 / np.log(2.0) * np.arcsinh(0.5 / band.q)
        lines.append(
            f"  {n:4d} {band.kind:10} {frequency_digits(band):>13} {gain_digits(band.gain_db):>8} "
            f"{q_digits(band):>7} {octaves:8.3f}"
        )
    lines += ["", "  graphic equaliser, third octaves: Hz and dB"]
    f, level = _thirds(taps, fs)
    cells = [
        f"{nominal_hz(float(a)):7g} {gain_digits(float(b) - channel.gain_db):>6}"
        for a, b in zip(f, level, strict=True)
    ]
    lines += [
        "  " + " ".join(cells[i : i + _CELLS_A_ROW]) for i in range(0, len(cells), _CELLS_A_ROW)
    ]
    return "\n".join(lines) + "\n"


def _thirds(taps: FloatArray, fs: int) -> tuple[FloatArray, FloatArray]:
    """Level of the correction in third octaves, at their exact centres."""
    f = band_centres_hz(*_GRAPHIC_HZ, bands_per_octave=3)
    f = f[f < 0.42 * fs]
    n_fft = 1 << int(np.ceil(np.log2(max(taps.size, 8 * fs))))
    return f, smoothed_level_db(taps, fs, f, THIRDS_WIDTH, n_fft=n_fft)


class _Channel:
    """One channel of a table, as it was read."""

    def __init__(self, by_hand: ByHand, bands: list[Band], graphic: Curve) -> None:
        self.by_hand = by_hand
        self.bands = bands
        self.graphic = graphic


def _tables(folder: Path) -> list[tuple[Path, int]]:
    found = sorted(folder.glob("table-*.txt"))
    if not found or not all(p.stem.removeprefix("table-").isdigit() for p in found):
        raise refused(folder, "holds no table-RATE.txt")
    return [(path, int(path.stem.removeprefix("table-"))) for path in found]


_HEAD = re.compile(
    r"  gain +(-?\d+\.\d{3}) dB\n  delay +(\d+\.\d{5}) ms\n  polarity (normal|inverted)\n\n"
    r"  parametric equaliser\n  band type +frequency Hz +gain dB +Q +octaves\n"
)
_ROW = re.compile(
    r" +(\d+) (peak|low shelf|high shelf) +(\d+\.\d+) +(-?\d+\.\d\d) +(\d+\.\d{3}) +\d+\.\d{3}"
)
_CELL = re.compile(r" +([\d.]+) +(-?\d+\.\d\d)")


def _channels(path: Path, fs: int) -> dict[str, _Channel]:
    try:
        title, *parts = path.read_text(encoding="ascii").split("\nChannel ")
        if not re.fullmatch(rf"Correction \S+ at {fs} Hz\n", title) or not parts:
            raise ValueError(f"its title is {title[:60]!r}")
        return {part.partition("\n")[0]: _channel(part.partition("\n")[2]) for part in parts}
    except (OSError, ValueError) as error:
        raise refused(path, f"is no table of this export: {error}") from error


def _channel(text: str) -> _Channel:
    head = _HEAD.match(text)
    rows, marker, cells = text[head.end() if head else 0 :].partition(
        "\n  graphic equaliser, third octaves: Hz and dB\n"
    )
    if head is None or not marker or not cells.endswith("\n"):
        raise ValueError("a channel has no gain, or no graphic equaliser, or is cut")
    bands: list[Band] = []
    for line in rows.splitlines():
        found = _ROW.fullmatch(line)
        if found is None or int(found[1]) != len(bands) + 1:
            raise ValueError(f"unexpected line {line[:60]!r}")
        bands.append((found[2], float(found[3]), float(found[4]), float(found[5])))
    if _CELL.sub("", cells).strip():
        raise ValueError(f"unexpected {_CELL.sub('', cells).strip()[:60]!r}")
    gain_db = float(head[1])
    pairs = np.array([[float(f), float(g)] for f, g in _CELL.findall(cells)])
    # A nominal frequency stands for the exact centre of its band: 1000 * 10 ** (n / 10).
    exact = 1000.0 * 10.0 ** (np.round(10.0 * np.log10(pairs[:, 0] / 1000.0)) / 10.0)
    by_hand = ByHand(gain_db, float(head[2]) / 1000.0, head[3] == "inverted")
    return _Channel(by_hand, bands, Curve(exact, pairs[:, 1] + gain_db))
