#!/usr/bin/env python3
"""Holds the socket of the real binary to its contract, from outside, with an ordinary WebSocket client.

Two servers with data folders of their own: one with the usual settings, one with limits that are quickly reached,
which is stopped by its last case. Each case makes its own users and conversations.

    socket_test.py [--binary .build/debug/parley] [WORD …]     only cases whose name has one of the words
    socket_test.py --cluster                                   each server is two nodes on real engines, see Tests/Cluster
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Awaitable, Callable, List, Optional

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("Tests/Crash", "Tests/Cluster", "scripts")]

import authentication  # noqa: E402
import between_nodes  # noqa: E402
import delivery  # noqa: E402
import event_stream  # noqa: E402
import first_requests  # noqa: E402
import frames  # noqa: E402
import fuzz  # noqa: E402
import heartbeats  # noqa: E402
import limits  # noqa: E402
import markers  # noqa: E402
import presence  # noqa: E402
import resume  # noqa: E402
import second_look  # noqa: E402
import shutdown  # noqa: E402
from two_nodes import MakeServer, servers  # noqa: E402
from server import ServerFailed  # noqa: E402
from world import Failed, World  # noqa: E402

CASE_LIMIT_SECONDS = 120
TIGHT = {
    "PARLEY_SOCKET_AUTHENTICATION_SECONDS": "1", "PARLEY_SOCKET_MAX_OUTBOUND_BYTES": "65536", "PARLEY_SOCKET_DRAIN_SECONDS": "1",
    "PARLEY_LIMITS_IDLE_SECONDS": "3", "PARLEY_LIMITS_RECEIPTS_PARTICIPANTS": str(markers.LARGE_GROUP),
    "PARLEY_SOCKET_COMMANDS_BURST": str(limits.COMMANDS_AT_ONCE), "PARLEY_SOCKET_MAX_PER_USER": str(limits.SOCKETS_PER_USER),
}
FUZZ = {"PARLEY_SOCKET_AUTHENTICATION_SECONDS": "2", "PARLEY_LIMITS_IDLE_SECONDS": "5"}

Case = Callable[[World], Awaitable[None]]


class SocketTest:
    def __init__(self, is_cluster: bool, make_server: MakeServer, binary: Path, folder: Path, words: List[str]):
        self.is_cluster = is_cluster
        self.make_server = make_server
        self.binary = binary
        self.folder = folder
        self.words = words
        self.passed = 0
        self.failed = 0

    async def run(self) -> None:
        usual = (
            first_requests.CASES + authentication.CASES + frames.CASES + delivery.CASES + resume.CASES + markers.USUAL_CASES
            + presence.CASES + event_stream.CASES)
        await self._with_server("usual", {}, usual)
        await self._with_server("heart", {"PARLEY_SOCKET_HEARTBEAT_SECONDS": "1"}, heartbeats.CASES)
        await self._with_server("fuzz", FUZZ, fuzz.CASES)
        stopping = {"PARLEY_SOCKET_DRAIN_SECONDS": str(shutdown.DRAIN_SECONDS)}
        await self._with_server("stopping", stopping, shutdown.CASES + event_stream.STOPPING_CASES)
        await self._with_server("looking", {"PARLEY_PUSH_SECOND_LOOK_SECONDS": str(second_look.LOOK_SECONDS)}, second_look.CASES)
        await self._with_server("crowded", {"PARLEY_LIMITS_IDLE_SECONDS": "3"}, limits.CROWDED_CASES, limits.OPEN_FILES)
        if self.is_cluster:
            await self._with_server("between", {}, between_nodes.CASES)
        await self._with_server("tight", TIGHT, first_requests.TIGHT_CASES + markers.LARGE_GROUP_CASES + limits.CASES)

    async def _with_server(self, name: str, settings: dict, cases: List[Case], open_files: Optional[int] = None) -> None:
        cases = [case for case in cases if not self.words or any(word in case.__name__ for word in self.words)]
        if not cases:
            return
        folder = self.folder / name
        folder.mkdir()
        secret = secrets.token_hex(32)
        server = self.make_server(self.binary, folder, secret, settings, open_files)
        try:
            server.start()
            await asyncio.to_thread(server.wait_until_ready)
            for case in cases:
                await self._try(case, World(server, secret))
        finally:
            server.kill()

    async def _try(self, case: Case, world: World) -> None:
        name = case.__name__.replace("_", " ")
        try:
            try:
                await asyncio.wait_for(case(world), CASE_LIMIT_SECONDS)
            finally:
                await world.tidy_up()
        except Exception as error:
            self.failed += 1
            told = str(error) if isinstance(error, (Failed, ServerFailed)) else traceback.format_exc()
            print(f"FAIL {name}\n       {told}", flush=True)
        else:
            self.passed += 1
            print(f"ok   {name}", flush=True)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server does not outlive the test
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/debug/parley")
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parley-socket-"))
    with servers(options.cluster) as make_server:
        test = SocketTest(options.cluster, make_server, options.binary, folder, options.words)
        try:
            asyncio.run(test.run())
        except ServerFailed as error:
            test.failed += 1
            print(f"FAIL the server starts\n       {error}")
    if test.failed:
        print(f"  the data and the servers' logs are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{test.passed} passed, {test.failed} failed", flush=True)
    return 1 if test.failed or not test.passed else 0


if __name__ == "__main__":
    sys.exit(main())
