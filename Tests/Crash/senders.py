"""The load: users who send, repeat themselves and mark as read until they are told to stop."""

from __future__ import annotations

import asyncio
from random import Random
from typing import List, Optional

from connection import Answer, Connection, NoAnswer, NoConnection
from ledger import CREATED, REPEATED, Draft, Key, Ledger
from population import Population

REPEAT_SHARE = 0.05  # of the sends: an acknowledged message is sent once more
TWICE_SHARE = 0.03  # of the sends: the same draft goes out on two connections at once
WAIT_SECONDS = 0.03  # after an unknown outcome or a refusal that says "come back"
COME_BACK = (408, 429, 503)
TYPES = ("text",) * 12 + ("location", "contact", "image", "custom.poll")
WORDS = "the quick brown fox jumps over the lazy dog and\nlooks back once more".split(" ")


class Sender:
    """One of several senders of a user, with connections of its own."""

    def __init__(
        self, name: str, user_id: str, population: Population, ledger: Ledger, pause_seconds: float, seed: str
    ):
        self._name = name
        self._user_id = user_id
        self._ledger = ledger
        self._pause_seconds = pause_seconds
        self._random = Random(f"{seed}/{name}")
        self._connection = population.connection(user_id)
        self._second_connection = population.connection(user_id)
        conversations = population.conversations_of(user_id)
        self._conversation_ids = [each.id for each in conversations]
        self._shares = [each.share for each in conversations]
        self._sent: List[Draft] = []

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self._pause_seconds > 0:
                await asyncio.sleep(self._random.expovariate(1 / self._pause_seconds))
            await self._act()
        self._connection.close()
        self._second_connection.close()

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
        self._sent.append(draft)

    async def _store(self, draft: Draft, connection: Connection, expected: Optional[int]) -> None:
        """Sends the draft with the same key until it is answered, whatever happens to the server."""
        path = f"/v1/conversations/{draft.key.conversation_id}/messages"
        answer = await attempt(connection, self._ledger, "POST", path, draft.body)
        while answer is None:
            if expected == CREATED:
                expected = None  # the try without an answer may have stored it
            answer = await attempt(connection, self._ledger, "POST", path, draft.body)
        if answer.status in (CREATED, REPEATED):
            self._ledger.was_answered(draft, answer.status, answer.body, expected)
        else:
            self._ledger.problems.append(f"{draft.key}: answered with {answer.status} {answer.body}")

    def _new_draft(self) -> Draft:
        conversation_id = self._random.choices(self._conversation_ids, self._shares)[0]
        client_message_id = f"{self._name}-{len(self._sent) + 1}"
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
        self._connection = population.connection(user_id)
        self._conversation_ids = [each.id for each in population.conversations_of(user_id)]

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(self._random.expovariate(1 / self._pause_seconds))
            await self._mark_read(self._random.choice(self._conversation_ids))
        self._connection.close()

    async def _mark_read(self, conversation_id: str) -> None:
        highest = self._ledger.highest_sequence.get(conversation_id, 0)
        sequence_number = max(0, highest - self._random.choice((-3, 0, 0, 0, 1, 5, 50)))
        self._ledger.will_mark_read(conversation_id, self._user_id, sequence_number)
        path, body = f"/v1/conversations/{conversation_id}/read", {"sequence_number": sequence_number}
        answer = await attempt(self._connection, self._ledger, "PUT", path, body)
        if answer is None:
            return
        if answer.status == 200:
            self._ledger.was_marked_read(conversation_id, self._user_id, answer.body)
        else:
            self._ledger.problems.append(f"PUT {path}: answered with {answer.status} {answer.body}")


async def attempt(connection: Connection, ledger: Ledger, method: str, path: str, body: dict) -> Optional[Answer]:
    """The answer, or None, after a moment, when there was none or one that asks to come back."""
    try:
        answer = await connection.request(method, path, body)
        if answer.status not in COME_BACK:
            return answer
        ledger.refusals += 1
    except NoConnection:
        pass
    except NoAnswer:
        ledger.unknown_outcomes += 1
    await asyncio.sleep(WAIT_SECONDS)
    return None
