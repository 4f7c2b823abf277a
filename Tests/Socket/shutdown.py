"""Stopping and starting under load: what was sent is answered or found again, and nobody loses or repeats a message."""

from __future__ import annotations

import asyncio
from typing import Dict, List, Optional

from websockets.exceptions import ConnectionClosed

from connection import NoAnswer
from world import Device, Failed, User, World, check, same

STOP_LIMIT_SECONDS = 15
DRAIN_SECONDS = 1


async def what_was_sent_before_the_end_is_answered_or_found_on_resend(world: World) -> None:
    """Ten sockets send as fast as they are answered, five commands at a time, when the server is told to stop."""
    users = world.users(10)
    conversation = await users[0].group(*users[1:])
    devices = [await user.device() for user in users]
    under_way = asyncio.Event()
    sending = [asyncio.ensure_future(send_until_closed(device, conversation, place, under_way)) for place, device in enumerate(devices)]
    await under_way.wait()
    loop = asyncio.get_running_loop()
    began = loop.time()
    same(await asyncio.to_thread(world.server.stop), 0, "the exit code")
    check(loop.time() - began < STOP_LIMIT_SECONDS, f"stopping took {loop.time() - began:.1f} s")
    outcomes = [await each for each in sending]
    for device in devices:
        same(await device.close_code(), 4000, "the close code")
        going = [event for event in device.waiting() if event["type"] == "going_away"]
        same(len(going), 1, "how often it was told")
        check(0 <= going[0]["reconnect_after_ms"] <= DRAIN_SECONDS * 1000, going)
    await start(world)
    again = [await user.known_device() for user in users]
    numbers: Dict[int, str] = {}
    for device, outcome in zip(again, outcomes):
        for key, message in outcome.items():
            reply = await device.command(
                "send", conversation_id=conversation, message_type="text", content=key, client_message_id=key)
            while reply["type"] == "error" and reply["code"] == "rate_limited":
                await asyncio.sleep(reply["retry_after_ms"] / 1000)
                reply = await device.command(
                    "send", conversation_id=conversation, message_type="text", content=key, client_message_id=key)
            same(reply["type"], "ok", f"the reply {reply}")
            if message is not None:
                same((reply["repeated"], reply["message"]), (True, message), "the repeat of what was acknowledged")
            check(reply["message"]["sequence_number"] not in numbers, "a number is used twice")
            numbers[reply["message"]["sequence_number"]] = key
    same(sorted(numbers), list(range(1, len(numbers) + 1)), "the numbers")
    check(len(numbers) > 100, f"only {len(numbers)} messages were sent")


async def send_until_closed(device: Device, conversation: str, place: int, under_way: asyncio.Event) -> Dict[str, Optional[dict]]:
    """Messages by their keys; None for those without an answer."""
    outcome: Dict[str, Optional[dict]] = {}
    number = 0
    while True:
        keys = [f"{place}/{number + index}" for index in range(5)]
        number += 5
        outcome.update(dict.fromkeys(keys))
        pending = [
            device.submit("send", conversation_id=conversation, message_type="text", content=key, client_message_id=key) for key in keys]
        replies = await asyncio.gather(*pending, return_exceptions=True)
        for key, reply in zip(keys, replies):
            if isinstance(reply, (ConnectionClosed, asyncio.CancelledError)):
                continue
            if isinstance(reply, BaseException):
                raise reply
            if reply["type"] == "ok":
                outcome[key] = reply["message"]
            else:
                same(reply["retryable"], True, f"whether {reply} may be tried again")
        if device._reader.done():
            return outcome
        if number >= 50:
            under_way.set()


