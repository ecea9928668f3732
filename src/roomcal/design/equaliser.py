"""A finished bank as the settings of an equaliser: its own bands, or the nearest that there are."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.fft

from roomcal.design.device_limits import device_limits
from roomcal.design.grid import MIDDLE, design_grid_hz
from roomcal.design.peq import fit_peq, level_of, sections_of
from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.biquad import Biquad
from roomcal.model.equaliser import ChannelSettings
from roomcal.model.filter_bank import FilterBank, PathStructure
from roomcal.units import ComplexArray, FloatArray, db_from_power, db_from_ratio, ratio_from_db

# Bands are the taps' own where nothing of this size is missing from 20 Hz up; 0.05 dB is what an
# export of bands has to keep.
EXACT_DB = 0.04
# Within these the bands are looked for: the steps of the coarser devices with as many bands.
FIT_LIMITS = "minidsp"
# Bands of an earlier sample rate serve another one if they leave no more than this beyond.
_AS_GOOD_DB = 0.05
_LOW_HZ, _HIGH_HZ = 20.0, 16000.0
_HIGH_SHARE = 0.42  # of the sample rate, where that is lower
_KERNEL_SHARE = 0.44  # of the sample rate: up to there a fractional delay has no level
_FIT_WIDTH = 24  # 1/24 octave: a correction has no finer peaks that a band could follow
_MARGIN_DB = 0.5  # the fit may boost by this much more than the correction
_DELAY_RANGE_HZ = (300.0, 6000.0)  # where a pure delay is told from the phase of a correction


def equaliser_settings(
    filters: FilterBank,
    *,
    bands: int,
    most_own: int = 64,
    with_fir: bool = False,
    before: Sequence[ChannelSettings] = (),
) -> tuple[ChannelSettings, ...]:
    """Return the settings of every channel.

    Parameters
    ----------
    filters : FilterBank
        With a filter a channel: no path from one to another.
    bands : int
        At most this many where they have to be looked for.
    most_own : int
        Of the bank's own bands; where it has more, others are looked for.
    with_fir : bool
        A device that has a FIR beside its bands; without one, bands stand for it as well.
    before : sequence of ChannelSettings
        Of the same channels at another sample rate.
    """
    spectra = {out: _spectrum(filters, out, inp) for out, inp in filters.active_paths}
    structure = {p.output: p for p in filters.paths if p.output == p.input}
    delays = _delays(filters, spectra, structure)
    earliest = min((delay for delay, _ in delays.values()), default=0.0)
    found = []
    for name, H in spectra.items():
        earlier = next((s for s in before if s.name == name), None)
        path = structure.get(name)
        if path is not None and (
            len(path.biquads) > most_own or (path.fir_taps is not None and not with_fir)
        ):
            path = None
        settings = _own_bands(H, filters, path)
        if settings is None:
            settings = _nearest_bands(H, filters.fs, name, bands=bands, earlier=earlier)
        delay, inverted = delays[name]
        found.append(
            dataclasses.replace(
                settings, delay_s=max(delay - earliest, 0.0) / filters.fs, inverted=inverted
            )
        )
    return _with_headroom(found, spectra, filters.fs)


def _with_headroom(
    found: Sequence[ChannelSettings], spectra: Mapping[str, ComplexArray], fs: int
) -> tuple[ChannelSettings, ...]:
    """Lower all channels where the nearest bands would be louder than the taps, or than 0 dB."""
    over_db = 0.0
    for settings in found:
        if settings.is_exact:
            continue
        f, level = _probe(spectra[settings.name], fs)
        peak_db = float(np.max(level_of(settings.biquads, f, fs))) + settings.gain_db
        over_db = max(over_db, peak_db - max(float(level.max()), 0.0))
    return tuple(dataclasses.replace(s, gain_db=s.gain_db - over_db) for s in found)


def _spectrum(filters: FilterBank, output: str, input_name: str) -> ComplexArray:
    """Transfer function at a quarter of the taps' own resolution."""
    n_fft = 1 << int(np.ceil(np.log2(4 * max(filters.n_taps, filters.fs))))
    return np.asarray(scipy.fft.rfft(filters.path(output, input_name), n_fft))


def _probe(H: ComplexArray, fs: int) -> tuple[FloatArray, FloatArray]:
    """Frequencies next to the design grid at which H is known, and its level there."""
    bin_hz = fs / (2 * (H.size - 1))
    high = min(_HIGH_HZ, _HIGH_SHARE * fs)
    grid = design_grid_hz(fs)
    bins = np.unique(np.round(grid[(grid >= _LOW_HZ) & (grid <= high)] / bin_hz).astype(int))
    return bins * bin_hz, db_from_ratio(H[bins])


def _own_bands(
    H: ComplexArray, filters: FilterBank, path: PathStructure | None
) -> ChannelSettings | None:
    """Return the bands, and the FIR beside them, that the taps say to contain, if they do."""
    if path is None or not path.biquads:
        return None
    f, level = _probe(H, filters.fs)
    gain_db = path.gain_db - filters.headroom_db
    fir = _fir_beside(filters, path, gain_db)
    own = level_of(path.biquads, f, filters.fs) + gain_db
    if fir.size:
        own = own + db_from_ratio(_at(fir, f, filters.fs))
    left = level - own
    if np.abs(left).max() > EXACT_DB:
        return None
    return _settings(path.output, path.biquads, gain_db, left, f, fir=fir, is_exact=True)


