"""Coming back: what was missed follows in order, joined to what is sent meanwhile, without gap or repeat (P6)."""

from __future__ import annotations

import asyncio
import time
from typing import Dict, List

from world import Resumed, User, World, check, messages_of, same, until

HOUR_MS = 3_600_000


async def missed_messages_follow_in_order_and_join_the_live_ones(world: World) -> None:
    """0, 1, 150 and 1000 missed messages, while others keep sending in the same conversations."""
    ada, ben = world.users(2)
    missed = {await ada.group(ben): count for count in (0, 1, 150, 1000)}
    for conversation in missed:
        await ada.post(conversation, "from before")
    await world.settle()
    before = await ben.resume()
    await before.device.close()
    await asyncio.gather(*(post_many(ada, conversation, count) for conversation, count in missed.items()))
    by_cursor = {"cursor": before.cursor}
    by_position = {"positions": {conversation: 1 for conversation in missed}}
    stop = asyncio.Event()
    sending = [asyncio.ensure_future(keep_sending(world, ada, conversation, stop)) for conversation in missed]
    resumed = [await ben.resume(**how) for how in (by_cursor, by_position, {**by_cursor, **by_position})]
    stop.set()
    last = {conversation: await each for conversation, each in zip(missed, sending)}
    for each in resumed:
        same(each.conversations, len(missed), "the number of conversations")
        events = each.events + await until_numbers(each, last)
        for conversation, count in missed.items():
            numbers = [message["sequence_number"] for message in messages_of(events, conversation)]
            same(numbers, list(range(2, last[conversation] + 1)), f"the numbers after {count} missed messages")
            check(len(each.messages(conversation)) >= count, "not everything missed came before caught_up")


