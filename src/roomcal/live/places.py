"""Every place to play, by the audio system that a request names."""

from collections.abc import Callable

from roomcal.live.card_place import CardPlace
from roomcal.live.jack_place import JackPlace
from roomcal.live.place import Place
from roomcal.live.request import RunRequest
from roomcal.live.virtual_place import VirtualPlace

PLACES: dict[str, Callable[[RunRequest], Place]] = {
    "port-audio": CardPlace,
    "jack": JackPlace,
    "virtual": VirtualPlace,
}


def place_for(request: RunRequest) -> Place:
    """Return the place of a request."""
    return PLACES[request.route.system](request)
