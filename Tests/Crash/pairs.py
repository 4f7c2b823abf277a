"""Two users who have never met ask for their conversation at the same moment, each on another node; then both write at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import List, Optional

from connection import COME_BACK, Answer
from ledger import Ledger
from population import Conversation, Population
from senders import Sender, attempt

CREATED, FOUND = 201, 200


@dataclass
class Pair:
    users: List[str]
    answers: List[Answer]
    are_certain: bool  # no request of the two was ever repeated


class PairMaker:
    def __init__(self, population: Population, ledger: Ledger, pause_seconds: float, seed: str):
        self._population = population
        self._ledger = ledger
        self._pause_seconds = pause_seconds
        self._seed = seed
        self._random = Random(f"{seed}/pairs")
        self.pairs: List[Pair] = []

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(self._random.expovariate(1 / self._pause_seconds))
            await self._meet()

    async def _meet(self) -> None:
        users = [self._population.new_user(), self._population.new_user()]
        pair = Pair(users, [], True)
        pair.answers = list(await asyncio.gather(self._ask(0, pair), self._ask(1, pair)))
        self.pairs.append(pair)
        ids = {answer.body.get("id") for answer in pair.answers if isinstance(answer.body, dict)}
        if len(ids) != 1 or None in ids:
            return  # pair_problems tells
        self._population.conversations.append(Conversation(ids.pop(), users, 1))
        senders = [
            Sender(f"pair-{len(self.pairs)}-{place}", user, self._population, self._ledger, 0, self._seed, place)
            for place, user in enumerate(users)
        ]
        await asyncio.gather(*(each.send_one() for each in senders))

    async def _ask(self, place: int, pair: Pair) -> Answer:
        connection = self._population.connection(pair.users[place], place)
        body = {"type": "direct", "participant_ids": [pair.users[1 - place]]}
        answer: Optional[Answer] = None
        tries = 0
        while answer is None or answer.status in COME_BACK:
            pair.are_certain = pair.are_certain and tries == 0
            answer = await attempt(connection, self._ledger, "POST", "/v1/conversations", body, tries)
            tries += 1
        connection.close()
        return answer


def pair_problems(pairs: List[Pair]) -> List[str]:
    """Both are told of the same conversation, and just one of them that it is new."""
    problems: List[str] = []
    for pair in pairs:
        statuses = sorted(answer.status for answer in pair.answers)
        ids = {answer.body.get("id") for answer in pair.answers if isinstance(answer.body, dict)}
        if not set(statuses) <= {CREATED, FOUND} or len(ids) != 1:
            problems.append(f"{pair.users} were answered with {[(answer.status, answer.body) for answer in pair.answers]}")
        elif statuses.count(CREATED) > 1 or (pair.are_certain and statuses != [FOUND, CREATED]):
            problems.append(f"{pair.users} were answered with {statuses}")
    return problems
