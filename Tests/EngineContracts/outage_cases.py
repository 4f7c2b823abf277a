"""What others find when a node or an engine was killed in between."""

from __future__ import annotations

import asyncio
from typing import Any, List

from channel_cases import listener
from cluster import Cluster, eventually, jobs_of
from conversation_cases import counters
from others import collecting, history, of, without_media, write_at_both_nodes
from page import examples
from world import User, check, same, until


async def what_a_killed_node_left_undone_is_told_and_queued_by_another(cluster: Cluster) -> None:
    """By the lease on its messages, which ends ten seconds after the node."""
    doomed = await cluster.node("killed-in-the-middle", roles="api")
    ada, ben = doomed.users(2)
    conversation = await ada.direct(ben)
    with listener(cluster, f"conversation:{conversation}") as channel:
        sending = [asyncio.ensure_future(ada.again().post(conversation, f"{number}")) for number in range(40)]
        await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        doomed.server.kill()
        acknowledged = [each.result() for each in await answered(sending)]
        stored = await history(cluster.elsewhere(ada), conversation)
        check({each["id"] for each in acknowledged} <= {each["id"] for each in stored}, "not all that was acknowledged is stored")
        heard = await channel.until_message(*stored)
    same({each.message["id"] for each in heard}, {each["id"] for each in stored}, "what was published")
    jobs: List[Any] = []

    async def all_are_queued() -> bool:
        jobs.extend(await jobs_of(cluster, conversation))
        return {job.body["message_id"] for job in jobs} >= {each["id"] for each in stored}

    await until(all_are_queued, "a job for every message")
    same({tuple(job.body["recipients"]) for job in jobs}, {(ben.id,)}, "the recipients")
    await eventually(lambda: examples().unread_counts(cluster.postgres_url, ben.id), {conversation: len(stored)}, "the unread counts")
    await doomed.tidy_up()


async def answered(sending: List[asyncio.Future]) -> List[asyncio.Future]:
    await asyncio.wait(sending)
    return [each for each in sending if each.exception() is None]


async def the_rows_are_right_after_postgresql_was_killed_while_both_nodes_wrote(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)

    async def write(user: User) -> None:
        for number in range(20):
            body = {"message_type": "text", "content": f"{number}", "client_message_id": f"{user.world.server.port} {number}"}
            while (await user.rest("POST", f"/v1/conversations/{conversation}/messages", body, wanted=(200, 201, 503))).status == 503:
                await asyncio.sleep(0.1)

    writing = asyncio.gather(*map(write, (ada, cluster.elsewhere(ada.again()), ben, cluster.elsewhere(ben.again()))))
    await eventually(lambda: cluster.last_number(conversation) > 0, True, "whether messages are stored")
    await asyncio.to_thread(cluster.engines.kill, "postgresql")
    await asyncio.to_thread(cluster.engines.up)
    await writing
    await eventually(lambda: cluster.last_number(conversation), 80, "the last number")
    same(counters(cluster, conversation), {ada.id: 40, ben.id: 40}, "the counters")
    last = (await ada.rest("GET", f"/v1/conversations/{conversation}/messages?limit=1")).body["messages"][0]
    row = cluster.conversation(conversation)
    same((row["last_message_id"], row["last_message_preview"]), (last["id"], last["content"]), "the last message")


async def a_socket_service_loses_nothing_when_redis_is_killed(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversations = [await ada.group(ben) for _ in range(2)]
    await write_at_both_nodes(cluster, [ada], conversations, 3)  # before the service begins
    begin = dict.fromkeys(conversations, 0)
    with collecting(examples().in_order_without_loss(cluster.redis_url, cluster.mongodb_url, begin)) as heard:
        await write_at_both_nodes(cluster, [ada, ben], conversations, 5)
        await asyncio.to_thread(cluster.engines.kill, "redis")
        await write_at_both_nodes(cluster, [ada, ben], conversations, 5)
        await asyncio.to_thread(cluster.engines.up)
        await write_at_both_nodes(cluster, [ada, ben], conversations, 5)
        await eventually(lambda: len(heard), 2 * (3 + 2 * 15), "the number of messages heard")
    for id in conversations:
        wanted = [without_media(message) for message in await history(ada, id)]
        same([without_media(message) for message in of(heard, id)], wanted, "what the service made of the conversation")


CASES = [what_a_killed_node_left_undone_is_told_and_queued_by_another]
LAST_CASES = [
    the_rows_are_right_after_postgresql_was_killed_while_both_nodes_wrote, a_socket_service_loses_nothing_when_redis_is_killed,
]
