"""From a take to its response and the verdicts on it: accepted, with notes, or rejected."""

from collections.abc import Sequence
from dataclasses import dataclass

from roomcal.dsp.deconvolution import LOWEST_HZ, stimulus_band_hz
from roomcal.errors import MeasurementError
from roomcal.measure.calibration import without_microphone
from roomcal.measure.detectors.clock import judge_clock
from roomcal.measure.detectors.registry import DETECTORS, POSITION_DETECTORS
from roomcal.measure.detectors.silence import detect as detect_silence
from roomcal.measure.evidence import Evidence
from roomcal.measure.rates import stretched_clock
from roomcal.model.capture import Capture
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio
from roomcal.model.take import TakePlan
from roomcal.model.verdict import Verdict, rejections
from roomcal.units import FloatArray

# What one fault makes others show: a clipped sweep leaves a residual, a gain that moves changes
# the level. Who knows the first needs not read the second.
EXPLAINED_BY = {
    "residual": (
        "unheard",
        "clip",
        "noise_suppression",
        "agc",
        "soft_clip",
        "level",
        "clock",
        "mark_line",
    ),
    "repeats": ("unheard", "mark_line", "level"),
    "soft_clip": ("unheard", "clip", "agc"),
    "snr": ("unheard",),
    "agc": ("unheard", "noise_suppression", "level", "clip", "mark_line", "clock"),
    "noise_suppression": ("clip",),
    "bandwidth": ("unheard", "snr"),
}
# Rejected for what the next take may be spared of.
_TRANSIENT = ("response", "residual", "mark_line", "level", "repeats")
_TRANSIENT_NOT = ("RC-520",)
# A slam in a take makes its response differ from that at another level: one more look.
_IN_DOUBT = ("compression",)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a take is worth. `response` is None when it is worth nothing."""

    response: ImpulseResponse | None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def rejection(self) -> Verdict | None:
        """The first reason not to use the take."""
        return next(iter(rejections(self.verdicts)), None)


def judge_capture(
    capture: Capture,
    *,
    calibration: Curve | None = None,
    full_scale_db_spl: float | None = None,
    full_scale_known: bool = True,
) -> Judgement:
    """Derive the response of a take and judge it by all detectors.

    A bad take is an answer, not an error: it comes back without a response, or with a verdict
    that rejects it. Where the full scale is not known, only flat tops show an overdriven input.
    """
    evidence = Evidence(capture, full_scale_known)
    silent = detect_silence(evidence)
    if silent:
        return Judgement(None, tuple(silent))
    try:
        _ = evidence.time.all_marks
    except MeasurementError as error:
        x = capture.microphone if capture.loopback is None else capture.loopback
        return Judgement(None, why_no_marks(x, capture.plan, error))
    verdicts = [v for detect in DETECTORS.values() for v in detect(evidence)]
    response = _response(evidence, calibration, full_scale_db_spl)
    return Judgement(response, tuple(_unexplained(verdicts)))


def judge_position(
    responses: Sequence[ImpulseResponse], studio: Studio | None
) -> tuple[Verdict, ...]:
    """Judge the responses of all speakers at one position against each other."""
    return tuple(_unexplained_pairs(responses, studio))


def retake_may_help(verdicts: Sequence[Verdict]) -> bool:
    """Whether a rejected take may come out better if nothing is changed: its first reason says."""
    reasons = rejections(tuple(verdicts))
    decisive = reasons if reasons and reasons[0].detector in _IN_DOUBT else reasons[:1]
    return any(v.detector in _TRANSIENT and v.fault not in _TRANSIENT_NOT for v in decisive)


def why_no_marks(x: FloatArray, plan: TakePlan, error: MeasurementError) -> tuple[Verdict, ...]:
    """Say why the marks were not heard: another rate, or nothing better is known."""
    clock = stretched_clock(x, plan)
    if clock is not None:
        verdicts = judge_clock(clock, plan.sweep.fs)
        if rejections(tuple(verdicts)):
            return tuple(verdicts)
    return (Verdict("response", "rejection", error.fault, error.message, error.hint),)


def _unexplained(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Leave out what another rejection explains."""
    causes = {v.detector for v in verdicts if v.severity == "rejection"}
    return [v for v in verdicts if causes.isdisjoint(EXPLAINED_BY.get(v.detector, ()))]


def _unexplained_pairs(
    responses: Sequence[ImpulseResponse], studio: Studio | None
) -> list[Verdict]:
    """Run the detectors of a position; a downmix explains that two responses are one."""
    found: list[Verdict] = []
    for name, detect in POSITION_DETECTORS.items():
        if name == "same_response" and any(v.detector == "mono_downmix" for v in found):
            continue
        found += detect(responses, studio)
    return found


def _response(
    evidence: Evidence, calibration: Curve | None, full_scale_db_spl: float | None
) -> ImpulseResponse:
    """Response of a take, microphone taken off."""
    capture, fs = evidence.capture, evidence.fs
    h, snr = evidence.response
    if calibration is not None:
        low_hz, high_hz = stimulus_band_hz(evidence.model.stimulus, fs)
        low_hz = max(low_hz, LOWEST_HZ)
        h = without_microphone(h, fs, calibration, low_hz=low_hz, high_hz=high_hz)
    return ImpulseResponse(
        samples=h,
        fs=fs,
        speaker=capture.speaker,
        position=capture.position,
        time_zero=evidence.segments_and_zero[1],
        time_reference="marks" if capture.loopback is None else "loopback",
        full_scale_db_spl=full_scale_db_spl,
        snr=snr,
    )
