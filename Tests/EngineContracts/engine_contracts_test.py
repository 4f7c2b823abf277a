#!/usr/bin/env python3
"""Holds cluster mode to its contracts with other programs (docs/CONTRACTS.md), from outside, with each engine's client.

Starts the four engines in a temporary folder and two nodes on them. Each case makes its own users and conversations.

    engine_contracts_test.py [--binary .build/debug/parley] [WORD …]     only cases whose name has one of the words
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Awaitable, Callable, List

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[1:1] = [str(ROOT / folder) for folder in ("Tests/Crash", "Tests/Socket", "scripts")]

import channel_cases  # noqa: E402
import conversation_cases  # noqa: E402
import document_cases  # noqa: E402
import foreign_cases  # noqa: E402
import job_cases  # noqa: E402
import online_cases  # noqa: E402
import outage_cases  # noqa: E402
import restore_cases  # noqa: E402
import rights_cases  # noqa: E402
import schema_cases  # noqa: E402
import worker_cases  # noqa: E402
from cluster import Cluster  # noqa: E402
from engines import Engines, EnginesFailed  # noqa: E402
from engines.ports import free_base_port  # noqa: E402
from server import ServerFailed  # noqa: E402
from world import Failed  # noqa: E402

CASE_LIMIT_SECONDS = 240
# They wait for minutes, and beside them the others are tried; but not the last ones, which kill engines or keep nodes from starting.
SLOW_CASES = online_cases.SLOW_CASES
LAST_CASES = schema_cases.LAST_CASES + outage_cases.LAST_CASES + restore_cases.LAST_CASES
CASES = (
    schema_cases.CASES + conversation_cases.CASES + document_cases.CASES + channel_cases.CASES + online_cases.CASES + job_cases.CASES
    + foreign_cases.CASES + worker_cases.CASES + rights_cases.CASES + outage_cases.CASES)

Case = Callable[[Cluster], Awaitable[None]]


class EngineContractsTest:
    def __init__(self, binary: Path, folder: Path, words: List[str]):
        self.binary = binary
        self.folder = folder
        self.words = words
        self.passed = 0
        self.failed = 0

    async def run(self) -> None:
        engines = Engines(self.folder / "engines", free_base_port())
        try:
            await asyncio.to_thread(engines.up)
            cluster = Cluster(self.binary, self.folder, engines)
            try:
                await cluster.start()
                await self._try_all(cluster)
            finally:
                cluster.stop()
        finally:
            engines.down()

    async def _try_all(self, cluster: Cluster) -> None:
        slow = [asyncio.ensure_future(self._try(case, cluster)) for case in self._chosen(SLOW_CASES)]
        for case in self._chosen(CASES):
            await self._try(case, cluster)
        await asyncio.gather(*slow)
        for case in self._chosen(LAST_CASES):
            await self._try(case, cluster)

    def _chosen(self, cases: List[Case]) -> List[Case]:
        return [case for case in cases if not self.words or any(word in case.__name__ for word in self.words)]

    async def _try(self, case: Case, cluster: Cluster) -> None:
        name, begin = case.__name__.replace("_", " "), time.monotonic()
        try:
            try:
                await asyncio.wait_for(case(cluster), CASE_LIMIT_SECONDS)
            finally:
                if case not in SLOW_CASES:  # which tidy up after themselves, and not after those beside them
                    await cluster.tidy_up()
        except Exception as error:
            self.failed += 1
            told = str(error) if isinstance(error, (Failed, ServerFailed, EnginesFailed)) else traceback.format_exc()
            print(f"FAIL {name}\n       {told}", flush=True)
        else:
            self.passed += 1
            print(f"ok   {name} ({time.monotonic() - begin:.1f} s)", flush=True)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nodes and engines do not outlive the test
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/debug/parley")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parley-contracts-"))
    folder.chmod(0o711)  # started by root, some engines run as other users
    test = EngineContractsTest(options.binary, folder, options.words)
    try:
        asyncio.run(test.run())
    except (EnginesFailed, ServerFailed) as error:
        test.failed += 1
        print(f"FAIL the cluster starts\n       {error}")
    if test.failed:
        print(f"  the data and the logs are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{test.passed} passed, {test.failed} failed", flush=True)
    return 1 if test.failed or not test.passed else 0


if __name__ == "__main__":
    sys.exit(main())
