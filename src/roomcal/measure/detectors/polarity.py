"""A speaker whose plus and minus are changed (FAULTS.md, row 28). Told, never mended silently."""

from collections.abc import Sequence

import numpy as np

from roomcal.measure.detectors.direct_sound import direct_sound, likeness
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio
from roomcal.model.verdict import Verdict

# Direct sounds of two speakers of one type are alike by 0.9, of unlike ones by 0.5.
LEAST_LIKENESS = 0.4
_REACH_S = 0.00012  # lags: less than half a period in the middle of the band


def polarity(responses: Sequence[ImpulseResponse], studio: Studio | None = None) -> list[Verdict]:
    """Compare the polarity of the speakers of one position.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
        Of one position; subs are left out.
    studio : Studio, optional
        Says which speakers are subs.
    """
    subs = {s.name for s in studio.speakers if s.is_sub} if studio else set()
    mains = [r for r in responses if r.speaker not in subs]
    if len(mains) < 2:
        return []
    cut = [direct_sound(r) for r in mains]
    reach = max(1, round(_REACH_S * mains[0].fs))
    signs = [1.0]
    for other in cut[1:]:
        like = likeness(cut[0], other, reach=reach)
        signs.append(float(np.sign(like)) if abs(like) >= LEAST_LIKENESS else 0.0)
    known = np.array(signs)
    if not np.any(known < 0.0):
        return []
    # The smaller group is the wrong one; of two equal ones the one whose first swing is inward.
    balance = known.sum()
    if balance == 0.0:
        balance = float(np.sum([s * _first_swing(c) for s, c in zip(known, cut, strict=True)]))
    wrong = [r for r, s in zip(mains, known, strict=True) if s * (np.sign(balance) or 1.0) < 0.0]
    right = next(r for r, s in zip(mains, known, strict=True) if s * (np.sign(balance) or 1.0) > 0)
    return [
        Verdict(
            "polarity",
            "warning",
            "RC-525",
            f"{r.speaker} is INVERTED: at {r.position} its polarity is opposite to that of "
            f"{right.speaker}",
            hint="exchange plus and minus at that speaker, or look for an inverting cable; "
            "roomcal does not turn it by itself",
            channel=r.speaker,
        )
        for r in wrong
    ]


def _first_swing(x: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Sign of the first swing that is half as large as the largest."""
    large = np.flatnonzero(np.abs(x) >= 0.5 * np.max(np.abs(x)))
    return float(np.sign(x[large[0]]))
