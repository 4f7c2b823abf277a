"""A set's ports: a block of consecutive ones, each engine's at its own distance from the base port."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path
from typing import List, Optional, Set

from .failure import EnginesFailed

DEFAULT_BASE_PORT = 19400
BLOCK = 6
MONGODB, POSTGRESQL, REDIS, RABBITMQ, RABBITMQ_DISTRIBUTION, RABBITMQ_EPMD = range(BLOCK)
BASE_PORTS = range(1024, 65_536 - BLOCK + 1)

# Below 20000, where the other tests draw theirs, so that no server of those takes the port of an engine that is down for a moment.
DRAWN = range(12_000, 19_200, BLOCK)
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")

_claims: List[socket.socket] = []


def is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are winding down do not count
        try:
            candidate.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_base_port() -> int:
    """The start of a free block, which is no other set's that is drawn as long as this process lives, even when all is down."""
    for base in random.SystemRandom().sample(DRAWN, len(DRAWN)):
        if all(is_free(base + distance) for distance in range(BLOCK)) and _claim(base):
            return base
    raise EnginesFailed(f"there are no {BLOCK} free ports in a row between {DRAWN.start} and {DRAWN.stop}")


def outgoing_among(base: int) -> Optional[range]:
    """The range from which the system takes the ports of outgoing connections, when it has some of the block."""
    first, last = map(int, OUTGOING.read_text().split())
    return range(first, last + 1) if base <= last and base + BLOCK > first else None


def holder(port: int) -> str:
    """Who listens on it, as far as this user may see."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink(file.path) in sockets for file in os.scandir(f"/proc/{pid}/fd")):
                return f"{Path(f'/proc/{pid}/comm').read_text().strip()} (pid {pid})"
        except OSError:  # it has ended, or is somebody else's
            continue
    return "another program"


def _claim(base: int) -> bool:
    """By a name that only one process of this machine can have, and that the system gives back when the process ends."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0parley-engines-{base}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def _listening_inodes(port: int) -> Set[str]:
    found = set()
    for table in filter(Path.exists, map(Path, ("/proc/net/tcp", "/proc/net/tcp6"))):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found
