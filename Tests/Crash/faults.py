"""What goes wrong in a cluster run, and when: drawn from the seed, so that a run can be repeated."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import List, Optional

ENGINES = ("redis", "rabbitmq", "postgresql", "mongodb")
LEASE_SECONDS = 10

# The first round has each of these once, MongoDB last.
NODE_FAULTS = ("node stopped", "node killed")
ENGINE_FAULTS = ("redis killed", "rabbitmq killed", "postgresql killed")
LAST_FAULT = "mongodb killed"
# Those of later rounds.
WORSE_FAULTS = ("all nodes killed", "redis stopped", "rabbitmq stopped", "postgresql stopped", "mongodb stopped")
TOGETHER_SHARE = 0.4  # of the steps of later rounds: two faults at once


@dataclass
class Fault:
    kind: str
    hold_seconds: float
    node: Optional[int] = None
    # What became of it, in seconds since 1970.
    began: float = 0
    down: float = 0
    undone: float = 0
    healed: float = 0
    caught_up_seconds: Optional[float] = None
    problems: List[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        return self.kind.split(" ")[0]

    @property
    def is_of_engine(self) -> bool:
        return self.target in ENGINES

    @property
    def is_kill(self) -> bool:
        return self.kind.endswith("killed")

    @property
    def since(self) -> float:
        """From when on it is counted how long effects take: a killed node is gone on for by others, whether it comes back or not."""
        return self.began if self.kind == "node killed" else self.healed

    def __str__(self) -> str:
        return f"{self.kind}{'' if self.node is None else f' ({self.node + 1})'} for {self.hold_seconds:.1f} s"


def plan(seed: str, rounds: int, nodes: int) -> List[List[Fault]]:
    """Steps, one after the other; the faults of a step come at the same time."""
    random = Random(f"{seed}/faults")
    first = [_fault(kind, random, nodes) for kinds in (NODE_FAULTS, ENGINE_FAULTS) for kind in _shuffled(kinds, random)]
    steps = [[each] for each in [*first, _fault(LAST_FAULT, random, nodes)]]
    for _ in range(rounds - 1):
        steps += _worse_round(random, nodes)
    return steps


def _worse_round(random: Random, nodes: int) -> List[List[Fault]]:
    kinds = _shuffled((*NODE_FAULTS, *ENGINE_FAULTS, LAST_FAULT, *WORSE_FAULTS), random)
    steps: List[List[Fault]] = []
    for kind in kinds:
        fault = _fault(kind, random, nodes)
        if steps and random.random() < TOGETHER_SHARE and len(steps[-1]) == 1 and _go_together(steps[-1][0], fault):
            steps[-1].append(fault)
        else:
            steps.append([fault])
    return steps


def _go_together(one: Fault, other: Fault) -> bool:
    """Not twice the same, and always one node that runs."""
    return one.target != other.target and {one.target, other.target} != {"node", "all"}


def _fault(kind: str, random: Random, nodes: int) -> Fault:
    seconds = {
        "node stopped": (LEASE_SECONDS + 2.5, LEASE_SECONDS + 5),
        "node killed": (0.5, 6),
        "postgresql killed": (LEASE_SECONDS + 1.5, LEASE_SECONDS + 4),
        "postgresql stopped": (2, LEASE_SECONDS + 4),
        "mongodb stopped": (2, LEASE_SECONDS + 4),
        "redis stopped": (4, 8),  # longer than a node waits for an answer
    }.get(kind, (2, 5))
    node = random.randrange(nodes) if kind.startswith("node") else None
    return Fault(kind, random.uniform(*seconds), node)


def _shuffled(kinds: tuple, random: Random) -> List[str]:
    return random.sample(kinds, len(kinds))
