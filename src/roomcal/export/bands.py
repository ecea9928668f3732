"""What the formats of bands share: the settings of a bank, found once, and what is lost."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np

from roomcal.design.equaliser import equaliser_settings
from roomcal.design.peq import sections_of
from roomcal.dsp.fractional_delay import HALF_WIDTH, delayed
from roomcal.export.carried import Carried
from roomcal.model.equaliser import ChannelSettings
from roomcal.model.filter_bank import Bank, FilterBank, PathStructure
from roomcal.units import FloatArray, frequency_text, ratio_from_db

MOST_BANDS = 9  # to look for: as many as the smallest of the devices have (RME Room EQ)
MOST_OWN = 64  # of a bank that is made of bands
Settings = Mapping[int, tuple[ChannelSettings, ...]]
# Bands are written into taps of this length to be compared: 2.7 s at 48 kHz.
_RENDERED_S = 2.7
_FOUND: WeakKeyDictionary[Bank, dict[tuple[bool, int], Settings]] = WeakKeyDictionary()
_CARRIED: WeakKeyDictionary[Bank, dict[tuple[bool, int], Carried]] = WeakKeyDictionary()


def settings_of(bank: Bank, *, most: int = MOST_OWN, with_fir: bool = False) -> Settings:
    """Return the settings of every channel by sample rate; they are looked for once a bank.

    Parameters
    ----------
    bank : Bank
    most : int
        Bands that the device has; a bank with more of them gets the nearest nine.
    with_fir : bool
        The device has a FIR beside its bands.
    """
    key = _key(bank, most=most, with_fir=with_fir)
    known = _FOUND.setdefault(bank, {})
    if key not in known:
        found: dict[int, tuple[ChannelSettings, ...]] = {}
        before: tuple[ChannelSettings, ...] = ()
        for fs, filters in bank.filters.items():
            before = equaliser_settings(
                filters, bands=MOST_BANDS, most_own=most, with_fir=with_fir, before=before
            )
            found[fs] = before
        known[key] = found
    return known[key]


def _key(bank: Bank, *, most: int, with_fir: bool) -> tuple[bool, int]:
    """Tell settings apart: there is nothing to tell where a bank has no bands of its own."""
    own = any(p.biquads for filters in bank.filters.values() for p in filters.paths)
    return (with_fir, most) if own else (False, MOST_OWN)


def carried_of(bank: Bank, *, most: int = MOST_OWN) -> Carried:
    """Return what bands carry of a bank; it is rendered once a bank."""
    key = _key(bank, most=most, with_fir=False)
    known = _CARRIED.setdefault(bank, {})
    if key not in known:
        known[key] = carried(settings_of(bank, most=most))
    return known[key]


def refuses(bank: Bank) -> str:
    """Return why bands cannot carry a bank: a path between two different channels."""
    first = next(iter(bank.filters.values()))
    crossed = [f"{inp} to {out}" for out, inp in first.active_paths if inp != out]
    if not crossed:
        return ""
    return (
        f"it sets each channel by itself, not {crossed[0]}; a crossover is set in the device: "
        "design again with --no-crossover"
    )


def carried(settings: Settings) -> Carried:
    """Render settings, and say what of the bank they leave."""
    return Carried(
        {fs: filters_of(fs, channels) for fs, channels in settings.items()}, losses(settings)
    )


def filters_of(fs: int, channels: tuple[ChannelSettings, ...]) -> FilterBank:
    """Render the settings of one rate to taps."""
    from scipy.signal import sosfilt

    rows = []
    for channel in channels:
        unit = np.zeros(round(_RENDERED_S * fs))
        unit[0] = ratio_from_db(channel.gain_db)
        own = sections_of(channel.biquads, fs)
        bands = np.asarray(sosfilt(own, unit)) if len(own) else unit[:1]
        h = np.convolve(bands, channel.fir) if channel.fir.size else bands
        room = np.zeros(int(np.ceil(channel.delay_s * fs)) + 2 * HALF_WIDTH)
        h = delayed(np.concatenate([h, room]), channel.delay_s * fs + HALF_WIDTH)
        rows.append(-h if channel.inverted else h)
    names = tuple(c.name for c in channels)
    return diagonal(fs, dict(zip(names, rows, strict=True)))


def diagonal(fs: int, rows: Mapping[str, FloatArray]) -> FilterBank:
    """Put channels without paths between them into one filter bank."""
    names = tuple(rows)
    taps = np.zeros((len(names), len(names), max(row.size for row in rows.values())))
    for n, row in enumerate(rows.values()):
        taps[n, n, : row.size] = row
    return FilterBank(
        taps, fs, names, names, paths=tuple(PathStructure(name, name) for name in names)
    )


def losses(settings: Settings) -> tuple[str, ...]:
    """Say what bands do not carry, and what follows from that."""
    fs, channels = next(iter(settings.items()))
    said = []
    for channel in channels:
        if not channel.is_exact:
            said.append(
                f"{channel.name}: the filter is no chain of bands; the nearest "
                f"{len(channel.biquads)} leave {channel.left_rms_db:.1f} dB rms of its level, most "
                f"at {frequency_text(channel.left_worst_hz)}: {channel.left_worst_db:+.1f} dB "
                f"(at {fs} Hz)"
            )
    if said:
        said.append(
            "bands have minimum phase: the correction of the speaker's phase, and the shorter "
            "ringing of modes beyond their peaks, are lost"
        )
        said.append("bands that are designed as bands fit better: roomcal design NAME --peq 9")
    if any(c.delay_s or c.inverted for c in channels):
        said.append(
            "delay and polarity are set by hand (by-hand.txt); without the delay the image moves "
            "towards the earlier speaker"
        )
    return tuple(said)
