"""Clients that listen on a socket while the server is killed again and again, and resume each time.

What they record is what a user would see: every `message` event, with nothing dropped or put in order. The law is that this is
each conversation's history, exactly.
"""

from __future__ import annotations

import asyncio
import json
import time
from random import Random
from typing import Any, Dict, List, Optional

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from population import Population

SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.02, 0.3  # before coming back
HANG_UP_SHARE = 0.002  # of the frames: the client itself ends the connection
ANSWER_LIMIT_SECONDS = 20
NO_PROGRESS_SECONDS = 30
UNREACHABLE = (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, asyncio.TimeoutError, EOFError)


class Listener:
    """Comes back with its cursor and what came after it; every other one with all its positions and no cursor."""

    def __init__(self, user_id: str, number: int, population: Population, seed: str):
        self.user_id = user_id
        self._uses_cursor = number % 2 == 0
        self._port = population.port
        self._token = population.tokens[user_id]
        self._random = Random(f"{seed}/listener/{user_id}")
        self.records: Dict[str, List[dict]] = {each.id: [] for each in population.conversations_of(user_id)}
        self.connections = 0
        self._cursor: Optional[str] = None
        # What was heard since the newest cursor, and since the one before: a cursor is a little older than the moment it is told.
        self._recent: Dict[str, int] = {}
        self._earlier: Dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._listen(stop)
            except UNREACHABLE:
                pass
            await asyncio.sleep(self._random.uniform(SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS))

    def has(self, conversation_id: str) -> int:
        return len(self.records[conversation_id])

    async def _listen(self, stop: asyncio.Event) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        address = f"ws://127.0.0.1:{self._port}/v1/socket"
        async with connect(address, additional_headers=headers, compression=None, proxy=None, max_size=None, close_timeout=0.2) as socket:
            self.connections += 1
            await socket.send(json.dumps({"id": 1, "type": "subscribe", **self._resume()}))
            while not stop.is_set():
                try:
                    self._take(json.loads(await asyncio.wait_for(socket.recv(), 0.5)))
                except asyncio.TimeoutError:
                    continue
                if self._random.random() < HANG_UP_SHARE:
                    return

    def _resume(self) -> Dict[str, Any]:
        if self._uses_cursor and self._cursor:
            return {"cursor": self._cursor, "positions": {**self._earlier, **self._recent}}
        return {"positions": {id: self._last(id) for id in self.records}}

    def _last(self, conversation_id: str) -> int:
        record = self.records[conversation_id]
        return record[-1]["sequence_number"] if record else 0

    def _take(self, frame: dict) -> None:
        if frame["type"] == "message":
            message = frame["message"]
            self.records.setdefault(message["conversation_id"], []).append(message)
            self._recent[message["conversation_id"]] = message["sequence_number"]
        if frame.get("cursor"):
            self._cursor = frame["cursor"]
            self._recent, self._earlier = {}, self._recent


async def wait_until_caught_up(listeners: List[Listener], highest: Dict[str, int]) -> List[str]:
    """Waits as long as records grow; what is missing when they do not. `highest`: the last number of each conversation."""

    def missing() -> Dict[str, int]:
        return {
            f"{listener.user_id} in {id}": highest.get(id, 0) - listener.has(id)
            for listener in listeners for id in listener.records if listener.has(id) < highest.get(id, 0)
        }

    least, since = float("inf"), time.monotonic()
    while left := missing():
        total = sum(left.values())
        if total < least:
            least, since = total, time.monotonic()
        if time.monotonic() - since > NO_PROGRESS_SECONDS:
            return [f"{place} still lacks {count} messages" for place, count in left.items()]
        await asyncio.sleep(0.05)
    return []
