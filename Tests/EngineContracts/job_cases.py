"""RabbitMQ: the jobs in the queue `push_notifications`, as a program finds them that knows nothing but pika."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter

import pika.exceptions

from cluster import QUEUE, Cluster, Job, jobs_of
from samples import FAMILY, media_of
from world import User, check, same

MAX_RECIPIENTS = 500
CONTRACT = {"message_id", "conversation_id", "sender_id", "recipients", "message_preview"}


async def the_queue_is_durable_and_has_no_arguments(cluster: Cluster) -> None:
    with cluster.channel() as channel:
        same(channel.queue_declare(QUEUE, durable=True).method.queue, QUEUE, "the queue")  # refused if it is any other
    for wrong in ({"durable": False}, {"durable": True, "auto_delete": True}, {"durable": True, "arguments": {"x-max-length": 9}}):
        with cluster.channel() as channel:
            try:
                channel.queue_declare(QUEUE, **wrong)
            except pika.exceptions.ChannelClosedByBroker as closed:
                same(closed.reply_code, 406, "the reply code")
            else:
                check(False, "the queue is", wrong)


async def a_job_is_a_persistent_json_message_on_the_default_exchange(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    sent = [await ada.post(conversation, "one"), await cluster.elsewhere(ada).post(conversation, "two")]
    jobs = in_order(await jobs_of(cluster, conversation))
    for job, message in zip(jobs, sent, strict=True):
        same((job.method.exchange, job.method.routing_key), ("", QUEUE), "exchange and routing key")
        found = (job.properties.content_type, job.properties.message_id, job.properties.delivery_mode)
        same(found, ("application/json", message["id"], 2), "the properties")
        same(job.properties.expiration, None, "the time after which it would be dropped")


async def the_body_says_who_is_to_be_told_of_what(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    message = await cluster.elsewhere(ada).post(conversation, "hello")
    body = (await jobs_of(cluster, conversation))[0].body
    check(CONTRACT <= set(body), "only", set(body))
    same({name: body[name] for name in CONTRACT}, {
        "message_id": message["id"], "conversation_id": conversation, "sender_id": ada.id, "recipients": [ben.id],
        "message_preview": "hello"}, "the body")
    further = {name: body[name] for name in ("sequence_number", "created_at", "part")}
    same(further, {"sequence_number": 1, "created_at": message["created_at"], "part": 0}, "the further fields")


async def only_those_are_named_who_are_offline_and_not_the_sender(cluster: Cluster) -> None:
    ada, ben, cleo, dan, eve = cluster.users(5)
    conversation = await ada.group(ben, cleo, dan, eve)
    await ben.device()
    await cluster.elsewhere(cleo).device()
    for sender, offline in ((ada, {dan.id, eve.id}), (cluster.elsewhere(dan), {ada.id, eve.id}), (ben, {ada.id, dan.id, eve.id})):
        await sender.post(conversation, "hello")
        jobs = await jobs_of(cluster, conversation)
        same([sorted(job.body["recipients"]) for job in jobs], [sorted(offline)], "the recipients")


async def nothing_is_queued_when_everybody_is_online(cluster: Cluster) -> None:
    ada, ben, cleo = cluster.users(3)
    conversation = await ada.group(ben, cleo)
    await ben.device()
    await cluster.elsewhere(cleo).device()
    await ada.post(conversation, "hello")
    same(await jobs_of(cluster, conversation), [], "the jobs")


async def who_has_muted_the_conversation_is_named_for_the_worker_to_decide(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    await ben.rest("PUT", f"/v1/conversations/{conversation}/mute", {"until": None})
    await ada.post(conversation, "hello")
    same([job.body["recipients"] for job in await jobs_of(cluster, conversation)], [[ben.id]], "the recipients")


async def a_large_group_gets_several_jobs_of_at_most_500(cluster: Cluster) -> None:
    ada, late = cluster.users(2)
    others = [User(cluster.first, str(uuid.uuid4())) for _ in range(2 * MAX_RECIPIENTS)]
    conversation = await ada.group(*others)
    for world in (cluster.first, cluster.second):
        message = await User(world, ada.id).post(conversation, "to all")
        jobs = await jobs_of(cluster, conversation)
        check(all(1 <= len(job.body["recipients"]) <= MAX_RECIPIENTS for job in jobs), "a job has too many recipients, or none")
        named = Counter(user for job in jobs for user in job.body["recipients"])
        same(named, Counter(each.id for each in others), "who was named how often")
        same(len(jobs), -(-len(others) // MAX_RECIPIENTS), "the number of jobs")
        same({job.body["message_id"] for job in jobs}, {message["id"]}, "the message ids")
        same(sorted(job.body["part"] for job in jobs), list(range(len(jobs))), "the parts")
        if late not in others:
            others.append(late)
            await ada.rest("PUT", f"/v1/conversations/{conversation}/participants/{late.id}", {"role": "member"})


async def the_preview_has_50_characters_as_people_count_them(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    flag, accent = "🇩🇪", "e\u0301"
    previews = [
        ({"content": "x" * 50}, "x" * 50), ({"content": "x" * 51}, "x" * 50), ({"content": "x" * 200}, "x" * 50),
        ({"content": FAMILY * 51}, FAMILY * 50), ({"content": "x" * 49 + FAMILY + "y"}, "x" * 49 + FAMILY),
        ({"content": flag * 60}, flag * 50), ({"content": accent * 60}, accent * 50), ({"content": "👍🏽" * 50}, "👍🏽" * 50),
        ({"content": f"one\ntwo\r\nthree\u2028four{FAMILY}\n\nfive"}, f"one two three four{FAMILY}  five"),
        ({"content": "x" * 49 + "\r\n" + "y"}, "x" * 49 + " "), ({"content": "ü\n" * 60}, "ü " * 25),
        ({"message_type": "image", "media_ids": [(await media_of(ada, "image"))["id"]], "content": "a caption"}, "📷 Photo"),
        ({"message_type": "location", "content": "52.5,13.4"}, "📍 Location"), ({"message_type": "poll", "content": "?"}, "Message"),
    ]
    for number, (fields, _) in enumerate(previews):
        await (ada, cluster.elsewhere(ada))[number % 2].post(conversation, **{"content": "", **fields})
    jobs = in_order(await jobs_of(cluster, conversation))
    for job, (fields, preview) in zip(jobs, previews, strict=True):
        same(job.body["message_preview"], preview, f"the preview of {fields!r:.60}")


async def jobs_are_still_there_after_a_restart_of_the_broker(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    message = await ada.post(conversation, "before the restart")
    await cluster.effects_are_done()
    await asyncio.to_thread(cluster.engines.kill, "rabbitmq")
    while_down = await cluster.elsewhere(ada).post(conversation, "while it is down")
    await asyncio.to_thread(cluster.engines.up)
    found = {job.body["message_id"] for job in await jobs_of(cluster, conversation)}
    same(found, {message["id"], while_down["id"]}, "the messages with jobs")


async def a_job_for_a_queue_that_somebody_deleted_is_not_lost(cluster: Cluster) -> None:
    """Which shows that nodes publish as mandatory, and wait for the broker to confirm."""
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    for user in (ada, cluster.elsewhere(ada)):
        await user.post(conversation, "so that the node has published to the queue before")
    await cluster.effects_are_done()
    with cluster.channel() as channel:
        channel.queue_delete(QUEUE)
    sent = [await user.post(conversation, "after that") for user in (ada, cluster.elsewhere(ada))]
    found = {job.body["message_id"] for job in await jobs_of(cluster, conversation)}
    same(found, {message["id"] for message in sent}, "the messages with jobs")


def in_order(jobs: list[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: job.body["sequence_number"])


CASES = [
    the_queue_is_durable_and_has_no_arguments, a_job_is_a_persistent_json_message_on_the_default_exchange,
    the_body_says_who_is_to_be_told_of_what, only_those_are_named_who_are_offline_and_not_the_sender,
    nothing_is_queued_when_everybody_is_online, who_has_muted_the_conversation_is_named_for_the_worker_to_decide,
    a_large_group_gets_several_jobs_of_at_most_500, the_preview_has_50_characters_as_people_count_them,
    a_job_for_a_queue_that_somebody_deleted_is_not_lost, jobs_are_still_there_after_a_restart_of_the_broker,
]
