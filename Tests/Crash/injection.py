"""Carries out the faults of a plan, looks what can be done meanwhile, and measures how long effects take to catch up."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import Callable, List

import cluster_checks
from catching_up import NotCaughtUp, seconds_until_caught_up
from cluster import Cluster
from engine_views import EngineViews
from faults import LEASE_SECONDS, Fault
from ledger import Ledger
from population import Population
from probes import Probe

PAUSE_SECONDS = (1.0, 4.0)  # between steps that do not wait for effects
PATIENT_SHARE = 0.4  # of the steps of later rounds: all is waited for


class Injector:
    def __init__(self, cluster: Cluster, population: Population, ledger: Ledger, views: EngineViews, seed: str, say: Callable[[str], None]):
        self._say = say
        self._cluster = cluster
        self._population = population
        self._ledger = ledger
        self._views = views
        self._random = Random(f"{seed}/pauses")
        self._watches: List[asyncio.Future] = []
        self.faults: List[Fault] = []
        self.probes: List[Probe] = []

    async def carry_out(self, steps: List[List[Fault]], calm_steps: int, deadline: float) -> None:
        """Each of the first steps is waited for until effects have caught up, so that the times are its own."""
        for number, step in enumerate(steps):
            if time.monotonic() > deadline:
                break
            self.faults += step
            self._say(" and ".join(map(str, step)))
            await asyncio.gather(*(self._one(fault, alone=len(step) == 1) for fault in step))
            watches = [asyncio.ensure_future(self._watch(fault)) for fault in step]
            self._watches += watches
            # What follows the last step needs no more faults, but the load goes on until its effects have caught up.
            if number < calm_steps or number == len(steps) - 1 or self._random.random() < PATIENT_SHARE:
                await asyncio.gather(*watches)
            await asyncio.sleep(self._random.uniform(*PAUSE_SECONDS))
        await asyncio.gather(*self._watches)

    @property
    def problems(self) -> List[str]:
        return [problem for fault in self.faults for problem in fault.problems]

    # One fault

    async def _one(self, fault: Fault, alone: bool) -> None:
        fault.began = time.time()
        if fault.is_of_engine:
            await self._engine(fault, alone)
        elif fault.target == "all":
            await self._nodes(fault, list(range(len(self._cluster.nodes))))
        elif fault.is_kill:
            await self._nodes(fault, [fault.node])
        else:
            await self._halt(fault)
        fault.healed = time.time()
        self._cluster.require_alive()

    async def _engine(self, fault: Fault, alone: bool) -> None:
        engines = self._cluster.engines
        await asyncio.to_thread(engines.kill if fault.is_kill else engines.pause, fault.target)
        fault.down = time.time()
        await asyncio.sleep(fault.hold_seconds)
        if fault.is_kill and alone:
            await self._probe(fault)
        fault.undone = time.time()
        await asyncio.to_thread(engines.up if fault.is_kill else engines.resume, fault.target)
        if fault.is_kill and alone:
            self._went_on(fault)

    async def _probe(self, fault: Fault) -> None:
        probe = Probe(f"while {fault.target} was down")
        if fault.target == "postgresql":
            await probe.of_postgresql(self._population)
        elif fault.target == "mongodb":
            await probe.of_mongodb(self._population)
        self.probes.append(probe)

    def _went_on(self, fault: Fault) -> None:
        """MongoDB is what creates need; PostgreSQL for no longer than a lease."""
        if fault.target == "postgresql":
            lease = Fault(fault.kind, fault.hold_seconds, down=fault.down, undone=fault.down + LEASE_SECONDS)
            fault.problems += cluster_checks.creates_went_on(lease, self._ledger.acknowledged_at)
        elif fault.target != "mongodb":
            fault.problems += cluster_checks.creates_went_on(fault, self._ledger.acknowledged_at)

    async def _nodes(self, fault: Fault, places: List[int]) -> None:
        for place in places:
            self._cluster.kill(place)
        fault.down = time.time()
        await asyncio.sleep(fault.hold_seconds)
        fault.undone = time.time()
        await asyncio.gather(*(self._cluster.start(place) for place in places))

    async def _halt(self, fault: Fault) -> None:
        self._cluster.halt(fault.node)
        fault.down = time.time()
        await asyncio.sleep(fault.hold_seconds)
        fault.undone = time.time()
        self._cluster.go_on(fault.node)

    async def _watch(self, fault: Fault) -> None:
        try:
            fault.caught_up_seconds = await seconds_until_caught_up(self._views, fault.since)
        except NotCaughtUp as error:
            fault.problems.append(f"{fault}: {error}")
