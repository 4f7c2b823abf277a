"""Limits that are reached, and the end of the server."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import List, Optional

from raw import HANDSHAKE, RawSocket, masked
from world import Device, User, World, check, messages_of, same, soon, until

OPEN_FILES = 256  # that the server of the crowded case may have
COMMANDS_AT_ONCE, SOCKETS_PER_USER = 100, 4  # settings of the server of these cases
MORE_THAN_FITS = 600  # large messages: six megabytes are more than the system keeps for a reader
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


async def a_slow_reader_is_told_how_far_things_are_and_gets_everything_later(world: World) -> None:
    ada, ben = world.users(2)
    conversation, other = await ada.direct(ben), await ada.group(ben)
    slow = await ben.device(sock=small_buffers(world.server.port), max_queue=1)
    quick = await ben.devices(2)
    slow.stop_reading()
    sent = [await ada.post(conversation, LARGE) for _ in range(MORE_THAN_FITS)]
    others = [await ada.post(other, "and here") for _ in range(3)]
    await ada.rest("PATCH", f"/v1/conversations/{other}", {"title": "New title"})
    for device in quick:
        events = await device.events(len(sent) + 4)
        same((messages_of(events, conversation), messages_of(events, other)), (sent, others), "what a quick reader got")
    slow.go_on_reading()
    events: List[dict] = []
    while not (count_of(events, "message") == len(sent) + 3 and any(title_of(event, other) for event in events)):
        events.append(await slow.event())
    same((messages_of(events, conversation), messages_of(events, other)), (sent, others), "what the slow reader got")
    types = {event["type"] for event in events} - {"read"}  # markers may be told again
    same(types, {"message", "behind", "conversation"}, "the types of events")
    same([title_of(event, other) for event in events if title_of(event, other)][-1], "New title", "the title in the view of what had changed")
    for each in (conversation, other):
        hints = [event["sequence_number"] for event in events if event["type"] == "behind" and event["conversation_id"] == each]
        check(hints and hints == sorted(set(hints)) and hints[-1] <= len(sent), "the hints", hints)
    last = await ada.post(conversation, "live again")
    same(await slow.message(), last, "the event that follows")


async def a_reader_for_whom_even_hints_are_too_much_is_closed_with_4001(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    groups = [await ada.group(ben) for _ in range(200)]
    slow = await ben.device(sock=small_buffers(world.server.port), max_queue=1)
    quick = await ben.device()
    slow.stop_reading()
    sent = [await ada.post(conversation, LARGE) for _ in range(MORE_THAN_FITS)]
    for group in groups:
        await ada.post(group, "hi")
    same(messages_of(await quick.events(len(sent) + len(groups)), conversation), sent, "what a quick reader got")
    slow.go_on_reading()
    same(await slow.close_code(), 4001, "the close code")
    got = messages_of(slow.waiting(), conversation)
    check(0 < len(got) < len(sent) and got == sent[:len(got)], f"the slow reader got {len(got)} of {len(sent)}, not from the beginning")
    resumed = await ben.resume(positions={**{group: 0 for group in groups}, conversation: len(got)})
    same(resumed.messages(conversation), sent[len(got):], "what follows after coming back")
    same([len(resumed.messages(group)) for group in groups], [1] * len(groups), "the others after coming back")


async def who_missed_more_markers_than_fit_is_told_all_of_them(world: World) -> None:
    ada, ben = world.users(2)
    first = await ben.resume()
    await first.device.close()
    workers = [ada.again() for _ in range(8)]

    async def read_some(worker: User) -> List[str]:
        groups = [await worker.group(ben) for _ in range(100)]
        for group in groups:
            await worker.post(group, "hi")
            await worker.rest("PUT", f"/v1/conversations/{group}/read", {"sequence_number": 1})
        return groups

    groups = [group for part in await asyncio.gather(*(read_some(worker) for worker in workers)) for group in part]
    resumed = await ben.resume(cursor=first.cursor)
    told = [(event["conversation_id"], event["user_id"], event["sequence_number"]) for event in resumed.of_type("read")]
    same(sorted(told), sorted((group, ada.id, 1) for group in groups), "the markers")
    same(sorted(event["conversation_id"] for event in resumed.of_type("conversation")), sorted(groups), "the views")
    same(count_of(resumed.events, "message"), len(groups), "the number of messages")


def title_of(event: dict, conversation: str) -> Optional[str]:
    is_change = event["type"] == "conversation" and event["conversation_id"] == conversation
    return event["conversation"]["title"] if is_change else None


def count_of(events: List[dict], type: str) -> int:
    return sum(event["type"] == type for event in events)


def small_buffers(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


async def too_many_commands_are_refused_and_then_end_the_socket_with_4006(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    device = await ada.device()
    replies = await asyncio.gather(*(device.submit("ping") for _ in range(COMMANDS_AT_ONCE + 60)))
    refused = [reply for reply in replies if reply["type"] == "error"]
    check(0 < len(refused) < 70, f"{len(refused)} refusals of {len(replies)}")
    for reply in refused:
        same((reply["code"], reply["retryable"]), ("rate_limited", True), "the refusal")
        check(0 < reply["retry_after_ms"] <= 1000, reply)
    # Who goes on more slowly is served again.
    await until(lambda: is_answered(device), "commands are carried out again")
    other = await ada.device()
    message = await other.send(conversation, "each socket has a rate of its own")
    same([await each.message() for each in (device, other)], [message, message], "what both hear")
    flood = [device.submit("ping") for _ in range(2000)]
    same(await device.close_code(), 4006, "the close code of who does not stop")
    await asyncio.gather(*flood, return_exceptions=True)
    same((await other.command("ping"))["type"], "ok", "the other socket's reply")


async def is_answered(device: Device) -> bool:
    return (await device.command("ping"))["type"] == "ok"


async def a_user_has_so_many_sockets_and_no_more(world: World) -> None:
    user = world.user()
    devices = await user.devices(SOCKETS_PER_USER)
    late = await world.device()
    await late.hello()
    reply = await late.command("authenticate", token=user.token())
    same((reply["code"], reply["retryable"]), ("rate_limited", True), "the refusal")
    same(await late.close_code(), 4007, "the close code")
    same(await (await world.device(token=user.token())).close_code(), 4007, "the close code with a token in the handshake")
    await (await world.user().device()).close()
    await devices[0].close()
    await until(lambda: has_room(world, user), "there is room for another one")
    same((await devices[1].command("ping"))["type"], "ok", "the reply on a socket that was there before")


async def has_room(world: World, user: User) -> bool:
    device = await world.device()
    await device.hello()
    has = (await device.command("authenticate", token=user.token()))["type"] == "ok"
    await device.close()
    return has


async def a_client_that_never_reads_its_replies_is_not_read_from(world: World) -> None:
    """What it is answered waits in a bounded buffer; then the server stops reading, and the client's own buffers fill."""
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    await ada.post(conversation, LARGE, client_message_id="k")
    device = await ada.known_device(sock=small_buffers(world.server.port), max_queue=1)
    device.stop_reading()
    command = {"conversation_id": conversation, "message_type": "text", "content": LARGE, "client_message_id": "k"}
    replies = [device.submit("send", **command) for _ in range(COMMANDS_AT_ONCE)]
    others = await ben.device()
    message = await ada.post(conversation, "others notice nothing")
    same(await others.message(), message, "what others hear")
    device.go_on_reading()
    answered = [await soon(reply, "a reply") for reply in replies]
    same({reply["type"] for reply in answered[:10]}, {"ok"}, "the replies")


