"""What programs of others make of the engines, and what the API says to compare it with."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from cluster import QUEUE, Cluster
from samples import FAMILY
from world import Failed, User, same


@contextlib.contextmanager
def collecting(things: Iterable[Any]) -> Iterator[List[Any]]:
    """What a program of others makes of `things`, in a thread of its own, as it runs.

    One that waits for ever goes on afterwards, until the engines go: how it fails then is no matter.
    """
    collected: List[Any] = []
    failures: List[Exception] = []

    def collect() -> None:
        try:
            for thing in things:
                collected.append(thing)
        except Exception as failure:
            failures.append(failure)

    threading.Thread(target=collect, daemon=True).start()
    try:
        yield collected
    except Failed as failed:
        raise Failed(f"{failed}; the program of others: {failures}") from failed
    same(failures, [], "how the program of others failed")


async def write_at_both_nodes(cluster: Cluster, users: List[User], conversations: List[str], count: int) -> None:
    """That many messages of each user in each conversation, all at the same time, every other one at the second node."""

    async def write(user: User, conversation: str) -> None:
        here, there = user.again(), cluster.elsewhere(user)
        for number in range(count):
            await (here, there)[number % 2].post(conversation, f"{number} {FAMILY}")

    await asyncio.gather(*(write(user, conversation) for user in users for conversation in conversations))


async def history(user: User, conversation: str) -> List[Dict[str, Any]]:
    return (await user.rest("GET", f"/v1/conversations/{conversation}/messages?after_sequence=0&limit=200")).body["messages"]


def of(messages: List[Dict[str, Any]], conversation: str) -> List[Dict[str, Any]]:
    return [message for message in messages if message["conversation_id"] == conversation]


def without_media(message: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in message.items() if name != "media"}


def listeners(cluster: Cluster, conversation: str) -> int:
    return cluster.redis.pubsub_numsub(f"conversation:{conversation}")[0][1]


def waiting(cluster: Cluster) -> Tuple[int, int]:
    """Jobs in nobody's hands, and consumers."""
    with cluster.channel() as channel:
        queue = channel.queue_declare(QUEUE, passive=True).method
        return queue.message_count, queue.consumer_count
