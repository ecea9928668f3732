"""What a correction may do at each frequency, and why it may not do more."""

from dataclasses import dataclass, replace

import numpy as np

from roomcal.design.align import AlignedSet
from roomcal.design.rolloff import BOOST_END_OCTAVES, RollOff, find_roll_off
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import BandSnr
from roomcal.units import FloatArray, frequency_text

# No boost where the measurement itself is this near to the noise; full trust a little above.
MIN_BOOST_SNR_DB = 20.0
_FULL_TRUST_SNR_DB = 26.0
# Above the low end of the correction it fades in over this span.
_FADE_IN_OCTAVES = 0.25
# What a response holds fewer cycles of it does not know: no correction below the first number, all
# of it above the second.
_CYCLES_KNOWN = (1.0, 2.0)
# A dip may come from the cut: boosts ask for half as many cycles more.
_CYCLES_BOOST = (1.5, 3.0)
# Below the high end it fades out between these shares of it: 16.5 to 19 kHz for 20 kHz, where
# microphones and speakers give up.
_FADE_OUT_SHARES = (0.825, 0.95)
# Below a speaker's corner every correction ends within an octave.
_CORRECTION_END_OCTAVES = 1.0
# Nothing is measured reliably nearer to half the sample rate than this share of it.
_TRUSTED_SHARE = 0.92


@dataclass(frozen=True, eq=False)
class Limits:
    """Bounds of the correction on the design grid.

    Attributes
    ----------
    boost_db : (n,) float array
        The most that may be added, 0 or more.
    cut_db : (n,) float array
        The most that may be taken away, 0 or more.
    share : (n,) float array
        0 outside the corrected range, 1 inside, strength included.
    roll_off : RollOff or None
    notes : tuple of str
    trust : (n,) float array or None
        0 where the noise is near, 1 where it is far or unknown.
    """

    boost_db: FloatArray
    cut_db: FloatArray
    share: FloatArray
    roll_off: RollOff | None
    notes: tuple[str, ...]
    trust: FloatArray | None = None

    def bounded(self, correction_db: FloatArray) -> FloatArray:
        """Clip a correction, range and strength included already, to what is allowed."""
        return np.clip(correction_db, -self.cut_db, self.boost_db)

    def left_by(self, correction_db: FloatArray) -> "Limits":
        """Limits of a further step after a correction has used its part of them."""
        return replace(
            self,
            boost_db=np.maximum(self.boost_db - correction_db, 0.0),
            cut_db=np.maximum(self.cut_db + correction_db, 0.0),
        )

    def lowered(self, middle_db: float) -> "Limits":
        """Limits of a filter whose middle lies at `middle_db`, where boost is said re the middle.

        A middle above 0 dB gives nothing away: the limits stay.
        """
        boost_db = np.maximum(self.boost_db + min(middle_db, 0.0), 0.0)
        return replace(self, boost_db=boost_db)


def find_limits(aligned: AlignedSet, f_hz: FloatArray, spec: DesignSpec) -> Limits:
    """Gather every reason not to correct, as bounds over frequency.

    Parameters
    ----------
    aligned : AlignedSet
    f_hz : (n,) float array
        The design grid.
    spec : DesignSpec
    """
    notes = []
    share = _range_share(f_hz, spec, aligned)
    boost_db = spec.max_boost_db * _known_share(f_hz, aligned.shortest_s, _CYCLES_BOOST)
    roll_off = find_roll_off(
        aligned.power,
        aligned.bin_hz,
        weights=aligned.weights,
        trusted_low_hz=_trusted_low_hz(aligned.snr),
    )
    if roll_off is not None:
        octaves = np.log2(f_hz / roll_off.corner_hz)
        boost_db *= np.clip(1.0 + octaves / BOOST_END_OCTAVES, 0.0, 1.0)
        span = _CORRECTION_END_OCTAVES - BOOST_END_OCTAVES
        share *= np.clip((octaves + _CORRECTION_END_OCTAVES) / span, 0.0, 1.0)
        if roll_off.corner_hz > spec.low_hz:
            notes.append(roll_off.text)
    trust = _snr_trust(aligned.snr, f_hz)
    noisy = f_hz[(trust < 1.0) & (share > 0.0) & (boost_db > 0.0)]
    if noisy.size:
        notes.append(
            f"no boost where the measurement is less than {MIN_BOOST_SNR_DB:.0f} dB above the "
            f"noise (somewhere between {frequency_text(float(noisy[0]))} and "
            f"{frequency_text(float(noisy[-1]))})"
        )
    boost_db = boost_db * trust
    if aligned.is_sub:
        notes.append(
            f"taken as a sub that plays from {frequency_text(aligned.band.low_hz)} to "
            f"{frequency_text(aligned.band.high_hz)}: corrected and matched in this band alone"
        )
    return Limits(
        boost_db=boost_db,
        cut_db=np.full(f_hz.size, float(spec.max_cut_db)),
        share=spec.strength * share,
        roll_off=roll_off,
        notes=tuple(notes),
        trust=trust,
    )


def _range_share(f_hz: FloatArray, spec: DesignSpec, aligned: AlignedSet) -> FloatArray:
    """1 inside the range that is asked for and was measured, fading to 0 at its ends."""
    low_hz = spec.low_hz
    high_hz = min(spec.high_hz, _TRUSTED_SHARE * aligned.measured_high_hz)
    above = np.log2(f_hz / low_hz) / _FADE_IN_OCTAVES
    first, last = _FADE_OUT_SHARES
    below = np.log(last * high_hz / f_hz) / np.log(last / first)
    share = np.clip(np.minimum(above, below), 0.0, 1.0)
    share *= _known_share(f_hz, aligned.shortest_s, _CYCLES_KNOWN)
    if aligned.is_sub:  # the band of a sub fades outside of it, within half an octave
        octaves = np.maximum(
            np.log2(aligned.band.low_hz / f_hz), np.log2(f_hz / aligned.band.high_hz)
        )
        share = np.minimum(share, np.clip(1.0 - octaves / 0.5, 0.0, 1.0))
    return share


def _known_share(f_hz: FloatArray, length_s: float, cycles: tuple[float, float]) -> FloatArray:
    """0 where a length holds fewer cycles than the first number, 1 from the second on."""
    none, whole = cycles
    return np.clip((f_hz * length_s - none) / (whole - none), 0.0, 1.0)


def _trusted_low_hz(snr: tuple[BandSnr | None, ...]) -> float:
    """Lowest frequency from which on every position stands out of the noise."""
    lowest = 10.0
    for bands in snr:
        if bands is None or not bands.f_hz.size:
            continue
        bass = bands.f_hz < 300.0
        weak = bands.f_hz[bass & (bands.snr_db < MIN_BOOST_SNR_DB / 2.0)]
        if weak.size:
            lowest = max(lowest, float(weak[-1]) * 2.0 ** (1.0 / 6.0))
    return lowest


def _snr_trust(snr: tuple[BandSnr | None, ...], f_hz: FloatArray) -> FloatArray:
    """0 where the noise is near, 1 where it is far or unknown; the median position decides."""
    known = [(b.f_hz[k], b.snr_db[k]) for b in snr if b is not None for k in [~np.isnan(b.snr_db)]]
    levels = [np.interp(np.log(f_hz), np.log(f), db) for f, db in known if f.size]
    if not levels:
        return np.ones(f_hz.size)
    span = _FULL_TRUST_SNR_DB - MIN_BOOST_SNR_DB
    return np.clip((np.median(levels, axis=0) - MIN_BOOST_SNR_DB) / span, 0.0, 1.0)
