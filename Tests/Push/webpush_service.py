"""A push service for browsers, on a loopback port: checks, verifies and decrypts what it is sent, and misbehaves on demand.

Encryption is undone by `http_ece`, tokens are verified by `py_vapid`: neither was written for Parley.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

LIMIT_SECONDS = 20
BODY_LIMIT = 4096
DAY_SECONDS = 86_400
TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")


class PushFailed(Exception):
    pass


class Refusal(Exception):
    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status


class Answer(NamedTuple):
    status: int
    headers: Dict[str, str] = {}
    body: str = ""


class Delivery(NamedTuple):
    """What a browser got."""

    payload: Dict[str, Any]
    headers: Dict[str, str]  # by names in lower case
    claims: Dict[str, Any]
    server_key: str
    length: int


class Subscription:
    """One browser: its keys, and what came for it."""

    def __init__(self, service: "PushService", server_key: Optional[str]):
        self._service = service
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)
        self._deliveries: "queue.Queue[Delivery]" = queue.Queue()
        self.server_key = server_key
        self.path = f"/push/{os.urandom(9).hex()}"
        self.answers: List[Optional[Answer]] = []  # for the next requests instead of checking them; None never answers
        self.always: Optional[Answer] = None
        self.requests = 0

    @property
    def json(self) -> Dict[str, Any]:
        """What `PushSubscription.toJSON()` gives."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": encode(point), "auth": encode(self._auth)}
        return {"endpoint": self._service.origin + self.path, "expirationTime": None, "keys": keys}

    def next(self) -> Delivery:
        try:
            return self._deliveries.get(timeout=LIMIT_SECONDS)
        except queue.Empty:
            raise PushFailed(f"nothing came within {LIMIT_SECONDS} s; refused: {self._service.complaints}") from None

    @property
    def waiting(self) -> int:
        return self._deliveries.qsize()

    def take(self, headers: Dict[str, str], body: bytes) -> None:
        claims, server_key = verified(headers, self._service.origin)
        if self.server_key not in (None, server_key):
            raise Refusal(403, "k is not the key that the subscription was made with")
        if not re.fullmatch(r"\d+", headers.get("ttl", "")):
            raise Refusal(400, "TTL is not a number of seconds")
        if headers.get("content-encoding") != "aes128gcm":
            raise Refusal(400, "Content-Encoding is not aes128gcm")
        if headers.get("urgency", "normal") not in ("very-low", "low", "normal", "high"):
            raise Refusal(400, "there is no such Urgency")
        if "topic" in headers and not TOPIC.fullmatch(headers["topic"]):
            raise Refusal(400, "Topic is not 1 to 32 characters of base64url")
        if len(body) > BODY_LIMIT:
            raise Refusal(413, f"the body has {len(body)} bytes")
        try:
            text = http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm")
            payload = json.loads(text.decode("utf-8"))
        except Exception as error:  # http_ece raises several types
            raise Refusal(400, f"the body cannot be decrypted: {error!r}") from error
        self._deliveries.put(Delivery(payload, headers, claims, server_key, len(body)))


def verified(headers: Dict[str, str], origin: str) -> tuple:
    """The claims and the key of a request's token."""
    header = headers.get("authorization", "")
    if not header.startswith("vapid "):
        raise Refusal(401, "Authorization is not of the scheme vapid")
    # RFC 9110 allows spaces after commas; py_vapid looks for the last one.
    parameters = header[len("vapid "):].replace(" ", "")
    try:
        is_genuine = Vapid02.verify(f"vapid {parameters}")
        named = dict(part.split("=", 1) for part in parameters.split(","))
        claims = json.loads(decode(named["t"].split(".")[1]))
    except Exception as error:  # py_vapid asserts, and raises several types
        raise Refusal(401, f"the token cannot be read: {error!r}") from error
    if not is_genuine:
        raise Refusal(403, "t was not signed by k")
    if claims.get("aud") != origin:
        raise Refusal(403, f"aud is {claims.get('aud')}, not {origin}")
    if not 0 < claims.get("exp", 0) - time.time() <= DAY_SECONDS:
        raise Refusal(403, "exp is past, or more than 24 hours ahead")
    if not re.match(r"mailto:.+@.+|https://.+", claims.get("sub", "mailto:none@example.com")):
        raise Refusal(403, "sub is no contact")
    return claims, named["k"]


class PushService:
    def __init__(self) -> None:
        self.subscriptions: Dict[str, Subscription] = {}
        self.complaints: List[str] = []
        self.released = threading.Event()  # ends the requests that are never answered
        self._server = Server(("127.0.0.1", 0), lambda *arguments: Handler(self, *arguments))
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def subscribe(self, server_key: Optional[str] = None) -> Subscription:
        subscription = Subscription(self, server_key)
        self.subscriptions[subscription.path] = subscription
        return subscription

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *arguments: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # of a server that was killed in the middle of a request
            super().handle_error(*arguments)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, service: PushService, *arguments: Any):
        self._service = service
        super().__init__(*arguments)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        subscription = self._service.subscriptions.get(self.path)
        if subscription is None:
            return self._say(Answer(404))
        subscription.requests += 1
        if subscription.answers:
            answer = subscription.answers.pop(0)
            if answer is None:
                self._service.released.wait()
                self.close_connection = True
                return
            return self._say(answer)
        if subscription.always is not None:
            return self._say(subscription.always)
        try:
            subscription.take({name.lower(): value for name, value in self.headers.items()}, body)
        except Refusal as refusal:
            self._service.complaints.append(f"{refusal.status} {refusal}")
            return self._say(Answer(refusal.status, {}, str(refusal)))
        self._say(Answer(201, {"Location": f"{self._service.origin}/message/{os.urandom(6).hex()}"}))

    def do_GET(self) -> None:
        self._service.complaints.append(f"GET {self.path}")
        self._say(Answer(405))

    def _say(self, answer: Answer) -> None:
        if answer.status == 0:  # hangs up
            self.close_connection = True
            return
        data = answer.body.encode()
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


HANGS_UP = Answer(0)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise PushFailed(f"{what}: not so within {LIMIT_SECONDS} s")
        time.sleep(0.02)
