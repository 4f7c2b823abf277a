"""The second form of a suite's server: two nodes on real engines behind a balancer, which a suite cannot tell from one process.

    with servers(is_cluster) as make_server:
        server = make_server(binary, folder, secret, settings)

A connection goes to the other node than the one before it, and each request has its own, so that one user's sockets and
requests are on both in turn. What a process tells of itself (metrics, log, memory) is told of both. What cannot be the same
as with one process is said here, in `PER_NODE` and `CURSOR_MARGIN_SECONDS`, and nowhere else.
"""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

import psycopg

import connection
from engines import Engines
from server import ParleyServer, free_port

BALANCER = Path(__file__).resolve().parent / "balancer.py"
NODES = 2

# Settings that bound something in each process: two nodes let twice as much in, so each gets its part of what the suite asks for.
PER_NODE = {
    "PARLEY_SOCKET_MAX_PER_USER": "connections of a user are counted by the node that has them",
}

# A cursor is set back, as docs/SOCKET.md says, lest it pass over what another node is just about to commit: messages of the
# second before it may come again. Stories that count what a cursor repeats let so much time pass before they take it.
CURSOR_MARGIN_SECONDS = 2.0

MakeServer = Callable[..., ParleyServer]


@contextlib.contextmanager
def servers(is_cluster: bool) -> Iterator[MakeServer]:
    """What makes servers: called like `ParleyServer`. The engines of a cluster are there for all of them, databases for each."""
    if not is_cluster:
        yield ParleyServer
        return
    connection.REUSE_SECONDS = 0
    with Engines.temporary() as engines:
        names = (f"server{number}" for number in itertools.count(1))
        yield lambda *arguments, **named: ClusterServer(engines, next(names), *arguments, **named)


class ClusterServer:
    """What suites use of `ParleyServer`, with two of them."""

    cursor_margin_seconds = CURSOR_MARGIN_SECONDS

    def __init__(
        self, engines: Engines, name: str, binary: Path, folder: Path, secret: Optional[str], settings: Optional[Dict[str, str]] = None,
        open_files: Optional[int] = None,
    ):
        urls = engines.fresh_urls(name)
        self.engines = engines
        self.folder = folder
        self.port = free_port()
        self.push_log = folder / "notifications.jsonl"
        shared = {**divided(settings or {}), **urls, "PARLEY_PUSH_LOG_FILE": str(self.push_log)}
        self.nodes: List[ParleyServer] = []
        for number in range(1, NODES + 1):
            place = folder / f"node{number}"
            place.mkdir()
            self.nodes.append(ParleyServer(binary, place, secret, shared, open_files))
        self._postgres = urls["PARLEY_POSTGRES_URL"]
        self._balancer = Balancer(self.port, [node.port for node in self.nodes])

    base_url = ParleyServer.base_url
    get = ParleyServer.get

    def start(self) -> None:
        self._balancer.start()
        for node in self.nodes:
            node.start()

    def wait_until_ready(self) -> None:
        for node in self.nodes:
            node.wait_until_ready()
            self._balancer.let_in(node.port)

    def restart(self) -> int:
        """One node after the other, as in an update. The first exit code that is not 0."""
        return first_not_zero([self._restart_one(node) for node in self.nodes])

    def stop(self) -> int:
        """All nodes at once. The first exit code that is not 0."""
        for node in self.nodes:
            self._balancer.let_out(node.port)
        with ThreadPoolExecutor(NODES) as pool:
            return first_not_zero(list(pool.map(ParleyServer.stop, self.nodes)))

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()
        self._balancer.end()

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.nodes[0].run(*arguments)

    def spoil_store(self) -> None:
        """PostgreSQL's database goes, under the running nodes; other servers' stay."""
        url, _, name = self._postgres.rpartition("/")
        with psycopg.connect(f"{url}/parley", autocommit=True) as database:
            database.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def gauge(self, name: str) -> Optional[float]:
        """The sum over the nodes."""
        values = [node.gauge(name) for node in self.nodes]
        return None if None in values else sum(values)

    @property
    def exit_code(self) -> Optional[int]:
        """None while all run."""
        return next((node.exit_code for node in self.nodes if node.exit_code is not None), None)

    @property
    def process_ids(self) -> List[int]:
        return [process_id for node in self.nodes for process_id in node.process_ids]

    def log_tail(self, lines: int = 20) -> str:
        return "\n".join(node.log_tail(lines) for node in self.nodes)

    def _restart_one(self, node: ParleyServer) -> int:
        self._balancer.let_out(node.port)
        code = node.stop()
        node.start()
        node.wait_until_ready()
        self._balancer.let_in(node.port)
        return code


class Balancer:
    """The process, and what it is told."""

    def __init__(self, port: int, nodes: List[int]):
        self._command = [sys.executable, str(BALANCER), str(port), *map(str, nodes)]
        self._process: Optional[subprocess.Popen] = None

    def start(self) -> None:
        if self._process is None:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def let_in(self, port: int) -> None:
        self._tell(f"in {port}")

    def let_out(self, port: int) -> None:
        self._tell(f"out {port}")

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _tell(self, line: str) -> None:
        self._process.stdin.write(f"{line}\n")
        if self._process.stdout.readline() != "done\n":
            raise RuntimeError("the balancer has ended")


def divided(settings: Dict[str, str]) -> Dict[str, str]:
    return {name: str(int(value) // NODES) if name in PER_NODE else value for name, value in settings.items()}


def first_not_zero(codes: List[int]) -> int:
    return next((code for code in codes if code != 0), 0)
