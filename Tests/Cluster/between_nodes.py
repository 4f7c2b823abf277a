"""What only a cluster can get wrong: somebody acts on one node, and the other must know; Redis, which tells it, goes away."""

from __future__ import annotations

import asyncio
from typing import Dict, List

from world import User, World, check, messages_of, same, until

FIRST, SECOND = 0, 1


def at(node: int, user: User) -> User:
    """The same user, whose requests and sockets go to that node."""
    return User(World(user.world.server.nodes[node], user.world.secret), user.id)


class RedisAway:
    """`async with RedisAway(world):` what happens inside is told to no other node. Afterwards Redis is there, and empty."""

    def __init__(self, world: World):
        self._server = world.server

    async def __aenter__(self) -> None:
        await asyncio.to_thread(self._server.engines.kill, "redis")

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._server.engines.up, "redis")
        await asyncio.to_thread(self._server.wait_until_ready)


async def what_is_written_on_one_node_is_read_on_the_other(world: World) -> None:
    ada, ben = world.users(2)
    here, there = [at(node, ada) for node in (FIRST, SECOND)]
    bens = [at(node, ben) for node in (FIRST, SECOND)]
    for number in range(20):
        conversation = await here.group(ben)
        message = await there.post(conversation, f"{number}", client_message_id="k")
        same(await here.post(conversation, f"{number}", client_message_id="k"), message, "the repeat on the other node")
        for reader in bens:
            view = await view_of(reader, conversation)
            same((view["last_message_id"], view["unread_count"]), (message["id"], 1), "what ben sees")
            history = (await reader.rest("GET", f"/v1/conversations/{conversation}/messages")).body
            same(history["messages"], [message], "the history")
        await bens[FIRST].rest("PUT", f"/v1/conversations/{conversation}/read", {"sequence_number": 1})
        same((await view_of(bens[SECOND], conversation))["unread_count"], 0, "the unread count after reading")
        await here.rest("PATCH", f"/v1/conversations/{conversation}", {"title": f"Title {number}"})
        same((await view_of(there, conversation))["title"], f"Title {number}", "the title")
        here, there = there, here


async def view_of(user: User, conversation: str) -> Dict:
    return (await user.rest("GET", f"/v1/conversations/{conversation}")).body


async def groups_made_on_two_nodes_at_once_are_each_heard_of_once(world: World) -> None:
    ada, ben = world.users(2)
    makers, others = [at(FIRST, ada), at(SECOND, ben)], [ben, ada]
    devices = [await at(SECOND, ada).device(), await at(FIRST, ben).device()]

    async def make(place: int) -> List[str]:
        return [await makers[place].group(others[place], title=f"{place}, {number}") for number in range(10)]

    first, second = await asyncio.gather(make(0), make(1))
    groups = sorted(first + second)
    for device in devices:
        same(sorted([await device.change() for _ in groups]), [(group, "added") for group in groups], "what is told")
    for user in (ada, ben):
        for node in (FIRST, SECOND):
            listed = (await at(node, user).rest("GET", "/v1/conversations")).body["conversations"]
            same(sorted(view["id"] for view in listed), groups, "the list")
    for group in groups:
        await asyncio.gather(*(maker.post(group, "at once") for maker in makers))
    for device in devices:
        events = [{"type": "message", "message": await device.message()} for _ in range(2 * len(groups))]
        for group in groups:
            same([message["sequence_number"] for message in messages_of(events, group)], [1, 2], "the numbers")


async def a_direct_conversation_opened_on_two_nodes_at_once_is_one(world: World) -> None:
    for _ in range(10):
        ada, ben = world.users(2)
        opened = await asyncio.gather(at(FIRST, ada).direct(ben), at(SECOND, ben).direct(ada), at(SECOND, ada).direct(ben))
        same(len(set(opened)), 1, "how many there are")


async def participants_added_on_two_nodes_at_once_are_all_in(world: World) -> None:
    ada, *added_twice = world.users(9)
    owners = [at(node, ada) for node in (FIRST, SECOND)]
    group = await owners[FIRST].group()
    added = [world.users(6) for _ in owners]
    # Each listens on the other node than the one where they are added.
    devices = [await at(1 - node, user).device() for node in (FIRST, SECOND) for user in added[node]]
    devices += [await user.device() for user in added_twice]

    async def add(node: int, users: List[User]) -> None:
        for user in users:
            await owners[node].rest("PUT", f"/v1/conversations/{group}/participants/{user.id}", {"role": "member"})

    await asyncio.gather(*(add(node, added[node]) for node in (FIRST, SECOND)))
    for user in added_twice:
        await asyncio.gather(*(add(node, [user]) for node in (FIRST, SECOND)))
    everybody = sorted(user.id for user in [ada, *added_twice, *added[FIRST], *added[SECOND]])
    views = [await view_of(owner, group) for owner in owners]
    same(views[FIRST], views[SECOND], "how the nodes see it")
    same(views[FIRST]["participant_count"], len(everybody), "how many are in")
    for owner in owners:
        listed = (await owner.rest("GET", f"/v1/conversations/{group}/participants")).body["participants"]
        same(sorted(each["user_id"] for each in listed), everybody, "who is in")
    message = await owners[FIRST].post(group, "welcome")
    for device in devices:
        events = [await device.event()]
        while events[-1]["type"] != "message":
            events.append(await device.event())
        same(events[-1]["message"], message, "what each hears in the end")
        changes = [event["change"] for event in events if event["type"] == "conversation"]
        same((changes[0], changes.count("added")), ("added", 1), "what each is shown first, and once")


