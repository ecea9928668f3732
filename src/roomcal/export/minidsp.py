"""miniDSP: bands as biquads, and a FIR of at most as many taps as an output has.

The sign of a1 and a2 is turned against that of a transfer function. A FIR file is bare 32-bit
floats. Coefficients are for one sample rate, which stands in the file's name.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from roomcal.design.peq import sections_of
from roomcal.dsp.biquads import is_stable
from roomcal.errors import ProofError
from roomcal.export.band_reading import bank_of_channels, played
from roomcal.export.bands import Settings, carried, settings_of
from roomcal.export.by_hand import read_by_hand, write_by_hand
from roomcal.export.carried import Carried
from roomcal.export.impulse_files import refused
from roomcal.export.readme import write_band_readme
from roomcal.files.atomic import write_bytes
from roomcal.model.equaliser import ChannelSettings
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray, ratio_from_db

BLOCKS = 10  # biquads of an output's PEQ
# 2x4 HD and Flex: 4096 taps for all outputs, 2048 at most for one (manual of the Flex).
MOST_TAPS, ALL_TAPS = 2048, 4096
_SILENT = 1e-7  # of the largest tap: -140 dB
_INSTALL = """
1. The 2x4 HD, the Flex and most FIR devices run at 96000 Hz, DDRC-24 and PWR-ICE at 48000 Hz: take
   the files that begin with this rate. Coefficients of another rate are another filter.
2. Output channel, PEQ: switch from Basic to Advanced, paste the whole of
   RATE-NUMBER-CHANNEL-biquads.txt into the biquad window, and press Process. It fills all ten
   blocks, so that nothing of an earlier correction is left.
3. Where there is a -fir.bin: output channel, FIR, "File mode", load it; or "Manual mode" and paste
   -fir.txt. Where there is none: bypass the FIR block.
4. Set the delay of each output as by-hand.txt says. Leave gains at 0 dB and polarity normal: both
   are in the coefficients.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write biquads, FIR files where there is a FIR, and what is set by hand."""
    plan = _plan(bank)
    written = []
    for fs, channels in plan.items():
        for n, channel in enumerate(channels, start=1):
            stem = f"{fs}-{n}-{channel.name}"
            files = {f"{stem}-biquads.txt": _biquad_text(channel, fs).encode("ascii")}
            if channel.fir.size:
                taps = channel.fir.astype("<f4")
                files[f"{stem}-fir.bin"] = taps.tobytes()
                files[f"{stem}-fir.txt"] = _manual_text(taps.astype(np.float64)).encode("ascii")
            for name, data in files.items():
                write_bytes(folder / name, data)
                written.append(folder / name)
    by_hand = {fs: tuple(_without_polarity(c) for c in plan[fs]) for fs in plan}
    written.append(write_by_hand(folder, by_hand, with_gain=False))
    readme = write_band_readme(
        bank, folder, program="miniDSP", install=_INSTALL, carried=carried_by_minidsp(bank)
    )
    return [*written, readme]


def carried_by_minidsp(bank: Bank) -> Carried:
    """Return what bands, and a FIR that is short enough, carry of a bank."""
    plan = _plan(bank)
    found = carried(plan)
    longest = max(filters.n_taps for filters in bank.filters.values())
    if all(c.is_exact for channels in plan.values() for c in channels):
        return found
    limit = _limit(len(next(iter(plan.values()))))
    note = (
        f"an output has {limit} taps, the bank {longest}: no FIR is written. Bands below 300 Hz "
        "and a short FIR above fit in: roomcal design NAME --peq 9 --device-limits minidsp "
        "--hybrid 300 --taps 1024 --fs 96000"
    )
    return Carried(found.filters, (*found.losses, note))


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every file strictly.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write, and for filters that are not stable.
    """
    rows: dict[int, dict[str, FloatArray]] = {}
    for (fs, name), by_hand in read_by_hand(folder).items():
        number = len(rows.setdefault(fs, {})) + 1
        stem = f"{fs}-{number}-{name}"
        try:
            sections = _sections((folder / f"{stem}-biquads.txt").read_text(encoding="ascii"))
            rows[fs][name] = played(sections, fs, by_hand, _fir(folder, stem))
        except (OSError, ValueError) as error:
            raise refused(folder / stem, f"is no filter of this export: {error}") from error
    return {fs: bank_of_channels(fs, found) for fs, found in rows.items()}


