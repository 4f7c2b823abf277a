"""PostgreSQL: what the rows hold after each kind of action."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any, Dict, List
from uuid import UUID

from cluster import Cluster, eventually
from samples import FAMILY, media_of
from world import User, check, same


def counters(cluster: Cluster, conversation: str) -> Dict[str, int]:
    """The unread counters of a direct conversation by user."""
    row = cluster.conversation(conversation)
    return {str(row["user1_id"]): row["unread_count_user1"], str(row["user2_id"]): row["unread_count_user2"]}


async def a_direct_conversation_begins_with_its_two_users_and_nothing_unread(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    row = cluster.conversation(conversation)
    same(row["type"], "direct", "the type")
    same({str(row["user1_id"]), str(row["user2_id"])}, {ada.id, ben.id}, "the users")
    same([row["unread_count_user1"], row["unread_count_user2"]], [0, 0], "the counters")
    same([row["last_message_id"], row["last_message_at"], row["last_message_preview"]], [None] * 3, "the last message")
    same(cluster.last_number(conversation), 0, "the last number")


async def there_is_one_direct_conversation_of_two_users_whoever_asks_where(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    ids = await asyncio.gather(ada.direct(ben), cluster.elsewhere(ben).direct(ada), ben.direct(ada))
    same(len(set(ids)), 1, "the number of conversations")
    found = cluster.rows("SELECT conversation_id FROM conversations WHERE %s IN (user1_id, user2_id)", ada.id)
    same([str(row["conversation_id"]) for row in found], ids[:1], "the rows")


async def a_message_raises_the_counter_of_the_one_who_did_not_send_it(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    for number in range(3):
        await ada.post(conversation, f"from ada {number}")
    await cluster.elsewhere(ben).post(conversation, "from ben")
    await eventually(lambda: counters(cluster, conversation), {ada.id: 1, ben.id: 3}, "the counters")


async def reading_lowers_the_counter_by_what_the_other_one_sent(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    for sender in (ada, ada, ben, ada):
        await sender.post(conversation, "a message")
    await eventually(lambda: counters(cluster, conversation), {ada.id: 1, ben.id: 3}, "the counters")
    for up_to, left in ((1, 2), (3, 1), (2, 1), (4, 0), (99, 0)):  # back and beyond the end change nothing
        await cluster.elsewhere(ben).rest("PUT", f"/v1/conversations/{conversation}/read", {"sequence_number": up_to})
        same(counters(cluster, conversation), {ada.id: 1, ben.id: left}, f"the counters after reading up to {up_to}")
    read = cluster.rows("SELECT last_read_sequence FROM participants WHERE conversation_id = %s AND user_id = %s", conversation, ben.id)
    same(read, [{"last_read_sequence": 4}], "the marker")


async def a_repeat_of_a_message_changes_no_counter(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    for user in (ada, cluster.elsewhere(ada), ada):
        await user.post(conversation, "once", client_message_id="the same")
    await eventually(lambda: counters(cluster, conversation), {ada.id: 0, ben.id: 1}, "the counters")
    same(cluster.last_number(conversation), 1, "the last number")


async def the_counters_are_right_when_both_users_write_and_read_at_both_nodes(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)

    async def write_and_read(user: User) -> None:
        for number in range(12):
            message = await user.post(conversation, f"{number}")
            if number % 4 == 3:
                await user.rest("PUT", f"/v1/conversations/{conversation}/read", {"sequence_number": message["sequence_number"]})

    await asyncio.gather(*map(write_and_read, (ada, cluster.elsewhere(ada.again()), ben, cluster.elsewhere(ben.again()))))
    await eventually(lambda: cluster.last_number(conversation), 48, "the last number")
    for user in (ada, ben):
        unread = (await user.rest("GET", f"/v1/conversations/{conversation}")).body["unread_count"]
        same(counters(cluster, conversation)[user.id], unread, "the counter")
    for user in (ada, ben):
        await user.rest("PUT", f"/v1/conversations/{conversation}/read", {"sequence_number": 48})
    same(counters(cluster, conversation), {ada.id: 0, ben.id: 0}, "the counters when all is read")


async def the_last_message_is_described_as_the_api_answered_it(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    for sender in (ada, cluster.elsewhere(ben)):
        message = await sender.post(conversation, f"from {sender.id}")
        await eventually(lambda: cluster.conversation(conversation)["last_message_id"], message["id"], "last_message_id")
        row = cluster.conversation(conversation)
        same(row["last_message_at"], moment(message["created_at"]), "last_message_at")
        same(row["last_message_preview"], f"from {sender.id}", "last_message_preview")
        same(cluster.last_number(conversation), message["sequence_number"], "the last number")


async def the_preview_follows_the_message_type(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    pictures = [await media_of(ada, "image") for _ in range(3)]
    previews = [
        ({"content": "x" * 100}, "x" * 100), ({"content": "x" * 101}, "x" * 100 + "..."),
        ({"content": FAMILY * 101}, FAMILY * 100 + "..."), ({"content": "one\ntwo\r\nthree"}, "one two three"),
        ({"message_type": "image", "media_ids": [pictures[0]["id"]]}, "📷 Photo"),
        ({"message_type": "image", "media_ids": [each["id"] for each in pictures]}, "📷 3 photos"),
        ({"message_type": "video", "media_ids": [(await media_of(ada, "video"))["id"]]}, "🎥 Video"),
        ({"message_type": "audio", "media_ids": [(await media_of(ada, "audio"))["id"]]}, "🎵 Audio"),
        ({"message_type": "document", "media_ids": [(await media_of(ada, "document"))["id"]]}, "📄 Document"),
        ({"message_type": "location", "content": "52.5,13.4"}, "📍 Location"),
        ({"message_type": "contact", "content": "Cleo"}, "👤 Contact"), ({"message_type": "poll", "content": "?"}, "Message"),
    ]
    for fields, preview in previews:
        await ada.post(conversation, **{"content": "", **fields})
        await eventually(lambda: cluster.conversation(conversation)["last_message_preview"], preview, str(fields)[:80])


async def the_last_message_never_goes_back_while_both_nodes_write(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    seen: List[int] = []
    messages: Dict[str, int] = {}

    async def write(user: User) -> None:
        for number in range(25):
            message = await user.post(conversation, f"{number}")
            messages[message["id"]] = message["sequence_number"]

    async def look() -> None:
        while len(messages) < 50:
            seen.append(cluster.last_number(conversation))
            await asyncio.sleep(0)

    await asyncio.gather(write(ada), write(cluster.elsewhere(ben)), look())
    check(seen == sorted(seen), "the last number went back:", seen)
    await eventually(lambda: cluster.last_number(conversation), 50, "the last number")
    same(messages[cluster.conversation(conversation)["last_message_id"]], 50, "the number of the last message")
    same(sorted(messages.values()), list(range(1, 51)), "the numbers")


async def a_group_has_participants_and_no_users_or_counters(cluster: Cluster) -> None:
    ada, ben, cleo = cluster.users(3)
    conversation = await ada.group(ben, cleo)
    message = await cluster.elsewhere(ben).post(conversation, "hello")
    await eventually(lambda: cluster.conversation(conversation)["last_message_id"], message["id"], "last_message_id")
    row = cluster.conversation(conversation)
    same(row["type"], "group", "the type")
    same([row["user1_id"], row["user2_id"]], [None, None], "the users")
    same([row["unread_count_user1"], row["unread_count_user2"]], [0, 0], "the counters")
    found = cluster.rows("SELECT user_id, role, last_read_sequence, muted FROM participants WHERE conversation_id = %s", conversation)
    wanted = {ada.id: "owner", ben.id: "member", cleo.id: "member"}
    same({str(row["user_id"]): row["role"] for row in found}, wanted, "the participants")
    same({row["last_read_sequence"] for row in found}, {0}, "the markers")


async def participants_come_go_and_mute(cluster: Cluster) -> None:
    ada, ben, cleo = cluster.users(3)
    conversation = await ada.group(ben)

    def participants() -> Dict[str, Any]:
        found = cluster.rows("SELECT user_id, role, muted, muted_until FROM participants WHERE conversation_id = %s", conversation)
        return {str(row["user_id"]): (row["role"], row["muted"], row["muted_until"]) for row in found}

    path = f"/v1/conversations/{conversation}"
    await ada.rest("PUT", f"{path}/participants/{cleo.id}", {"role": "admin"})
    same(participants().get(cleo.id), ("admin", False, None), "who was added")
    await ben.rest("PUT", f"{path}/mute", {"until": None})
    same(participants().get(ben.id), ("member", True, None), "who mutes for good")
    await ben.rest("PUT", f"{path}/mute", {"until": "2099-01-31T09:30:00.250Z"})
    until = datetime(2099, 1, 31, 9, 30, 0, 250_000, timezone.utc)
    same(participants().get(ben.id), ("member", True, until), "who mutes until a time")
    await cluster.elsewhere(ben).rest("DELETE", f"{path}/mute")
    same(participants().get(ben.id), ("member", False, None), "who mutes no more")
    await cluster.elsewhere(ben).rest("DELETE", f"{path}/participants/{ben.id}")
    same(set(participants()), {ada.id, cleo.id}, "who is left")


async def a_medium_is_a_row_as_the_api_answered_it(cluster: Cluster) -> None:
    ada = cluster.user()
    for kind in ("image", "video", "audio", "document"):
        media = await media_of(ada, kind)
        row = cluster.rows("SELECT * FROM media WHERE media_id = %s", media["id"])[0]
        wanted = {**media, "media_id": UUID(media["id"]), "owner_id": UUID(ada.id), "created_at": moment(media["created_at"])}
        del wanted["id"]
        same(row, wanted, "the row")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


CASES = [
    a_direct_conversation_begins_with_its_two_users_and_nothing_unread,
    there_is_one_direct_conversation_of_two_users_whoever_asks_where, a_message_raises_the_counter_of_the_one_who_did_not_send_it,
    reading_lowers_the_counter_by_what_the_other_one_sent, a_repeat_of_a_message_changes_no_counter,
    the_counters_are_right_when_both_users_write_and_read_at_both_nodes, the_last_message_is_described_as_the_api_answered_it,
    the_preview_follows_the_message_type, the_last_message_never_goes_back_while_both_nodes_write,
    a_group_has_participants_and_no_users_or_counters, participants_come_go_and_mute, a_medium_is_a_row_as_the_api_answered_it,
]
