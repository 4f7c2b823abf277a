"""What the server shows once the load is over: histories, each participant's view of a conversation, notifications."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from connection import Connection
from population import Conversation, Population
from server import ParleyServer

PAGE = 200
GAUGES = ("parley_effects_due_messages", "parley_push_jobs_pending")
NO_PROGRESS_SECONDS = 30


@dataclass
class Observation:
    conversations: List[Conversation]
    histories: Dict[str, List[dict]] = field(default_factory=dict)
    views: Dict[Tuple[str, str], dict] = field(default_factory=dict)  # by conversation and participant
    notifications: List[dict] = field(default_factory=list)
    records: Dict[Tuple[str, str], List[dict]] = field(default_factory=dict)  # what listeners heard, by conversation and user
    listeners: Set[str] = field(default_factory=set)

    def marker(self, conversation_id: str, user_id: str) -> int:
        return self.views[conversation_id, user_id]["last_read_sequence"]


async def observe(population: Population, port: Optional[int] = None) -> Observation:
    """Through the node at that port, where there are several."""
    observation = Observation(population.conversations, listeners=set(population.listeners))
    port = port or population.ports[0]
    connections = {user: population.connection_to(port, user) for user in population.tokens}
    for each in population.conversations:
        reader = population.random.choice(each.participants)
        observation.histories[each.id] = await read_history(connections[reader], each.id)
        for user in each.participants:
            view = await read(connections[user], f"/v1/conversations/{each.id}")
            observation.views[each.id, user] = view
    for connection in connections.values():
        connection.close()
    return observation


async def read_history(connection: Connection, conversation_id: str) -> List[dict]:
    messages: List[dict] = []
    has_more, after = True, 0
    while has_more:
        path = f"/v1/conversations/{conversation_id}/messages?after_sequence={after}&limit={PAGE}"
        page = await read(connection, path)
        if page["has_more"] and not page["messages"]:
            raise RuntimeError(f"{path}: an empty page that says there is more")
        messages += page["messages"]
        has_more, after = page["has_more"], messages[-1]["sequence_number"] if messages else 0
    return messages


async def read(connection: Connection, path: str) -> Any:
    answer = await connection.request("GET", path)
    if answer.status != 200:
        raise RuntimeError(f"GET {path} was answered with {answer.status}: {answer.body}")
    return answer.body


async def wait_until_drained(server: ParleyServer) -> List[str]:
    """Waits as long as it gets less; the problems when it does not come to nothing."""
    lowest, since, zeros = float("inf"), time.monotonic(), 0
    while zeros < 2:  # twice, since the two gauges are not read in the same instant
        values = [await asyncio.to_thread(server.gauge, name) for name in GAUGES]
        missing = [name for name, value in zip(GAUGES, values) if value is None]
        if missing:
            return [f"/metrics has no gauge {name}" for name in missing]
        left = sum(values)
        zeros = zeros + 1 if left == 0 else 0
        if left < lowest:
            lowest, since = left, time.monotonic()
        if left > 0 and time.monotonic() - since > NO_PROGRESS_SECONDS:
            return [f"{name} stays at {value:g}" for name, value in zip(GAUGES, values) if value]
        await asyncio.sleep(0.1)
    return []


def read_notifications(path: Path) -> List[dict]:
    if not path.exists():
        return []
    with open(path, encoding="utf-8", errors="replace") as lines:
        found = (notification_in(line) for line in lines)
        return [notification for notification in found if notification is not None]


def notification_in(line: str) -> Optional[dict]:
    """The notification of a line. A kill may tear a line in the middle; the next one then follows in the same line."""
    for start in positions(line, "{"):
        try:
            notification = json.loads(line[start:])
        except ValueError:
            continue
        if "message_id" in notification:
            return notification
    return None


def positions(line: str, character: str) -> Iterator[int]:
    position = line.find(character)
    while position >= 0:
        yield position
        position = line.find(character, position + 1)
