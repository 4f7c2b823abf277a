"""Who gets which event, and in what order."""

from __future__ import annotations

import asyncio
from typing import List

from observation import read_notifications, wait_until_drained
from world import Device, User, World, check, messages_of, same, until


async def a_message_reaches_every_device_of_every_participant(world: World) -> None:
    users = world.users(3)
    conversation = await users[0].group(*users[1:])
    devices = [device for user in users for device in await user.devices(2)]
    sent = []
    for number in range(1, 31):
        sender = devices[number % len(devices)]
        message = await sender.send(conversation, f"message {number}", client_message_id=f"key {number}")
        same(message["sequence_number"], number, "the sequence number")
        sent.append(message)
    check(all(message["media"] == [] and message["client_message_id"] for message in sent), "a reply lacks fields")
    for device in devices:
        same(await device.messages(len(sent)), sent, "what a device got")


async def a_message_created_over_rest_is_told_on_sockets(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    devices = await ada.devices(2) + await ben.devices(2)
    media = (await ada.rest("POST", "/v1/media", {
        "kind": "image", "name": "cat.jpg", "size": 3, "content_type": "image/jpeg", "url": "https://media.example/cat.jpg"})).body
    sent = [await ada.post(conversation, "look"), await ada.post(conversation, "", message_type="image", media_ids=[media["id"]])]
    same(sent[1]["media"], [media], "the media in the answer")
    for device in devices:
        same(await device.messages(2), sent, "what a device got")


async def a_repeated_client_message_id_is_told_once(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    device, other = await ada.devices(2)
    bens = await ben.device()
    fields = {"conversation_id": conversation, "message_type": "text", "content": "once", "client_message_id": "k"}
    first, again = await device.command("send", **fields), await other.command("send", **fields)
    same((first["repeated"], again["repeated"]), (False, True), "repeated")
    same(again["message"], first["message"], "the message of the repeat")
    same(await ada.post(conversation, "once", client_message_id="k"), first["message"], "the answer over REST")
    reply = await device.command("send", **{**fields, "content": "other"})
    same(reply["code"], "client_message_id_reused", "the error for another content")
    last = await device.send(conversation, "last")
    for each in (device, other, bens):
        same(await each.messages(2), [first["message"], last], "what a device got")


async def a_new_conversation_is_told_at_once(world: World) -> None:
    ada, ben, eve = world.users(3)
    alone = await ada.device()
    bens, eves = await ben.devices(2), await eve.device()
    direct = await ada.direct(ben)
    group = await ada.group(ben)
    message = await ada.post(group, "welcome")
    for device in [alone, *bens]:
        same([await device.change(), await device.change()], [(direct, "added"), (group, "added")], "the changes")
        same(await device.message(), message, "the first message")
    await ada.rest("PATCH", f"/v1/conversations/{group}", {"title": "New title"})
    for device in [alone, *bens]:
        same(await device.change(), (group, "updated"), "the change")
    await hears_only(eves, eve, ada, [])


async def an_added_participant_hears_what_follows(world: World) -> None:
    ada, ben = world.users(2)
    group = await ada.group()
    devices = await ben.devices(2)
    await ada.post(group, "before")
    await ada.rest("PUT", f"/v1/conversations/{group}/participants/{ben.id}", {"role": "member"})
    after = await ada.post(group, "after")
    for device in devices:
        same(await device.change(), (group, "added"), "the change")
        same(await device.message(), after, "the first message")


async def a_removed_participant_hears_nothing_any_more(world: World) -> None:
    """P7, while messages flow: nothing whose sending began after the removal was answered."""
    ada, ben, eve = world.users(3)
    group = await ada.group(ben, eve)
    bens, eves, adas = await ben.devices(2), await eve.device(), await ada.device()
    removed, enough = asyncio.Event(), asyncio.Event()
    sent: List[str] = []

    async def flow() -> None:
        while not enough.is_set():
            sent.append("after" if removed.is_set() else "before")
            await adas.send(group, sent[-1])
            if sent.count("after") == 50:
                enough.set()

    flowing = asyncio.ensure_future(flow())
    await until(lambda: a_fact(len(sent) > 20), "messages flow")
    await ada.rest("DELETE", f"/v1/conversations/{group}/participants/{ben.id}")
    removed.set()
    await flowing
    events = await eves.events(len(sent) + 1)
    same([message["content"] for message in messages_of(events, group)], sent, "what someone who stayed got")
    left = {
        "type": "participant", "conversation_id": group, "user_id": ben.id, "change": "left", "role": None,
        "participant_count": 2, "version": 1}
    same([event for event in events if event["type"] != "message"], [left], "what else they were told")
    reply = await bens[0].command("send", conversation_id=group, message_type="text", content="hi")
    same(reply["code"], "not_a_participant", "the refusal of a removed sender")
    fence = await ben.direct(world.user())
    for device in bens:
        contents, change = [], None
        while change is None:
            event = await device.event()
            if event["type"] == "message":
                contents.append(event["message"]["content"])
            else:
                change = event
        same((change["conversation_id"], change["change"]), (group, "removed"), "the change")
        check("after" not in contents, "a removed participant got a message")
        same(await device.change(), (fence, "added"), "what followed the removal")


async def who_is_added_and_removed_again_and_again_knows_in_the_end_where_they_are(world: World) -> None:
    ada, ben = world.users(2)
    groups = [await ada.group() for _ in range(8)]
    devices = await ben.devices(2)

    async def come_and_go(admin: User, group: str, times: int) -> None:
        for number in range(times):
            path = f"/v1/conversations/{group}/participants/{ben.id}"
            await admin.rest("PUT", path, {"role": "member"})
            await admin.post(group, f"{number}")
            if number < times - 1 or times % 2:
                await admin.rest("DELETE", path)

    await asyncio.gather(*(come_and_go(ada.again(), group, 20 + place % 2) for place, group in enumerate(groups)))
    fences = {group: await ada.post(group, "the end") for group in groups[::2]}  # where ben is in the end
    for device in devices:
        knows, heard = set(), {}
        while heard != fences:
            event = await device.event()
            if event["type"] == "conversation":
                changed = event["conversation_id"]
                check(event["change"] == "removed" or event["conversation"]["id"] == changed, event)
                knows = knows - {changed} if event["change"] == "removed" else knows | {changed}
            elif event["type"] == "message":
                check(event["message"]["conversation_id"] in knows, "a message of a conversation that is not known came", event)
                heard.update({event["message"]["conversation_id"]: event["message"]} if event["message"] in fences.values() else {})
        last = await ada.group(ben)
        while True:
            event = await device.event()
            if event.get("conversation_id") == last:
                break
            knows -= {event["conversation_id"]} if event.get("change") == "removed" else set()
        same(knows, set(fences), "the conversations that are known")


async def an_outsider_hears_nothing(world: World) -> None:
    ada, ben, eve = world.users(3)
    conversation = await ada.direct(ben)
    device = await eve.device()
    for number in range(20):
        await ada.post(conversation, f"secret {number}")
    await ada.group(ben)
    await hears_only(device, eve, ada, [])


async def presence_follows_the_sockets(world: World) -> None:
    ada, ben, eve = world.users(3)
    await ada.direct(ben)
    same(await ben.is_online(ada), False, "online before")
    first, second = await ben.devices(2)
    same(await ben.is_online(ada), True, "online with two sockets")
    await first.close()
    await second.command("ping")
    same(await ben.is_online(ada), True, "online with one socket")
    await second.close()
    await until(lambda: offline(ben, ada), "offline without sockets")
    check((await ada.rest("GET", f"/v1/users/{ben.id}/presence")).body["last_seen_at"], "no last_seen_at")
    await eve.rest("GET", f"/v1/users/{ben.id}/presence", wanted=(403,))


async def only_who_is_offline_is_notified(world: World) -> None:
    ada, ben, eve = world.users(3)
    group = await ada.group(ben, eve)
    for user in (ben, eve):
        await user.rest("POST", "/v1/devices", {"kind": "fcm", "token": f"token of {user.id}"})
    device = await ben.device()
    message = await ada.post(group, "anyone there?")
    same(await device.message(), message, "the event of who is online")
    same(await wait_until_drained(world.server), [], "the push queue")
    lines = [line for line in read_notifications(world.server.push_log) if line["message_id"] == message["id"]]
    same([line["recipient_id"] for line in lines], [eve.id], "who was notified")


async def a_thousand_messages_of_eight_senders_reach_twenty_sockets_in_order(world: World) -> None:
    users = world.users(10)
    conversation = await users[0].group(*users[1:])
    devices = [device for user in users for device in await user.devices(2)]
    replies: List[dict] = []

    async def send(sender: Device, name: int) -> None:
        pending = [
            sender.submit("send", conversation_id=conversation, message_type="text", content=f"{name} {number}", client_message_id=f"{name} {number}")
            for number in range(125)
        ]
        replies.extend([await each for each in pending])

    await asyncio.gather(*(send(devices[2 * name], name) for name in range(8)))
    sent = sorted((reply["message"] for reply in replies), key=lambda message: message["sequence_number"])
    same([message["sequence_number"] for message in sent], list(range(1, 1001)), "the numbers")
    for name in range(8):
        own = [message["content"] for message in sent if message["content"].startswith(f"{name} ")]
        same(own, [f"{name} {number}" for number in range(125)], "the order of one sender's messages")
    for device in devices:
        same(await device.messages(1000), sent, "what a device got")


async def hears_only(device: Device, user: User, other: User, wanted: List[dict]) -> None:
    """What comes before a conversation made now is all there was."""
    fence = await user.direct(other)
    heard = []
    while True:
        event = await device.event()
        if event.get("conversation_id") == fence:
            return same(heard, wanted, "what was heard")
        heard.append(event)


async def offline(user: User, asker: User) -> bool:
    return not await user.is_online(asker)


async def a_fact(fact: bool) -> bool:
    return fact


CASES = [
    a_message_reaches_every_device_of_every_participant,
    a_message_created_over_rest_is_told_on_sockets,
    a_repeated_client_message_id_is_told_once,
    a_new_conversation_is_told_at_once,
    an_added_participant_hears_what_follows,
    a_removed_participant_hears_nothing_any_more,
    who_is_added_and_removed_again_and_again_knows_in_the_end_where_they_are,
    an_outsider_hears_nothing,
    presence_follows_the_sockets,
    only_who_is_offline_is_notified,
    a_thousand_messages_of_eight_senders_reach_twenty_sockets_in_order,
]
