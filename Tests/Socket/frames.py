"""Frames and commands, good and bad."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.exceptions import ConnectionClosed

from world import World, check, same, soon

CONVERSATION = "00000000-0000-4000-8000-000000000000"


async def ping_is_answered_as_a_frame_and_as_a_command(world: World) -> None:
    device = await world.device()
    await device.hello()
    await soon(await device.socket.ping(b"x" * 125), "a pong")
    check("server_time" in await device.command("ping"), "no server_time")
    device = await world.user().device()
    check("server_time" in await device.command("ping"), "no server_time")


async def a_message_may_come_in_fragments_with_pings_in_between(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    device = await user.device()
    command = {"id": 99, "type": "send", "conversation_id": conversation, "message_type": "text", "content": "Grüße 😀"}
    bytes_ = json.dumps(command, ensure_ascii=False).encode()
    pongs = []

    async def fragments() -> Any:  # cut within characters too
        for place in range(len(bytes_)):
            yield bytes_[place:place + 1]
            if place % 50 == 0:
                pongs.append(await device.socket.ping())

    reply = device._replies[99] = asyncio.get_running_loop().create_future()
    await device.socket.send(fragments(), text=True)
    same((await soon(reply, "the reply"))["message"]["content"], "Grüße 😀", "the content")
    for pong in pongs:
        await soon(pong, "a pong")


async def errors_are_replies_and_the_socket_stays(world: World) -> None:
    user, other, stranger = world.users(3)
    conversation = await user.direct(other)
    device = await user.device()
    strangers = await stranger.device()
    good = {"conversation_id": conversation, "message_type": "text", "content": "hi"}

    async def refused(code: str, detail: str = "", by: Any = device, type: str = "send", **fields: Any) -> None:
        reply = await by.command(type, **{**good, **fields})
        same((reply["type"], reply["code"], reply["retryable"]), ("error", code, False), f"the reply {reply}")
        check(detail in reply["detail"], reply)

    await refused("missing_field", "conversation_id is required", conversation_id=None)
    await refused("missing_field", "message_type is required", message_type=None)
    await refused("invalid_field", "conversation_id must be a UUID", conversation_id="x")
    await refused("invalid_field", message_type="Not A Type")
    await refused("invalid_field", content="")
    await refused("invalid_field", content="x" * 10_001)
    await refused("invalid_field", client_message_id="k" * 65)
    await refused("unknown_media", media_ids=[CONVERSATION])
    await refused("sender_mismatch", sender_id=other.id)
    await refused("conversation_not_found", conversation_id=CONVERSATION)
    await refused("not_a_participant", "user does not have access to this conversation", by=strangers)
    await refused("unknown_command", type="unsubscribe")
    await refused("missing_field", type="read", sequence_number=None)
    await refused("invalid_field", type="read", sequence_number=-1)
    await refused("invalid_field", type="delivered", sequence_number="1")
    await refused("not_a_participant", by=strangers, type="read", sequence_number=1)
    await refused("not_a_participant", by=strangers, type="delivered", sequence_number=1)
    await refused("not_a_participant", by=strangers, type="typing")
    await refused("invalid_field", type="typing", is_typing="yes")
    await refused("missing_field", type="presence")
    await refused("invalid_field", type="presence", user_ids=["x"])
    await refused("invalid_field", type="presence", user_ids=[other.id] * 501)
    await refused("missing_field", type="authenticate")
    same((await device.send(conversation, "still here"))["sequence_number"], 1, "the first number")


async def what_is_no_command_ends_the_socket_with_4502(world: World) -> None:
    for text in ["hello", "[]", "{}", '{"type":"ping"}', '{"id":1,"id":2,"type":"ping"}', '{"id":1,"type":"ping"', ""]:
        same(await closed_by(world, text), 4502, f"the close code for {text!r}")


async def a_binary_frame_ends_the_socket_with_1003(world: World) -> None:
    same(await closed_by(world, b'{"id":1,"type":"ping"}'), 1003, "the close code")


async def invalid_utf8_ends_the_socket_with_1007(world: World) -> None:
    for text in [b"\xff", b'{"id":1,"type":"\xc3("}', b'{"id":1,"type":"ping\xf0\x9f']:
        same(await closed_by(world, text, text=True), 1007, f"the close code for {text!r}")


async def a_message_that_is_too_big_ends_the_socket_with_1009(world: World) -> None:
    padded = '{"id":1,"type":"ping","padding":"%s"}'
    fits = padded % ("x" * (65_536 - len(padded) + 2))
    device = await world.device()
    await device.hello()
    reply = device._replies[1] = asyncio.get_running_loop().create_future()
    await device.socket.send(fits)
    same((await soon(reply, "the reply"))["type"], "ok", "a message of 65,536 bytes")
    # Much more than fits, so that the server closes while the client still writes.
    for big in [fits + " ", fits * 100, ["x" * 40_000, "y" * 40_000]]:
        same(await closed_by(world, big), 1009, "the close code")


async def a_frame_that_is_not_masked_ends_the_socket_with_1002(world: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.server.port)
    head = ["GET /v1/socket HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    writer.write("\r\n".join(head + ["", ""]).encode())
    check((await soon(reader.readuntil(b"\r\n\r\n"), "the handshake")).startswith(b"HTTP/1.1 101 "), "no handshake")
    writer.write(b"\x81\x04ping")
    said = await soon(reader.read(), "the end")
    check(b"\x03\xea" in said, "no close frame with 1002 in", said)
    writer.close()


async def closed_by(world: World, data: Any, **how: Any) -> int:
    device = await world.device()
    await device.hello()
    try:
        await device.socket.send(data, **how)
    except ConnectionClosed:
        pass  # closed while it was still writing
    return await device.close_code()


CASES = [
    ping_is_answered_as_a_frame_and_as_a_command,
    a_message_may_come_in_fragments_with_pings_in_between,
    errors_are_replies_and_the_socket_stays,
    what_is_no_command_ends_the_socket_with_4502,
    a_binary_frame_ends_the_socket_with_1003,
    invalid_utf8_ends_the_socket_with_1007,
    a_message_that_is_too_big_ends_the_socket_with_1009,
    a_frame_that_is_not_masked_ends_the_socket_with_1002,
]
