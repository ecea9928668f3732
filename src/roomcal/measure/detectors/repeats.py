"""Whether the sweeps of a take agree (FAULTS.md, repeats; row 28 for one sweep)."""

from roomcal.measure.clock import air_samples
from roomcal.measure.evidence import Evidence
from roomcal.measure.repeats import DROP_DB, SLIP_SAMPLES
from roomcal.model.verdict import Verdict

# Slips show 14 to 49 dB above the best pair, a wrong polarity 17 to 52 (FAULTS.md). What decides
# stands in `roomcal.measure.repeats`.


def detect(evidence: Evidence) -> list[Verdict]:
    """Name sweeps that were dropped, and reject what cannot be decided."""
    repeats = evidence.repeats
    limit = air_samples(SLIP_SAMPLES, evidence.fs)
    verdicts = []
    for k in repeats.dropped:
        numbers = {
            "distance_db": round(float(repeats.distance_db[k]), 1),
            "delay_samples": round(float(repeats.delays_samples[k]), 2),
        }
        start_s = (
            evidence.time.clock.recorded_at(evidence.capture.plan.sweep_starts[k]) / evidence.fs
        )
        if k in repeats.inverted:
            verdicts.append(
                Verdict(
                    "repeats",
                    "rejection",
                    "RC-518",
                    f"sweep {k + 1} is inverted: polarity changed during the take",
                    hint="look for a loose plug or a switch at the speaker and the microphone",
                    time_s=start_s,
                    channel=evidence.capture.speaker,
                    evidence=numbers,
                )
            )
        else:
            slipped = abs(repeats.delays_samples[k]) >= limit
            how = (
                f"comes {repeats.delays_samples[k]:+.1f} samples late"
                if slipped
                else f"is {repeats.distance_db[k]:.0f} dB from them, re the response"
            )
            verdicts.append(
                Verdict(
                    "repeats",
                    "warning",
                    "RC-518",
                    f"sweep {k + 1} differs from the others ({how}): left out",
                    hint="keep quiet and still while the measurement runs",
                    time_s=start_s,
                    evidence=numbers,
                )
            )
    if len(evidence.segments) == 2 and not repeats.dropped and len(repeats.kept) == 2:
        verdicts += _two(evidence)
    return verdicts


def _two(evidence: Evidence) -> list[Verdict]:
    """Judge two sweeps, neither of which can outvote the other."""
    repeats = evidence.repeats
    distance_db = float(repeats.distance_db.min())
    slip = abs(float(repeats.delays_samples[1] - repeats.delays_samples[0]))
    usual_db = max(DROP_DB, evidence.expected_distance_db + 6.0)
    if (
        distance_db <= usual_db
        and slip < air_samples(SLIP_SAMPLES, evidence.fs)
        and not repeats.opposed
    ):
        return []
    if evidence.combined.masked:
        return []
    what = "have opposite polarity" if repeats.opposed else f"differ by {distance_db:.0f} dB"
    return [
        Verdict(
            "repeats",
            "rejection",
            "RC-518",
            f"the two sweeps {what} re the response, {slip:.1f} samples apart",
            hint="take three sweeps or more: then it shows which of them is wrong",
            evidence={"distance_db": round(distance_db, 1), "apart_samples": round(slip, 2)},
        )
    ]
