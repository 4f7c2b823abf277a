"""Who is let in, how, and for how long."""

from __future__ import annotations

import asyncio
import re

from world import User, World, check, same, until


async def hello_comes_first_and_says_what_the_server_is_like(world: World) -> None:
    device = await world.device()
    hello = await device.hello()
    same(set(hello), {"type", "session", "heartbeat_interval_ms", "limits", "server_time"}, "hello")
    same(hello["heartbeat_interval_ms"], 25_000, "the heartbeat interval")
    same(hello["limits"], {
        "frame_bytes": 65_536, "outbound_bytes": 262_144, "commands_per_second": 50, "positions": 1000, "subscriptions": 10_000,
        "presence_users": 500, "sockets_per_user": 50, "receipts_participants": 100, "typing_interval_ms": 3000}, "the limits")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", hello["server_time"]), hello)
    same(device.socket.subprotocol, "parley.v1", "the subprotocol")
    other = await (await world.device()).hello()
    check(other["session"] != hello["session"], "two sockets have the same session")


async def a_token_in_the_handshake_lets_in_at_once(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    device = await world.device(token=user.token())
    same((await device.hello())["user_id"], user.id, "user_id in hello")
    same((await device.command("subscribe"))["conversations"], 1, "the number of conversations")
    await device.caught_up()
    message = await device.send(conversation, "hi")
    same(await device.message(), message, "the event")


async def a_second_token_of_the_same_user_renews(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    device = await world.device(token=user.token(2))
    await device.hello()
    for _ in range(2):
        same(await device.command("authenticate", token=user.token()), {"type": "ok", "user_id": user.id}, "the reply")
    await device.command("subscribe")
    await device.caught_up()
    ends = await world.device(token=user.token(2))
    same(await ends.close_code(), 4004, "the close code of a socket that was not renewed")
    sent = [await device.send(conversation, text) for text in ("one", "two")]
    same(await device.messages(2), sent, "what came, each message once,")


async def a_renewal_that_ends_sooner_counts_too(world: World) -> None:
    user = world.user()
    device = await user.known_device()
    same((await device.command("authenticate", token=user.token(2)))["type"], "ok", "the reply")
    same(await device.close_code(), 4004, "the close code")


async def a_second_token_of_somebody_else_is_refused_and_the_first_stays(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    device = await user.device()
    same(await device.refusal("authenticate", token=other.token()), "invalid_field", "the code for another user's token")
    same(await device.refusal("authenticate", token="x.y.z"), "invalid_token", "the code for a bad token")
    same(await device.refusal("authenticate", token=user.token(-60)), "token_expired", "the code for an old token")
    same((await device.send(conversation, "hi"))["sender_id"], user.id, "the sender afterwards")


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
    for command in ({"type": "subscribe"}, {"type": "read", "conversation_id": conversation, "sequence_number": 1},
                    {"type": "presence", "user_ids": [other.id]}, {"type": "typing", "conversation_id": conversation}):
        same(await device.refusal(**command), "missing_token", f"the code for {command}")
    same((await device.command("authenticate", token=user.token()))["type"], "ok", "authenticate after that")


async def nothing_is_told_before_subscribe(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    device = await user.known_device()
    message = await device.send(conversation, "hi")
    same(message["sequence_number"], 1, "the first number")
    await other.post(conversation, "hello")
    await other.rest("PUT", f"/v1/conversations/{conversation}/read", {"sequence_number": 1})
    await user.direct(world.user())
    reply = await device.command("subscribe")
    same((set(reply), reply["type"], reply["conversations"]), ({"type", "conversations", "cursor"}, "ok", 2), "the reply")
    same(await device.caught_up(), reply["cursor"], "the cursor of caught_up")
    same(await device.refusal("subscribe"), "already_subscribed", "the code for a second subscribe")
    same(await device.refusal("subscribe", more=True), "already_subscribed", "the code for a part of one")
    last = await other.post(conversation, "live")
    same(await device.message(), last, "the first event")


async def revoked_tokens_end_sockets_with_4501_and_are_refused(world: World) -> None:
    user, other = world.users(2)
    conversation = await user.direct(other)
    old, path = user.token(), f"/v1/users/{user.id}/revoke-tokens"
    devices = await user.devices(2) + [await user.known_device()]
    others = await other.device()
    await other.rest("POST", path, wanted=(403,))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await world.as_service("POST", path)
    for device in devices:
        same(await device.close_code(), 4501, "the close code of an open socket")
    took = loop.time() - began  # within a second, on a machine that has the time for it
    check(took < 5, f"it took {took:.2f} s until the sockets ended")
    device = await world.device()
    await device.hello()
    same(await device.refusal("authenticate", token=old), "token_revoked", "the code for an old token")
    same(await device.close_code(), 4501, "the close code for an old token")
    same(await (await world.device(token=old)).close_code(), 4501, "the close code for an old token in the handshake")
    await until(lambda: is_welcome(world, user), "a token of a later second is accepted")
    message = await (await user.device()).send(conversation, "back again")
    same(await others.message(), message, "what others hear, who stayed")


async def is_welcome(world: World, user: User) -> bool:
    """Tokens say in whole seconds when they were issued: one of the same second as the revocation counts as older."""
    device = await world.device()
    await device.hello()
    return (await device.command("authenticate", token=user.token()))["type"] == "ok"


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
    a_second_token_of_the_same_user_renews,
    a_renewal_that_ends_sooner_counts_too,
    a_second_token_of_somebody_else_is_refused_and_the_first_stays,
    commands_need_not_wait_for_the_reply_to_authenticate,
    nothing_is_sent_before_authenticate,
    nothing_is_told_before_subscribe,
    revoked_tokens_end_sockets_with_4501_and_are_refused,
    a_bad_token_is_refused_with_4500,
    an_expired_token_is_refused_with_4004,
    a_socket_ends_with_its_token,
    a_plain_request_is_told_to_upgrade,
]
