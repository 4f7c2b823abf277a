"""How long after a fault the effects of all that was stored are done: metadata, events, push jobs."""

from __future__ import annotations

import asyncio
import time
from typing import Dict, List

import psycopg
import pymongo.errors

from cluster import Cluster
from engine_views import EngineViews, Entry

LOOK_SECONDS = 0.2
CATCH_UP_LIMIT_SECONDS = 150
# As long as the entry of a node that died late keeps its work from the others, and then some.
NO_PROGRESS_SECONDS = 90
# After the last fault: 70 until the entry of a node that was dead already lapses, when who rested with it died as well; a minute
# until the last look, and then some.
FORGET_LIMIT_SECONDS = 170
REST_SECONDS = 6  # three steps of the keeper
NOT_NOW = (psycopg.OperationalError, pymongo.errors.PyMongoError)


class NotCaughtUp(Exception):
    pass


async def seconds_until_caught_up(views: EngineViews, since: float) -> float:
    """While the load goes on: until the metadata have reached what is stored now, and each node, or whoever goes on for it, says
    that all effects of messages from before now are done. Nodes say so every two seconds."""
    heads, moment = None, 0.0
    while time.time() - since < CATCH_UP_LIMIT_SECONDS:
        try:
            if heads is None:
                heads, moment = await asyncio.to_thread(views.heads), time.time()
            if not await asyncio.to_thread(_lacks, views, heads, moment):
                return time.time() - since
        except NOT_NOW:
            pass  # another fault
        await asyncio.sleep(LOOK_SECONDS)
    raise NotCaughtUp(
        f"effects have not caught up after {CATCH_UP_LIMIT_SECONDS} s: {'; '.join(_lacks(views, heads or {}, moment)[:5])}")


def _lacks(views: EngineViews, heads: Dict[str, int], moment: float) -> List[str]:
    return lacking(heads, views.applied(), views.entries(), moment)


def lacking(heads: Dict[str, int], applied: Dict[str, int], entries: List[Entry], moment: float) -> List[str]:
    behind = [f"{id} stands at {applied.get(id)} of {last}" for id, last in heads.items() if applied.get(id, 0) < last]
    due = [
        f"{entry.node} (held by {entry.leased_by}) is due from {moment - entry.due_from:.0f} s before"
        for entry in entries if entry.due_from <= moment and not entry.rests
    ]
    return behind + due


async def wait_until_nothing_is_due(cluster: Cluster, views: EngineViews) -> List[str]:
    """With no load: the nodes' own gauges come to nothing, and so do the push jobs."""
    lowest, since = float("inf"), time.monotonic()
    while True:
        due = await cluster.metrics("parley_effects_due_messages")
        pending = await cluster.metrics("parley_push_jobs_pending")  # what waits in the one queue, and what the node itself holds
        heads, applied = await asyncio.to_thread(views.heads), await asyncio.to_thread(views.applied)
        behind = lacking(heads, applied, [], 0)
        cluster.require_alive()
        left = sum(value or 0 for value in due + pending) + len(behind)
        if left == 0 and None not in due + pending:
            return []
        if left < lowest:
            lowest, since = left, time.monotonic()
        if time.monotonic() - since > NO_PROGRESS_SECONDS:
            return [f"messages due on the nodes: {due}, push jobs: {pending}, {behind[:5]}"]
        await asyncio.sleep(LOOK_SECONDS)


async def wait_until_the_dead_are_forgotten(cluster: Cluster, views: EngineViews, last_fault_at: float) -> List[str]:
    while True:
        entries = await asyncio.to_thread(views.entries)
        gone = [entry for entry in entries if entry.is_gone]
        if not gone and len(entries) == len(cluster.nodes):
            return []
        if time.time() - last_fault_at > FORGET_LIMIT_SECONDS:
            return [f"node_checkpoints has {len(entries)} entries for {len(cluster.nodes)} nodes: {entries}"]
        await asyncio.sleep(LOOK_SECONDS)


async def what_is_done_again_at_rest(cluster: Cluster) -> List[str]:
    """Nothing may be, when all is done: neither repairs nor push jobs."""
    names = ("parley_repaired_messages_total", "parley_push_jobs_queued_total", "parley_effects_read_back_total")
    before = {name: await cluster.sum(name) for name in names}
    await asyncio.sleep(REST_SECONDS)
    after = {name: await cluster.sum(name) for name in names}
    return [f"{name} went from {before[name]} to {after[name]} with nothing to do" for name in names if before[name] != after[name]]
