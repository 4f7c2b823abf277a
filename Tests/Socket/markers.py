"""Read and delivered markers, mutes, typing: what a user's own devices hear, and what the others hear."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Tuple

from world import Device, User, World, check, same

LARGE_GROUP = 3  # participants above which the server of these cases tells counts (limits.receipts_participants)


async def what_one_device_does_the_others_of_its_user_hear(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    phone, laptop = await ada.devices(2)
    sent = await phone.send(conversation, "from the phone")
    same(await laptop.message(), sent, "the own message on the other device")
    same(await phone.message(), sent, "the own message where it was sent")
    hello = await ben.post(conversation, "hello")
    same([await device.message() for device in (phone, laptop)], [hello, hello], "ben's message")
    reply = await phone.command("read", conversation_id=conversation, sequence_number=2)
    same(reply, {"type": "ok", "last_read_sequence": 2, "unread_count": 0, "last_sequence": 2}, "the reply to read")
    read = {"conversation_id": conversation, "user_id": ada.id, "sequence_number": 2, "unread_count": 0, "last_sequence": 2}
    same([await device.event_of("read") for device in (phone, laptop)], [read, read], "the own marker")
    path = f"/v1/conversations/{conversation}/mute"
    await ada.rest("PUT", path, {"until": None})
    muted = {"conversation_id": conversation, "muted": True, "muted_until": None}
    same([await device.event_of("mute") for device in (phone, laptop)], [muted, muted], "the mute")
    await ada.rest("PUT", path, {"until": "2099-01-01T00:00:00Z"})
    muted = {**muted, "muted_until": "2099-01-01T00:00:00.000Z"}
    same([await device.event_of("mute") for device in (phone, laptop)], [muted, muted], "the mute until a time")
    await ada.rest("DELETE", path)
    muted = {"conversation_id": conversation, "muted": False, "muted_until": None}
    same([await device.event_of("mute") for device in (phone, laptop)], [muted, muted], "the end of the mute")
    await ada.rest("PUT", f"/v1/conversations/{conversation}/notifications", {"level": "mentions"})
    level = {"conversation_id": conversation, "notification_level": "mentions"}
    same([await device.event_of("notification_level") for device in (phone, laptop)], [level, level], "the level of notifications")


async def a_mute_is_nobody_elses_business(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    device = await ben.device()
    await ada.rest("PUT", f"/v1/conversations/{conversation}/mute", {"until": None})
    await ada.rest("PUT", f"/v1/conversations/{conversation}/notifications", {"level": "none"})
    message = await ada.post(conversation, "afterwards")
    same(await device.message(), message, "the first thing that ben hears")


async def markers_only_advance_and_are_told_when_they_do(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    for number in range(10):
        await ada.post(conversation, f"{number}")
    adas, bens, bens_other = await ada.device(), await ben.device(), await ben.device()

    async def delivered(number: int) -> int:
        return (await bens.command("delivered", conversation_id=conversation, sequence_number=number))["last_delivered_sequence"]

    async def read(number: int) -> tuple:
        reply = await bens.command("read", conversation_id=conversation, sequence_number=number)
        return reply["last_read_sequence"], reply["unread_count"], reply["last_sequence"]

    same([await delivered(number) for number in (3, 2, 3, 0, 5)], [3, 3, 3, 3, 5], "the delivered marker")
    same([await read(number) for number in (2, 1, 4, 4)], [(2, 8, 10), (2, 8, 10), (4, 6, 10), (4, 6, 10)], "the read marker")
    same([await delivered(4), (await read(7))[0], await delivered(6), await delivered(8)], [5, 7, 7, 8], "both: who has read has received")
    same(await read(1000), (10, 0, 10), "reading more than there is")
    same(await delivered(1000), 10, "receiving more than there is")
    fence = await ada.post(conversation, "the last one")

    def event(type: str, number: int, unread: int = 0) -> Dict:
        return {"type": type, "conversation_id": conversation, "user_id": ben.id, "sequence_number": number}

    to_ada = [event("delivered", 3), event("delivered", 5), event("read", 2), event("read", 4), event("read", 7), event("delivered", 8), event("read", 10)]
    same(await adas.events(len(to_ada) + 1), to_ada + [{"type": "message", "message": fence}], "what ada is told")
    counts = {2: 8, 4: 6, 7: 3, 10: 0}
    to_ben = [
        {**each, "unread_count": counts[each["sequence_number"]], "last_sequence": 10} if each["type"] == "read" else each for each in to_ada
    ]
    for device in (bens, bens_other):
        same(await device.events(len(to_ben) + 1), to_ben + [{"type": "message", "message": fence}], "what ben is told")
    view = (await ada.rest("GET", f"/v1/conversations/{conversation}/participants")).body["participants"]
    found = {each["user_id"]: (each["last_read_sequence"], each["last_delivered_sequence"]) for each in view}
    same(found[ben.id], (10, 10), "the markers over REST")


async def markers_set_over_rest_are_told_the_same_way(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    for number in range(3):
        await ada.post(conversation, f"{number}")
    adas, bens = await ada.device(), await ben.device()
    path = f"/v1/conversations/{conversation}"
    same((await ben.rest("PUT", f"{path}/delivered", {"sequence_number": 2})).body, {"last_delivered_sequence": 2}, "the answer")
    answer = (await ben.rest("PUT", f"{path}/read", {"sequence_number": 1})).body
    same({name: answer[name] for name in ("last_read_sequence", "unread_count", "last_sequence")},
         {"last_read_sequence": 1, "unread_count": 2, "last_sequence": 3}, "the answer")
    await ben.rest("POST", f"{path}/typing", {"is_typing": True})
    told = await adas.events(3)
    same([(event["type"], event["user_id"]) for event in told], [(type, ben.id) for type in ("delivered", "read", "typing")], "what ada is told")
    same((await bens.event_of("delivered"))["sequence_number"], 2, "the own delivered marker")
    own = await bens.event_of("read")
    same((own["sequence_number"], own["unread_count"], own["last_sequence"]), (1, 2, 3), "what ben is told")
    receipts = (await ada.rest("GET", f"{path}/receipts?sequence_number=1")).body
    same(receipts, {"sequence_number": 1, "read_count": 1, "delivered_count": 1}, "the receipts")


async def typing_is_told_to_others_at_most_every_three_seconds(world: World) -> None:
    ada, ben, eve = world.users(3)
    conversation, other = await ada.group(ben, eve), await ada.group(ben)
    adas, bens, bens_other, eves = await ada.device(), await ben.device(), await ben.device(), await eve.device()

    def typing(is_typing: bool, place: str = conversation) -> Dict:
        return {"type": "typing", "conversation_id": place, "user_id": ben.id, "is_typing": is_typing}

    async def say(device: Device, place: str = conversation, **fields: bool) -> None:
        same(await device.command("typing", conversation_id=place, **fields), {"type": "ok"}, "the reply to typing")

    await say(bens, is_typing=False)  # nobody was told that it began
    for _ in range(10):
        await say(bens)
    await say(bens_other)
    await say(bens, place=other)
    await say(bens, is_typing=False)
    await say(bens, is_typing=False)
    began = asyncio.get_running_loop().time()
    await say(bens, is_typing=True)
    message = await bens.send(conversation, "done")
    same(await eves.events(4), [typing(True), typing(False), typing(True), {"type": "message", "message": message}], "what eve is told")
    same(await adas.events(5), [typing(True), typing(True, other), typing(False), typing(True), {"type": "message", "message": message}], "what ada is told")
    for device in (bens, bens_other):
        same(await device.message(), message, "what the own devices are told")
    while not eves.waiting():
        await say(bens)
        check(asyncio.get_running_loop().time() - began < 20, "typing is not told again")
        await asyncio.sleep(0.1)
    check(asyncio.get_running_loop().time() - began > 2, "typing was told again too soon")


async def in_a_large_group_markers_are_counts_and_typing_is_not_told(world: World) -> None:
    users = world.users(LARGE_GROUP + 2)
    ada, ben, eve = users[:3]
    group = await ada.group(*users[1:])
    small = await ada.group(ben, eve)
    for conversation in (group, small):
        for number in range(4):
            await ada.post(conversation, f"{number}")
    adas, bens, bens_other = await ada.device(), await ben.device(), await ben.device()
    for conversation in (group, small):
        await bens.command("typing", conversation_id=conversation)
        await bens.command("delivered", conversation_id=conversation, sequence_number=4)
        await bens.command("read", conversation_id=conversation, sequence_number=3)
    for user in users[2:]:
        await user.rest("PUT", f"/v1/conversations/{group}/read", {"sequence_number": 4})
    for device in (bens, bens_other):
        told = [(event["type"], event["conversation_id"]) for event in (await until_told(device, 3))[0]]
        same(told, [("read", group), ("delivered", small), ("read", small)], "the own markers")
    told, counted = await until_told(adas, 3)
    same([event["type"] for event in told], ["typing", "delivered", "read"], "what is told of the small group")
    counts = counted[-1] if counted else await adas.event_of("receipts")
    same((counts["conversation_id"], counts["sequence_number"]), (group, 4), "what is counted")
    shown = (await ada.rest("GET", f"/v1/conversations/{group}/receipts?sequence_number=4")).body
    while counts["read_count"] < shown["read_count"]:  # counted now and then, the last one right
        counts = await adas.event_of("receipts")
    same({name: counts[name] for name in shown}, shown, "the last count")
    check(shown["read_count"] >= 3 and shown["delivered_count"] > shown["read_count"], "the counts", shown)


async def until_told(device: Device, count: int) -> Tuple[List[Dict[str, Any]], List[Dict[str, Any]]]:
    """The next events, so many, and apart from them the counts that come in between, when they like."""
    told: List[Dict[str, Any]] = []
    counted: List[Dict[str, Any]] = []
    while len(told) < count:
        for event in await device.events(1):
            (counted if event["type"] == "receipts" else told).append(event)
    return told, counted


async def a_group_that_grows_or_shrinks_changes_how_it_is_told(world: World) -> None:
    ada, ben, eve, fay = world.users(4)
    group = await ada.group(ben, eve)
    message = await ada.post(group, "hi")
    adas, bens = await ada.device(), await ben.device()
    await bens.command("delivered", conversation_id=group, sequence_number=1)
    await ada.rest("PUT", f"/v1/conversations/{group}/participants/{fay.id}", {"role": "member"})
    await bens.command("typing", conversation_id=group)
    await bens.command("read", conversation_id=group, sequence_number=1)
    await ada.rest("DELETE", f"/v1/conversations/{group}/participants/{fay.id}")
    await bens.command("typing", conversation_id=group)
    told: List[str] = []
    while "typing" not in told:
        told.append((await adas.event())["type"])
    same([type for type in told if type != "receipts"], ["delivered", "participant", "participant", "typing"], "what ada is told")
    same(message["sequence_number"], 1, "the number")


USUAL_CASES = [
    what_one_device_does_the_others_of_its_user_hear,
    a_mute_is_nobody_elses_business,
    markers_only_advance_and_are_told_when_they_do,
    markers_set_over_rest_are_told_the_same_way,
    typing_is_told_to_others_at_most_every_three_seconds,
]
LARGE_GROUP_CASES = [
    in_a_large_group_markers_are_counts_and_typing_is_not_told,
    a_group_that_grows_or_shrinks_changes_how_it_is_told,
]
