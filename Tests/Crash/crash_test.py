#!/usr/bin/env python3
"""The crash test: promises P1 to P6 hold however often the server is killed.

Starts the real binary, lets many senders write to it and clients listen on sockets, kills it with SIGKILL at random
moments and starts it again. A ledger outside the server holds what was acknowledged; at the end checks.py compares the two.
Who acts when is drawn from a seed, which is printed; what the kill meets then still depends on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Dict, List

import checks
from connection import NoAnswer
from ledger import Ledger
from listeners import Listener, wait_until_caught_up
from observation import Observation, observe, read_notifications, wait_until_drained
from population import Population
from senders import Reader, Sender
from server import ParleyServer, ServerFailed

PROBLEMS_SHOWN = 5
LAST_ANSWERS_SECONDS = 60
EARLY_KILL_SHARE = 0.15  # of the kills: they meet the start, with its migrations and repair
READ_PAUSE_SECONDS = 0.1


class CrashRun:
    def __init__(self, options: argparse.Namespace, folder: Path):
        secret = secrets.token_hex(32)
        self.options = options
        self.random = random.Random(options.seed)
        self.server = ParleyServer(options.binary, folder, secret)
        self.population = Population([self.server.port], secret, random.Random(f"{options.seed}/population"))
        self.ledger = Ledger()
        self.results: Dict[str, List[str]] = {}
        self.kills = 0
        self.listeners: List[Listener] = []

    async def run(self) -> None:
        try:
            await self._live_and_die()
            await self._look_back()
        except Exception as error:  # whatever it is, the test has failed and says so in its own form
            known = isinstance(error, (ServerFailed, NoAnswer, RuntimeError))
            self.results["the run came to its end"] = [str(error) if known else traceback.format_exc()]
        finally:
            self.server.kill()

    async def _live_and_die(self) -> None:
        await self._start()
        await self.population.settle()
        stop, hush = asyncio.Event(), asyncio.Event()
        self.listeners = [
            Listener(user, number, self.population, self.options.seed) for number, user in enumerate(self.population.listeners)
        ]
        listening = [asyncio.ensure_future(each.run(hush)) for each in self.listeners]
        load = [asyncio.ensure_future(each.run(stop)) for each in self._senders() + self._readers()]
        try:
            await self._kill_again_and_again()
            stop.set()
            self.results["every sender got its last answer"] = await self._last_answers(load)
        finally:
            for task in load:
                task.cancel()
        self._kill()  # once more, with nothing under way: what was acknowledged last must be there too
        await self._start()
        self.results["listeners catch up after the last start"] = await wait_until_caught_up(
            self.listeners, self.ledger.highest_sequence)
        hush.set()
        self.results["no listener broke"] = [f"{each!r}" for each in await asyncio.gather(*listening, return_exceptions=True) if each]

    async def _kill_again_and_again(self) -> None:
        deadline = time.monotonic() + (self.options.seconds or float("inf"))
        while self.kills < self.options.rounds and time.monotonic() < deadline:
            if self.random.random() < EARLY_KILL_SHARE:
                self._kill()
                self.server.start()
                await asyncio.sleep(self.random.uniform(0, 0.3))
                self._kill()
                await self._start()
            await asyncio.sleep(self.random.uniform(self.options.shortest_life, self.options.longest_life))
            self._kill()
            await self._start()
            self._report_progress()

    async def _look_back(self) -> None:
        results, ledger = self.results, self.ledger
        results["effects and push queue drain after the last start"] = await wait_until_drained(self.server)
        observation = await observe(self.population)
        observation.records = {(id, each.user_id): record for each in self.listeners for id, record in each.records.items()}
        results["the server stops when asked"] = self._stop()
        results["parley verify finds nothing wrong"] = await asyncio.to_thread(self._verify)
        observation.notifications = read_notifications(self.server.push_log)
        results["the run was a real one"] = self._substance()
        results["no answer contradicts another"] = ledger.problems
        results.update(self._laws(observation))
        self._report_totals(observation)

    def _laws(self, observation: Observation) -> Dict[str, List[str]]:
        ledger = self.ledger
        return {
            "every draft was acknowledged in the end": checks.every_draft_was_acknowledged(ledger),
            "P1 every acknowledged message is stored once, as it was answered":
                checks.every_acknowledged_message_is_stored_once(ledger, observation),
            "P1 nothing is stored that nobody sent": checks.nothing_is_stored_that_nobody_sent(ledger, observation),
            "P2 sequences are 1..n in each conversation": checks.sequences_are_gapless(observation),
            "P3 no key and no id is used twice": checks.no_key_and_no_id_is_used_twice(observation),
            "P4 the last message of a conversation is its highest": checks.last_message_is_the_highest(observation),
            "P4 unread counts are what history and read markers say": checks.unread_counts_are_true(observation),
            "P4 read markers keep what was acknowledged": checks.read_markers_are_kept(ledger, observation),
            "P5 every recipient who has not read was notified": checks.every_recipient_was_notified(observation),
            "P6 listeners who resume heard everything once, in order": checks.listeners_heard_everything_once_in_order(observation),
            "P7 nobody else was notified": checks.only_recipients_were_notified(observation),
        }

    def _senders(self) -> List[Sender]:
        users = self.population.senders
        pause = self.options.senders / self.options.rate if self.options.rate else 0
        return [
            Sender(f"s{index}", users[index % len(users)], self.population, self.ledger, pause, self.options.seed)
            for index in range(self.options.senders)
        ]

    def _readers(self) -> List[Reader]:
        return [
            Reader(user, self.population, self.ledger, READ_PAUSE_SECONDS, self.options.seed)
            for user in self.population.readers
        ]

    async def _last_answers(self, load: List[asyncio.Future]) -> List[str]:
        done, pending = await asyncio.wait(load, timeout=LAST_ANSWERS_SECONDS)
        broken = [f"a sender broke: {task.exception()!r}" for task in done if task.exception()]
        return broken + [f"{len(pending)} senders had no answer after {LAST_ANSWERS_SECONDS} s"] * bool(pending)

    async def _start(self) -> None:
        self.server.start()
        await asyncio.to_thread(self.server.wait_until_ready)

    def _kill(self) -> None:
        if self.server.exit_code is not None:
            raise ServerFailed(f"the server exited by itself, with {self.server.exit_code}\n{self.server.log_tail()}")
        self.server.kill()
        self.kills += 1

    def _stop(self) -> List[str]:
        code = self.server.stop()
        return [] if code == 0 else [f"exit code {code} after SIGTERM\n{self.server.log_tail()}"]

    def _verify(self) -> List[str]:
        result = self.server.run("verify", "--data", str(self.server.data))
        return [] if result.returncode == 0 else [f"exit code {result.returncode}: {result.stdout}{result.stderr}"]

    def _substance(self) -> List[str]:
        acknowledged, least = len(self.ledger.acknowledged), 5 * self.kills
        return [f"only {acknowledged} messages for {self.kills} kills"] if acknowledged < least else []

    def _report_progress(self) -> None:
        if self.kills % 10 == 0 or self.options.verbose:
            print(f"  {self.kills} kills, {len(self.ledger.acknowledged)} messages acknowledged", flush=True)

    def _report_totals(self, observation: Observation) -> None:
        ledger = self.ledger
        print(
            f"  {self.kills} kills, {len(ledger.acknowledged)} messages acknowledged, "
            f"{ledger.unknown_outcomes} unknown outcomes, {ledger.repeats} repeats, "
            f"{ledger.refusals} refusals, {len(observation.notifications)} notifications, "
            f"{sum(map(len, observation.records.values()))} messages heard on {sum(each.connections for each in self.listeners)} connections"
        )


def report(results: Dict[str, List[str]]) -> int:
    for name, problems in results.items():
        print(f"{'FAIL' if problems else 'ok  '} {name}")
        for problem in problems[:PROBLEMS_SHOWN]:
            print(f"       {problem}")
        if len(problems) > PROBLEMS_SHOWN:
            print(f"       … and {len(problems) - PROBLEMS_SHOWN} more")
    failed = sum(bool(problems) for problems in results.values())
    print(f"{len(results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not results else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=Path(".build/debug/parley"))
    parser.add_argument("--rounds", type=int, default=20, help="kills (default 20)")
    parser.add_argument("--seconds", type=float, default=0, help="stop killing after this time (default 0: never)")
    parser.add_argument("--seed", default="", help="default: a new one, which is printed")
    parser.add_argument("--senders", type=int, default=24)
    parser.add_argument("--rate", type=float, default=200, help="sends a second, 0 = as many as go (default 200)")
    parser.add_argument("--shortest-life", type=float, default=0.2, help="seconds between ready and kill")
    parser.add_argument("--longest-life", type=float, default=1.6, help="seconds between ready and kill")
    parser.add_argument("--verbose", action="store_true", help="a line after every kill")
    options = parser.parse_args()
    options.seed = options.seed or str(secrets.randbelow(10**9))
    return options


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server does not outlive the test
    options = parse_options()
    folder = Path(tempfile.mkdtemp(prefix="parley-crash-"))
    print(f"crash test: {options.rounds} rounds, {options.senders} senders, seed {options.seed}", flush=True)
    started = time.monotonic()
    run = CrashRun(options, folder)
    asyncio.run(run.run())
    print(f"  {time.monotonic() - started:.0f} s")
    if any(run.results.values()):
        print(f"  seed {options.seed}; the data and the server's log are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return report(run.results)


if __name__ == "__main__":
    sys.exit(main())
