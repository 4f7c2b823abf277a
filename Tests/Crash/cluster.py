"""Nodes of the real binary over one set of real engines. A node that should run is started again until it does, as a supervisor would."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import os
import signal
import sys
import time
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "scripts"))

from engines import Engines  # noqa: E402  (the folder is not a package)
from observation import read_notifications
from server import ParleyServer, ServerFailed

HEARTBEAT_SECONDS = 2
START_TIMEOUT_SECONDS = 90  # an engine may be down meanwhile
SETTINGS = {"PARLEY_SOCKET_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS), "PARLEY_SOCKET_DRAIN_SECONDS": "0"}


class Cluster:
    def __init__(self, binaries: List[Path], folder: Path, engines: Engines, secret: str, count: int):
        """Nodes are started with one binary after the other, as in a rolling upgrade where there are two."""
        self.engines = engines
        self._next_binary = itertools.cycle(each.resolve() for each in binaries)
        self.nodes: List[ParleyServer] = []
        for number in range(1, count + 1):
            node_folder = folder / f"node-{number}"
            node_folder.mkdir()
            self.nodes.append(ParleyServer(binaries[0], node_folder, secret, {**engines.urls, **SETTINGS}))
        self._should_run = [False] * count

    @property
    def ports(self) -> List[int]:
        return [node.port for node in self.nodes]

    async def start_all(self) -> None:
        await asyncio.gather(*(self.start(place) for place in range(len(self.nodes))))
        for node in self.nodes:
            await asyncio.to_thread(node.wait_until_ready)

    async def start(self, place: int) -> None:
        """Returns when the node answers; it refuses to start while MongoDB or PostgreSQL is down."""
        node = self.nodes[place]
        node.binary = next(self._next_binary)
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        node.start()
        while not await asyncio.to_thread(self._is_live, node):
            if time.monotonic() > deadline:
                raise ServerFailed(f"node {place + 1} did not start within {START_TIMEOUT_SECONDS} s\n{node.log_tail()}")
            if node.exit_code is not None:
                await asyncio.sleep(0.2)
                node.start()
            await asyncio.sleep(0.02)
        self._should_run[place] = True

    def kill(self, place: int) -> None:
        self.require_alive()
        self._should_run[place] = False
        self.nodes[place].kill()

    def halt(self, place: int) -> None:
        """Like a machine that hangs: connections stay open, nothing answers."""
        self.require_alive()
        os.kill(self.nodes[place].process_ids[0], signal.SIGSTOP)

    def go_on(self, place: int) -> None:
        os.kill(self.nodes[place].process_ids[0], signal.SIGCONT)

    def require_alive(self) -> None:
        """No node ends by itself, whatever happens to the engines."""
        for number, (node, should_run) in enumerate(zip(self.nodes, self._should_run), 1):
            if should_run and node.exit_code is not None:
                raise ServerFailed(f"node {number} exited by itself, with {node.exit_code}\n{node.log_tail()}")

    def end(self) -> None:
        for node in self.nodes:
            node.kill()

    async def stop(self) -> List[str]:
        """Asks all nodes to end, at the same moment; what is wrong with how they did."""
        codes = await asyncio.gather(*(asyncio.to_thread(node.stop) for node in self.nodes))
        self._should_run = [False] * len(self.nodes)
        return [
            f"node {number}: exit code {code} after SIGTERM\n{node.log_tail()}"
            for number, (node, code) in enumerate(zip(self.nodes, codes), 1) if code != 0
        ]

    async def metrics(self, name: str) -> List[Optional[float]]:
        """One value a node; None where the node does not answer."""
        return list(await asyncio.gather(*(asyncio.to_thread(_metric, node, name) for node in self.nodes)))

    async def sum(self, name: str) -> Optional[float]:
        values = await self.metrics(name)
        return None if None in values else sum(values)

    def notifications(self) -> List[dict]:
        return [each for node in self.nodes for each in read_notifications(node.push_log)]

    @staticmethod
    def _is_live(node: ParleyServer) -> bool:
        try:
            return node.get("/health/live")[0] == 200
        except (OSError, http.client.HTTPException):
            return False


def _metric(node: ParleyServer, name: str) -> Optional[float]:
    try:
        return node.gauge(name)
    except (OSError, http.client.HTTPException):
        return None
