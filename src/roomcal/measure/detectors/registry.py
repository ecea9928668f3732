"""All detectors by name: one line a detector, in the order in which a cause explains the next.

The first rejection is what a user is told, so the causes come before what they cause.
"""

from collections.abc import Callable, Mapping, Sequence

from roomcal.measure.detectors import (
    agc,
    bandwidth,
    clip,
    clock,
    hum,
    level,
    mark_line,
    noise_suppression,
    repeats,
    residual,
    silence,
    snr,
    soft_clip,
)
from roomcal.measure.detectors.mono_downmix import mono_downmix
from roomcal.measure.detectors.polarity import polarity
from roomcal.measure.detectors.same_response import same_response
from roomcal.measure.detectors.swap import swap
from roomcal.measure.evidence import Evidence
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio
from roomcal.model.verdict import Verdict

Detector = Callable[[Evidence], list[Verdict]]
PositionDetector = Callable[[Sequence[ImpulseResponse], Studio | None], list[Verdict]]

# Of one take.
DETECTORS: Mapping[str, Detector] = {
    "silence": silence.detect,
    "unheard": snr.detect_unheard,
    "clip": clip.detect,
    "clock": clock.detect,
    "mark_line": mark_line.detect,
    "level": level.detect,
    "noise_suppression": noise_suppression.detect,
    "agc": agc.detect,
    "soft_clip": soft_clip.detect,
    "repeats": repeats.detect,
    "residual": residual.detect,
    "bandwidth": bandwidth.detect,
    "snr": snr.detect,
    "hum": hum.detect,
}

# Of the responses of all speakers at one position. `compression` compares two levels of one path
# and is called where the second one is taken.
POSITION_DETECTORS: Mapping[str, PositionDetector] = {
    "mono_downmix": mono_downmix,
    "same_response": same_response,
    "swap": swap,
    "polarity": polarity,
}
