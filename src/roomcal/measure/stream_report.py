"""What the audio system itself says about a take: samples that it lost."""

from roomcal.model.capture import Capture
from roomcal.model.verdict import Verdict


def stream_verdict(capture: Capture) -> Verdict | None:
    """Reject a take in which the stream reported an underflow or overflow (xrun).

    A lost block may be too short for any detector to see, and shifts everything after it.
    """
    if capture.xruns == 0:
        return None
    times = "once" if capture.xruns == 1 else f"{capture.xruns} times"
    return Verdict(
        "stream",
        "rejection",
        "RC-404",
        f"audio system too slow: it reported lost samples {times}",
        hint="raise --block (2048, 4096), close programs that keep the computer busy, and plug the "
        "interface in directly, not through a hub",
        evidence={"xruns": capture.xruns},
    )
