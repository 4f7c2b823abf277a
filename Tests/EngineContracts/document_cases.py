"""MongoDB: the documents of the collection `messages`, as BSON has them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Dict, List
from uuid import UUID

import pymongo
from bson import Binary, Int64, ObjectId
from bson.binary import UUID_SUBTYPE

from cluster import Cluster, eventually
from samples import FAMILY, media_of
from world import User, check, same

FIELDS = [
    "_id", "conversation_id", "sender_id", "message_type", "content", "media_ids", "sequence_number", "created_at", "client_message_id"]


def documents(cluster: Cluster, conversation: str) -> List[Dict[str, Any]]:
    """In the order of their numbers. The client is told nothing of UUIDs, so that it shows what is stored."""
    found = cluster.documents.find({"conversation_id": Binary.from_uuid(UUID(conversation))})
    return list(found.sort("sequence_number"))


async def every_field_has_its_bson_type(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    pictures = [(await media_of(ada, "image"))["id"] for _ in range(2)]
    message = await ada.post(conversation, "look", message_type="image", media_ids=pictures, client_message_id="key-1")
    document = documents(cluster, conversation)[0]
    same(list(document), FIELDS, "the fields")
    same({name: type(value) for name, value in document.items()}, {
        "_id": ObjectId, "conversation_id": Binary, "sender_id": Binary, "message_type": str, "content": str, "media_ids": list,
        "sequence_number": Int64, "created_at": datetime, "client_message_id": str}, "the types")
    for value in (document["conversation_id"], document["sender_id"], *document["media_ids"]):
        same((type(value), value.subtype, len(value)), (Binary, UUID_SUBTYPE, 16), "a UUID")
    types = {name: {"$type": f"${name}"} for name in FIELDS}
    told = next(cluster.documents.aggregate([{"$match": {"_id": ObjectId(message["id"])}}, {"$project": types}]))
    same(told, {
        "_id": "objectId", "conversation_id": "binData", "sender_id": "binData", "message_type": "string", "content": "string",
        "media_ids": "array", "sequence_number": "long", "created_at": "date", "client_message_id": "string"}, "the server's names")


async def every_field_holds_what_the_api_answered(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    pictures = [(await media_of(ada, "image"))["id"] for _ in range(3)]
    sent = [
        await ada.post(conversation, f"{FAMILY}\r\n\t\"ü\"", client_message_id=f"key {FAMILY}"),
        await cluster.elsewhere(ada).post(conversation, "", message_type="image", media_ids=pictures, client_message_id="k" * 64),
        await cluster.elsewhere(ben).post(conversation, "{}", message_type="custom.type-1_x", client_message_id="key"),
    ]
    for document, message in zip(documents(cluster, conversation), sent, strict=True):
        same(told(document), {name: value for name, value in message.items() if name != "media"}, "the document")


async def storing_the_first_message_that_a_node_sees_asks_for_nothing_before(cluster: Cluster) -> None:
    """What the node has to know, it has read along with the sender's role; MongoDB is given the message at once."""
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    await ada.post(conversation, "here")
    await eventually(lambda: cluster.last_number(conversation), 1, "the last number that every node can read")
    with pymongo.MongoClient(cluster.engines.admin_urls["ENGINES_MONGODB_ADMIN_URL"]) as admin:
        database = admin[cluster.documents.database.name]
        database.command("profile", 2)
        await cluster.elsewhere(ada).post(conversation, "there")
        database.command("profile", 0)
        seen = database["system.profile"]
        check(seen.count_documents({"op": "insert", "command.insert": "messages"}) >= 1, "no insert is seen")
        questions = {"command.aggregate": "messages", "command.pipeline.0.$match.conversation_id.$in": Binary.from_uuid(UUID(conversation))}
        same(seen.count_documents(questions), 0, "questions for the last number")
    same([document["sequence_number"] for document in documents(cluster, conversation)], [1, 2], "the numbers")


async def a_message_without_a_key_has_no_field_for_it(cluster: Cluster) -> None:
    """So the field is absent and never null; a query for null finds these messages all the same."""
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    await ada.post(conversation, "without")
    await cluster.elsewhere(ada).post(conversation, "null", client_message_id=None)
    await ada.post(conversation, "with", client_message_id="key")
    found = documents(cluster, conversation)
    same(["client_message_id" in document for document in found], [False, False, True], "whether the field is there")
    same(list(found[0]), FIELDS[:-1], "the other fields")
    same(found[0]["media_ids"], [], "no media")
    query = {"conversation_id": found[0]["conversation_id"], "client_message_id": None}
    same(cluster.documents.count_documents(query), 2, "the messages without a key")


async def the_numbers_of_a_conversation_have_no_hole_while_both_nodes_write(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)

    async def write(user: User) -> None:
        for number in range(20):
            await user.post(conversation, f"{number}")

    await asyncio.gather(*map(write, (ada, ben, cluster.elsewhere(ada), cluster.elsewhere(ben))))
    found = documents(cluster, conversation)
    same([document["sequence_number"] for document in found], list(range(1, 81)), "the numbers")
    for user in (ada, ben):
        own = [document["content"] for document in found if document["sender_id"] == Binary.from_uuid(UUID(user.id))]
        same(sorted(own), sorted(f"{number}" for number in range(20) for _ in range(2)), "what was sent")


async def the_server_refuses_a_number_or_a_key_twice(cluster: Cluster) -> None:
    """Also to a program of others that writes by mistake."""
    unique = {
        tuple(index["key"]): dict(index.get("partialFilterExpression", {}))
        for index in cluster.documents.list_indexes() if index.get("unique")}
    same(unique.get(("conversation_id", "sequence_number")), {}, "the index of numbers")
    check(("conversation_id", "sender_id", "client_message_id") in unique, "there is no index of keys:", unique)


def told(document: Dict[str, Any]) -> Dict[str, Any]:
    """The message as JSON has it, without its media."""
    return {
        "id": str(document["_id"]), "conversation_id": str(document["conversation_id"].as_uuid()),
        "sender_id": str(document["sender_id"].as_uuid()), "client_message_id": document.get("client_message_id"),
        "message_type": document["message_type"], "content": document["content"],
        "media_ids": [str(id.as_uuid()) for id in document["media_ids"]], "sequence_number": document["sequence_number"],
        "created_at": document["created_at"].isoformat(timespec="milliseconds") + "Z",
    }


CASES = [
    every_field_has_its_bson_type, every_field_holds_what_the_api_answered, a_message_without_a_key_has_no_field_for_it,
    the_numbers_of_a_conversation_have_no_hole_while_both_nodes_write, the_server_refuses_a_number_or_a_key_twice,
    storing_the_first_message_that_a_node_sees_asks_for_nothing_before,
]
