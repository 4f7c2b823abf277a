"""A set's ports: a block of consecutive ones, each engine's at its own distance from the base port."""

from __future__ import annotations

import random
import socket

from .failure import EnginesFailed

DEFAULT_BASE_PORT = 19400
BLOCK = 6
MONGODB, POSTGRESQL, REDIS, RABBITMQ, RABBITMQ_DISTRIBUTION, RABBITMQ_EPMD = range(BLOCK)


def is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are winding down do not count
        try:
            candidate.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_base_port() -> int:
    """The start of a free block, below the range from which the system takes the ports of outgoing connections.

    Drawn at random, so that sets which are made at the same time rarely want the same one.
    """
    for base in random.SystemRandom().sample(range(20_000, 32_000, BLOCK), 100):
        if all(is_free(base + distance) for distance in range(BLOCK)):
            return base
    raise EnginesFailed(f"there are no {BLOCK} free ports in a row between 20000 and 32000")
