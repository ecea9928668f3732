"""Which position of a session is the main one, and which take a response was made of."""

from roomcal.model.session import Session, TakeRecord


def main_position(session: Session) -> str:
    """Return the first position of the studio that was measured, else the first measured."""
    measured = list(dict.fromkeys(r.position for r in session.responses))
    named = [p.name for p in session.studio.positions] if session.studio else []
    return next((name for name in named if name in measured), measured[0])


def take_of(session: Session, origin: str) -> TakeRecord | None:
    """Find the take that a response came from; None for an imported one."""
    takes = (t for t in session.takes if t.capture.name == origin and t.plan is not None)
    return next(takes, None)