def _nearest_bands(
    H: ComplexArray, fs: int, name: str, *, bands: int, earlier: ChannelSettings | None
) -> ChannelSettings:
    """Fit bands to the level."""
    grid = design_grid_hz(fs)
    power = np.abs(H) ** 2
    level = db_from_power(smoothed_power(power, fs / (2 * (H.size - 1)), grid, _FIT_WIDTH))
    gain_db = float(np.median(level[MIDDLE.covers(grid)]))
    high = min(_HIGH_HZ, _HIGH_SHARE * fs)
    heard = (grid >= _LOW_HZ) & (grid <= high)
    if earlier is not None:
        left = level - gain_db - level_of(earlier.biquads, grid, fs)
        chosen = earlier.biquads
    if earlier is None or _rms(left[heard]) > earlier.left_rms_db + _AS_GOOD_DB:
        boost_db = float(np.max(level[heard])) - gain_db + _MARGIN_DB
        fit = fit_peq(
            level - gain_db,
            grid,
            fs,
            bands=bands,
            limits=device_limits(FIT_LIMITS),
            range_hz=(_LOW_HZ, high),
            max_boost_db=boost_db,
        )
        chosen, left = fit.biquads, level - gain_db - fit.level_db
    offset = float(np.mean(left[heard & MIDDLE.covers(grid)]))
    return _settings(name, chosen, gain_db + offset, left[heard] - offset, grid[heard])


def _settings(
    name: str,
    biquads: tuple[Biquad, ...],
    gain_db: float,
    left_db: FloatArray,
    f_hz: FloatArray,
    *,
    fir: FloatArray | None = None,
    is_exact: bool = False,
) -> ChannelSettings:
    worst = int(np.argmax(np.abs(left_db)))
    return ChannelSettings(
        name,
        biquads,
        gain_db,
        0.0,
        False,
        fir=np.zeros(0) if fir is None else fir,
        is_exact=is_exact,
        left_rms_db=_rms(left_db),
        left_worst_db=float(left_db[worst]),
        left_worst_hz=float(f_hz[worst]),
    )


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _fir_beside(filters: FilterBank, path: PathStructure, gain_db: float) -> FloatArray:
    """Take the bands, the gain and the delay out of the taps: what is left is the FIR."""
    from scipy.signal import sosfilt

    if path.fir_taps is None:
        return np.zeros(0)
    sections = sections_of(path.biquads, filters.fs)
    b0 = sections[:, :1]
    undone = np.hstack([sections[:, 3:] / b0, sections[:, :3] / b0])  # a band is its own inverse
    taps = filters.path(path.output, path.input) / ratio_from_db(gain_db)
    taps = np.asarray(sosfilt(undone, -taps if path.inverted else taps))
    # Such a FIR is of minimum phase. The kernel of a fractional delay falls off next to half the
    # sample rate: the magnitude is held there, or the delay would leave a trace in the FIR.
    n_fft = 1 << int(np.ceil(np.log2(8 * max(path.fir_taps, 1024))))
    magnitude = np.abs(np.fft.rfft(_folded(taps, n_fft)))
    held = int(_KERNEL_SHARE * n_fft)
    magnitude[held:] = magnitude[held]
    whole = np.fft.irfft(minimum_phase_spectrum(magnitude), n_fft)
    return np.asarray(whole[: path.fir_taps])  # whether that is all of it, the level tells


def _folded(taps: FloatArray, n_fft: int) -> FloatArray:
    """Wrap taps around an FFT length; their spectrum keeps its values at the bins that remain."""
    return np.pad(taps, (0, -taps.size % n_fft)).reshape(-1, n_fft).sum(axis=0)


def _at(taps: FloatArray, f_hz: FloatArray, fs: int) -> ComplexArray:
    """Transfer function of a short FIR at any frequencies."""
    z = np.exp(-2j * np.pi * f_hz / fs)
    return np.asarray(np.polynomial.polynomial.polyval(z, taps))


def _delays(
    filters: FilterBank,
    spectra: Mapping[str, ComplexArray],
    structure: Mapping[str, PathStructure],
) -> dict[str, tuple[float, bool]]:
    """Delay in samples and polarity of each channel: as the bank says, else as the taps show."""
    said = [structure[name] for name in spectra if name in structure]
    tells = filters.headroom_db != 0.0 or any(
        p.biquads or p.gain_db or p.delay_s or p.inverted for p in said
    )
    if tells and len(said) == len(spectra):
        return {p.output: (p.delay_s * filters.fs, p.inverted) for p in said}
    return {name: _excess_delay(H, filters.fs) for name, H in spectra.items()}


def _excess_delay(H: ComplexArray, fs: int) -> tuple[float, bool]:
    """Find the delay in samples, and the polarity, that minimum phase does not explain."""
    excess = H / minimum_phase_spectrum(np.abs(H))
    n_fft = 2 * (H.size - 1)
    w = 2.0 * np.pi * np.arange(H.size) / n_fft
    high = min(_DELAY_RANGE_HZ[1], _HIGH_SHARE * fs)
    inside = (w >= 2.0 * np.pi * _DELAY_RANGE_HZ[0] / fs) & (w <= 2.0 * np.pi * high / fs)
    phase = np.unwrap(np.angle(excess))[inside]
    slope, start = np.polyfit(w[inside], phase, 1)
    return float(-slope), bool(np.cos(start) < 0.0)
