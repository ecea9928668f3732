"""How much time a filter may take, and what it uses it for."""

from dataclasses import dataclass

from roomcal.dsp.fractional_delay import HALF_WIDTH
from roomcal.model.design_spec import DesignSpec

# What precedes the sound is at most so long: 10 ms are hidden by backward masking. Who allows more
# than 50 ms of latency gets a fifth of it.
_RUN_UP_S, _RUN_UP_SHARE, _LONGEST_RUN_UP_S = 0.010, 0.2, 0.020
# Before it, so much more latency fades in.
_BUDGET_SHARE = 2.0 / 3.0
# With less latency the modal correction starts with the sound: a short run-up would only ring.
_LEAST_MODAL_LATENCY_S = 0.010
# Latency is at most this part of the taps: the rest holds the response.
_LATENCY_SHARE = 0.25
# Where nobody says otherwise: hardly more than moving the chair by a metre, and nothing rings
# before the bass (docs/decisions/009-five-milliseconds-of-mixed-phase.md).
MIXED_LATENCY_S = 0.005


@dataclass(frozen=True)
class PhasePlan:
    """Latency of a filter and the run-ups within it.

    `excess_s` and `modal_s` say how far the steps may reach before the direct sound.
    """

    latency_samples: int
    excess_s: float
    modal_s: float


def plan_phase(spec: DesignSpec, fs: int, n_taps: int) -> PhasePlan:
    """Divide the latency that a design may have.

    Parameters
    ----------
    spec : DesignSpec
    fs : int
    n_taps : int

    Notes
    -----
    A fractional delay that matches speakers needs 32 samples of its own; they are kept free.
    """
    if spec.phase == "minimum" or spec.peq:
        return PhasePlan(0, 0.0, 0.0)
    limit = spec.max_latency_s
    if spec.phase == "linear":
        latency = n_taps // 2 if limit is None else min(round(limit * fs), n_taps // 2)
        return PhasePlan(latency, 0.0, 0.0)
    limit = MIXED_LATENCY_S if limit is None else limit
    run_up_s = min(max(_RUN_UP_S, _RUN_UP_SHARE * limit), _LONGEST_RUN_UP_S)
    latency = max(min(int(limit * fs) - HALF_WIDTH, round(run_up_s / _BUDGET_SHARE * fs)), 0)
    latency = min(latency, int(_LATENCY_SHARE * n_taps))
    budget_s = _BUDGET_SHARE * latency / fs
    modal_s = budget_s if latency >= _LEAST_MODAL_LATENCY_S * fs else 0.0
    return PhasePlan(latency, budget_s, modal_s)
