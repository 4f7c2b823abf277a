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


class RabbitMQFlood:
    """Publishes many persistent jobs, as fast as the broker reads them, and waits until it has confirmed all."""

    BODY = b"x" * 1024

    def __init__(self, url: str, count: int, timeout_seconds: float):
        self.count = count
        self.unconfirmed = set(range(1, count + 1))
        self.was_blocked = False
        connection = pika.SelectConnection(pika.URLParameters(url), on_open_callback=self._open)
        connection.add_on_connection_blocked_callback(lambda *_: setattr(self, "was_blocked", True))
        connection.add_on_close_callback(lambda *_: connection.ioloop.stop())
        connection.ioloop.call_later(timeout_seconds, connection.ioloop.stop)
        connection.ioloop.start()

    def _open(self, connection: pika.SelectConnection) -> None:
        def declare(channel) -> None:
            channel.queue_declare("flood", durable=True, callback=lambda _: self._publish(channel))

        connection.channel(on_open_callback=declare)

    def _publish(self, channel) -> None:
        before = 1

        def confirm(frame) -> None:
            nonlocal before
            if frame.method.NAME == "Basic.Ack":
                tag = frame.method.delivery_tag
                self.unconfirmed.difference_update(range(before, tag + 1) if frame.method.multiple else [tag])
                before = tag + 1 if frame.method.multiple else before
            if not self.unconfirmed:
                channel.queue_delete("flood", callback=lambda _: channel.connection.close())

        channel.confirm_delivery(confirm)
        for _ in range(self.count):
            channel.basic_publish("", "flood", self.BODY, pika.BasicProperties(delivery_mode=2))


WRITES: Dict[str, Callable[[str, str], None]] = {
    "mongodb": mongodb_writes, "postgresql": postgresql_writes, "redis": redis_writes, "rabbitmq": rabbitmq_writes}
KEEPS: Dict[str, Callable[[str, str], bool]] = {
    "mongodb": mongodb_keeps, "postgresql": postgresql_keeps, "redis": redis_keeps, "rabbitmq": rabbitmq_keeps}
