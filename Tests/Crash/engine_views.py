"""What the engines themselves show, read with their ordinary clients: Parley's public interface to other programs."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Dict, List, NamedTuple, Set, Tuple

import psycopg
import pymongo
import redis.asyncio
import redis.exceptions

from faults import LEASE_SECONDS

TIMEOUT_MILLISECONDS = 5000
EAR_PATIENCE_SECONDS = 0.02


class Entry(NamedTuple):
    """A row of node_checkpoints."""

    node: str
    due_from: float  # seconds since 1970
    leased_by: str
    lease_seconds: float  # that are left
    rests: bool = False  # gone through by another node, which waits for its last look

    @property
    def is_gone(self) -> bool:
        return self.leased_by != self.node


@dataclass
class PostgresView:
    conversations: Dict[str, dict] = field(default_factory=dict)  # columns by conversation
    unread: Dict[Tuple[str, str], int] = field(default_factory=dict)  # by conversation and participant
    pairs: List[Tuple[str, str]] = field(default_factory=list)  # of direct conversations, the lower id first


class EngineViews:
    def __init__(self, urls: Dict[str, str]):
        self._postgres_url = urls["PARLEY_POSTGRES_URL"]
        self._mongo = pymongo.MongoClient(
            urls["PARLEY_MONGODB_URL"], uuidRepresentation="standard", tz_aware=True,
            serverSelectionTimeoutMS=TIMEOUT_MILLISECONDS, socketTimeoutMS=TIMEOUT_MILLISECONDS)
        self._resting: Set[Tuple[str, str]] = set()
        self._messages = self._mongo.get_default_database().messages

    def close(self) -> None:
        self._mongo.close()

    def heads(self) -> Dict[str, int]:
        """The highest number of each conversation that has messages."""
        groups = self._messages.aggregate([{"$group": {"_id": "$conversation_id", "last": {"$max": "$sequence_number"}}}])
        return {str(each["_id"]): each["last"] for each in groups}

    def histories(self) -> Dict[str, List[dict]]:
        """All messages as the API would show them, without their media."""
        histories: Dict[str, List[dict]] = {}
        for document in self._messages.find().sort([("conversation_id", 1), ("sequence_number", 1)]):
            histories.setdefault(str(document["conversation_id"]), []).append(_message(document))
        return histories

    def entries(self) -> List[Entry]:
        rows = self._query(
            "SELECT node_id, extract(epoch FROM due_from)::float8, leased_by, "
            "extract(epoch FROM leased_until - clock_timestamp())::float8 FROM node_checkpoints")
        entries = [Entry(*row) for row in rows]
        # Only who rests has so long a lease; later it is known from before.
        self._resting |= {(each.node, each.leased_by) for each in entries if each.is_gone and each.lease_seconds > LEASE_SECONDS}
        return [each._replace(rests=each.is_gone and (each.node, each.leased_by) in self._resting) for each in entries]

    def applied(self) -> Dict[str, int]:
        """Up to which number each conversation's metadata are done."""
        return {str(id): last for id, last in self._query("SELECT conversation_id, last_sequence FROM conversations")}

    def postgres(self) -> PostgresView:
        view = PostgresView()
        columns = (
            "conversation_id", "type", "user1_id", "user2_id", "last_message_id", "last_message_at", "last_message_preview",
            "unread_count_user1", "unread_count_user2", "last_sequence", "sequence_number")
        for row in self._query(f"SELECT {', '.join(columns)} FROM conversations LEFT JOIN conversation_sequences USING (conversation_id)"):
            values = {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in zip(columns, row)}
            values["last_message_at"] = values["last_message_at"] and _time(values["last_message_at"])
            view.conversations[values["conversation_id"]] = values
            if values["type"] == "direct":
                view.pairs.append(tuple(sorted((values["user1_id"], values["user2_id"]))))
        unread = self._query(
            "SELECT conversation_id, user_id, last_sequence - last_read_sequence - (own_sent - own_read) "
            "FROM participants JOIN conversations USING (conversation_id)")
        view.unread = {(str(conversation), str(user)): count for conversation, user, count in unread}
        return view

    def _query(self, text: str) -> List[tuple]:
        with psycopg.connect(self._postgres_url, connect_timeout=TIMEOUT_MILLISECONDS // 1000) as connection:
            return connection.execute(text).fetchall()


class Ear:
    """A program of somebody else that listens on Redis, as a team's own socket service would."""

    def __init__(self, url: str):
        self._url = url
        self.heard: Dict[str, dict] = {}  # the first telling of each message, by id
        self.repeats = 0
        self.problems: List[str] = []
        self.is_listening = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._listen(stop)
            except (redis.exceptions.RedisError, OSError, asyncio.TimeoutError):
                await asyncio.sleep(EAR_PATIENCE_SECONDS)

    async def _listen(self, stop: asyncio.Event) -> None:
        client = redis.asyncio.Redis.from_url(self._url, socket_connect_timeout=2, retry=None)
        try:
            async with client.pubsub() as subscription:
                await subscription.psubscribe("conversation:*")
                while not stop.is_set():
                    event = await subscription.get_message(timeout=0.5)
                    if event and event["type"] == "psubscribe":
                        self.is_listening.set()
                    elif event and event["type"] == "pmessage":
                        self._take(event["channel"].decode(), json.loads(event["data"]))
        finally:
            await client.aclose()

    def _take(self, channel: str, message: dict) -> None:
        if "sequence_number" not in message:
            return
        if channel != f"conversation:{message['conversation_id']}":
            self.problems.append(f"{channel} carried {message}")
        first = self.heard.setdefault(message["id"], message)
        if first is not message:
            self.repeats += 1
            if first != message:
                self.problems.append(f"{channel} carried {message}, before {first}")


def _message(document: dict) -> dict:
    return {
        "id": str(document["_id"]),
        "conversation_id": str(document["conversation_id"]),
        "sender_id": str(document["sender_id"]),
        "client_message_id": document.get("client_message_id"),
        "message_type": document["message_type"],
        "content": document["content"],
        "media_ids": [str(each) for each in document["media_ids"]],
        "sequence_number": document["sequence_number"],
        "created_at": _time(document["created_at"]),
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
