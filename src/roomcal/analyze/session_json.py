"""A session's analysis as `analyze --json` promises it; what cannot be had is NaN with a reason."""

from typing import Any

from roomcal.analyze.analysis import to_json
from roomcal.analyze.distortion import Distortion, no_distortion
from roomcal.analyze.noise import NoiseAnalysis
from roomcal.analyze.overview import summarize_analysis
from roomcal.analyze.pair import PairAnalysis
from roomcal.analyze.session_analysis import SessionAnalysis


def session_to_json(analysis: SessionAnalysis) -> dict[str, Any]:
    """Lay out everything; parts that were not asked for are empty."""
    overview = summarize_analysis(analysis)
    responses = []
    for own in analysis.responses:
        main = analysis.at_main(own.speaker)
        known = analysis.distortion.get(own.speaker)
        if own is not main:
            known = no_distortion(f"it is told at the main position: {main.position}")
        responses.append(
            to_json(own)
            | {"distortion": distortion_to_json(known or no_distortion("it was not asked for"))}
        )
    return {
        "session": analysis.session,
        "main_position": analysis.main_position,
        "verdict": overview.verdict,
        "can": list(overview.can),
        "cannot": list(overview.cannot),
        "responses": responses,
        "noise": noise_to_json(analysis.noise) if analysis.noise else None,
        "pairs": [pair_to_json(p) for p in analysis.pairs],
        "boundaries": [
            {
                "speaker": b.speaker,
                "dips": [
                    {
                        "f_hz": d.f_hz,
                        "depth_db": d.depth_db,
                        "quarter_wave_m": d.quarter_wave_m,
                        "share": d.share,
                        "surface": d.surface,
                    }
                    for d in b.dips
                ],
                "reason": b.reason,
            }
            for b in analysis.boundaries
        ],
        "standards": [
            {
                "id": v.clause.id,
                "standard": v.clause.standard,
                "clause": v.clause.clause,
                "asks": v.clause.asks,
                "status": v.status,
                "found": v.found,
                "source": v.clause.source,
                "checked": v.clause.checked,
            }
            for v in analysis.standards
        ],
    }


def distortion_to_json(d: Distortion) -> dict[str, Any]:
    """Harmonics, their sum, noise and floor, in dB re the fundamental."""
    return {
        "f_hz": d.f_hz.tolist(),
        **{f"h{order}_db": level.tolist() for order, level in d.harmonics_db.items()},
        "thd_db": d.thd_db.tolist(),
        "thd_n_db": d.thd_n_db.tolist(),
        "floor_db": d.floor_db.tolist(),
        "level_dbfs": d.level_dbfs,
        "reason": d.reason,
    }


def noise_to_json(noise: NoiseAnalysis) -> dict[str, Any]:
    """Levels per octave and ratings."""
    return {
        "bands_hz": noise.bands_hz.tolist(),
        "level_dbfs": noise.level_dbfs.tolist(),
        "level_db_spl": noise.level_db_spl.tolist(),
        "a_db_spl": noise.a_db_spl,
        "ratings": [
            {"name": r.name, "rating": r.rating, "band_hz": r.band_hz, "reason": r.reason}
            for r in noise.ratings
        ],
        "duration_s": noise.duration_s,
        "sensitivity": noise.sensitivity,
        "reason": noise.reason,
    }


def pair_to_json(p: PairAnalysis) -> dict[str, Any]:
    """How two speakers match and add."""
    sum_db = p.sum_db
    return {
        "first": p.first,
        "second": p.second,
        "position": p.position,
        "level_db": p.level_db,
        "direct_level_db": p.direct_level_db,
        "rms_db": p.rms_db,
        "worst_db": p.worst_db,
        "worst_hz": p.worst_hz,
        "delay_s": p.delay_s,
        "delay_m": p.delay_m,
        "inverted": p.inverted,
        "likeness": p.likeness,
        "sum": {
            "f_hz": sum_db.f_hz.tolist() if sum_db else [],
            "level_db": sum_db.level_db.tolist() if sum_db else [],
        },
        "reason": p.reason,
    }
