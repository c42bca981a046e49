"""Places where a server under test can listen."""

import socket


def free_port():
    """A TCP port on 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(address):
    """True if something accepts on ADDRESS: a port on 127.0.0.1, or the path of a Unix socket."""
    family, where = (socket.AF_INET, ("127.0.0.1", address)) if isinstance(address, int) \
        else (socket.AF_UNIX, str(address))
    with socket.socket(family) as probe:
        probe.settimeout(1)
        return probe.connect_ex(where) == 0
