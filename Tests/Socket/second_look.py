"""Messages that a socket took with it when it died: their users are notified a moment later, and nobody else is."""

from __future__ import annotations

import asyncio
import time
from typing import Dict, List

from observation import read_notifications
from world import Device, User, World, check, same

LOOK_SECONDS = 2  # setting of the server of these cases
LIMIT_SECONDS = 30
# Until a node is known to be gone, and its leases on users have ended.
LOST_NODE_SECONDS = 100


async def what_died_with_a_socket_is_notified_a_moment_later(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    device = await ben.device()
    taken, lost = await ada.post(conversation, "taken"), await ada.post(conversation, "lost")
    same(await device.messages(2), [taken, lost], "what the socket got")
    same((await device.command("delivered", conversation_id=conversation, sequence_number=1))["type"], "ok", "the reply")
    await asyncio.sleep(LOOK_SECONDS + 1)
    same(notified(world, ben), [], "who is there was notified of")
    died_at = time.monotonic()
    die(device)
    await until_notified(world, ben, [lost])
    check(time.monotonic() - died_at >= LOOK_SECONDS, f"notified after {time.monotonic() - died_at:.1f} s")
    await asyncio.sleep(LOOK_SECONDS)
    same(notified(world, ben), [lost["id"]], "what was notified in the end")
    same(notified(world, ada), [], "the sender was notified of")


async def who_comes_back_in_time_is_not_notified_until_they_go_again(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    first = await ben.device()
    message = await ada.post(conversation, "hello")
    same(await first.message(), message, "what the socket got")
    die(first)
    second = await ben.device()
    await asyncio.sleep(2 * LOOK_SECONDS + 1)
    same(notified(world, ben), [], "who is back was notified of")
    die(second)
    await until_notified(world, ben, [message])


async def what_was_read_in_the_meantime_is_not_notified_and_nothing_is_twice(world: World) -> None:
    ada, ben = world.users(2)
    await ben.rest("POST", "/v1/devices", {"kind": "fcm", "token": f"token of {ben.id}"})
    conversation = await ada.direct(ben)
    device = await ben.device()
    message = await ada.post(conversation, "hello")
    same(await device.message(), message, "what the socket got")
    die(device)
    await ben.rest("PUT", f"/v1/conversations/{conversation}/read", {"sequence_number": 1})
    last = await ada.post(conversation, "nobody is there")
    await until_notified(world, ben, [last])
    await asyncio.sleep(2 * LOOK_SECONDS)
    same(notified(world, ben), [last["id"]], "what was notified in the end")


async def what_reached_a_screen_that_nobody_looked_at_any_more_is_notified(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    device = await ben.device()
    same((await device.command("activity", active=True))["type"], "ok", "the reply")
    await asyncio.sleep(0.1)
    message = await ada.post(conversation, "are you there?")
    same(await device.message(), message, "what the socket got")
    same((await device.command("delivered", conversation_id=conversation, sequence_number=1))["type"], "ok", "the reply")
    die(device)
    await until_notified(world, ben, [message])


async def the_users_of_a_server_that_was_killed_are_notified_by_the_next(world: World) -> None:
    ada, ben, eve = world.users(3)
    group = await ada.group(ben, eve)
    devices = [await ben.device(), await eve.device()]
    message = await ada.post(group, "anyone there?")
    for device in devices:
        same(await device.message(), message, "what a socket got")
    same((await devices[1].command("delivered", conversation_id=group, sequence_number=1))["type"], "ok", "the reply")
    await asyncio.sleep(1)
    world.server.kill()
    await world.tidy_up()
    world.server.start()
    await asyncio.to_thread(world.server.wait_until_ready)
    await until_notified(world, ben, [message], LOST_NODE_SECONDS)
    same(notified(world, eve), [], "who had taken the message was notified of")


def die(device: Device) -> None:
    """As a phone in a tunnel, but that the server hears of it at once."""
    device.socket.transport.abort()


def notified(world: World, user: User) -> List[str]:
    """The ids of the messages that a user was notified of."""
    return [line["message_id"] for line in read_notifications(world.server.push_log) if line["recipient_id"] == user.id]


async def until_notified(world: World, user: User, messages: List[Dict], limit_seconds: float = LIMIT_SECONDS) -> None:
    wanted = [message["id"] for message in messages]
    deadline = time.monotonic() + limit_seconds
    while notified(world, user) != wanted:
        check(time.monotonic() < deadline, f"notified of {notified(world, user)} instead of {wanted} within {limit_seconds} s")
        await asyncio.sleep(0.1)


CASES = [
    what_died_with_a_socket_is_notified_a_moment_later, who_comes_back_in_time_is_not_notified_until_they_go_again,
    what_was_read_in_the_meantime_is_not_notified_and_nothing_is_twice, what_reached_a_screen_that_nobody_looked_at_any_more_is_notified,
    the_users_of_a_server_that_was_killed_are_notified_by_the_next,
]
