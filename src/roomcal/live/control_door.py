"""The door at which a running engine listens to its owner, as this system has it."""

import sys

if sys.platform == "win32":
    from roomcal.live.control_pipe import Listener, addresses, ask, forget, own_address
else:
    from roomcal.live.control_socket import Listener, addresses, ask, forget, own_address

__all__ = ["Listener", "addresses", "ask", "forget", "own_address"]
