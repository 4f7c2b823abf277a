"""Limits that are reached, and the end of the server."""

from __future__ import annotations

import asyncio
import re
import socket

from world import World, check, same, until

LARGE = "x" * 10_000  # the longest content
STOP_LIMIT_SECONDS = 20


async def who_does_not_authenticate_in_time_is_closed_with_4003(world: World) -> None:
    device = await world.device()
    await device.hello()
    await device.command("ping")
    same(await device.close_code(), 4003, "the close code")
    user = world.user()
    device = await user.device()
    await asyncio.gather(silent(world), silent(world))
    check("server_time" in await device.command("ping"), "an authenticated socket did not stay")


async def silent(world: World) -> None:
    same(await (await world.device()).close_code(), 4003, "the close code of who says nothing")


async def a_slow_reader_is_closed_with_4001_and_nobody_else_notices(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    slow = await ben.device(sock=small_buffers(world.server.port), max_queue=1)
    quick = await ben.devices(2)
    same((await slow.command("ping"))["type"], "ok", "the slow reader's last command")
    slow.stop_reading()
    sent = []
    while closed_as_too_slow(world) == 0:
        check(len(sent) < 4000, "forty megabytes wait for a reader with a limit of", 65_536)
        sent += [await ada.post(conversation, LARGE) for _ in range(10)]
    for device in quick:
        same(await device.messages(len(sent)), sent, "what a quick reader got")
    slow.go_on_reading()
    same(await slow.close_code(), 4001, "the close code")
    got = [slow._events.get_nowait()["message"] for _ in range(slow._events.qsize() - 1)]
    check(0 < len(got) < len(sent) and got == sent[:len(got)], f"the slow reader got {len(got)} of {len(sent)}, not from the beginning")


def small_buffers(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


def closed_as_too_slow(world: World) -> float:
    found = re.search(r'^parley_sockets_closed_total\{code="4001"\} (\S+)', world.server.get("/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0


async def the_number_of_sockets_is_a_metric(world: World) -> None:
    devices = await world.user().devices(3)
    await until(lambda: counts(world, 3), "three sockets")
    await devices[0].close()
    await until(lambda: counts(world, 2), "two sockets")


async def counts(world: World, wanted: int) -> bool:
    return world.server.gauge("parley_sockets_authenticated") == wanted


async def when_the_server_stops_sockets_are_told_and_closed_with_4000(world: World) -> None:
    users = world.users(5)
    conversation = await users[0].group(*users[1:])
    devices = [device for user in users for device in await user.devices(2)] + [await world.device()]
    await devices[-1].hello()
    stuck = await users[0].device(max_queue=1)
    stuck.stop_reading()  # must not keep the process
    message = await devices[0].send(conversation, "the last one")
    loop = asyncio.get_running_loop()
    began = loop.time()
    stopping = asyncio.ensure_future(asyncio.to_thread(world.server.stop))
    for device in devices:
        if device is not devices[-1]:
            same(await device.message(), message, "the last message")
        event = await device.event()
        same(event["type"], "going_away", "the last event")
        check(0 <= event["reconnect_after_ms"] <= 3000, event)
        same(await device.close_code(), 4000, "the close code")
    same(await stopping, 0, "the exit code")
    check(loop.time() - began < STOP_LIMIT_SECONDS, f"stopping took {loop.time() - began:.1f} s")


CASES = [
    who_does_not_authenticate_in_time_is_closed_with_4003,
    a_slow_reader_is_closed_with_4001_and_nobody_else_notices,
    the_number_of_sockets_is_a_metric,
    when_the_server_stops_sockets_are_told_and_closed_with_4000,
]
