"""Two nodes on four real engines, and the engines' own clients beside them: what the cases look at Parley with.

The nodes take messages and sockets but send no pushes (roles api and gateway), so that jobs stay for the cases to read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

import pika
import psycopg
import pymongo
import redis
from psycopg.rows import dict_row

from engines import Engines
from server import ParleyServer
from world import Failed, User, World

WAIT_SECONDS = 60
QUEUE = "push_notifications"


class Cluster:
    def __init__(self, binary: Path, folder: Path, engines: Engines):
        self.engines = engines
        self._binary = binary
        self.folder = folder
        self._secret = secrets.token_hex(32)
        self._nodes: List[ParleyServer] = []
        self.mongodb_url = engines.urls["PARLEY_MONGODB_URL"]
        self.postgres_url = engines.urls["PARLEY_POSTGRES_URL"]
        self.redis_url = engines.urls["PARLEY_REDIS_URL"]
        self.amqp_url = engines.urls["PARLEY_AMQP_URL"]
        self._postgres = self._connect()
        self.documents = pymongo.MongoClient(self.mongodb_url, uuidRepresentation="unspecified").get_default_database().messages
        self.redis = redis.Redis.from_url(self.redis_url, decode_responses=True)

    async def start(self) -> None:
        self.first = await self.node("first")
        self.second = await self.node("second")

    async def node(self, name: str, roles: str = "api,gateway", **settings: str) -> World:
        """One more node, ready."""
        folder = self.folder / name
        folder.mkdir()
        server = ParleyServer(self._binary, folder, self._secret, {**self.engines.urls, "PARLEY_ROLES": roles, **settings})
        self._nodes.append(server)
        server.start()
        await asyncio.to_thread(server.wait_until_ready)
        return World(server, self._secret)

    async def tidy_up(self) -> None:
        """Between two cases."""
        await self.first.tidy_up()
        await self.second.tidy_up()

    def stop(self) -> None:
        for node in self._nodes:
            node.kill()

    # MARK: Acting

    def user(self) -> User:
        return self.first.user()

    def users(self, count: int) -> List[User]:
        return self.first.users(count)

    def elsewhere(self, user: User) -> User:
        """The same user, who acts at the second node."""
        return User(self.second, user.id)

    async def effects_are_done(self) -> None:
        """Until the two nodes have told and queued all that they have stored."""
        for world in (self.first, self.second):
            await eventually(lambda: world.server.gauge("parley_effects_due_messages"), 0, "messages with effects to do")

    # MARK: Looking

    def rows(self, query: str, *values: Any) -> List[Dict[str, Any]]:
        try:
            return self._postgres.execute(query, values).fetchall()
        except psycopg.OperationalError:  # PostgreSQL was killed since
            self._postgres = self._connect()
            return self._postgres.execute(query, values).fetchall()

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.postgres_url, autocommit=True, row_factory=dict_row)

    def conversation(self, id: str) -> Dict[str, Any]:
        """Its row."""
        return self.rows("SELECT * FROM conversations WHERE conversation_id = %s", id)[0]

    def last_number(self, id: str) -> int:
        return self.rows("SELECT sequence_number FROM conversation_sequences WHERE conversation_id = %s", id)[0]["sequence_number"]

    def is_online(self, user: User) -> bool:
        return self.redis.exists(f"user:online:{user.id}") == 1

    @contextlib.contextmanager
    def channel(self) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
        """A channel to RabbitMQ, with a connection of its own that lives as long."""
        connection = pika.BlockingConnection(pika.URLParameters(self.amqp_url))
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()


class Job(NamedTuple):
    method: Any
    properties: Any
    body: Dict[str, Any]


async def jobs_of(cluster: Cluster, conversation: str) -> List[Job]:
    """All jobs of the conversation, once those of every message stored so far are queued. Takes away those of others."""
    await cluster.effects_are_done()
    jobs = []
    with cluster.channel() as channel:
        while True:
            method, properties, body = channel.basic_get(QUEUE, auto_ack=True)
            if method is None:
                return [job for job in jobs if job.body["conversation_id"] == conversation]
            jobs.append(Job(method, properties, json.loads(body)))


async def eventually(look: Callable[[], Any], wanted: Any, what: str, seconds: float = WAIT_SECONDS) -> None:
    """Waits until what is seen is as wanted."""
    deadline = time.monotonic() + seconds
    while (found := look()) != wanted:
        if time.monotonic() > deadline:
            raise Failed(f"{what}: still {found!r:.500} after {seconds} s instead of {wanted!r:.500}")
        await asyncio.sleep(0.02)