def _limit(n_channels: int) -> int:
    return min(MOST_TAPS, ALL_TAPS // n_channels)


def _plan(bank: Bank) -> Settings:
    """Take the whole FIR if it is short, else bands with a short FIR, else the nearest bands."""
    with_fir = settings_of(bank, most=BLOCKS, with_fir=True)
    plan: dict[int, tuple[ChannelSettings, ...]] = {}
    for fs, channels in with_fir.items():
        limit = _limit(len(channels))
        if any(c.fir.size > limit for c in channels):
            plan[fs] = settings_of(bank, most=BLOCKS)[fs]
        elif all(c.is_exact for c in channels):
            plan[fs] = channels
        else:
            plan[fs] = _short_firs(bank.filters[fs], limit) or channels
    return plan


def _short_firs(filters: FilterBank, limit: int) -> tuple[ChannelSettings, ...]:
    """Return the taps themselves, without what comes before all of them, if they are so short."""
    rows = {out: filters.path(out, inp) for out, inp in filters.active_paths}
    loud = [np.flatnonzero(np.abs(h) > _SILENT * np.abs(h).max()) for h in rows.values()]
    first, last = min(int(n[0]) for n in loud), max(int(n[-1]) for n in loud)
    if last - first >= limit:
        return ()
    return tuple(
        ChannelSettings(name, (), 0.0, 0.0, False, h[first : last + 1], True, 0.0, 0.0, 20.0)
        for name, h in rows.items()
    )


def _without_polarity(channel: ChannelSettings) -> ChannelSettings:
    """Polarity is in the coefficients."""
    return ChannelSettings(
        channel.name, (), 0.0, channel.delay_s, False, np.zeros(0), True, 0.0, 0.0, 20.0
    )


def _biquad_text(channel: ChannelSettings, fs: int) -> str:
    """Ten blocks; gain and polarity are in the first one."""
    rows = np.tile([1.0, 0.0, 0.0, 1.0, 0.0, 0.0], (BLOCKS, 1))
    own = sections_of(channel.biquads, fs)
    rows[: len(own)] = own
    rows[0, :3] *= ratio_from_db(channel.gain_db) * (-1.0 if channel.inverted else 1.0)
    lines = []
    for n, row in enumerate(rows, start=1):
        if not is_stable(row):
            raise ProofError(
                "RC-902",
                f"band {n} of {channel.name} is not stable at {fs} Hz",
                hint="this is a defect of roomcal: please report it",
            )
        b0, b1, b2, _, a1, a2 = row
        lines.append(f"biquad{n},")
        values = {"b0": b0, "b1": b1, "b2": b2, "a1": -a1, "a2": -a2}
        lines += [f"{key}={_digits(value)}," for key, value in values.items()]
    return "\n".join(lines)[:-1] + "\n"  # no comma after the last value


def _manual_text(taps: FloatArray) -> str:
    """Lines like `b0 = 1,`, as the manual mode takes them."""
    return "".join(f"b{n} = {_digits(float(tap))},\n" for n, tap in enumerate(taps))


def _digits(value: float) -> str:
    """Every digit, without an exponent; zero has no sign."""
    return np.format_float_positional(value + 0.0, trim="-")


def _sections(text: str) -> list[tuple[FloatArray, FloatArray]]:
    """Read the blocks, with the signs of a transfer function."""
    if not text.endswith("\n") or text.endswith(",\n"):
        raise ValueError("the last value ends with a comma, or the text is cut")
    number = r"(-?\d+(?:\.\d+)?)"
    keys = ("b0", "b1", "b2", "a1", "a2")
    block = r"biquad(\d+),\n" + ",\n".join(f"{key}={number}" for key in keys)
    sections = []
    for n, part in enumerate(re.split(r",\n(?=biquad)", text[:-1]), start=1):
        found = re.fullmatch(block, part)
        if found is None or int(found[1]) != n or n > BLOCKS:
            raise ValueError(f"block {n} is {part[:60]!r}")
        b0, b1, b2, a1, a2 = (float(v) for v in found.groups()[1:])
        sections.append((np.array([b0, b1, b2]), np.array([1.0, -a1, -a2])))
    return sections


def _fir(folder: Path, stem: str) -> FloatArray | None:
    """Read both forms of a FIR, which are equal."""
    binary, manual = folder / f"{stem}-fir.bin", folder / f"{stem}-fir.txt"
    if not binary.exists() and not manual.exists():
        return None
    taps = np.fromfile(binary, "<f4")
    lines = manual.read_text(encoding="ascii").splitlines()
    values = [
        float(line.removeprefix(f"b{n} = ").removesuffix(",")) for n, line in enumerate(lines)
    ]
    if not 0 < taps.size <= MOST_TAPS or not np.isfinite(taps).all():
        raise ValueError(f"a FIR of {taps.size} taps, or with one that is no number")
    if not np.array_equal(np.array(values, dtype=np.float32), taps):
        raise ValueError("the two forms of the FIR differ")
    return taps.astype(np.float64)
