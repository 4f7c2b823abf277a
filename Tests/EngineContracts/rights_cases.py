"""The rights that docs/CONTRACTS.md gives to programs of others: they are enough, and no more than enough."""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
from typing import Any, Callable, List
from urllib.parse import urlsplit, urlunsplit

import pika
import psycopg
import pymongo
import redis

from cluster import Cluster, eventually
from others import collecting, listeners, waiting
from page import PAGE, examples
from world import check, same


async def the_role_of_the_page_reads_the_tables_of_the_contract_and_writes_none(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    message = await ada.post(conversation, "hello")
    password = secrets.token_hex(16)
    with psycopg.connect(database_of(cluster.engines.admin_urls["ENGINES_POSTGRES_ADMIN_URL"], cluster.postgres_url)) as admin:
        admin.execute("\n".join(block("sql", "GRANT")).replace("…", password))
    url = with_login(cluster.postgres_url, "reports", password)
    await eventually(lambda: examples().unread_counts(url, ben.id), {conversation: 1}, "the unread counts")
    job = {"conversation_id": conversation, "message_id": message["id"], "recipients": [ben.id], "sequence_number": 1}
    same(examples().to_notify(url, cluster.redis_url, job), [ben.id], "who is to be notified")
    for query in ("DELETE FROM participants", "UPDATE conversations SET unread_count_user1 = 0", "SELECT * FROM devices"):
        refuses(lambda: psycopg.connect(url).execute(query), psycopg.errors.InsufficientPrivilege, query)


async def the_redis_user_of_the_page_listens_and_sees_who_is_online_and_nothing_else(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    password = secrets.token_hex(16)
    cluster.redis.execute_command(*block("redis", "ACL")[0].replace("…", password).split())
    url = with_login(cluster.redis_url, "sockets", password)
    with collecting(examples().in_order(url, {conversation: 0})) as heard:
        await eventually(lambda: listeners(cluster, conversation), 1, "the listeners of the channel")
        message = await cluster.elsewhere(ada).post(conversation, "hello")
        await eventually(lambda: heard, [message], "what was heard")
    examples().keep_online(url, ben.id)
    check(examples().is_online(url, ben.id), "who was set online is offline")
    client = redis.Redis.from_url(url)
    commands: List[List[Any]] = [
        ["GET", f"parley:online:{ben.id}"], ["PUBLISH", f"conversation:{conversation}", "x"], ["SUBSCRIBE", "parley:events"],
        ["FLUSHALL"], ["CONFIG", "GET", "*"]]
    for command in commands:
        refuses(lambda: client.execute_command(*command), redis.exceptions.NoPermissionError, " ".join(command))


async def the_mongodb_role_of_the_page_reads_messages_and_writes_none(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    await ada.post(conversation, "hello")
    password = secrets.token_hex(16)
    database = urlsplit(cluster.mongodb_url).path.removeprefix("/")
    with pymongo.MongoClient(cluster.engines.admin_urls["ENGINES_MONGODB_ADMIN_URL"]) as admin:
        admin[database].command("createUser", "archive", pwd=password, roles=["read"])
    url = with_login(cluster.mongodb_url, "archive", password)
    same([each["content"] for each in examples().messages_after(url, conversation, 0)], ["hello"], "what was read")
    with pymongo.MongoClient(url) as client:
        refuses(lambda: client[database].messages.delete_many({}), pymongo.errors.OperationFailure, "messages are deleted")


async def the_rabbitmq_users_of_the_page_take_jobs_and_publish_them_and_nothing_else(cluster: Cluster) -> None:
    urls = {}
    for line in block("sh", "rabbitmqctl"):
        _, command, _, host, user, *permissions = line.split()
        password = secrets.token_hex(16)
        cluster.engines.rabbitmqctl("add_user", user, password)
        cluster.engines.rabbitmqctl(command, "-p", host, user, *permissions)
        urls[user] = with_login(cluster.amqp_url, user, password)
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    job = {
        "message_id": "6b05761b68a280fb1080b001", "conversation_id": conversation, "sender_id": ada.id, "recipients": [ben.id],
        "message_preview": "of theirs"}
    example, is_stopping = examples(), threading.Event()
    await asyncio.to_thread(example.publish, urls["producer"], job)
    with collecting(example.push_jobs(urls["worker"], is_stopping.is_set)) as jobs:
        await eventually(lambda: job in jobs, True, "whether the job came")
        is_stopping.set()
        await eventually(lambda: waiting(cluster), (0, 0), "the jobs left, and the workers")
    refused = pika.exceptions.ChannelClosedByBroker
    refuses(lambda: example.publish(urls["worker"], job), refused, "a worker publishes")
    refuses(lambda: next(example.push_jobs(urls["producer"])), refused, "a producer takes jobs")


async def a_node_runs_with_a_login_that_may_only_read_and_write_rows(cluster: Cluster) -> None:
    password = secrets.token_hex(16)
    with psycopg.connect(database_of(cluster.engines.admin_urls["ENGINES_POSTGRES_ADMIN_URL"], cluster.postgres_url)) as admin:
        admin.execute(f"CREATE ROLE node LOGIN PASSWORD '{password}'")
        admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO node")
    node = await cluster.node("without-rights", PARLEY_POSTGRES_URL=with_login(cluster.postgres_url, "node", password))
    try:
        ada, ben = node.users(2)
        conversation = await ada.direct(ben)
        await ada.post(conversation, "hello")
        await cluster.elsewhere(ada).post(conversation, "hello again")
        await eventually(lambda: examples().unread_counts(cluster.postgres_url, ben.id), {conversation: 2}, "the unread counts")
        marker = (await ben.rest("PUT", f"/v1/conversations/{conversation}/read", {"sequence_number": 2})).body
        same(marker["unread_count"], 0, "the unread count after reading")
        await ben.rest("POST", "/v1/devices", {"kind": "fcm", "token": "a token"})
    finally:
        await node.tidy_up()
        node.server.kill()


def block(language: str, word: str) -> List[str]:
    """The lines of the page's only block in that language with that word."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    found = [block for block in blocks if word in block]
    same(len(found), 1, f"the number of blocks of {language} with {word}")
    return found[0].splitlines()


def with_login(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}"))


def database_of(login: str, url: str) -> str:
    """The login of one URL and the database of another."""
    return urlunsplit(urlsplit(login)._replace(path=urlsplit(url).path))


def refuses(act: Callable[[], Any], kind: type, what: str) -> None:
    try:
        act()
    except kind:
        return
    check(False, "this was allowed:", what)


CASES = [
    the_role_of_the_page_reads_the_tables_of_the_contract_and_writes_none,
    the_redis_user_of_the_page_listens_and_sees_who_is_online_and_nothing_else,
    the_mongodb_role_of_the_page_reads_messages_and_writes_none,
    the_rabbitmq_users_of_the_page_take_jobs_and_publish_them_and_nothing_else,
    a_node_runs_with_a_login_that_may_only_read_and_write_rows,
]
