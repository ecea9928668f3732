"""Step 1, second half: the correction that the average asks for, and what is granted of it."""

from dataclasses import dataclass, replace

import numpy as np

from roomcal.design.align import AlignedSet
from roomcal.design.average import spatial_level
from roomcal.design.direct_level import SHARE, SHARE_FEW, blended
from roomcal.design.grid import PLACEMENT, Band
from roomcal.design.limits import Limits
from roomcal.model.curve import Curve
from roomcal.units import FloatArray

# Boosts are divided by 1 + (spread / this)^2: where positions disagree, one curve helps nobody.
DISTRUST_DB = 24.0
# The soft clip begins this far below the limit of the boost.
KNEE_DB = 1.5
# Finest resolution in the bass (bands per octave) of cuts, which follow single modes, and of
# boosts, which would ring when they filled a narrow dip. With few positions a dip may be the place
# and not the room: coarser.
MANY_POSITIONS = 4
_CUTS, _BOOSTS_MANY, _BOOSTS_FEW = 24, 6, 4
# Spread between places that a few positions cannot show, taken as given (typical of small rooms
# at 1/6 octave); it weighs like two positions.
_PRIOR_SPREAD_DB = 4.0
_PRIOR_POSITIONS = 2.0
# The target is moved until what is granted, not what is wanted, has mean 0 dB in the placement
# band: dips that stay would otherwise leave everything else too quiet. It converges by more than
# half a pass.
_PLACEMENT_PASSES = 8


@dataclass(frozen=True, eq=False)
class MagnitudeCorrection:
    """Level curves of one design step on the design grid, each (n,) in dB.

    `before`, `asked` (the user's target) and `target` (what the speaker can do of it) share one
    scale; `wanted` is the whole difference and `granted` what the rules leave of it;
    `spread` is the standard deviation between positions.
    """

    before_db: FloatArray
    asked_db: FloatArray
    target_db: FloatArray
    wanted_db: FloatArray
    granted_db: FloatArray
    spread_db: FloatArray


def resolutions(n_positions: int) -> tuple[int, int]:
    """Bands per octave in the bass for cuts and for boosts."""
    return _CUTS, _BOOSTS_MANY if n_positions >= MANY_POSITIONS else _BOOSTS_FEW


def magnitude_correction(
    aligned: AlignedSet,
    power: FloatArray,
    f_hz: FloatArray,
    *,
    target: Curve,
    limits: Limits,
    cuts: int,
    boosts: int,
    direct_db: FloatArray | None = None,
) -> MagnitudeCorrection:
    """Correct the spatial average towards the target.

    Parameters
    ----------
    aligned : AlignedSet
        Weights and band of the speaker.
    power : (n_positions, n_bins) float array
        Of the responses as they are now: uncorrected, or through the filter so far.
    f_hz : (n,) float array
        The design grid.
    target : Curve
    limits : Limits
    cuts, boosts : int
        Resolution in the bass, bands per octave.
    direct_db : (n,) float array, optional
        Level of the direct sound as it is now; the average moves towards it above the transition.
    """
    level = spatial_level(
        power, aligned.bin_hz, f_hz, weights=aligned.weights, fine=cuts, coarse=boosts
    )
    if direct_db is not None:
        heard_db = blended(
            level.fine_db,
            direct_db,
            f_hz,
            aligned.measured_high_hz,
            most_share=SHARE if aligned.weights.size >= MANY_POSITIONS else SHARE_FEW,
        )
        coarse_db = level.coarse_db + heard_db - level.fine_db
        level = replace(level, fine_db=heard_db, coarse_db=coarse_db)
    spread_db = _spread(level.spread_db, aligned.weights.size)
    shape_db = target.level_at(f_hz)
    inside = placement_band(aligned).covers(f_hz)
    offset_db = float(np.mean(level.fine_db[inside] - shape_db[inside]))
    for _ in range(_PLACEMENT_PASSES):
        asked_db = shape_db + offset_db
        target_db = reachable_target(asked_db, f_hz, limits)
        cut_db = np.minimum(asked_db - level.fine_db, 0.0)
        boost_db = target_db - np.maximum(level.fine_db, level.coarse_db)
        boost_db = np.maximum(boost_db, 0.0) / (1.0 + (spread_db / DISTRUST_DB) ** 2)
        boost_db = soft_clip(boost_db * limits.share, limits.boost_db)
        granted_db = limits.bounded(boost_db + cut_db * limits.share)
        offset_db -= float(np.mean(granted_db[inside]))
    return MagnitudeCorrection(
        before_db=level.fine_db,
        asked_db=asked_db,
        target_db=target_db,
        wanted_db=asked_db - level.fine_db,
        granted_db=granted_db,
        spread_db=level.spread_db,
    )


def placement_band(aligned: AlignedSet) -> Band:
    """Where the correction has no level of its own."""
    if aligned.is_sub:
        return aligned.band
    return Band(PLACEMENT.low_hz, min(PLACEMENT.high_hz, 0.9 * aligned.measured_high_hz))


def reachable_target(asked_db: FloatArray, f_hz: FloatArray, limits: Limits) -> FloatArray:
    """Lower the target below a speaker's corner to what the speaker and its boost reach."""
    if limits.roll_off is None:
        return asked_db
    top_hz = 2.0 * limits.roll_off.corner_hz
    above_db = np.interp(np.log(np.maximum(f_hz, top_hz)), np.log(f_hz), asked_db)
    reach_db = above_db + np.minimum(limits.roll_off.level_at(f_hz) + limits.boost_db, 0.0)
    return np.where(f_hz < top_hz, np.minimum(asked_db, reach_db), asked_db)


def soft_clip(boost_db: FloatArray, limit_db: FloatArray) -> FloatArray:
    """Approach a limit smoothly instead of a corner that would ring; never pass it."""
    knee_db = np.minimum(KNEE_DB, limit_db)
    start_db = limit_db - knee_db
    excess = (boost_db - start_db) / np.maximum(knee_db, 1e-9)
    return np.where(boost_db > start_db, start_db + knee_db * np.tanh(excess), boost_db)


def _spread(spread_db: FloatArray, n_positions: int) -> FloatArray:
    """Spread between positions, with what is known of rooms beside what was measured."""
    free = n_positions - 1.0
    total = free * spread_db**2 + _PRIOR_POSITIONS * _PRIOR_SPREAD_DB**2
    return np.sqrt(total / (free + _PRIOR_POSITIONS))
