"""Clients that listen on a socket while the server is killed again and again, and resume each time.

What they record is what a user would see: every `message` event, with nothing dropped or put in order. The law is that this is
each conversation's history, exactly.
"""

from __future__ import annotations

import asyncio
import json
import time
from random import Random
from typing import Any, Dict, List, Optional, Set

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from population import Population

SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.02, 0.3  # before coming back
HANG_UP_SHARE = 0.002  # of the frames: the client itself ends the connection
ANSWER_LIMIT_SECONDS = 20
NO_PROGRESS_SECONDS = 30
COME_BACK = (429, 503)
STAY_AWAY = range(4500, 5000)  # close codes that do not ask to come back
UNREACHABLE = (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, asyncio.TimeoutError, EOFError)


class Listener:
    """Comes back with its cursor and what came after it; every other one with all its positions and no cursor."""

    def __init__(
        self, user_id: str, number: int, population: Population, seed: str, silence_seconds: float = float("inf"),
        cursors_may_repeat: bool = False,
    ):
        """Hangs up when nothing came for `silence_seconds`, not even a heartbeat, and goes to any node.

        `cursors_may_repeat`: in a cluster a cursor is older where metadata came late, and may bring a few messages again, which
        clients drop as SOCKET.md says. Never so what they named a position for, and never what is live.
        """
        self._cursors_may_repeat = cursors_may_repeat
        self._named: Set[str] = set()  # conversations for which this connection said a position
        self._catches_up = False
        self.dropped = 0
        self.user_id = user_id
        self._uses_cursor = number % 2 == 0
        self._ports = population.ports
        self._token = population.tokens[user_id]
        self._random = Random(f"{seed}/listener/{user_id}")
        self.records: Dict[str, List[dict]] = {each.id: [] for each in population.conversations_of(user_id)}
        self.connections = 0
        self.problems: List[str] = []
        self._silence_seconds = silence_seconds
        self._cursor: Optional[str] = None
        # What was heard since the newest cursor, and since the one before: a cursor is a little older than the moment it is told.
        self._recent: Dict[str, int] = {}
        self._earlier: Dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._listen(stop)
            except UNREACHABLE as error:
                self._judge(error)
            await asyncio.sleep(self._random.uniform(SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS))

    def has(self, conversation_id: str) -> int:
        return len(self.records[conversation_id])

    async def _listen(self, stop: asyncio.Event) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        address = f"ws://127.0.0.1:{self._random.choice(self._ports)}/v1/socket"
        async with connect(address, additional_headers=headers, compression=None, proxy=None, max_size=None, close_timeout=0.2) as socket:
            self.connections += 1
            resume = self._resume()
            self._named, self._catches_up = set(resume["positions"]), True
            await socket.send(json.dumps({"id": 1, "type": "subscribe", **resume}))
            heard_at = time.monotonic()
            while not stop.is_set() and time.monotonic() - heard_at < self._silence_seconds:
                try:
                    frame = json.loads(await asyncio.wait_for(socket.recv(), 0.5))
                    heard_at = time.monotonic()
                except asyncio.TimeoutError:
                    continue
                if frame["type"] == "error":  # of its one command: it is not subscribed
                    self._judge_refusal(frame)
                    return
                self._take(frame)
                if self._random.random() < HANG_UP_SHARE:
                    return

    def _judge(self, error: BaseException) -> None:
        """Connections break and servers ask to come back; anything else is wrong."""
        if isinstance(error, InvalidStatus) and error.response.status_code not in COME_BACK:
            self.problems.append(f"{self.user_id}: the handshake was answered with {error.response.status_code}")
        if isinstance(error, ConnectionClosed) and error.rcvd and error.rcvd.code in STAY_AWAY:
            self.problems.append(f"{self.user_id}: closed with {error.rcvd.code} {error.rcvd.reason}")

    def _judge_refusal(self, frame: dict) -> None:
        if not frame.get("retryable"):
            self.problems.append(f"{self.user_id}: was told {frame}")

    def _resume(self) -> Dict[str, Any]:
        if self._uses_cursor and self._cursor:
            return {"cursor": self._cursor, "positions": {**self._earlier, **self._recent}}
        return {"positions": {id: self._last(id) for id in self.records}}

    def _is_known(self, message: dict) -> bool:
        """Whether it may come again, and does."""
        id = message["conversation_id"]
        may_repeat = self._cursors_may_repeat and self._catches_up and id not in self._named
        return may_repeat and id in self.records and message["sequence_number"] <= self._last(id)

    def _last(self, conversation_id: str) -> int:
        record = self.records[conversation_id]
        return record[-1]["sequence_number"] if record else 0

    def _take(self, frame: dict) -> None:
        if frame["type"] == "message":
            message = frame["message"]
            if self._is_known(message):
                self.dropped += 1
                return
            self.records.setdefault(message["conversation_id"], []).append(message)
            self._recent[message["conversation_id"]] = message["sequence_number"]
        if frame["type"] == "caught_up":
            self._catches_up = False
        if frame.get("cursor") not in (None, self._cursor):
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
