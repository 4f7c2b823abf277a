"""Redis: the key `user:online:<id>`, set and gone as sockets come and go."""

from __future__ import annotations

import asyncio

from cluster import Cluster, eventually, jobs_of
from event_stream import Stream
from page import examples
from world import User, World, check, same

LEASE_SECONDS = 30
MARGIN_SECONDS = 15  # for a machine that is busy


async def a_key_exists_while_a_socket_is_open_at_either_node(cluster: Cluster) -> None:
    ada = cluster.user()
    check(not cluster.is_online(ada), "the key is there before any socket")
    first, second = await ada.device(), await cluster.elsewhere(ada).device()
    await eventually(lambda: cluster.is_online(ada), True, "the key")
    await eventually(lambda: nodes_with(cluster, ada), 2, "the nodes that have the user")
    await first.close()
    await eventually(lambda: nodes_with(cluster, ada), 1, "the nodes that have the user")
    check(cluster.is_online(ada), "the key went with the first of two sockets")
    third = await ada.device()
    await eventually(lambda: nodes_with(cluster, ada), 2, "the nodes that have the user")
    await second.close()
    await eventually(lambda: nodes_with(cluster, ada), 1, "the nodes that have the user")
    check(cluster.is_online(ada), "the key went with the second node's socket")
    await third.close()
    await eventually(lambda: cluster.is_online(ada), False, "the key after the last socket")


async def a_key_is_a_string_that_ends_by_itself_within_the_lease(cluster: Cluster) -> None:
    ada = User(cluster.first, cluster.user().id.upper())
    device = await cluster.first.device()
    await device.hello()
    same((await device.command("authenticate", token=ada.token()))["type"], "ok", "the reply")
    key = f"user:online:{ada.id.lower()}"
    await eventually(lambda: cluster.redis.exists(key), 1, "the key in lower case")
    same(cluster.redis.type(key), "string", "the type")
    check(0 < cluster.redis.pttl(key) <= LEASE_SECONDS * 1000, "the time to live is", cluster.redis.pttl(key))


async def an_event_stream_counts_as_a_socket(cluster: Cluster) -> None:
    ada = cluster.user()
    stream = await Stream.request(cluster.second, ada.token())
    same(stream.status, 200, "the status")
    await eventually(lambda: cluster.is_online(ada), True, "the key")
    stream.close()
    await eventually(lambda: cluster.is_online(ada), False, "the key afterwards")


async def who_is_connected_to_another_socket_service_is_online_for_parley(cluster: Cluster) -> None:
    ada, ben, cleo = cluster.users(3)
    conversation = await ada.group(ben, cleo)
    example = examples()
    example.keep_online(cluster.redis_url, ben.id)
    check(await ben.is_online(ada), "the API calls them offline")
    device = await cluster.elsewhere(ben).device()
    await eventually(lambda: nodes_with(cluster, ben), 1, "the nodes that have the user")
    await device.close()
    await eventually(lambda: nodes_with(cluster, ben), 0, "the nodes that have the user")
    check(example.is_online(cluster.redis_url, ben.id), "the key went with a node's socket")
    await ada.post(conversation, "hello")
    same([job.body["recipients"] for job in await jobs_of(cluster, conversation)], [[cleo.id]], "the recipients")
    cluster.redis.delete(f"user:online:{ben.id}")
    check(not await ben.is_online(ada), "the API calls them online")


async def a_node_that_is_stopped_takes_its_users_keys_away(cluster: Cluster) -> None:
    leaving = await cluster.node("leaving", PARLEY_SOCKET_DRAIN_SECONDS="1")
    ada = leaving.user()
    await ada.device()
    await eventually(lambda: cluster.is_online(ada), True, "the key")
    same(await asyncio.to_thread(leaving.server.stop), 0, "the exit code")
    check(not cluster.is_online(ada), "the key is still there when the node has stopped")


async def the_key_of_a_killed_node_ends_with_its_lease_and_others_stay(cluster: Cluster) -> None:
    doomed = await cluster.node("doomed", roles="gateway")
    second = World(cluster.second.server, doomed.secret)  # apart, so that its socket stays open between the cases
    ada, ben = doomed.users(2)
    for user in (ada, ben, User(second, ben.id)):
        await user.device()
    await eventually(lambda: cluster.is_online(ada) and cluster.is_online(ben), True, "the keys")
    doomed.server.kill()
    await doomed.tidy_up()
    await eventually(lambda: cluster.is_online(ada), False, "the key of a user of a killed node", LEASE_SECONDS + MARGIN_SECONDS)
    check(cluster.is_online(ben), "who has a socket at another node went too")
    await second.tidy_up()
    await eventually(lambda: cluster.is_online(ben), False, "the key after the last socket")


def nodes_with(cluster: Cluster, user: User) -> int:
    """How many nodes have told Redis of sockets of the user. The key is no contract: it says when to look at the one that is."""
    return cluster.redis.zcard(f"parley:online:{user.id}")


CASES = [
    a_key_exists_while_a_socket_is_open_at_either_node, a_key_is_a_string_that_ends_by_itself_within_the_lease,
    an_event_stream_counts_as_a_socket, who_is_connected_to_another_socket_service_is_online_for_parley,
    a_node_that_is_stopped_takes_its_users_keys_away,
]
SLOW_CASES = [the_key_of_a_killed_node_ends_with_its_lease_and_others_stay]
