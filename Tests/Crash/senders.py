"""The load: users who send, repeat themselves and mark as read until they are told to stop."""

from __future__ import annotations

import asyncio
import itertools
from random import Random
from typing import List, Optional

from connection import COME_BACK, Answer, Connection, NoAnswer, NoConnection
from ledger import CREATED, REPEATED, Draft, Key, Ledger
from population import Population

REPEAT_SHARE = 0.05  # of the sends: an acknowledged message is sent once more
TWICE_SHARE = 0.03  # of the sends: the same draft goes out on two connections at once
MARK_TWICE_SHARE = 0.2  # of the markers: two different ones are set on two connections at once
WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.03, 0.5  # after an unknown outcome or a refusal that says "come back"; doubled each time
TYPES = ("text",) * 12 + ("location", "contact", "image", "custom.poll")
WORDS = "the quick brown fox jumps over the lazy dog and\nlooks back once more".split(" ")


class Sender:
    """One of several senders of a user, with connections of its own."""

    def __init__(
        self, name: str, user_id: str, population: Population, ledger: Ledger, pause_seconds: float, seed: str, place: int = 0,
        give_up_share: float = 0,
    ):
        """`place`: of the node with which it begins, where there are several. `give_up_share`: of the unknown outcomes."""
        self._give_up_share = give_up_share
        self._name = name
        self._user_id = user_id
        self._ledger = ledger
        self._pause_seconds = pause_seconds
        self._random = Random(f"{seed}/{name}")
        self._connection = population.connection(user_id, place)
        self._second_connection = population.connection(user_id, place + 1)
        conversations = population.conversations_of(user_id)
        self._conversation_ids = [each.id for each in conversations]
        self._shares = [each.share for each in conversations]
        self._numbers = itertools.count(1)
        self._sent: List[Draft] = []

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self._pause_seconds > 0:
                await asyncio.sleep(self._random.expovariate(1 / self._pause_seconds))
            await self._act()
        self._connection.close()
        self._second_connection.close()

    async def send_one(self) -> None:
        await self._store(self._new_draft(), self._connection, expected=CREATED)
        self._connection.close()

    async def _act(self) -> None:
        roll = self._random.random()
        if roll < REPEAT_SHARE and self._sent:
            await self._store(self._random.choice(self._sent), self._connection, expected=REPEATED)
            return
        draft = self._new_draft()
        if roll < REPEAT_SHARE + TWICE_SHARE:
            connections = (self._connection, self._second_connection)
            await asyncio.gather(*(self._store(draft, each, expected=None) for each in connections))
        else:
            await self._store(draft, self._connection, expected=CREATED)
        if draft.key not in self._ledger.given_up:
            self._sent.append(draft)

    async def _store(self, draft: Draft, connection: Connection, expected: Optional[int]) -> None:
        """Sends the draft with the same key until it is answered, whatever happens to the server."""
        path = f"/v1/conversations/{draft.key.conversation_id}/messages"
        answer: Optional[Answer] = None
        tries = 0
        while answer is None or answer.status in COME_BACK:
            if answer is None and tries > 0 or answer is not None and not says_nothing_was_changed(answer):
                expected = expected if expected == REPEATED else None  # the try before may have stored it
            answer = await attempt(connection, self._ledger, "POST", path, draft.body, tries)
            tries += 1
            if answer is None and expected == CREATED and self._random.random() < self._give_up_share:
                self._ledger.given_up.add(draft.key)
                return
        if answer.status in (CREATED, REPEATED):
            self._ledger.was_answered(draft, answer.status, answer.body, expected)
        else:
            self._ledger.problems.append(f"{draft.key}: answered with {answer.status} {answer.body}")

    def _new_draft(self) -> Draft:
        conversation_id = self._random.choices(self._conversation_ids, self._shares)[0]
        client_message_id = f"{self._name}-{next(self._numbers)}"
        words = self._random.choices(WORDS, k=self._random.randint(0, 40))
        draft = Draft(
            key=Key(conversation_id, self._user_id, client_message_id),
            message_type=self._random.choice(TYPES),
            content=" ".join([client_message_id, *words]),
        )
        self._ledger.will_send(draft)
        return draft


class Reader:
    """Marks conversations of one user as read, mostly up to the newest message, sometimes beyond or before it."""

    def __init__(self, user_id: str, population: Population, ledger: Ledger, pause_seconds: float, seed: str):
        self._user_id = user_id
        self._ledger = ledger
        self._pause_seconds = pause_seconds
        self._random = Random(f"{seed}/reader/{user_id}")
        self._connections = [population.connection(user_id, place) for place in range(2)]
        self._conversation_ids = [each.id for each in population.conversations_of(user_id)]

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(self._random.expovariate(1 / self._pause_seconds))
            conversation_id = self._random.choice(self._conversation_ids)
            times = 2 if self._random.random() < MARK_TWICE_SHARE else 1
            await asyncio.gather(*(self._mark_read(conversation_id, each) for each in self._connections[:times]))
        for connection in self._connections:
            connection.close()

    async def _mark_read(self, conversation_id: str, connection: Connection) -> None:
        highest = self._ledger.highest_sequence.get(conversation_id, 0)
        sequence_number = max(0, highest - self._random.choice((-3, 0, 0, 0, 1, 5, 50)))
        self._ledger.will_mark_read(conversation_id, self._user_id, sequence_number)
        least = self._ledger.markers_acknowledged.get((conversation_id, self._user_id), 0)
        path, body = f"/v1/conversations/{conversation_id}/read", {"sequence_number": sequence_number}
        answer = await attempt(connection, self._ledger, "PUT", path, body)
        if answer is None:
            return
        if answer.status == 200:
            self._ledger.was_marked_read(conversation_id, self._user_id, answer.body, least)
        elif answer.status not in COME_BACK:
            self._ledger.problems.append(f"PUT {path}: answered with {answer.status} {answer.body}")


async def attempt(
    connection: Connection, ledger: Ledger, method: str, path: str, body: Optional[dict] = None, tries: int = 0
) -> Optional[Answer]:
    """The answer, or None when there was none; after a moment when it is one to try again after, longer after many tries."""
    answer: Optional[Answer] = None
    try:
        answer = await connection.request(method, path, body)
        if answer.status not in COME_BACK:
            return answer
        ledger.was_refused(f"{method} {path}", answer)
    except NoConnection:
        pass
    except NoAnswer:
        ledger.unknown_outcomes += 1
    await asyncio.sleep(min(WAIT_SECONDS * 2**min(tries, 10), LONGEST_WAIT_SECONDS))
    return answer


def says_nothing_was_changed(answer: Answer) -> bool:
    """Rather than that the outcome is not known."""
    return "outcome" not in str(answer.body.get("detail")) if isinstance(answer.body, dict) else False