async def commands_of_all_kinds_under_way_do_not_keep_the_server(world: World) -> None:
    users = world.users(20)
    conversation = await users[0].group(*users[1:])
    for number in range(200):
        await users[0].post(conversation, f"{number}")
    devices = [await user.known_device() for user in users]
    fresh = [await world.device() for _ in users]
    pending = []
    for device, late, user in zip(devices, fresh, users):
        pending += [
            device.submit("subscribe", positions={conversation: 0}), device.submit("read", conversation_id=conversation, sequence_number=5),
            device.submit("presence", user_ids=[each.id for each in users]), device.submit("typing", conversation_id=conversation),
            late.submit("authenticate", token=user.token()), late.submit("subscribe", cursor="1.0.0"),
        ]
    loop = asyncio.get_running_loop()
    began = loop.time()
    stopping = asyncio.ensure_future(asyncio.to_thread(world.server.stop))
    for device in devices + fresh:
        same(await device.close_code(), 4000, "the close code")
    same(await stopping, 0, "the exit code")
    check(loop.time() - began < STOP_LIMIT_SECONDS, f"stopping took {loop.time() - began:.1f} s")
    await asyncio.gather(*pending, return_exceptions=True)
    await start(world)


class Follower:
    """A client as it should be: keeps the newest cursor and its positions, and comes back when it is told to."""

    def __init__(self, user: User):
        self.user = user
        self.numbers: Dict[str, List[int]] = {}
        self.cursor: Optional[str] = None
        self.connections = 0
        self.is_there = asyncio.Event()

    async def follow(self) -> None:
        while True:
            try:
                device = await self.user.known_device()
                fields = {"cursor": self.cursor} if self.cursor else {}
                await device.command("subscribe", positions={each: numbers[-1] for each, numbers in self.numbers.items()}, **fields)
                self.connections += 1
                while True:
                    self.take(await device.event_or_heartbeat())
            except (OSError, ConnectionClosed, Failed, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and asyncio.current_task().cancelling():
                    raise
                await asyncio.sleep(0.05)

    def take(self, event: Dict) -> None:
        self.cursor = event.get("cursor") or self.cursor
        if event["type"] == "caught_up":
            self.is_there.set()
        if event["type"] == "message":
            self.numbers.setdefault(event["message"]["conversation_id"], []).append(event["message"]["sequence_number"])


async def a_rolling_restart_under_load_loses_and_repeats_nothing(world: World) -> None:
    users = world.users(6)
    conversations = [await users[0].group(*users[1:]) for _ in range(3)]
    followers = [Follower(user) for user in users for _ in range(2)]
    following = [asyncio.ensure_future(each.follow()) for each in followers]
    await asyncio.gather(*(each.is_there.wait() for each in followers))
    stop = asyncio.Event()
    sending = [asyncio.ensure_future(send_through_restarts(user.again(), conversations[place % 3], place, stop)) for place, user in enumerate(users)]
    for _ in range(3):
        connected = [each.connections for each in followers]
        await asyncio.sleep(0.3)  # load, not waiting: so long it goes on between two restarts
        same(await asyncio.to_thread(world.server.restart), 0, "the exit code")
        while any(each.connections == before for each, before in zip(followers, connected)):
            await asyncio.sleep(0.02)
    stop.set()
    sent = sum([await each for each in sending])
    last = {conversation: (await users[0].again().post(conversation, "the last one"))["sequence_number"] for conversation in conversations}
    wanted = {conversation: list(range(1, number + 1)) for conversation, number in last.items()}
    for follower, task in zip(followers, following):
        deadline = asyncio.get_running_loop().time() + 20
        while any(follower.numbers.get(each, [0])[-1] < last[each] for each in last) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        task.cancel()
        for conversation in conversations:
            same(follower.numbers[conversation], wanted[conversation], "the numbers that somebody who follows saw")
    same(sum(last.values()), sent + len(last), "the number of messages")


async def send_through_restarts(user: User, conversation: str, place: int, stop: asyncio.Event) -> int:
    """How many were stored: each is sent until it is acknowledged."""
    number = 0
    while not stop.is_set():
        try:
            await user.post(conversation, "x", client_message_id=f"{place}/{number}")
            number += 1
        except (NoAnswer, Failed):
            await asyncio.sleep(0.02)
            continue
        await asyncio.sleep(0.005)
    return number


async def start(world: World) -> None:
    world.server.start()
    await asyncio.to_thread(world.server.wait_until_ready)


CASES = [
    what_was_sent_before_the_end_is_answered_or_found_on_resend,
    commands_of_all_kinds_under_way_do_not_keep_the_server,
    a_rolling_restart_under_load_loses_and_repeats_nothing,
]
