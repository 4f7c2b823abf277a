"""Heartbeats, of a server that has one every second."""

from __future__ import annotations

import asyncio
from typing import Dict

from raw import RawSocket
from world import Device, User, World, check, same, until


async def a_heartbeat_says_what_changed_and_from_where_to_resume(world: World) -> None:
    ada, ben = world.users(2)
    one, two, quiet = await ada.direct(ben), await ada.group(ben), await ada.group(ben)
    device = await ben.device()
    same((await device.heartbeat())["sequences"], {}, "the sequences while nothing happens")
    for number in range(3):
        await ada.post(one, f"{number}")
    await ada.post(two, "hi")
    same(await sequences(device, 2), {one: 3, two: 1}, "the sequences")
    await ada.post(two, "and again")
    same((await sequences(device, 1, two, 2))[two], 2, "the number after another message")
    cursor = await fresh_cursor(device)
    await device.close()
    missed = [await ada.post(quiet, "missed") for _ in range(3)]
    resumed = await ben.resume(cursor=cursor)
    # A cursor is a few moments older than the heartbeat that tells it: messages may be repeated, but none is left out.
    same(resumed.messages(quiet), missed, "what follows the cursor of a heartbeat")
    for conversation, last in ((one, 3), (two, 2)):
        numbers = [message["sequence_number"] for message in resumed.messages(conversation)]
        same(numbers, list(range(last - len(numbers) + 1, last + 1)), "what is repeated")


async def sequences(device: Device, count: int, conversation: str = "", number: int = 0) -> Dict[str, int]:
    """All that heartbeats say until they have named so many conversations."""
    said: Dict[str, int] = {}
    while len(said) < count or said.get(conversation, 0) < number:
        heartbeat = await device.heartbeat()
        check(heartbeat["server_time"].endswith("Z"), heartbeat)
        said.update(heartbeat["sequences"])
    return said


async def fresh_cursor(device: Device) -> str:
    """One that was made from now on: the second change is later."""
    first = None
    while True:
        cursor = (await device.heartbeat()).get("cursor")
        if first is not None and cursor not in (None, first):
            return cursor
        first = first or cursor


async def who_resumes_again_and_again_with_heartbeat_cursors_misses_nothing(world: World) -> None:
    """The newest cursor, whichever event it came with, and no positions: across disconnections under load."""
    ada, ben = world.users(2)
    conversations = [await ada.group(ben) for _ in range(3)]
    stop = asyncio.Event()
    sending = [asyncio.ensure_future(keep_sending(ada.again(), conversation, stop)) for conversation in conversations]
    seen: Dict[str, int] = {conversation: 0 for conversation in conversations}
    cursor = "1.0.0"
    for _ in range(4):
        device = await ben.known_device()
        same((await device.command("subscribe", cursor=cursor))["type"], "ok", "the reply")
        beats = 0
        while beats < 2:
            event = await device.event_or_heartbeat()
            take(event, seen)
            cursor = event.get("cursor") or cursor
            beats += event["type"] == "heartbeat"
        await device.close()  # what has come and was not read is lost with it
    stop.set()
    last = {conversation: await each for conversation, each in zip(conversations, sending)}
    resumed = await ben.resume(cursor=cursor)
    for event in resumed.events:
        take(event, seen)
    same(seen, last, "how far it came")


def take(event: Dict, seen: Dict[str, int]) -> None:
    if event["type"] == "message":
        conversation, number = event["message"]["conversation_id"], event["message"]["sequence_number"]
        check(number <= seen[conversation] + 1, f"after {seen[conversation]} came {number}")
        seen[conversation] = max(seen[conversation], number)


async def keep_sending(user: User, conversation: str, stop: asyncio.Event) -> int:
    number = 0
    while not stop.is_set():
        number = (await user.post(conversation, "again"))["sequence_number"]
        await asyncio.sleep(0.01)  # a rate, so that most of the time is left for reading
    return number


async def a_heartbeat_before_subscribing_says_only_the_time(world: World) -> None:
    user = world.user()
    device = await user.known_device()
    heartbeat = await device.heartbeat()
    same((heartbeat["sequences"], "cursor" in heartbeat), ({}, False), "what it says")


async def who_is_silent_for_two_heartbeats_is_closed_with_4005(world: World) -> None:
    """Such as a connection whose other end has gone without a word: it takes its user offline."""
    ada, ben, eve = world.users(3)
    await ada.direct(ben)
    silent, answers = await RawSocket.open(world, ben.token()), await eve.device()
    silent.command(id=1, type="subscribe")
    stuck = await RawSocket.open(world, ben.token())  # not even read from
    same(await silent.close_code(), 4005, "the close code")
    same(await stuck.close_code(), 4005, "the close code of the other one")
    await until(lambda: is_offline(ben, ada), "ben is offline")
    for _ in range(3):
        await answers.heartbeat()
    same((await answers.command("ping"))["type"], "ok", "the reply of who answers pings")


async def is_offline(user: User, asker: User) -> bool:
    return not await user.is_online(asker)


CASES = [
    a_heartbeat_says_what_changed_and_from_where_to_resume,
    who_resumes_again_and_again_with_heartbeat_cursors_misses_nothing,
    a_heartbeat_before_subscribing_says_only_the_time,
    who_is_silent_for_two_heartbeats_is_closed_with_4005,
]
