"""The distortion of each speaker of a session, from the raw take at its main position."""

from roomcal.analyze.distortion import Distortion, analyze_distortion, no_distortion
from roomcal.files.session_store import SessionStore
from roomcal.jobs.session_takes import main_position, take_of
from roomcal.measure.evidence import Evidence


def distortions(store: SessionStore, speaker: str | None = None) -> dict[str, Distortion]:
    """Read the harmonics of every speaker, or of one; a response alone holds none."""
    session = store.session
    main = main_position(session)
    found: dict[str, Distortion] = {}
    for name in dict.fromkeys(r.speaker for r in session.responses):
        if speaker not in (None, name):
            continue
        own = [r.position for r in session.responses if r.speaker == name]
        record = store.response_record(name, main if main in own else own[0])
        take = take_of(session, record.origin) if record else None
        if take is not None and store.has_capture(take):
            found[name] = analyze_distortion(Evidence(store.load_capture(take)))
        else:
            found[name] = no_distortion("there is no raw take: a response alone has no harmonics")
    return found
