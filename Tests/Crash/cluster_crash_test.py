#!/usr/bin/env python3
"""The cluster crash test: P1 to P6 hold for several nodes over four engines, whichever of them die or hang.

Starts real engines and real nodes, lets senders write to the same conversations through all nodes and clients listen on any of
them; kills nodes, Redis, RabbitMQ, PostgreSQL and mongod, and stops a node for longer than its lease. A ledger outside of all holds what
was acknowledged; at the end it is compared with what every node shows, and with what the engines themselves hold.
What goes wrong when is drawn from a seed, which is printed; what it meets still depends on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import Dict, List

import catching_up
import checks
import cluster_checks
from cluster import HEARTBEAT_SECONDS, Cluster
from connection import NoAnswer
from crash_test import report
from engine_views import Ear, EngineViews
from engines import Engines
from engines.engine_set import temporary_folder
from faults import plan
from injection import Injector
from ledger import Ledger
from listeners import Listener, wait_until_caught_up
from observation import Observation, observe
from pairs import PairMaker, pair_problems
from population import Population
from senders import Reader, Sender
from server import ServerFailed

ANSWER_TIMEOUT_SECONDS = 6  # then a client turns to another node
SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS  # likewise a listener
LAST_ANSWERS_SECONDS = 60
READ_PAUSE_SECONDS = 0.3
PAIR_PAUSE_SECONDS = 2.0
GIVE_UP_SHARE = 0.3
QUIET_START_SECONDS = 2.0
VERIFY_SHOWN = 1000  # characters: a crash would tell of every register
# A fault may make an effect be repeated, by the node itself and by who goes on for it.
MOST_NOTIFICATIONS = 3


class ClusterRun:
    def __init__(self, options: argparse.Namespace, folder: Path, engines: Engines):
        secret = secrets.token_hex(32)
        self.options = options
        self.cluster = Cluster([options.binary, *options.also], folder, engines, secret, options.nodes)
        self.population = Population(
            self.cluster.ports, secret, Random(f"{options.seed}/population"), answer_timeout_seconds=ANSWER_TIMEOUT_SECONDS)
        self.ledger = Ledger()
        self.views = EngineViews(engines.urls)
        self.ear = Ear(engines.urls["PARLEY_REDIS_URL"])
        self.injector = Injector(self.cluster, self.population, self.ledger, self.views, options.seed, self._say)
        self.pair_maker = PairMaker(self.population, self.ledger, PAIR_PAUSE_SECONDS, options.seed)
        self.listeners: List[Listener] = []
        self.results: Dict[str, List[str]] = {}
        self.last_catch_up_seconds = 0.0
        self._started = time.monotonic()

    async def run(self) -> None:
        try:
            await self._live()
            await self._look_back()
        except Exception as error:  # whatever it is, the test has failed and says so in its own form
            known = isinstance(error, (ServerFailed, NoAnswer, RuntimeError))
            self.results["the run came to its end"] = [str(error) if known else traceback.format_exc()]
        finally:
            self.cluster.end()
            self.views.close()

    async def _live(self) -> None:
        await self.cluster.start_all()
        await self.population.settle()
        stop, hush = asyncio.Event(), asyncio.Event()
        ear = asyncio.ensure_future(self.ear.run(hush))
        await self.ear.is_listening.wait()
        self.listeners = [
            Listener(user, number, self.population, self.options.seed, SILENCE_SECONDS, cursors_may_repeat=True)
            for number, user in enumerate(self.population.listeners)
        ]
        listening = [asyncio.ensure_future(each.run(hush)) for each in self.listeners]
        load = [asyncio.ensure_future(each.run(stop)) for each in [*self._senders(), *self._readers(), self.pair_maker]]
        try:
            await asyncio.sleep(QUIET_START_SECONDS)
            await self._go_wrong()
            stop.set()
            self._say("the load ends")
            self.results["every sender got its last answer"] = await self._last_answers(load)
        finally:
            for task in load:
                task.cancel()
        await self._come_to_rest()
        self.results["P6 listeners catch up"] = await wait_until_caught_up(
            self.listeners, await asyncio.to_thread(self.views.heads))
        hush.set()
        self._say("listeners have all")
        broken = [f"{each!r}" for each in await asyncio.gather(*listening, ear, return_exceptions=True) if each]
        self.results["no listener broke"] = broken + [problem for each in self.listeners for problem in each.problems]

    async def _go_wrong(self) -> None:
        steps = plan(self.options.seed, self.options.rounds, self.options.nodes)
        calm_steps = len(plan(self.options.seed, 1, self.options.nodes))
        deadline = time.monotonic() + (self.options.seconds or float("inf"))
        await self.injector.carry_out(steps, calm_steps, deadline)

    async def _come_to_rest(self) -> None:
        results, cluster, views = self.results, self.cluster, self.views
        since = time.monotonic()
        self._say("senders have their last answers")
        results["P5 all effects are done, on all nodes"] = await catching_up.wait_until_nothing_is_due(cluster, views)
        self.last_catch_up_seconds = time.monotonic() - since
        self._say("all effects are done")
        last_fault_at = max((fault.healed for fault in self.injector.faults), default=time.time())
        results["P5 nodes that died are forgotten"] = await catching_up.wait_until_the_dead_are_forgotten(cluster, views, last_fault_at)
        self._say("the dead are forgotten")
        results["nothing is done again at rest"] = await catching_up.what_is_done_again_at_rest(cluster)

    async def _look_back(self) -> None:
        observations = await asyncio.gather(*(observe(self.population, port) for port in self.cluster.ports))
        for each in observations:
            each.records = {(id, listener.user_id): record for listener in self.listeners for id, record in listener.records.items()}
        self._say("the nodes were asked for everything")
        stored, rows = await asyncio.to_thread(self.views.histories), await asyncio.to_thread(self.views.postgres)
        self.results["parley verify finds nothing wrong"] = await asyncio.to_thread(self._verify)
        self.results["the nodes stop when asked"] = await self.cluster.stop()
        self._say("the nodes are stopped")
        entries = await asyncio.to_thread(self.views.entries)
        self.results["nodes that stop leave no entry"] = [f"{each} is left" for each in entries]
        for each in observations:
            each.notifications = self.cluster.notifications()
        self._judge_the_run()
        self._judge_the_laws(observations, stored, rows)
        self._report_totals(observations[0])

    def _verify(self) -> List[str]:
        result = self.cluster.nodes[0].run("verify")
        return [] if result.returncode == 0 else [f"exit code {result.returncode}: {(result.stdout + result.stderr).strip()[:VERIFY_SHOWN]}"]

    def _judge_the_run(self) -> None:
        faults, probes = self.injector.faults, self.injector.probes
        acknowledged, least = len(self.ledger.acknowledged), 20 * len(faults)
        self.results["the run was a real one"] = [f"only {acknowledged} messages for {len(faults)} faults"] * (acknowledged < least)
        self.results["effects caught up, and creates went on while Redis, RabbitMQ or PostgreSQL was down"] = self.injector.problems
        self.results["what could not be done was refused, with the time to come back"] = [
            problem for probe in probes for problem in probe.problems]
        self.results["no answer contradicts another, and none is an error"] = self.ledger.problems
        self.results["two who meet on two nodes have one conversation"] = pair_problems(self.pair_maker.pairs)
        self.results["a foreign subscriber hears each message on its channel, always the same"] = self.ear.problems

    def _judge_the_laws(self, observations: List[Observation], stored: Dict[str, List[dict]], rows) -> None:
        ledger, one, faults = self.ledger, observations[0], self.injector.faults
        drafts = [each for probe in self.injector.probes for each in probe.drafts]
        strangers = [each for probe in self.injector.probes for each in probe.strangers]
        self.results.update({
            "all nodes show the same": cluster_checks.nodes_show_the_same(observations),
            "every draft was acknowledged in the end": checks.every_draft_was_acknowledged(ledger),
            "P1 every acknowledged message is stored once, as it was answered":
                checks.every_acknowledged_message_is_stored_once(ledger, one),
            "P1 nothing is stored that nobody sent": checks.nothing_is_stored_that_nobody_sent(ledger, one),
            "P1 MongoDB has the history": cluster_checks.mongodb_has_the_history(stored, one),
            "P2 sequences are 1..n in each conversation": checks.sequences_are_gapless(one),
            "P3 no key and no id is used twice": checks.no_key_and_no_id_is_used_twice(one),
            "P3 no pair has two conversations": cluster_checks.no_pair_has_two_conversations(rows),
            "P3 nothing that was refused was done":
                cluster_checks.nothing_refused_was_done(drafts, stored, strangers, rows),
            "P4 the last message of a conversation is its highest": checks.last_message_is_the_highest(one),
            "P4 unread counts are what history and read markers say": checks.unread_counts_are_true(one),
            "P4 read markers keep what was acknowledged": checks.read_markers_are_kept(ledger, one),
            "P4 PostgreSQL's columns say the same": cluster_checks.postgresql_has_the_views(rows, one),
            "P5 every message was told": cluster_checks.every_message_was_told(one, self.ear.heard, faults, self.ear.late),
            "P5 what was told is what is stored": cluster_checks.what_was_told_is_what_is_stored(one, self.ear.heard),
            "P5 every recipient who has not read was notified": checks.every_recipient_was_notified(one),
            "P5 nobody was notified without end":
                cluster_checks.nobody_was_notified_without_end(one.notifications, MOST_NOTIFICATIONS * (1 + len(faults) // 4)),
            "P6 listeners who resume heard everything once, in order": checks.listeners_heard_everything_once_in_order(one),
            "P7 nobody else was notified": checks.only_recipients_were_notified(one),
        })

    def _say(self, what: str) -> None:
        print(f"  {time.monotonic() - self._started:4.0f} s  {what}", flush=True)

    def _senders(self) -> List[Sender]:
        users = self.population.senders
        pause = self.options.senders / self.options.rate
        return [
            Sender(
                f"s{index}", users[index % len(users)], self.population, self.ledger, pause, self.options.seed, place=index,
                give_up_share=GIVE_UP_SHARE)
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

    def _report_totals(self, observation: Observation) -> None:
        ledger, stored = self.ledger, sum(map(len, observation.histories.values()))
        counts = Counter(fault.kind for fault in self.injector.faults)
        repeated = Counter((each.get("message_id"), each.get("recipient_id")) for each in observation.notifications)
        print("  " + ", ".join(f"{kind} {count}×" for kind, count in counts.items()))
        for fault in self.injector.faults:
            after = "not" if fault.caught_up_seconds is None else f"after {fault.caught_up_seconds:.1f} s"
            print(f"  {str(fault):<36} effects caught up {after}")
        print(f"  the load's end                       effects caught up after {self.last_catch_up_seconds:.1f} s")
        print(
            f"  {len(ledger.acknowledged)} messages acknowledged, {stored} stored, {len(ledger.given_up)} given up, "
            f"{ledger.unknown_outcomes} unknown outcomes, {ledger.repeats} repeats, {ledger.refusals} refusals, "
            f"{len(self.pair_maker.pairs)} pairs, {len(self.ear.heard)} heard on Redis and {self.ear.repeats} again "
            f"(late {len(self.ear.late)}×), "
            f"{len(observation.notifications)} notifications, {len(observation.notifications) - len(repeated)} of them repeats, "
            f"{sum(map(len, observation.records.values()))} messages heard on {sum(each.connections for each in self.listeners)} connections, "
            f"{sum(each.dropped for each in self.listeners)} again by cursor")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=Path(".build/debug/parley"))
    parser.add_argument("--also", type=Path, action="append", default=[], metavar="BINARY", help="start nodes with this one in turn")
    parser.add_argument("--rounds", type=int, default=1, help="the first has each fault once; later ones are worse (default 1)")
    parser.add_argument("--seconds", type=float, default=0, help="begin no fault after this time (default 0: all are carried out)")
    parser.add_argument("--seed", default="", help="default: a new one, which is printed")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--senders", type=int, default=24)
    parser.add_argument("--rate", type=float, default=60, help="sends a second (default 60)")
    options = parser.parse_args()
    if options.also and options.nodes % (len(options.also) + 1) == 0:
        parser.error(f"--nodes {options.nodes}: whenever all are started, each would get the binary that it had; take one node more")
    options.seed = options.seed or str(secrets.randbelow(10**9))
    return options


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing outlives the test
    options = parse_options()
    print(f"cluster crash test: {options.nodes} nodes, {options.rounds} rounds, seed {options.seed}", flush=True)
    started = time.monotonic()
    with temporary_folder() as folder, Engines.temporary() as engines:
        run = ClusterRun(options, folder, engines)
        asyncio.run(run.run())
        if any(run.results.values()):
            kept = Path(f"{folder}-failed")
            shutil.copytree(folder, kept)
            (kept / "problems.json").write_text(json.dumps(run.results, indent=1, ensure_ascii=False))
            print(f"  seed {options.seed}; the nodes' logs and notifications are kept in {kept}")
    print(f"  {time.monotonic() - started:.0f} s")
    return report(run.results)


if __name__ == "__main__":
    sys.exit(main())
