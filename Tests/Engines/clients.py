"""What Parley does with each engine, done by the engine's ordinary Python client with nothing but its URL.

`WRITES` stores a word in the way that Parley stores or sends it; `KEEPS` tells whether it is there, now or after a crash.
Both give up after a few seconds, so that they also tell whether an engine answers at all.
"""

from __future__ import annotations

import logging
from typing import Callable, Dict

import pika
import psycopg
import pymongo
import redis
from pymongo.write_concern import WriteConcern

PATIENCE_SECONDS = 2
QUEUE = "push_notifications"
DURABLE = WriteConcern(w="majority", j=True)

logging.getLogger("pika").setLevel(logging.CRITICAL)  # refusals are provoked here; it would log each


def mongodb(url: str) -> pymongo.MongoClient:
    milliseconds = PATIENCE_SECONDS * 1000
    return pymongo.MongoClient(
        url, serverSelectionTimeoutMS=milliseconds, connectTimeoutMS=milliseconds, socketTimeoutMS=milliseconds)


def mongodb_writes(url: str, word: str) -> None:
    with mongodb(url) as client:
        client.get_default_database().get_collection("words", write_concern=DURABLE).insert_one({"_id": word})


def mongodb_keeps(url: str, word: str) -> bool:
    with mongodb(url) as client:
        return client.get_default_database().words.find_one({"_id": word}) is not None


def postgresql(url: str) -> psycopg.Connection:
    return psycopg.connect(url, connect_timeout=PATIENCE_SECONDS)


def postgresql_writes(url: str, word: str) -> None:
    with postgresql(url) as connection:  # commits at its end
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text PRIMARY KEY)")
        connection.execute("INSERT INTO words VALUES (%s)", [word])


def postgresql_keeps(url: str, word: str) -> bool:
    with postgresql(url) as connection:
        return connection.execute("SELECT FROM words WHERE word = %s", [word]).fetchone() is not None


def redis_client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS, retry=None)


def redis_writes(url: str, word: str) -> None:
    with redis_client(url) as client, client.pubsub() as listener:
        listener.subscribe("conversation:1")
        listener.get_message(timeout=PATIENCE_SECONDS)  # that the subscription holds
        client.publish("conversation:1", word)
        heard = listener.get_message(timeout=PATIENCE_SECONDS)
        if heard is None or heard["data"] != word.encode():
            raise ConnectionError(f"{word} was published, but {heard} heard")
        client.set(word, 1)


def redis_keeps(url: str, word: str) -> bool:
    with redis_client(url) as client:
        return client.get(word) is not None


def rabbitmq(url: str) -> pika.BlockingConnection:
    parameters = pika.URLParameters(url)
    parameters.connection_attempts = 1
    parameters.socket_timeout = parameters.stack_timeout = PATIENCE_SECONDS
    return pika.BlockingConnection(parameters)


def rabbitmq_writes(url: str, word: str) -> None:
    connection = rabbitmq(url)
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True)
    channel.confirm_delivery()  # the next line raises when the broker does not take the job
    channel.basic_publish("", QUEUE, word.encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
    connection.close()


def rabbitmq_keeps(url: str, word: str) -> bool:
    connection = rabbitmq(url)
    channel = connection.channel()
    bodies = []
    while (job := channel.basic_get(QUEUE))[0] is not None:
        bodies.append(job[2])
    connection.close()  # what was taken without acknowledgement goes back
    return word.encode() in bodies


WRITES: Dict[str, Callable[[str, str], None]] = {
    "mongodb": mongodb_writes, "postgresql": postgresql_writes, "redis": redis_writes, "rabbitmq": rabbitmq_writes}
KEEPS: Dict[str, Callable[[str, str], bool]] = {
    "mongodb": mongodb_keeps, "postgresql": postgresql_keeps, "redis": redis_keeps, "rabbitmq": rabbitmq_keeps}
