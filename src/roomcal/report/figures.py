"""All kinds of pictures in one place, for those who draw them: jobs and commands."""

from roomcal.report.decay_figure import decay_figure
from roomcal.report.distortion_figure import distortion_figure
from roomcal.report.etc_figure import etc_figure
from roomcal.report.filter_figure import filter_figure
from roomcal.report.impulse_figure import impulse_figure
from roomcal.report.modes_figure import modes_figure
from roomcal.report.phase_figure import group_delay_figure, phase_figure
from roomcal.report.rendering import save_figure, svg_text
from roomcal.report.response_figure import overlay_figure, response_figure
from roomcal.report.spectrogram_figure import spectrogram_figure
from roomcal.report.step_figure import step_figure
from roomcal.report.style import DARK, LIGHT, THEMES, Theme
from roomcal.report.traces import DecayTrace, Trace
from roomcal.report.waterfall_figure import cumulative_decay_figure, waterfall_figure

__all__ = [
    "DARK",
    "LIGHT",
    "THEMES",
    "DecayTrace",
    "Theme",
    "Trace",
    "cumulative_decay_figure",
    "decay_figure",
    "distortion_figure",
    "etc_figure",
    "filter_figure",
    "group_delay_figure",
    "impulse_figure",
    "modes_figure",
    "overlay_figure",
    "phase_figure",
    "response_figure",
    "save_figure",
    "spectrogram_figure",
    "step_figure",
    "svg_text",
    "waterfall_figure",
]
