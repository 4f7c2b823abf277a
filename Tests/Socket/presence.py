"""Watching who is online."""

from __future__ import annotations

import asyncio
from typing import Dict

from world import Device, World, check, same, soon


async def states(device: Device, *users: object) -> Dict[str, bool]:
    reply = await device.command("presence", user_ids=[getattr(user, "id", user) for user in users])
    same(reply["type"], "ok", f"the reply {reply}")
    return {each["user_id"]: each["online"] for each in reply["presence"]}


async def watched_users_are_told_of_when_they_come_and_stay_away(world: World) -> None:
    ada, ben, eve, stranger = world.users(4)
    await ada.direct(ben)
    await ada.direct(eve)
    device, eves = await ada.device(), await eve.device()
    same(await states(device, ben, eve, stranger, ada), {ben.id: False, eve.id: True, ada.id: True}, "the states")
    await stranger.device()
    bens = await ben.device()
    event = await device.event_of("presence")
    same((event["user_id"], event["online"]), (ben.id, True), "the first event")
    loop = asyncio.get_running_loop()
    second = await ben.device()  # no news
    await bens.close()
    await second.close()
    back = await ben.device()  # within a moment: nobody is told that he was away
    began = loop.time()
    await eves.close()
    event = await device.event_of("presence")
    same((event["user_id"], event["online"]), (eve.id, False), "the second event")
    check(event["last_seen_at"], "no last_seen_at in", event)
    check(loop.time() - began > 1, f"it was told after {loop.time() - began:.1f} s: who is away for a moment only is not told of")
    await back.close()
    event = await device.event_of("presence")
    same((event["user_id"], event["online"]), (ben.id, False), "the third event")


async def the_set_of_watched_users_is_replaced(world: World) -> None:
    ada, ben, eve = world.users(3)
    await ada.group(ben, eve)
    device = await ada.device()
    same(await states(device, ben), {ben.id: False}, "the states")
    same(await states(device, eve), {eve.id: False}, "the states")
    await ben.device()
    eves = await eve.device()
    event = await device.event_of("presence")
    same((event["user_id"], event["online"]), (eve.id, True), "the only event")
    same(await states(device), {}, "the states of nobody")
    await eves.close()
    again = await ada.direct(ben)
    same(await device.change(), (again, "added"), "what is told")


async def watching_needs_no_subscription_but_hears_only_with_one(world: World) -> None:
    ada, ben = world.users(2)
    await ada.direct(ben)
    device = await ada.known_device()
    same(await states(device, ben), {ben.id: False}, "the states")
    same((await device.command("subscribe"))["type"], "ok", "the reply")
    await device.caught_up()
    await ben.device()
    same((await device.event_of("presence"))["user_id"], ben.id, "the event")


async def who_shares_no_conversation_any_more_is_not_watched_any_more(world: World) -> None:
    ada, ben, eve = world.users(3)
    group, other = await ada.group(ben, eve), await ada.group(eve)
    device, bens = await ada.device(), await ben.device()
    same(await states(device, ben, eve), {ben.id: True, eve.id: False}, "the states")
    same(await states(bens, ada, eve), {ada.id: True, eve.id: False}, "the states that ben sees")
    await ada.rest("DELETE", f"/v1/conversations/{group}/participants/{ben.id}")
    same((await device.event_of("participant"))["change"], "left", "the event")
    same(await bens.change(), (group, "removed"), "ben's event")
    same(await states(bens, ada, eve), {}, "the states that ben may see")
    await device.command("read", conversation_id=other, sequence_number=0)
    second = await ben.device()
    await bens.close()
    await second.close()
    eves = await eve.device()
    event = await device.event_of("presence")
    same((event["user_id"], event["online"]), (eve.id, True), "the only event")
    await eves.close()
    event = await device.event_of("presence")  # ben has gone before her
    same((event["user_id"], event["online"]), (eve.id, False), "the next event")


async def a_watcher_who_asks_while_somebody_comes_learns_of_it(world: World) -> None:
    """Whether the reply is older or younger than the coming: reply and events together end with `online`."""
    ada = world.user()
    others = world.users(30)
    for other in others:
        await ada.direct(other)
    watchers = [await ada.device() for _ in range(10)]
    for other in others:
        coming = await world.device()
        await coming.hello()
        asked = []
        for place, watcher in enumerate(watchers):
            if place == len(watchers) // 2:
                let_in = coming.submit("authenticate", token=other.token())
            asked += [[watcher.submit("presence", user_ids=[other.id]) for _ in range(3)]]
        same((await let_in)["type"], "ok", "the reply to authenticate")
        for watcher, replies in zip(watchers, asked):
            last = [await soon(reply, "the states") for reply in replies][-1]["presence"]
            events = watcher.waiting()
            if not last[0]["online"] and not events:
                events = [await watcher.event()]
            check(last[0]["online"] or events[-1]["online"], "the reply", last, "and the events", events)


CASES = [
    watched_users_are_told_of_when_they_come_and_stay_away,
    the_set_of_watched_users_is_replaced,
    watching_needs_no_subscription_but_hears_only_with_one,
    who_shares_no_conversation_any_more_is_not_watched_any_more,
    a_watcher_who_asks_while_somebody_comes_learns_of_it,
]
