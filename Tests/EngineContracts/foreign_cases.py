"""Programs of others, as docs/CONTRACTS.md has them: a socket service, push workers, a producer of jobs, a reader of counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
from collections import Counter
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

import pika

from channel_cases import listener
from cluster import QUEUE, Cluster, eventually, jobs_of
from page import examples
from samples import FAMILY, media_of
from world import Failed, User, World, check, same, until

FIVE = ("message_id", "conversation_id", "sender_id", "recipients", "message_preview")


@contextlib.contextmanager
def collecting(things: Iterable[Any]) -> Iterator[List[Any]]:
    """What a program of others makes of `things`, in a thread of its own, as it runs.

    One that waits for ever goes on afterwards, until the engines go: how it fails then is no matter.
    """
    collected: List[Any] = []
    failures: List[Exception] = []

    def collect() -> None:
        try:
            for thing in things:
                collected.append(thing)
        except Exception as failure:
            failures.append(failure)

    threading.Thread(target=collect, daemon=True).start()
    try:
        yield collected
    except Failed as failed:
        raise Failed(f"{failed}; the program of others: {failures}") from failed
    same(failures, [], "how the program of others failed")


def of(messages: List[Dict[str, Any]], conversation: str) -> List[Dict[str, Any]]:
    return [message for message in messages if message["conversation_id"] == conversation]


async def history(user: User, conversation: str) -> List[Dict[str, Any]]:
    return (await user.rest("GET", f"/v1/conversations/{conversation}/messages?after_sequence=0&limit=200")).body["messages"]


async def write_at_both_nodes(cluster: Cluster, users: List[User], conversations: List[str], count: int) -> None:
    """That many messages of each user in each conversation, all at the same time, every other one at the second node."""

    async def write(user: User, conversation: str) -> None:
        here, there = user.again(), cluster.elsewhere(user)
        for number in range(count):
            await (here, there)[number % 2].post(conversation, f"{number} {FAMILY}")

    await asyncio.gather(*(write(user, conversation) for user in users for conversation in conversations))


async def a_socket_service_rebuilds_every_conversation_from_the_channels_alone(cluster: Cluster) -> None:
    ada, ben, cleo = cluster.users(3)
    conversations = [await ada.group(ben, cleo) for _ in range(3)]
    with collecting(examples().in_order(cluster.redis_url, dict.fromkeys(conversations, 0))) as heard:
        for id in conversations:
            await eventually(lambda: listeners(cluster, id), 1, "the listeners of the channel")
        await write_at_both_nodes(cluster, [ada, ben, cleo], conversations, 12)
        await eventually(lambda: len(heard), 3 * 3 * 12, "the number of messages heard")
    for id in conversations:
        same(of(heard, id), await history(ada, id), "what the service made of the conversation")


async def a_socket_service_loses_nothing_when_redis_is_killed(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversations = [await ada.group(ben) for _ in range(2)]
    await write_at_both_nodes(cluster, [ada], conversations, 3)  # before the service begins
    begin = dict.fromkeys(conversations, 0)
    with collecting(examples().in_order_without_loss(cluster.redis_url, cluster.mongodb_url, begin)) as heard:
        await write_at_both_nodes(cluster, [ada, ben], conversations, 5)
        await asyncio.to_thread(cluster.engines.kill, "redis")
        await write_at_both_nodes(cluster, [ada, ben], conversations, 5)
        await asyncio.to_thread(cluster.engines.up)
        await write_at_both_nodes(cluster, [ada, ben], conversations, 5)
        await eventually(lambda: len(heard), 2 * (3 + 2 * 15), "the number of messages heard")
    for id in conversations:
        wanted = [without_media(message) for message in await history(ada, id)]
        same([without_media(message) for message in of(heard, id)], wanted, "what the service made of the conversation")


async def a_reader_of_mongodb_finds_the_history_that_the_api_tells(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    await write_at_both_nodes(cluster, [ada, ben], [conversation], 10)
    picture = (await media_of(ada, "image"))["id"]
    await ada.post(conversation, "", message_type="image", media_ids=[picture], client_message_id="key")
    found = examples().messages_after(cluster.mongodb_url, conversation, 4)
    same(found, [without_media(message) for message in (await history(ben, conversation))[4:]], "what was found")


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


async def a_query_gives_the_unread_counts_of_direct_conversations_that_the_api_gives(cluster: Cluster) -> None:
    users = cluster.users(5)
    chance = random.Random(7)
    pairs = [(one, other) for place, one in enumerate(users) for other in users[place + 1:]]
    conversations = [(await one.direct(other), one, other) for one, other in pairs]
    await users[0].post(await users[0].group(*users[1:]), "in a group, which the query leaves out")
    for _ in range(120):
        conversation, *both = chance.choice(conversations)
        actor = chance.choice([User(world, chance.choice(both).id) for world in (cluster.first, cluster.second)])
        if chance.random() < 0.7:
            await actor.post(conversation, "a message")
        else:
            await actor.rest("PUT", f"/v1/conversations/{conversation}/read", {"sequence_number": chance.randint(1, 6)})
    for user in users:
        of_api = (await user.rest("GET", "/v1/conversations?limit=100")).body["conversations"]
        wanted = {each["id"]: each["unread_count"] for each in of_api if each["type"] == "direct"}
        same(len(wanted), 4, "the direct conversations")
        await eventually(lambda: examples().unread_counts(cluster.postgres_url, user.id), wanted, "the unread counts")


async def what_a_killed_node_left_undone_is_told_and_queued_by_another(cluster: Cluster) -> None:
    """By the lease on its messages, which ends ten seconds after the node."""
    doomed = await cluster.node("killed-in-the-middle", roles="api")
    ada, ben = doomed.users(2)
    conversation = await ada.direct(ben)
    with listener(cluster, f"conversation:{conversation}") as channel:
        sending = [asyncio.ensure_future(ada.again().post(conversation, f"{number}")) for number in range(40)]
        await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        doomed.server.kill()
        acknowledged = [each.result() for each in await answered(sending)]
        stored = await history(cluster.elsewhere(ada), conversation)
        check({each["id"] for each in acknowledged} <= {each["id"] for each in stored}, "not all that was acknowledged is stored")
        heard = await channel.until_message(*stored)
    same({each.message["id"] for each in heard}, {each["id"] for each in stored}, "what was published")
    jobs: List[Any] = []

    async def all_are_queued() -> bool:
        jobs.extend(await jobs_of(cluster, conversation))
        return {job.body["message_id"] for job in jobs} >= {each["id"] for each in stored}

    await until(all_are_queued, "a job for every message")
    same({tuple(job.body["recipients"]) for job in jobs}, {(ben.id,)}, "the recipients")
    await eventually(lambda: examples().unread_counts(cluster.postgres_url, ben.id), {conversation: len(stored)}, "the unread counts")
    await doomed.tidy_up()


async def answered(sending: List[asyncio.Future]) -> List[asyncio.Future]:
    await asyncio.wait(sending)
    return [each for each in sending if each.exception() is None]


@contextlib.asynccontextmanager
async def push_worker(cluster: Cluster):
    """A node that does nothing but work off the jobs, and writes each notification to a file."""
    worker = await cluster.node(f"worker-{random.getrandbits(32):08x}", roles="push")
    try:
        yield worker
    finally:
        worker.server.kill()


def notifications(worker: World) -> List[Dict[str, Any]]:
    log = worker.server.push_log
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def dead_letters(cluster: Cluster) -> int:
    with cluster.channel() as channel:
        return channel.queue_declare(f"{QUEUE}.dead", durable=True).method.message_count


def forget_dead_letters(cluster: Cluster) -> None:
    with cluster.channel() as channel:
        channel.queue_purge(f"{QUEUE}.dead")


def waiting(cluster: Cluster) -> Tuple[int, int]:
    """Jobs in nobody's hands, and consumers."""
    with cluster.channel() as channel:
        queue = channel.queue_declare(QUEUE, passive=True).method
        return queue.message_count, queue.consumer_count


def listeners(cluster: Cluster, conversation: str) -> int:
    return cluster.redis.pubsub_numsub(f"conversation:{conversation}")[0][1]


def named(jobs: List[Dict[str, Any]], conversations: List[str]) -> Counter:
    """How often each recipient was named for each message of these conversations."""
    return Counter(
        (job["message_id"], user) for job in list(jobs) if job["conversation_id"] in conversations for user in job["recipients"])


def without_media(message: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in message.items() if name != "media"}


CASES = [
    a_socket_service_rebuilds_every_conversation_from_the_channels_alone, a_reader_of_mongodb_finds_the_history_that_the_api_tells,
    a_push_worker_is_told_of_every_offline_participant_of_every_message_once, a_job_whose_worker_dies_goes_to_the_next_worker,
    a_push_worker_decides_again_who_is_to_be_notified, a_job_of_a_producer_with_all_members_is_notified,
    a_job_of_a_producer_with_the_five_members_is_notified, what_is_no_job_is_put_aside_and_holds_up_nobody,
    a_query_gives_the_unread_counts_of_direct_conversations_that_the_api_gives,
    what_a_killed_node_left_undone_is_told_and_queued_by_another,
]
LAST_CASES = [a_socket_service_loses_nothing_when_redis_is_killed]
