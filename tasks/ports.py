"""Ports of this machine for the servers that are started here."""

from __future__ import annotations

import socket

from reground.tasks.errors import RegroundError


def free_port(host: str, port: int, server: str, setting: str) -> int:
    """A port that nobody listens on.

    Args:
        host: address to listen on.
        port: wanted; 0: any.
        server: that is to listen there, for the message.
        setting: where another port can be named.

    Raises:
        RegroundError: another process listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RegroundError(
                f"{server} did not start: port {port} of {host} is in use ({error.strerror}). Stop what listens there, "
                f"or name another port with {setting}."
            ) from error
        return int(probe.getsockname()[1])
