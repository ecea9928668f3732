"""The named target curves, in the field's numbers and with their sources."""

from dataclasses import dataclass

import numpy as np

from roomcal.errors import InputError
from roomcal.model.curve import Curve


@dataclass(frozen=True, eq=False)
class Target:
    """A curve that people ask for by name."""

    name: str
    description: str
    source: str
    curve: Curve


def _target(
    name: str, description: str, source: str, *, points: tuple[tuple[float, float], ...]
) -> Target:
    """Build a target out of (Hz, dB) points."""
    f_hz, level_db = np.array(points).T
    return Target(name, description, source, Curve(f_hz, level_db, name=name))


# Second-order shelves of +6.6 dB at 105 Hz and -2.4 dB at 2.5 kHz (slope Q 0.71), rounded.
_HARMAN_POINTS = (
    (20.0, 6.6),
    (25.0, 6.6),
    (31.5, 6.5),
    (40.0, 6.5),
    (50.0, 6.3),
    (63.0, 5.8),
    (80.0, 4.9),
    (100.0, 3.6),
    (125.0, 2.2),
    (160.0, 1.1),
    (200.0, 0.5),
    (250.0, 0.2),
    (315.0, 0.1),
    (400.0, 0.0),
    (500.0, 0.0),
    (630.0, -0.0),
    (800.0, -0.0),
    (1000.0, -0.1),
    (1250.0, -0.1),
    (1600.0, -0.3),
    (2000.0, -0.7),
    (2500.0, -1.2),
    (3150.0, -1.7),
    (4000.0, -2.1),
    (5000.0, -2.3),
    (6300.0, -2.3),
    (8000.0, -2.4),
    (10000.0, -2.4),
    (12500.0, -2.4),
    (16000.0, -2.4),
    (20000.0, -2.4),
)

# Targets say how a room should sound, not how low a speaker plays: none rolls off at the bottom.
TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        _target(
            "flat",
            "the same level at every frequency; bright in most rooms",
            "no preference: the reference that other curves are described against",
            points=((20.0, 0.0), (20000.0, 0.0)),
        ),
        _target(
            "tilt",
            "a straight line, 0.5 dB less per octave: what good monitors do in a normal room",
            "steady-state room curve of neutral loudspeakers, Toole, J. Audio Eng. Soc. 63(7/8), "
            "2015, simplified to a line",
            points=((20.0, 2.82), (1000.0, 0.0), (20000.0, -2.16)),
        ),
        _target(
            "harman",
            "Harman-like: 6.6 dB more bass below 105 Hz and 2.4 dB less treble above 2.5 kHz",
            "Olive, Welti and McMullin, AES Convention Paper 8994, 2013: preferred low shelf "
            "(105 Hz) and high shelf (2.5 kHz) on a flat room curve",
            points=_HARMAN_POINTS,
        ),
        _target(
            "bk",
            "Bruel & Kjaer-like: flat to 200 Hz, then falling evenly to -6 dB at 20 kHz",
            "Moller, Bruel & Kjaer application note 17-197, 1974",
            points=((20.0, 0.0), (200.0, 0.0), (20000.0, -6.0)),
        ),
    )
}


def target_curve(name: str) -> Curve:
    """Curve of a named target.

    Raises
    ------
    InputError
        RC-309 when no target has this name.
    """
    if name not in TARGETS:
        raise InputError(
            "RC-309",
            f"there is no target named {name!r}",
            hint=f"use one of {', '.join(TARGETS)}, or the path of a text file",
            name=name,
        )
    return TARGETS[name].curve
