"""Who talks to whom in a crash run.

- *readers* send and mark as read;
- *writers* send and never mark as read;
- *sleepers* are never there: each of them must be notified of every single message;
- *listeners* have a socket whenever there is a server, and neither send nor mark as read.

Everybody but the listeners counts as offline.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from random import Random
from typing import Dict, List, Union

import tokens
from connection import ANSWER_TIMEOUT_SECONDS, Connection, RovingConnection

READERS, WRITERS, SLEEPERS, LISTENERS = 6, 6, 30, 6


@dataclass
class Conversation:
    id: str
    participants: List[str]
    share: float  # of the load; 0 = nobody ever writes here


@dataclass
class Population:
    ports: List[int]  # of the one server, or of the nodes of a cluster
    secret: str
    random: Random
    answer_timeout_seconds: float = ANSWER_TIMEOUT_SECONDS
    readers: List[str] = field(default_factory=list)
    writers: List[str] = field(default_factory=list)
    sleepers: List[str] = field(default_factory=list)
    listeners: List[str] = field(default_factory=list)
    conversations: List[Conversation] = field(default_factory=list)
    tokens: Dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.readers = [self.new_user() for _ in range(READERS)]
        self.writers = [self.new_user() for _ in range(WRITERS)]
        self.sleepers = [self.new_user() for _ in range(SLEEPERS)]
        self.listeners = [self.new_user() for _ in range(LISTENERS)]

    @property
    def senders(self) -> List[str]:
        return self.readers + self.writers

    def connection(self, user_id: str, place: int = 0) -> Union[Connection, RovingConnection]:
        """To the server, or to one node after the other, beginning with the one at this place."""
        if len(self.ports) == 1:
            return self.connection_to(self.ports[0], user_id)
        random = Random(f"{user_id}/{place}/{self.random.random()}")
        return RovingConnection(self.ports, place, self.tokens[user_id], random, self.answer_timeout_seconds)

    def connection_to(self, port: int, user_id: str) -> Connection:
        return Connection(port, self.tokens[user_id], self.answer_timeout_seconds)

    def new_user(self) -> str:
        user = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self.tokens[user] = tokens.sign(self.secret, user)
        return user

    def conversations_of(self, user_id: str) -> List[Conversation]:
        return [each for each in self.conversations if user_id in each.participants]

    async def settle(self) -> None:
        """Creates the conversations and some devices on the server."""
        for index in range(4):
            await self._direct(self.readers[index], self.writers[index])
            await self._direct(self.readers[index], self.sleepers[index])
            await self._direct(self.writers[index], self.sleepers[index])
        await self._direct(self.readers[4], self.writers[4], share=0)
        for size in (3, 4, 5, 6):
            sender = self.random.choice(self.senders)
            others = [user for user in self.senders + self.sleepers[:6] if user != sender]
            await self._group([sender] + self.random.sample(others, size - 1), share=1)
        await self._group(self.senders[3:8] + self.sleepers[:1] + self.listeners, share=6)  # the hot one
        await self._group(self.senders[:2] + self.sleepers + self.listeners[:2], share=0.1)  # the big one
        for index, listener in enumerate(self.listeners):
            await self._direct(self.senders[index], listener)
        await self._everyone_writes_somewhere()
        for user in self.readers[:3] + self.sleepers[:4]:
            await self._device(user)

    async def _everyone_writes_somewhere(self) -> None:
        for user in self.senders:
            if not any(each.share for each in self.conversations_of(user)):
                await self._direct(user, self.sleepers[0])

    async def _direct(self, one: str, other: str, share: float = 1) -> None:
        body = {"type": "direct", "participant_ids": [other]}
        await self._create(one, body, [one, other], share)

    async def _group(self, users: List[str], share: float) -> None:
        body = {"type": "group", "title": f"Group of {len(users)}", "participant_ids": users[1:]}
        await self._create(users[0], body, users, share)

    async def _create(self, creator: str, body: dict, users: List[str], share: float) -> None:
        conversation = await self._post(creator, "/v1/conversations", body)
        self.conversations.append(Conversation(conversation["id"], users, share))

    async def _device(self, user: str) -> None:
        await self._post(user, "/v1/devices", {"kind": "fcm", "token": f"token-{user}"})

    async def _post(self, user: str, path: str, body: dict) -> dict:
        connection = self.connection(user)
        answer = await connection.request("POST", path, body)
        connection.close()
        if answer.status not in (200, 201):
            raise RuntimeError(f"POST {path} was answered with {answer.status}: {answer.body}")
        return answer.body