async def clients_that_vanish_in_the_middle_leave_nothing_behind(world: World) -> None:
    """Connections are cut right after a burst of commands; what these still do must not outlive the connection."""
    ada, ben = world.users(2)
    conversations = [await ada.group(ben) for _ in range(3)]
    for number in range(3):
        await asyncio.gather(*(vanish(world, ben, conversations, place) for place in range(SOCKETS_PER_USER)))
        for conversation in conversations:
            await ada.post(conversation, f"{number}")
            await ada.rest("PATCH", f"/v1/conversations/{conversation}", {"title": f"Title {number}"})
    await until(lambda: counts(world, 0), "no socket is counted")
    await until(lambda: is_offline(ben, ada), "ben is offline")
    device = await ben.device()
    message = await ada.post(conversations[0], "still here")
    same(await device.message(), message, "the event")


async def vanish(world: World, user: User, conversations: List[str], place: int) -> None:
    for turn in range(10):
        device = await world.device()
        commands = [
            {"type": "authenticate", "token": user.token()},
            {"type": "presence", "user_ids": [user.id]},
            {"type": "subscribe", "positions": {conversation: 0 for conversation in conversations}, "cursor": "1.0.0"},
            *({"type": "read", "conversation_id": conversation, "sequence_number": 1} for conversation in conversations),
        ]
        for number, command in enumerate(commands):
            await device.socket.send(json.dumps({"id": number, **command}))
        if (place + turn) % 2:
            await asyncio.sleep(0)
        device.socket.transport.abort()


