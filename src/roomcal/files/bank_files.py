"""Filters of other programs as a bank: the kinds of files, and how they become taps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.dsp.biquads import rendered
from roomcal.dsp.fractional_delay import HALF_WIDTH, WHOLE_SAMPLE, delayed
from roomcal.dsp.graphic_equaliser import graphic_taps
from roomcal.errors import InputError
from roomcal.files.curve_text import read_text
from roomcal.files.equalizer_text import is_equalizer_text, read_equalizer_text
from roomcal.files.foreign_filters import ForeignFilters, band, section
from roomcal.files.minidsp_text import is_minidsp_text, read_minidsp_text
from roomcal.files.mso_text import is_mso_text, read_mso_text
from roomcal.files.number_text import line_error
from roomcal.files.rew_filter_table import is_rew_filter_table, read_rew_filter_table
from roomcal.model.filter_bank import FilterBank, PathStructure
from roomcal.model.studio import check_name
from roomcal.units import FloatArray

MOST_TAPS = 1 << 17  # 2.7 s at 48 kHz
_TRUE_STEREO = (("L", "L"), ("R", "L"), ("L", "R"), ("R", "R"))  # LL LR RL RR as output, input


@dataclass(frozen=True)
class FilterKind:
    """One form in which other programs write filters as text."""

    description: str
    is_one: Callable[[str], bool]
    read: Callable[[Path, tuple[str, ...]], ForeignFilters]


FILTER_KINDS: dict[str, FilterKind] = {
    "mso": FilterKind(
        "Multi-Sub Optimizer reports", is_mso_text, lambda path, _: read_mso_text(path)
    ),
    "minidsp": FilterKind("miniDSP biquad text", is_minidsp_text, read_minidsp_text),
    "rew-table": FilterKind("REW's table of filters", is_rew_filter_table, read_rew_filter_table),
    "equalizer": FilterKind(
        "Equalizer APO, AutoEq ParametricEQ and GraphicEQ, and REW filter settings",
        is_equalizer_text,
        read_equalizer_text,
    ),
}


def read_filter_text(path: Path, speakers: tuple[str, ...] = ()) -> ForeignFilters:
    """Read a text of filters in whatever form it has.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read; RC-307, with the line, for what cannot be followed.
    """
    text = read_text(path)
    kind = next((kind for kind in FILTER_KINDS.values() if kind.is_one(text)), None)
    if kind is None:
        raise line_error(path, 1, "this is no list of filters in a form that is known")
    return kind.read(path, speakers)


def filter_bank(path: Path, found: ForeignFilters, fs: int) -> tuple[FilterBank, tuple[str, ...]]:
    """Render a list of filters to taps at one rate, with notes on what is not exact.

    Every channel is an input and the output of the same name. Delays between samples need a
    filter of their own, so all channels get the same 32 samples more if there is one.

    Raises
    ------
    InputError
        RC-307 for a filter that cannot be had at this rate.
    """
    from scipy.signal import fftconvolve

    def wrong(line: int, what: str) -> InputError:
        return line_error(path, line, what)

    notes = []
    rows: list[FloatArray] = []
    delays = np.array([c.delay_s * fs for c in found.channels.values()])
    fractional = bool((np.abs(delays - np.round(delays)) > WHOLE_SAMPLE).any())
    latency = HALF_WIDTH if fractional else 0
    most = min(MOST_TAPS * max(fs // 48000, 1), 4 * MOST_TAPS)
    paths = []
    for (name, channel), delay in zip(found.channels.items(), delays, strict=True):
        lumped = [f for f in channel.filters if f.curve is None]
        sections = np.array([section(f, fs, wrong) for f in lumped]).reshape(-1, 6)
        bands = [band(f, fs, wrong) for f in channel.filters]
        taps, decayed = rendered(sections, gain_db=channel.gain_db, delay_samples=0, most_taps=most)
        if not decayed:
            notes.append(f"{name} rings on for more than {most / fs:.1f} s at {fs} Hz and is cut")
        for graphic in channel.filters:
            if graphic.curve is not None:
                taps = fftconvolve(taps, graphic_taps(graphic.curve, fs))
        room = np.zeros(int(np.ceil(delay)) + latency + HALF_WIDTH)
        taps = delayed(np.concatenate([taps, room]), float(delay) + latency)
        rows.append(-taps if channel.inverted else taps)
        check_name(name, "speaker")
        paths.append(
            PathStructure(
                name,
                name,
                gain_db=channel.gain_db,
                delay_s=channel.delay_s,
                inverted=channel.inverted,
                biquads=() if None in bands else tuple(b for b in bands if b),
            )
        )
    names = tuple(found.channels)
    taps = np.zeros((len(rows), len(rows), max(row.size for row in rows)))
    for n, row in enumerate(rows):
        taps[n, n, : row.size] = row
    bank = FilterBank(taps, fs, names, names, latency_samples=latency, paths=tuple(paths))
    return bank, tuple(notes)


def bank_of_impulses(
    parts: Sequence[tuple[Path, FloatArray, int]], speakers: tuple[str, ...]
) -> Mapping[int, FilterBank]:
    """Put the channels of audio files together: one filter bank for each rate.

    One channel belongs to the speaker that is named, or that the file's name begins with; two are
    L and R; four are true stereo in the order LL, LR, RL, RR (input, output).

    Raises
    ------
    InputError
        RC-305 for another number of channels, RC-309 if nothing says whose filter it is or two
        files say the same.
    """
    by_rate: dict[int, dict[tuple[str, str], FloatArray]] = {}
    for path, samples, fs in parts:
        owned = by_rate.setdefault(fs, {})
        for pair, row in zip(_owners(path, len(samples), speakers), samples, strict=True):
            if pair in owned:
                raise InputError(
                    "RC-309",
                    f"{path.name} is a second filter of {pair[0]} at {fs} Hz",
                    hint="name the files like L.wav and R.wav, or import one of them",
                    path=str(path),
                )
            owned[pair] = row
    banks = {}
    for fs, owned in by_rate.items():
        outputs = tuple(dict.fromkeys(o for o, _ in owned))
        inputs = tuple(dict.fromkeys(i for _, i in owned))
        taps = np.zeros((len(outputs), len(inputs), max(row.size for row in owned.values())))
        for (o, i), row in owned.items():
            taps[outputs.index(o), inputs.index(i), : row.size] = row
        paths = tuple(PathStructure(o, i) for o, i in owned)
        peak = _common_peak(taps)
        banks[fs] = FilterBank(taps, fs, inputs, outputs, latency_samples=peak, paths=paths)
    return banks


def _owners(path: Path, n_channels: int, speakers: tuple[str, ...]) -> list[tuple[str, str]]:
    if n_channels == 1:
        name = speakers[0] if len(speakers) == 1 else path.stem.split("-")[0].split("_")[0]
        return [(check_name(name, "speaker"),) * 2]
    if n_channels == 4 and len(speakers) in (0, 2):
        a, b = speakers or ("L", "R")
        names = {"L": a, "R": b}
        return [(names[o], names[i]) for o, i in _TRUE_STEREO]
    named = speakers or (("L", "R") if n_channels == 2 else ())
    if len(named) != n_channels:
        raise InputError(
            "RC-305",
            f"{path.name} has {n_channels} channels, and {len(named)} speakers are named",
            hint="name a speaker for each channel with --speaker",
            path=str(path),
        )
    return [(check_name(name, "speaker"),) * 2 for name in named]


def _common_peak(taps: FloatArray) -> int:
    """Return the earliest of the paths' peaks: the delay that all of them share."""
    active = [row for rows in taps for row in rows if np.any(row)]
    return min((int(np.argmax(np.abs(row))) for row in active), default=0)
