"""Push workers and producers of others, as docs/CONTRACTS.md has them, and Parley's own worker beside them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
from collections import Counter
from typing import Any, Callable, Dict, List, Tuple

import pika

from cluster import QUEUE, Cluster, eventually, jobs_of
from others import collecting, history, waiting, write_at_both_nodes
from page import examples
from world import World, check, same

FIVE = ("message_id", "conversation_id", "sender_id", "recipients", "message_preview")


async def a_push_worker_is_told_of_every_offline_participant_of_every_message_once(cluster: Cluster) -> None:
    users = cluster.users(7)
    online = [users[0], users[4]]
    await online[0].device()
    await cluster.elsewhere(online[1]).device()
    groups = [await users[0].group(*users[1:]), await users[1].group(*users[2:5]), await users[2].direct(users[3])]
    members = [users, users[1:5], users[2:4]]
    is_stopping = threading.Event()
    with collecting(examples().push_jobs(cluster.amqp_url, is_stopping.is_set)) as jobs:
        for group, participants in zip(groups, members):
            await write_at_both_nodes(cluster, participants[:2], [group], 10)
        await cluster.effects_are_done()
        offline = {user.id for user in users} - {user.id for user in online}
        wanted: Counter[Tuple[str, str]] = Counter()
        for group, participants in zip(groups, members):
            for message in await history(participants[0], group):
                others = {user.id for user in participants} & offline - {message["sender_id"]}
                wanted.update((message["id"], user) for user in others)
        await eventually(lambda: named(jobs, groups), wanted, "who was named how often")
        is_stopping.set()
        await eventually(lambda: waiting(cluster), (0, 0), "the jobs left, and the workers")
    same(named(jobs, groups), wanted, "who was named how often in the end")


async def a_job_whose_worker_dies_goes_to_the_next_worker(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    message = await ada.post(conversation, "hello")
    await cluster.effects_are_done()
    with cluster.channel() as channel:
        while (taken := channel.basic_get(QUEUE))[0] is not None:  # and its connection ends without an acknowledgement
            check(taken[1].message_id, "a job has no message id")
    jobs = [job for job in await jobs_of(cluster, conversation) if job.body["message_id"] == message["id"]]
    same([job.method.redelivered for job in jobs], [True], "whether the job comes again, and says so")


async def a_push_worker_decides_again_who_is_to_be_notified(cluster: Cluster) -> None:
    ada, due, removed, has_read, muted, muted_for_now, online = cluster.users(7)
    conversation = await ada.group(due, removed, has_read, muted, muted_for_now, online)
    path = f"/v1/conversations/{conversation}"
    await ada.post(conversation, "hello")
    job = (await jobs_of(cluster, conversation))[0].body
    same(len(job["recipients"]), 6, "the recipients when the job was made")
    await ada.rest("DELETE", f"{path}/participants/{removed.id}")
    await has_read.rest("PUT", f"{path}/read", {"sequence_number": 1})
    await muted.rest("PUT", f"{path}/mute", {"until": None})
    await muted_for_now.rest("PUT", f"{path}/mute", {"until": "2099-01-01T00:00:00Z"})
    await cluster.elsewhere(online).device()
    to_notify = examples().to_notify
    same(to_notify(cluster.postgres_url, cluster.redis_url, job), [due.id], "who is notified")
    of_others = {name: job[name] for name in FIVE}
    same(sorted(to_notify(cluster.postgres_url, cluster.redis_url, of_others)), sorted([due.id, has_read.id]), "without a number")


async def a_job_of_a_producer_with_the_five_members_is_notified(cluster: Cluster) -> None:
    await is_notified(cluster, lambda job: {name: job[name] for name in FIVE})


async def a_job_of_a_producer_with_all_members_is_notified(cluster: Cluster) -> None:
    await is_notified(cluster, lambda job: job)


async def is_notified(cluster: Cluster, change: Callable[[Dict[str, Any]], Dict[str, Any]]) -> None:
    """Publishes a job that is like one of Parley's, changed, and waits for what Parley's worker makes of it."""
    forget_dead_letters(cluster)
    ada, ben, muted, online, stranger = cluster.users(5)
    conversation = await ada.group(ben, muted, online)
    message = await ada.post(conversation, "hello")
    job = (await jobs_of(cluster, conversation))[0].body
    await muted.rest("PUT", f"/v1/conversations/{conversation}/mute", {"until": None})
    await cluster.elsewhere(online).device()
    recipients = [muted.id, online.id, stranger.id, ada.id, ben.id, ben.id]
    examples().publish(cluster.amqp_url, change({**job, "recipients": recipients, "message_preview": "of theirs"}))
    async with push_worker(cluster) as worker:
        await eventually(lambda: len(notifications(worker)) + dead_letters(cluster), 1, "notifications and dead letters")
        same(dead_letters(cluster), 0, "the dead letters")
        await asyncio.to_thread(worker.server.stop)  # finishes what it has
    found = [{name: line[name] for name in ("message_id", "conversation_id", "sender_id", "recipient_id", "preview")}
             for line in notifications(worker)]
    same(found, [{
        "message_id": message["id"], "conversation_id": conversation, "sender_id": ada.id, "recipient_id": ben.id,
        "preview": "of theirs"}], "the notifications")


async def what_is_no_job_is_put_aside_and_holds_up_nobody(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    same(await jobs_of(cluster, conversation), [], "the jobs before")  # those of other cases go too
    forget_dead_letters(cluster)
    bodies = [b"hello", b"[]", b"{}", b'{"message_id": "?", "recipients": []}']
    with cluster.channel() as channel:
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish("", QUEUE, body, pika.BasicProperties(message_id="stray"))
    message = await ada.post(conversation, "hello")
    async with push_worker(cluster) as worker:
        await eventually(lambda: [line["message_id"] for line in notifications(worker)], [message["id"]], "the notifications")
        await eventually(lambda: dead_letters(cluster), len(bodies), "the dead letters")
    with cluster.channel() as channel:
        found = [channel.basic_get(f"{QUEUE}.dead", auto_ack=True)[2] for _ in bodies]
    same(sorted(found), sorted(bodies), "what was put aside")


@contextlib.asynccontextmanager
async def push_worker(cluster: Cluster):
    """A node that does nothing but work off the jobs, and writes each notification to a file."""
    worker = await cluster.node(f"worker-{secrets.token_hex(4)}", roles="push")
    try:
        yield worker
    finally:
        worker.server.kill()


def notifications(worker: World) -> List[Dict[str, Any]]:
    log = worker.server.push_log
    whole_lines = log.read_text().rpartition("\n")[0] if log.exists() else ""
    return [json.loads(line) for line in whole_lines.splitlines()]


def dead_letters(cluster: Cluster) -> int:
    with cluster.channel() as channel:
        return channel.queue_declare(f"{QUEUE}.dead", durable=True).method.message_count


def forget_dead_letters(cluster: Cluster) -> None:
    with cluster.channel() as channel:
        channel.queue_purge(f"{QUEUE}.dead")


def named(jobs: List[Dict[str, Any]], conversations: List[str]) -> Counter:
    """How often each recipient was named for each message of these conversations."""
    return Counter(
        (job["message_id"], user) for job in list(jobs) if job["conversation_id"] in conversations for user in job["recipients"])


CASES = [
    a_push_worker_is_told_of_every_offline_participant_of_every_message_once, a_job_whose_worker_dies_goes_to_the_next_worker,
    a_push_worker_decides_again_who_is_to_be_notified, a_job_of_a_producer_with_all_members_is_notified,
    a_job_of_a_producer_with_the_five_members_is_notified, what_is_no_job_is_put_aside_and_holds_up_nobody,
]
