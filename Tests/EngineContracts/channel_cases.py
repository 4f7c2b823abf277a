"""Redis: the channels `conversation:<id>`, as a program hears them that knows nothing but redis-py."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any, Dict, Iterator, List, NamedTuple

from redis.client import PubSub

from cluster import WAIT_SECONDS, Cluster
from samples import FAMILY, media_of
from world import Failed, User, same

MEMBERS = [
    "id", "conversation_id", "sender_id", "client_message_id", "message_type", "content", "media_ids", "media", "sequence_number",
    "created_at"]


class Heard(NamedTuple):
    channel: str
    data: str

    @property
    def message(self) -> Dict[str, Any]:
        return json.loads(self.data)


class Listener:
    def __init__(self, pubsub: PubSub):
        self._pubsub = pubsub
        self.heard: List[Heard] = []

    async def until_message(self, *messages: Dict[str, Any]) -> List[Heard]:
        """All that was heard until each of these messages was."""
        awaited, deadline = {message["id"] for message in messages}, time.monotonic() + WAIT_SECONDS
        while not awaited <= {each.message.get("id") for each in self.heard}:
            if (event := self._pubsub.get_message()) is not None:
                self.heard.append(Heard(event["channel"], event["data"]))
                continue
            if time.monotonic() > deadline:
                raise Failed(f"not all of {awaited} came within {WAIT_SECONDS} s; heard was {self.heard}")
            await asyncio.sleep(0.01)
        return self.heard


@contextlib.contextmanager
def listener(cluster: Cluster, *channels: str) -> Iterator[Listener]:
    """Subscribed when the body begins."""
    with cluster.redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(*channels)
        for _ in channels:
            pubsub.get_message(timeout=WAIT_SECONDS)  # the confirmation
        yield Listener(pubsub)


async def a_message_is_published_as_the_json_that_the_sender_got(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    pictures = [(await media_of(ada, "image"))["id"] for _ in range(2)]
    with listener(cluster, f"conversation:{conversation}") as channel:
        sent = [
            await ada.post(conversation, f"{FAMILY}\r\n\"ü\"", client_message_id="key 1"),
            await cluster.elsewhere(ada).post(conversation, "", message_type="image", media_ids=pictures),
            await cluster.elsewhere(ben).post(conversation, "🏳️‍🌈", message_type="custom"),
        ]
        heard = sorted((each.message for each in await channel.until_message(*sent)), key=lambda each: each["sequence_number"])
    same(heard, sent, "what was heard")
    for message in heard:
        same(list(message), MEMBERS, "the members")


async def media_stand_in_the_message_as_the_api_has_them(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    media = [await media_of(ada, kind) for kind in ("image", "video", "audio", "document")]
    with listener(cluster, f"conversation:{conversation}") as channel:
        ids = [each["id"] for each in reversed(media)]
        sent = await cluster.elsewhere(ada).post(conversation, "look", message_type="document", media_ids=ids)
        message = (await channel.until_message(sent))[0].message
    same(message["media_ids"], ids, "the ids")
    same(message["media"], list(reversed(media)), "the media")


async def ids_are_lower_case_whatever_the_sender_writes(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    picture = (await media_of(ada, "image"))["id"]
    body = {
        "conversation_id": conversation.upper(), "sender_id": ada.id.upper(), "message_type": "image", "content": "",
        "media_ids": [picture.upper()]}
    with listener(cluster, f"conversation:{conversation}") as channel:
        sent = [
            (await ada.rest("POST", "/v1/messages", body)).body,
            (await cluster.elsewhere(ada).rest("POST", f"/v1/conversations/{conversation.upper()}/messages", body)).body]
        heard = await channel.until_message(*sent)
    for each in heard:
        found = [each.message["conversation_id"], each.message["sender_id"], each.message["media_ids"], each.message["media"][0]["id"]]
        same(found, [conversation, ada.id, [picture], picture], "the ids")
        same(each.channel, f"conversation:{conversation}", "the channel")


async def a_message_comes_once_whichever_node_stored_it_and_however_often_it_was_sent(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    await ben.device()  # so that both nodes listen to the conversation too
    await cluster.elsewhere(ben).device()

    async def write(user: User, name: str) -> None:
        for number in range(15):
            for _ in range(2):
                await user.post(conversation, f"{name} {number}", client_message_id=f"{name} {number}")
            await cluster.elsewhere(user.again()).post(conversation, f"{name} {number}", client_message_id=f"{name} {number}")

    with listener(cluster, f"conversation:{conversation}") as channel:
        await asyncio.gather(write(ada, "ada"), write(cluster.elsewhere(ben), "ben"))
        await cluster.effects_are_done()
        ends = [await user.post(conversation, "the end") for user in (ada, cluster.elsewhere(ada))]
        heard = await channel.until_message(*ends)
    same(sorted(each.message["sequence_number"] for each in heard), list(range(1, 33)), "the numbers that were heard")


async def a_message_that_was_sent_over_a_socket_is_published_too(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    devices = [await ada.device(), await cluster.elsewhere(ada).device()]
    with listener(cluster, f"conversation:{conversation}") as channel:
        sent = [await device.send(conversation, "over a socket") for device in devices]
        heard = await channel.until_message(*sent)
    same(sorted((each.message for each in heard), key=lambda each: each["sequence_number"]), sent, "what was heard")


async def the_channels_carry_nothing_but_messages(cluster: Cluster) -> None:
    ada, ben, cleo = cluster.users(3)
    conversation = await ada.group(ben)
    path = f"/v1/conversations/{conversation}"
    with cluster.redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.psubscribe("conversation:*")
        pubsub.get_message(timeout=WAIT_SECONDS)
        channel = Listener(pubsub)
        device = await cluster.elsewhere(ben).device()
        first = await ada.post(conversation, "first")
        await device.submit("typing", conversation_id=conversation)
        for user, method, what, body in (
            (ada, "PATCH", path, {"title": "Another title"}), (ada, "PUT", f"{path}/participants/{cleo.id}", {"role": "member"}),
            (ben, "PUT", f"{path}/read", {"sequence_number": 1}), (ben, "PUT", f"{path}/mute", {"until": None}),
            (ada, "POST", f"{path}/messages", {"message_type": "text", "content": 7}),
        ):
            await user.rest(method, what, body, wanted=(200, 201, 204, 400, 422))
        text = {"message_type": "text", "content": "from nobody's participant"}
        await cleo.rest("POST", f"/v1/conversations/{await ben.direct(ada)}/messages", text, wanted=(403, 404))
        last = await cluster.elsewhere(ada).post(conversation, "last")
        heard = await channel.until_message(first, last)
    for each in heard:
        same(list(each.message), MEMBERS, "what came over a channel")
        same(each.channel, f"conversation:{each.message['conversation_id']}", "the channel")
    same([each.message for each in heard if each.channel.endswith(conversation)], [first, last], "the messages")


CASES = [
    a_message_is_published_as_the_json_that_the_sender_got, media_stand_in_the_message_as_the_api_has_them,
    ids_are_lower_case_whatever_the_sender_writes, a_message_comes_once_whichever_node_stored_it_and_however_often_it_was_sent,
    a_message_that_was_sent_over_a_socket_is_published_too, the_channels_carry_nothing_but_messages,
]