async def post_many(user: User, conversation: str, count: int) -> List[Dict]:
    """Over several connections at once, in no particular order."""
    senders = [user.again() for _ in range(4)]

    async def some(sender: User, share: int) -> List[Dict]:
        return [await sender.post(conversation, "missed") for _ in range(share)]

    parts = await asyncio.gather(*(some(sender, count // 4 + (place < count % 4)) for place, sender in enumerate(senders)))
    return sorted((message for part in parts for message in part), key=lambda message: message["sequence_number"])


async def keep_sending(world: World, user: User, conversation: str, stop: asyncio.Event) -> int:
    """The number of the last message."""
    sender, number = user.again(), 0
    while not stop.is_set():
        number = (await sender.post(conversation, "meanwhile"))["sequence_number"]
    return number


async def until_numbers(resumed: Resumed, last: Dict[str, int]) -> List[Dict]:
    """The events until the conversations have come so far."""
    reached = {conversation: max([0] + [each["sequence_number"] for each in resumed.messages(conversation)]) for conversation in last}
    events: List[Dict] = []
    while any(reached[conversation] < last[conversation] for conversation in last):
        event = await resumed.device.event()
        events.append(event)
        if event["type"] == "message":
            reached[event["message"]["conversation_id"]] = event["message"]["sequence_number"]
    return events


async def without_cursor_and_positions_it_is_live_from_now_on(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    await ada.post(conversation, "before")
    resumed = await ben.resume()
    same((resumed.events, resumed.conversations), ([], 1), "what came")
    message = await ada.post(conversation, "after")
    same(await resumed.device.message(), message, "the event")


async def a_position_wins_over_the_cursor(world: World) -> None:
    ada, ben = world.users(2)
    one, two = await ada.direct(ben), await ada.group(ben)
    sent = [await ada.post(one, f"{number}") for number in range(5)]
    cursor = (await ben.resume()).cursor
    later = {conversation: await ada.post(conversation, "later") for conversation in (one, two)}
    resumed = await ben.resume(cursor=cursor, positions={one: 2})
    same(resumed.messages(one), sent[2:] + [later[one]], "what came in the one with a position")
    same(resumed.messages(two), [later[two]], "what came in the other")
    ahead = await ben.resume(positions={one: 1_000_000, two: 0})
    same((ahead.messages(one), ahead.messages(two)), ([], [later[two]]), "what came to one who claims too much")
    last = await ada.post(one, "last")
    same(await ahead.device.message(), last, "and then")


async def a_cursor_of_a_socket_serves_another_device_and_much_later(world: World) -> None:
    """Nothing in the server remembers the cursor: it may be used twice, and by anybody's next connection."""
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    first = await ben.resume()
    sent = [await ada.post(conversation, f"{number}") for number in range(3)]
    await world.settle()
    second = await ben.resume(cursor=first.cursor)
    same(second.messages(conversation), sent, "after the first cursor")
    sent += [await ada.post(conversation, "more")]
    same((await ben.resume(cursor=second.cursor)).messages(conversation), sent[3:], "after the second cursor")
    same((await ben.resume(cursor=first.cursor)).messages(conversation), sent, "after the first cursor, once more")


async def more_than_the_replay_limit_is_skipped_and_said_so(world: World) -> None:
    ada, ben = world.users(2)
    one, two, three = [await ada.group(ben) for _ in range(3)]
    first = await ben.resume()
    for conversation, count in ((one, 12), (two, 10), (three, 0)):
        await post_many(ada, conversation, count)
    for how in ({"cursor": first.cursor}, {"positions": {one: 0, two: 0, three: 0}}):
        resumed = await ben.resume(replay_limit=10, **how)
        skipped = {"type": "skipped", "conversation_id": one, "after_sequence": 0, "sequence_number": 12}
        same(resumed.of_type("skipped"), [skipped], "what is skipped")
        same((len(resumed.messages(one)), len(resumed.messages(two))), (0, 10), "what is replayed")
        message = await ada.post(one, "live")
        same((await resumed.device.message(), message["sequence_number"]), (message, 13), "what is live")
        await ada.post(two, "and here")
        await resumed.device.message()
        await resumed.device.close()
        break
    resumed = await ben.resume(replay_limit=0, positions={one: 12, two: 11})
    same([(each["conversation_id"], each["after_sequence"], each["sequence_number"]) for each in resumed.of_type("skipped")],
         [(one, 12, 13)], "what is skipped without any replay")
    same(resumed.of_type("message"), [], "what is replayed")


async def positions_may_come_in_several_commands(world: World) -> None:
    ada, ben = world.users(2)
    conversations = [await ada.group(ben) for _ in range(30)]
    sent = {conversation: [await ada.post(conversation, f"{number}") for number in range(3)] for conversation in conversations}
    device = await ben.known_device()
    for place in range(0, 30, 10):
        positions = {conversation: 1 for conversation in conversations[place:place + 10]}
        reply = await device.command("subscribe", positions=positions, more=True)
        same(reply, {"type": "ok"}, "the reply to a part")
    await ada.post(conversations[0], "while the parts come")
    positions = {conversations[0]: 2}  # what comes later wins
    same(await device.command("subscribe", positions=positions), {"type": "ok", "conversations": 30}, "the last reply")
    events = []
    while not events or events[-1]["type"] != "caught_up":
        events.append(await device.event())
    for conversation in conversations[1:]:
        same(messages_of(events, conversation), sent[conversation][1:], "the messages")
    same([message["sequence_number"] for message in messages_of(events, conversations[0])], [3, 4], "the first one's numbers")


async def only_some_conversations_may_be_subscribed(world: World) -> None:
    ada, ben = world.users(2)
    one, two, foreign = await ada.direct(ben), await ada.group(ben), await ada.group()
    resumed = await ben.resume(conversation_ids=[one, foreign, "00000000-0000-4000-8000-000000000000"], positions={two: 0, one: 0})
    same(resumed.conversations, 1, "the number of conversations")
    for conversation in (two, foreign):
        await ada.post(conversation, "unheard")
    await ada.group(ben)
    await ada.rest("PATCH", f"/v1/conversations/{two}", {"title": "Unheard"})
    message = await ada.post(one, "heard")
    same(await resumed.device.message(), message, "the only event")
    same((await ben.resume(conversation_ids=[])).conversations, 0, "the number for an empty list")


async def what_changed_while_away_is_told(world: World) -> None:
    """A rename, who joined and who left, a new conversation, a removal, own reads and those of others, a mute."""
    ada, ben, eve, fay = world.users(4)
    renamed, joined, read, lost, unchanged = [await ada.group(ben, eve) for _ in range(5)]
    direct = await ben.direct(ada)
    for conversation in (read, direct, lost):
        for _ in range(4):
            await ada.post(conversation, "hello")
    first = await ben.resume()
    await first.device.close()
    await ada.rest("PATCH", f"/v1/conversations/{renamed}", {"title": "Renamed"})
    await ada.rest("PUT", f"/v1/conversations/{joined}/participants/{fay.id}", {"role": "member"})
    await ada.rest("DELETE", f"/v1/conversations/{joined}/participants/{eve.id}")
    await ben.rest("PUT", f"/v1/conversations/{read}/read", {"sequence_number": 3})
    await eve.rest("PUT", f"/v1/conversations/{read}/read", {"sequence_number": 2})
    await ada.rest("PUT", f"/v1/conversations/{direct}/delivered", {"sequence_number": 2})
    await ben.rest("PUT", f"/v1/conversations/{direct}/mute", {"until": None})
    await ada.rest("DELETE", f"/v1/conversations/{lost}/participants/{ben.id}")
    new = await ada.group(ben, title="A new one")
    await ada.post(lost, "must not be seen")
    welcome = await ada.post(new, "welcome")
    await ada.rest("PUT", f"/v1/conversations/{new}/read", {"sequence_number": 1})
    # With positions it is clear what ben knows; by the clock alone, what is as young as this could be new to him.
    known = {conversation: 4 if conversation in (read, direct, lost) else 0 for conversation in (renamed, joined, read, lost, unchanged, direct)}
    resumed = await ben.resume(cursor=first.cursor, positions=known)

    changes = {event["conversation_id"]: event for event in resumed.of_type("conversation")}
    same(changes[new]["change"], "added", "the change of the new one")
    same(changes[lost], {"type": "conversation", "conversation_id": lost, "change": "removed"}, "the removal")
    for conversation in (renamed, joined, read, direct, new):
        view = (await ben.rest("GET", f"/v1/conversations/{conversation}")).body
        told = changes[conversation]["conversation"]
        same({name: told.get(name) for name in view}, view, "the view that was told")
        same(changes[conversation]["change"], "added" if conversation == new else "updated", "the change")
    same(resumed.messages(new), [welcome], "the new one's messages")
    same(resumed.messages(lost), [], "messages of the lost one")
    order = [event["type"] for event in resumed.events if new in (event.get("conversation_id"), event.get("message", {}).get("conversation_id"))]
    same(order[0], "conversation", "the first event of the new one")
    marker = {"type": "read", "conversation_id": read, "user_id": eve.id, "sequence_number": 2}
    check(marker in resumed.of_type("read"), "eve's marker is missing in", resumed.of_type("read"))
    delivered = {"type": "delivered", "conversation_id": direct, "user_id": ada.id, "sequence_number": 2}
    check(delivered in resumed.of_type("delivered"), "ada's marker is missing in", resumed.of_type("delivered"))
    check(resumed.of_type("participant") == [], "participants are told of by the view")


async def a_removal_while_away_is_told_to_who_has_only_positions(world: World) -> None:
    ada, ben = world.users(2)
    group, other = await ada.group(ben), await ada.group(ben)
    await ada.post(group, "one")
    await ada.rest("DELETE", f"/v1/conversations/{group}/participants/{ben.id}")
    foreign = await ada.group()
    resumed = await ben.resume(positions={group: 1, other: 0, foreign: 0})
    told = [(event["conversation_id"], event["change"]) for event in resumed.of_type("conversation")]
    same(sorted(told), sorted([(group, "removed"), (foreign, "removed")]), "what is told")
    same(resumed.conversations, 1, "the number of conversations")


async def bad_cursors_and_positions_are_refused_and_the_socket_stays(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    message = await ada.post(conversation, "hi")
    device = await ben.known_device()

    async def refused(code: str, **fields: object) -> None:
        same(await device.refusal("subscribe", **fields), code, f"the code for {str(fields)[:100]}")

    for cursor in ("", "x", "1", "1.2", "1.2.3.4", "2.0.0", "1.-1.0", "1.0.-1", "1.99999999999999999999.0", "1.0.x", " 1.0.0", "1.0.0\n", "1" * 5000):
        await refused("invalid_cursor", cursor=cursor)
    await refused("invalid_field", cursor=5)
    await refused("invalid_field", positions=[])
    await refused("invalid_field", positions={"x": 1})
    for number in (-1, "1", 1.5, None, 2**63, True):
        await refused("invalid_field", positions={conversation: number})
    for limit in (-1, "1", 1.5, 2**63):
        await refused("invalid_field", replay_limit=limit)
    await refused("invalid_field", conversation_ids=["x"])
    await refused("invalid_field", conversation_ids=conversation)
    await refused("invalid_field", more="yes")
    many = {f"00000000-0000-4000-8000-{number:012}": 1 for number in range(1001)}
    await refused("invalid_field", positions=many)
    del many[next(iter(many))]
    same(await device.command("subscribe", positions=many, more=True), {"type": "ok"}, "a thousand positions are taken")
    same((await device.command("subscribe", positions={conversation: 0}))["conversations"], 1, "the subscription afterwards")
    events = []
    while not events or events[-1]["type"] != "caught_up":
        events.append(await device.event())
    same(messages_of(events, conversation), [message], "what follows")


async def cursors_from_far_away_are_taken(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    sent = [await ada.post(conversation, f"{number}") for number in range(3)]
    beginning = await ben.resume(cursor="1.0.0")
    same(beginning.messages(conversation), sent, "after the beginning of time")
    future = await ben.resume(cursor=f"1.{2**63 - 1}.{int(time.time() * 1000) + HOUR_MS}")
    same(future.messages(conversation), [], "after the end of time")
    last = await ada.post(conversation, "live")
    for each in (beginning, future):
        same(await each.device.message(), last, "what is live")


async def too_many_positions_are_refused_and_forgotten(world: World) -> None:
    device = await world.user().known_device()
    for part in range(10):
        positions = {f"00000000-0000-4000-8000-{part * 1000 + number:012}": 1 for number in range(1000)}
        same(await device.command("subscribe", positions=positions, more=True), {"type": "ok"}, "the reply")
    positions = {"00000000-0000-4000-8000-000000999999": 1}
    same(await device.refusal("subscribe", positions=positions, more=True), "too_many_subscriptions", "the code")
    same((await device.command("subscribe"))["conversations"], 0, "the number of conversations of a fresh subscription")
    await device.caught_up()


async def five_thousand_conversations_resume_quickly_and_only_what_changed_is_sent(world: World) -> None:
    user = world.user()
    count, creators = 5000, [user.again() for _ in range(16)]

    async def create(creator: User, share: int) -> List[str]:
        return [await creator.group() for _ in range(share)]

    parts = await asyncio.gather(*(create(creator, count // len(creators) + 1) for creator in creators))
    conversations = [conversation for part in parts for conversation in part]
    loop = asyncio.get_running_loop()
    began = loop.time()
    first = await user.resume()
    connecting = loop.time() - began
    same((first.conversations, first.events), (len(conversations), []), "the first connection")
    # Changes of the last seconds before a cursor are told again. When the new conversations are none of these any more:
    cursors = [first.cursor]

    async def is_quiet() -> bool:
        resumed = await user.resume(cursor=cursors[-1])
        cursors.append(resumed.cursor)
        await resumed.device.close()
        return not resumed.events

    await until(is_quiet, "nothing has changed")
    changed = conversations[::500]
    sent = {conversation: await user.post(conversation, "changed") for conversation in changed}
    await user.rest("PATCH", f"/v1/conversations/{changed[0]}", {"title": "Renamed"})
    began = loop.time()
    resumed = await user.resume(cursor=cursors[-1])
    resuming = loop.time() - began
    print(f"     5,000 conversations: connected in {connecting * 1000:.0f} ms, resumed in {resuming * 1000:.0f} ms")
    messages = [event["message"] for event in resumed.of_type("message")]
    same({message["conversation_id"]: message for message in messages}, sent, "what came")
    same(len(messages), len(sent), "the number of messages")
    same([event["conversation_id"] for event in resumed.of_type("conversation")], changed[:1], "the changes")
    same(len(resumed.events), len(sent) + 1, "the number of events")
    check(max(connecting, resuming) < 10, "connecting takes far too long")
    last = await user.post(conversations[77], "live")
    same(await resumed.device.message(), last, "what is live")


CASES = [
    missed_messages_follow_in_order_and_join_the_live_ones,
    without_cursor_and_positions_it_is_live_from_now_on,
    a_position_wins_over_the_cursor,
    a_cursor_of_a_socket_serves_another_device_and_much_later,
    more_than_the_replay_limit_is_skipped_and_said_so,
    positions_may_come_in_several_commands,
    only_some_conversations_may_be_subscribed,
    what_changed_while_away_is_told,
    a_removal_while_away_is_told_to_who_has_only_positions,
    bad_cursors_and_positions_are_refused_and_the_socket_stays,
    cursors_from_far_away_are_taken,
    too_many_positions_are_refused_and_forgotten,
    five_thousand_conversations_resume_quickly_and_only_what_changed_is_sent,
]
