"""Programs of others, as docs/CONTRACTS.md has them: a socket service, and readers of messages and of unread counts."""

from __future__ import annotations

import random

from cluster import Cluster, eventually
from others import collecting, history, listeners, of, without_media, write_at_both_nodes
from page import examples
from samples import media_of
from world import User, same


async def a_socket_service_rebuilds_every_conversation_from_the_channels_alone(cluster: Cluster) -> None:
    ada, ben, cleo = cluster.users(3)
    conversations = [await ada.group(ben, cleo) for _ in range(3)]
    with collecting(examples().in_order(cluster.redis_url, dict.fromkeys(conversations, 0))) as heard:
        for id in conversations:
            await eventually(lambda: listeners(cluster, id), 1, "the listeners of the channel")
        await write_at_both_nodes(cluster, [ada, ben, cleo], conversations, 12)
        await eventually(lambda: len(heard), 3 * 3 * 12, "the number of messages heard")
    for id in conversations:
        same(of(heard, id), await history(ada, id), "what the service made of the conversation")


async def a_reader_of_mongodb_finds_the_history_that_the_api_tells(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    await write_at_both_nodes(cluster, [ada, ben], [conversation], 10)
    picture = (await media_of(ada, "image"))["id"]
    await ada.post(conversation, "", message_type="image", media_ids=[picture], client_message_id="key")
    found = examples().messages_after(cluster.mongodb_url, conversation, 4)
    same(found, [without_media(message) for message in (await history(ben, conversation))[4:]], "what was found")


async def a_query_gives_the_unread_counts_of_direct_conversations_that_the_api_gives(cluster: Cluster) -> None:
    users = cluster.users(5)
    chance = random.Random(7)
    pairs = [(one, other) for place, one in enumerate(users) for other in users[place + 1:]]
    conversations = [(await one.direct(other), one, other) for one, other in pairs]
    await users[0].post(await users[0].group(*users[1:]), "in a group, which the query leaves out")
    for _ in range(120):
        conversation, *both = chance.choice(conversations)
        actor = chance.choice([User(world, chance.choice(both).id) for world in (cluster.first, cluster.second)])
        if chance.random() < 0.7:
            await actor.post(conversation, "a message")
        else:
            await actor.rest("PUT", f"/v1/conversations/{conversation}/read", {"sequence_number": chance.randint(1, 6)})
    for user in users:
        of_api = (await user.rest("GET", "/v1/conversations?limit=100")).body["conversations"]
        wanted = {each["id"]: each["unread_count"] for each in of_api if each["type"] == "direct"}
        same(len(wanted), 4, "the direct conversations")
        await eventually(lambda: examples().unread_counts(cluster.postgres_url, user.id), wanted, "the unread counts")


CASES = [
    a_socket_service_rebuilds_every_conversation_from_the_channels_alone, a_reader_of_mongodb_finds_the_history_that_the_api_tells,
    a_query_gives_the_unread_counts_of_direct_conversations_that_the_api_gives,
]
