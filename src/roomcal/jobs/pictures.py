"""The kinds of pictures there are, each from responses to a figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from roomcal.analyze.cumulative_decay import cumulative_decay
from roomcal.analyze.decay import DecayAnalysis, analyze_decay
from roomcal.analyze.distortion import Distortion, no_distortion
from roomcal.analyze.modes import fit_modes
from roomcal.analyze.phase import PhaseResponse, phase_response
from roomcal.analyze.reflections import EarlyReflections, energy_time_curve, find_reflections
from roomcal.analyze.response import DEFAULT_SMOOTHING, smoothed_response, spatial_average
from roomcal.analyze.spectrograms import Spectrogram, spectrogram, wavelet_spectrogram
from roomcal.analyze.step import step_response
from roomcal.analyze.waterfall import waterfall
from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.smoothing import Width, width_text
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio
from roomcal.report.figures import (
    LIGHT,
    DecayTrace,
    Theme,
    Trace,
    cumulative_decay_figure,
    decay_figure,
    distortion_figure,
    etc_figure,
    group_delay_figure,
    impulse_figure,
    modes_figure,
    phase_figure,
    response_figure,
    spectrogram_figure,
    step_figure,
    waterfall_figure,
)
from roomcal.report.step_figure import SHOWN_S as STEP_SHOWN_S

_Result = TypeVar("_Result")


@dataclass(frozen=True, eq=False)
class Material:
    """What a picture is drawn from."""

    sessions: Mapping[str, tuple[ImpulseResponse, ...]]  # by name, in the order asked for
    position: str  # of pictures that show one place
    smoothing: Width = DEFAULT_SMOOTHING
    theme: Theme = LIGHT
    studios: Mapping[str, Studio | None] = field(default_factory=dict)  # by session

    # By session, then speaker; computed when it is asked for.
    distortion: Callable[[str], Mapping[str, Distortion]] = field(default=lambda _: {})

    @property
    def several(self) -> bool:
        """Whether sessions lie over each other."""
        return len(self.sessions) > 1

    def here(self) -> list[tuple[str, ImpulseResponse]]:
        """Return (session, response) at the one position, speaker by speaker."""
        found = [
            (name, r)
            for name, responses in self.sessions.items()
            for r in responses
            if r.position == self.position
        ]
        order = list(dict.fromkeys(r.speaker for _, r in found))
        return sorted(found, key=lambda pair: order.index(pair[1].speaker))

    def title(self, name: str, response: ImpulseResponse) -> str:
        """Name the panel of one response."""
        return f"{response.speaker} {name}" if self.several else f"{response.speaker}"

    def by_speaker(self) -> dict[str, dict[str, list[ImpulseResponse]]]:
        """All responses, by speaker and then by session."""
        found: dict[str, dict[str, list[ImpulseResponse]]] = {}
        for name, responses in self.sessions.items():
            for r in responses:
                found.setdefault(r.speaker, {}).setdefault(name, []).append(r)
        return found


def decay_trace(decays: Sequence[DecayAnalysis], *, role: str = "", label: str = "") -> DecayTrace:
    """Mean and range over positions of the best decay time of each band."""
    times = np.array([d.best_s for d in decays])
    known = np.isfinite(times).any(axis=0)
    mean, low, high = (np.full(known.size, np.nan) for _ in range(3))
    mean[known] = np.nanmean(times[:, known], axis=0)
    low[known] = np.nanmin(times[:, known], axis=0)
    high[known] = np.nanmax(times[:, known], axis=0)
    return DecayTrace(decays[0].bands_hz, mean, low, high, role=role, label=label)


def _response(m: Material) -> Figure:
    traces: dict[str, list[Trace]] = {}
    n_positions = 1
    for speaker, sessions in m.by_speaker().items():
        for name, responses in sessions.items():
            curves = [smoothed_response(r, smoothing=m.smoothing) for r in responses]
            average = spatial_average(curves, name=speaker)
            n_positions = max(n_positions, average.n_positions)
            band = average.n_positions > 1 and not m.several
            traces.setdefault(speaker, []).append(
                Trace(
                    average.mean,
                    label=name if m.several else "Mean over positions" if band else "Measured",
                    low_db=average.low_db if band else None,
                    high_db=average.high_db if band else None,
                )
            )
    return response_figure(
        traces,
        title=f"Response at the listening position{'s' if n_positions > 1 else ''}",
        smoothing=width_text(m.smoothing),
        theme=m.theme,
    )


def _decay(m: Material) -> Figure:
    return decay_figure(
        {
            speaker: [
                decay_trace([analyze_decay(r) for r in responses], label=name if m.several else "")
                for name, responses in sessions.items()
            ]
            for speaker, sessions in m.by_speaker().items()
        },
        theme=m.theme,
    )


def _grouped(
    m: Material, analyze: Callable[[ImpulseResponse], _Result]
) -> dict[str, list[tuple[str, _Result]]]:
    """Results at the one position by speaker, each with the name of its session."""
    found: dict[str, list[tuple[str, _Result]]] = {}
    for name, r in m.here():
        found.setdefault(r.speaker, []).append((name, analyze(r)))
    return found


def _phase(m: Material) -> Figure:
    found: dict[str, list[tuple[str, PhaseResponse]]] = _grouped(m, phase_response)
    return phase_figure(found, title=f"Phase at {m.position}", theme=m.theme)


def _group_delay(m: Material) -> Figure:
    found: dict[str, list[tuple[str, PhaseResponse]]] = _grouped(m, phase_response)
    return group_delay_figure(found, title=f"Group delay at {m.position}", theme=m.theme)


def _step(m: Material) -> Figure:
    first_s, last_s = STEP_SHOWN_S
    found = _grouped(m, lambda r: step_response(r, first_s=first_s, last_s=last_s))
    return step_figure(found, title=f"Step response at {m.position}", theme=m.theme)


def _impulse(m: Material) -> Figure:
    shown = [(m.title(name, r), r) for name, r in m.here()]
    return impulse_figure(
        [r for _, r in shown],
        [arrival_sample(r.samples, r.fs) for _, r in shown],
        names=[name for name, _ in shown],
        title=f"Impulse response at {m.position}",
        theme=m.theme,
    )


def _etc(m: Material) -> Figure:
    return etc_figure(
        [
            (m.title(name, r), energy_time_curve(r), _reflections(m.studios.get(name), r))
            for name, r in m.here()
        ],
        title=f"Reflections at {m.position}, 1-8 kHz",
        theme=m.theme,
    )


def _reflections(studio: Studio | None, response: ImpulseResponse) -> EarlyReflections:
    """Find reflections, with what the studio knows of the places."""
    speakers = {s.name: s.position_m for s in studio.speakers} if studio else {}
    positions = {p.name: p.position_m for p in studio.positions} if studio else {}
    return find_reflections(
        response,
        speaker_m=speakers.get(response.speaker),
        position_m=positions.get(response.position),
    )


def _waterfall(m: Material) -> Figure:
    return waterfall_figure(
        [(m.title(name, r), waterfall(r)) for name, r in m.here()],
        title=f"Decay of the bass at {m.position}",
        theme=m.theme,
    )


def _cumulative_decay(m: Material) -> Figure:
    return cumulative_decay_figure(
        [(m.title(name, r), cumulative_decay(r)) for name, r in m.here()],
        title=f"Cumulative decay of the direct sound at {m.position}",
        theme=m.theme,
    )


def _spectrogram(m: Material) -> Figure:
    return _map(m, spectrogram, f"Spectrogram at {m.position}")


def _wavelet(m: Material) -> Figure:
    return _map(m, wavelet_spectrogram, f"Wavelet spectrogram at {m.position}")


def _map(m: Material, transform: Callable[[ImpulseResponse], Spectrogram], title: str) -> Figure:
    maps = [(m.title(name, r), transform(r)) for name, r in m.here()]
    return spectrogram_figure(maps, title=title, theme=m.theme)


def _modes(m: Material) -> Figure:
    rooms = [(name, fit_modes(responses)) for name, responses in m.sessions.items()]
    return modes_figure(rooms, theme=m.theme)


def _distortion(m: Material) -> Figure:
    speakers: dict[str, list[tuple[str, Distortion]]] = {}
    for name in m.sessions:
        for speaker, found in m.distortion(name).items():
            speakers.setdefault(speaker, []).append((name, found))
    if not speakers:
        unknown = no_distortion("there is no raw take: a response alone has no harmonics")
        speakers = {m.title(name, r): [(name, unknown)] for name, r in m.here()}
    return distortion_figure(speakers, theme=m.theme)


KINDS: Mapping[str, Callable[[Material], Figure]] = MappingProxyType(
    {
        "response": _response,
        "phase": _phase,
        "group-delay": _group_delay,
        "impulse": _impulse,
        "step": _step,
        "etc": _etc,
        "decay": _decay,
        "distortion": _distortion,
        "modes": _modes,
        "waterfall": _waterfall,
        "spectrogram": _spectrogram,
        "wavelet": _wavelet,
        "csd": _cumulative_decay,
    }
)
