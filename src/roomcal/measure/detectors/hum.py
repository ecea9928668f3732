"""Mains hum: subtracted, and named where it is loud (FAULTS.md, row 11)."""

from roomcal.measure.evidence import Evidence
from roomcal.model.verdict import Verdict
from roomcal.units import db_from_power, db_from_ratio

# Hum 20 dB below the sweep costs 2 dB in its band and, subtracted, 0.1 to 0.2 dB (FAULTS.md); at
# 40 dB a tenth of that.
WARNED_DB = -40.0


def detect(evidence: Evidence) -> list[Verdict]:
    """Name the hum of a take."""
    hum = evidence.time.hum
    if hum is None:
        return []
    level_db = float(db_from_ratio(hum.rms) - db_from_power(evidence.sweep_power))
    loud = level_db > WARNED_DB
    n = len(hum.orders) - (1 in hum.orders)
    harmonics = f" with {n} harmonic{'' if n == 1 else 's'}" if n else ""
    return [
        Verdict(
            "hum",
            "warning" if loud else "note",
            "RC-513",
            f"{hum.f_hz:.2f} Hz hum{harmonics}, {abs(level_db):.0f} dB "
            f"{'below' if level_db < 0 else 'above'} the sweep: subtracted",
            hint="look for a ground loop, a dimmer or a power supply near the cable"
            if loud
            else "",
            evidence={"f_hz": round(hum.f_hz, 3), "re_sweep_db": round(level_db, 1)},
        )
    ]
