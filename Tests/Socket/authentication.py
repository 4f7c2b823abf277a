"""Who is let in, how, and for how long."""

from __future__ import annotations

import re

from world import World, check, same


async def hello_comes_first_and_says_what_the_server_is_like(world: World) -> None:
    device = await world.device()
    hello = await device.hello()
    same(set(hello), {"type", "session", "heartbeat_interval_ms", "limits", "server_time"}, "hello")
    same(hello["heartbeat_interval_ms"], 25_000, "the heartbeat interval")
    same(hello["limits"], {"frame_bytes": 65_536, "outbound_bytes": 1_048_576}, "the limits")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", hello["server_time"]), hello)
    same(device.socket.subprotocol, "parley.v1", "the subprotocol")
    other = await (await world.device()).hello()
    check(other["session"] != hello["session"], "two sockets have the same session")


async def a_token_in_the_handshake_lets_in_at_once(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    device = await world.device(token=user.token())
    same((await device.hello())["user_id"], user.id, "user_id in hello")
    message = await device.send(conversation, "hi")
    same(await device.message(), message, "the event")


async def a_token_in_the_handshake_and_a_command_authenticate_once(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    device = await world.device(token=user.token())
    reply = await device.command("authenticate", token=user.token())
    same((reply["type"], reply["code"]), ("error", "invalid_field"), "the reply")
    await device.hello()
    sent = [await device.send(conversation, text) for text in ("one", "two")]
    same(await device.messages(2), sent, "what came, each message once,")


async def commands_need_not_wait_for_the_reply_to_authenticate(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    device = await world.device()
    await device.hello()
    let_in = device.submit("authenticate", token=user.token())
    sent = device.submit("send", conversation_id=conversation, message_type="text", content="hi")
    same((await let_in)["type"], "ok", "the reply to authenticate")
    same((await sent)["type"], "ok", "the reply to send")


async def nothing_is_sent_before_authenticate(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    device = await world.device()
    await device.hello()
    reply = await device.command("send", conversation_id=conversation, message_type="text", content="hi")
    same((reply["code"], reply["retryable"]), ("missing_token", False), "the error")
    same((await device.command("authenticate", token=user.token()))["type"], "ok", "authenticate after that")


async def a_bad_token_is_refused_with_4500(world: World) -> None:
    user = world.user()
    for token in ["", "x", user.token()[:-2], user.token() + "x"]:
        device = await world.device()
        await device.hello()
        reply = await device.command("authenticate", token=token)
        same(reply["code"], "invalid_token", "the error")
        same(await device.close_code(), 4500, "the close code")
    same(await (await world.device(token="x.y.z")).close_code(), 4500, "the close code for a bad token in the handshake")


async def an_expired_token_is_refused_with_4004(world: World) -> None:
    user = world.user()
    device = await world.device()
    await device.hello()
    same((await device.command("authenticate", token=user.token(-60)))["code"], "token_expired", "the error")
    same(await device.close_code(), 4004, "the close code")
    same(await (await world.device(token=user.token(-60))).close_code(), 4004, "the close code for a token in the handshake")


async def a_socket_ends_with_its_token(world: World) -> None:
    user = world.user()
    device = await world.device(token=user.token(2))
    same((await device.hello())["user_id"], user.id, "user_id in hello")
    same(await device.close_code(), 4004, "the close code")


async def a_plain_request_is_told_to_upgrade(world: World) -> None:
    answer = await world.user().rest("GET", "/v1/socket", wanted=(426,))
    same(answer.body["code"], "upgrade_required", "the code")


CASES = [
    hello_comes_first_and_says_what_the_server_is_like,
    a_token_in_the_handshake_lets_in_at_once,
    a_token_in_the_handshake_and_a_command_authenticate_once,
    commands_need_not_wait_for_the_reply_to_authenticate,
    nothing_is_sent_before_authenticate,
    a_bad_token_is_refused_with_4500,
    an_expired_token_is_refused_with_4004,
    a_socket_ends_with_its_token,
    a_plain_request_is_told_to_upgrade,
]