async def is_offline(user: User, asker: User) -> bool:
    return not await user.is_online(asker)


async def connections_that_do_nothing_do_not_keep_others_out(world: World) -> None:
    """Connected and silent, half a handshake, a whole one and then silence: each ends after its time."""
    head = HANDSHAKE.encode()
    kinds = [b"", head[:50], head, head + b"\r\n", head + b"\r\n\x81\xfe", head + b"Content-Length: 5\r\n\r\nab"]
    connections = [await asyncio.open_connection("127.0.0.1", world.server.port) for _ in range(200)]
    for place, (_, writer) in enumerate(connections):
        writer.write(kinds[place % len(kinds)])
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    device = await ben.device()
    message = await ada.post(conversation, "hi")
    same(await device.message(), message, "what who behaves hears meanwhile")
    for place, (reader, writer) in enumerate(connections):
        await soon(reader.read(), f"the end of connection {place} that began with {kinds[place % len(kinds)]}")
        writer.close()


async def a_flood_of_pings_and_empty_fragments_does_not_hold_up_others(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    device = await ben.device()
    begun = masked(0x01, b"x" * 60_000)
    floods = {
        "pings": (b"", masked(0x89, b"")), "long pings": (b"", masked(0x89, b"x" * 125)), "pongs": (b"", masked(0x8A, b"")),
        "empty fragments": (begun, masked(0x00, b"")),
    }
    for name, (first, frame) in floods.items():
        socket = await RawSocket.open(world)
        socket.write(first)
        flood = asyncio.ensure_future(write_all(socket, frame * 1000, 20))
        for number in range(20):
            message = await ada.post(conversation, f"{name} {number}")
            same(await device.message(), message, f"what is heard during {name}")
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        socket.close()


async def write_all(socket: RawSocket, data: bytes, times: int) -> None:
    for _ in range(times):
        socket.write(data)
        await socket.writer.drain()


async def more_connections_than_files_wait_and_do_not_end_the_server(world: World) -> None:
    """Without files to open a process cannot even look at itself: accepting must stop before."""
    users = world.users(8)
    conversation = await users[0].group(*users[1:])
    device = await users[0].device()
    stop = asyncio.Event()
    sending = [asyncio.ensure_future(keep_sending(user.again(), conversation, stop)) for user in users for _ in range(4)]
    await device.messages(200)
    crowd = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", world.server.port) for _ in range(2 * OPEN_FILES)))
    heard = await device.messages(2000)
    same([message["sequence_number"] for message in heard], list(range(201, 2201)), "what is heard meanwhile")
    files = max(len(list(Path(f"/proc/{id}/fd").iterdir())) for id in world.server.process_ids)
    check(files < OPEN_FILES - 20, f"the server has {files} files open")
    for _, writer in crowd:
        writer.transport.abort()
    stop.set()
    sent = sum([await each for each in sending])
    late = await users[1].device()
    last = await users[0].again().post(conversation, "the last one")
    same(last["sequence_number"], sent + 1, "the number of messages")
    while await late.message() != last:
        pass


async def keep_sending(user: User, conversation: str, stop: asyncio.Event) -> int:
    number = 0
    while not stop.is_set():
        number += bool(await user.post(conversation, "x"))
    return number


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
        check(0 <= event["reconnect_after_ms"] <= 1000, event)
        same(await device.close_code(), 4000, "the close code")
    same(await stopping, 0, "the exit code")
    check(loop.time() - began < STOP_LIMIT_SECONDS, f"stopping took {loop.time() - began:.1f} s")


CASES = [
    who_does_not_authenticate_in_time_is_closed_with_4003,
    a_slow_reader_is_told_how_far_things_are_and_gets_everything_later,
    a_reader_for_whom_even_hints_are_too_much_is_closed_with_4001,
    who_missed_more_markers_than_fit_is_told_all_of_them,
    too_many_commands_are_refused_and_then_end_the_socket_with_4006,
    a_user_has_so_many_sockets_and_no_more,
    a_client_that_never_reads_its_replies_is_not_read_from,
    clients_that_vanish_in_the_middle_leave_nothing_behind,
    connections_that_do_nothing_do_not_keep_others_out,
    a_flood_of_pings_and_empty_fragments_does_not_hold_up_others,
    the_number_of_sockets_is_a_metric,
    when_the_server_stops_sockets_are_told_and_closed_with_4000,
]
CROWDED_CASES = [more_connections_than_files_wait_and_do_not_end_the_server]