async def a_removal_holds_on_the_other_node_within_a_second(world: World) -> None:
    ada, ben = world.users(2)
    here, there = at(FIRST, ada), at(SECOND, ben)
    group = await here.group(ben)
    await there.post(group, "the node knows ben's role")
    await here.rest("DELETE", f"/v1/conversations/{group}/participants/{ben.id}")
    removed = asyncio.get_running_loop().time()
    await until(lambda: is_refused(there, group), "ben is refused")
    check(asyncio.get_running_loop().time() - removed < 1, "it took too long")
    await here.rest("PUT", f"/v1/conversations/{group}/participants/{ben.id}", {"role": "member"})
    await there.post(group, "who is added may write at once")


async def is_refused(user: User, conversation: str) -> bool:
    answer = await user.rest("GET", f"/v1/conversations/{conversation}/messages", wanted=(200, 403))
    return answer.status == 403


async def who_was_removed_while_redis_was_away_is_refused_and_hears_nothing(world: World) -> None:
    """P7: the event of the removal is lost; a role that is remembered, and a socket that is open, must not count for ever."""
    ada, ben = world.users(2)
    here, there = at(FIRST, ada), at(SECOND, ben)
    group = await here.group(ben)
    device = await there.device()
    await there.post(group, "the node knows ben's role")
    await device.message()
    async with RedisAway(world):
        await here.rest("DELETE", f"/v1/conversations/{group}/participants/{ben.id}")
        removed = asyncio.get_running_loop().time()
        same(await device.change(), (group, "removed"), "what his socket is told")
        check(asyncio.get_running_loop().time() - removed < 2, "it took too long")  # a second, and one for a busy machine
        await until(lambda: is_refused(there, group), "ben is refused")
        await here.post(group, "must not be heard")
    await here.post(group, "nor this")
    fence = await here.direct(ben)
    heard = [await device.event()]
    while heard[-1].get("conversation_id") != fence:  # what happened lately may be told once more
        heard.append(await device.event())
    same(messages_of(heard, group), [], "what is heard of the group")


async def who_was_added_while_redis_was_away_hears_of_it(world: World) -> None:
    ada, ben = world.users(2)
    here, there = at(FIRST, ada), at(SECOND, ben)
    group = await here.group()
    device = await there.device()
    async with RedisAway(world):
        await here.rest("PUT", f"/v1/conversations/{group}/participants/{ben.id}", {"role": "member"})
    same(await device.change(), (group, "added"), "what his socket is told")
    message = await here.post(group, "welcome")
    same(await device.message(), message, "what follows")


async def messages_sent_while_redis_was_away_are_heard(world: World) -> None:
    ada, ben = world.users(2)
    here, there = at(FIRST, ada), at(SECOND, ben)
    conversation = await here.direct(ben)
    device = await there.device()
    async with RedisAway(world):
        sent = [await here.post(conversation, f"{number}") for number in range(10)]
    events: List[Dict] = []
    while len(messages_of(events, conversation)) < len(sent):
        events.append(await device.event())
    same(messages_of(events, conversation), sent, "what is heard")
    same({event["type"] for event in events} - {"conversation"}, {"message"}, "what else is told")  # views may be told again


async def tokens_that_were_revoked_while_redis_was_away_end_sockets(world: World) -> None:
    user = world.user()
    device = await at(SECOND, user).device()
    service = World(world.server.nodes[FIRST], world.secret)
    async with RedisAway(world):
        await service.as_service("POST", f"/v1/users/{user.id}/revoke-tokens")
    same(await device.close_code(), 4501, "the close code")


async def who_begins_to_type_on_one_node_may_stop_on_another(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.group(ben)
    devices = [await at(node, ada).device() for node in (FIRST, SECOND)]
    for node, is_typing in ((FIRST, True), (SECOND, True), (SECOND, False), (FIRST, False)):
        await at(node, ben).rest("POST", f"/v1/conversations/{conversation}/typing", {"is_typing": is_typing})
    message = await at(FIRST, ben).post(conversation, "done")
    for device in devices:
        same([(await device.event_of("typing"))["is_typing"] for _ in range(2)], [True, False], "what is told")
        same(await device.message(), message, "what follows")


CASES = [
    what_is_written_on_one_node_is_read_on_the_other,
    groups_made_on_two_nodes_at_once_are_each_heard_of_once,
    a_direct_conversation_opened_on_two_nodes_at_once_is_one,
    participants_added_on_two_nodes_at_once_are_all_in,
    a_removal_holds_on_the_other_node_within_a_second,
    who_was_removed_while_redis_was_away_is_refused_and_hears_nothing,
    who_was_added_while_redis_was_away_hears_of_it,
    messages_sent_while_redis_was_away_are_heard,
    tokens_that_were_revoked_while_redis_was_away_end_sockets,
    who_begins_to_type_on_one_node_may_stop_on_another,
]
