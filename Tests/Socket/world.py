"""A running server, its users, and their devices: what the cases of the socket test act with."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any, Awaitable, Callable, Dict, List, NamedTuple, Optional

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from connection import Answer, Connection
from server import ParleyServer
from tokens import sign, sign_service

LIMIT_SECONDS = 20


class Failed(Exception):
    pass


def check(condition: bool, *facts: Any) -> None:
    if not condition:
        raise Failed(" ".join(str(fact) for fact in facts))


def same(found: Any, wanted: Any, what: str = "") -> None:
    check(found == wanted, what, "is", repr(found)[:500], "instead of", repr(wanted)[:500])


async def soon(awaitable: Awaitable, what: str) -> Any:
    try:
        return await asyncio.wait_for(awaitable, LIMIT_SECONDS)
    except asyncio.TimeoutError:
        raise Failed(f"{what}: nothing came within {LIMIT_SECONDS} s") from None


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """For what the server only tells when it is asked."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not await condition():
        check(time.monotonic() < deadline, f"{what}: not so within {LIMIT_SECONDS} s")
        await asyncio.sleep(0.02)


class World:
    def __init__(self, server: ParleyServer, secret: str):
        self.server = server
        self.secret = secret
        self._open: List[Any] = []

    async def settle(self) -> None:
        """What happened so far is repeated by no cursor that is made from now on."""
        await asyncio.sleep(self.server.cursor_margin_seconds)

    def user(self) -> "User":
        return User(self, str(uuid.uuid4()))

    def users(self, count: int) -> List["User"]:
        return [self.user() for _ in range(count)]

    def keep(self, closable: Any) -> Any:
        self._open.append(closable)
        return closable

    async def tidy_up(self) -> None:
        """Between two cases."""
        closing = [each.close() for each in self._open]
        self._open = []
        await asyncio.gather(*(each for each in closing if each is not None))

    async def device(self, token: Optional[str] = None, **options: Any) -> "Device":
        """A socket that has done no more than its handshake; `token` goes into the header."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        socket = await connect(
            f"ws://127.0.0.1:{self.server.port}/v1/socket", subprotocols=["parley.v1"], additional_headers=headers,
            compression=None, ping_interval=None, max_size=None, proxy=None, close_timeout=5, **options)
        return self.keep(Device(socket))

    async def as_service(self, method: str, path: str, body: Any = None, wanted: tuple = (200, 201, 204)) -> Answer:
        """A request with a service token, such as the team's own backend has."""
        connection = Connection(self.server.port, sign_service(self.secret))
        try:
            answer = await connection.request(method, path, body)
        finally:
            connection.close()
        check(answer.status in wanted, f"{method} {path}", answer)
        return answer


class User:
    """Acts over one HTTP connection, one request after the other."""

    def __init__(self, world: World, id: str):
        self.world = world
        self.id = id
        self._connection = world.keep(Connection(world.server.port, self.token()))

    def again(self) -> "User":
        """The same user, to act at the same time over another connection."""
        return User(self.world, self.id)

    def token(self, ttl_seconds: int = 3600) -> str:
        return sign(self.world.secret, self.id, ttl_seconds)

    async def rest(self, method: str, path: str, body: Any = None, wanted: tuple = (200, 201, 204)) -> Answer:
        answer = await self._connection.request(method, path, body)
        check(answer.status in wanted, f"{method} {path}", answer)
        return answer

    async def post(self, conversation: str, content: str, **fields: Any) -> Dict:
        """Creates a message over REST."""
        body = {"message_type": "text", "content": content, **fields}
        return (await self.rest("POST", f"/v1/conversations/{conversation}/messages", body)).body

    async def direct(self, other: "User") -> str:
        return (await self.rest("POST", "/v1/conversations", {"type": "direct", "participant_ids": [other.id]})).body["id"]

    async def directs(self, count: int) -> List[str]:
        """Conversations with users of their own."""
        return [await self.direct(self.world.user()) for _ in range(count)]

    async def group(self, *others: "User", title: str = "A group") -> str:
        body = {"type": "group", "title": title, "participant_ids": [each.id for each in others]}
        return (await self.rest("POST", "/v1/conversations", body)).body["id"]

    async def device(self, subscription: Optional[Dict] = None, **options: Any) -> "Device":
        """A socket of this user that hears of all their conversations, and has caught up."""
        device = await self.known_device(**options)
        same((await device.command("subscribe", **(subscription or {})))["type"], "ok", "the reply")
        await device.caught_up()
        return device

    async def resume(self, **subscription: Any) -> "Resumed":
        """A socket of this user that subscribes with that, and what it is told until it has caught up."""
        device = await self.known_device()
        reply = await device.command("subscribe", **subscription)
        same(reply["type"], "ok", f"the reply {reply}")
        events: List[Dict] = []
        while not events or events[-1]["type"] != "caught_up":
            events.append(await device.event())
        return Resumed(device, reply["conversations"], events[:-1], events[-1]["cursor"])

    async def known_device(self, **options: Any) -> "Device":
        """An authenticated socket of this user, which has not subscribed."""
        device = await self.world.device(**options)
        await device.hello()
        same(await device.command("authenticate", token=self.token()), {"type": "ok", "user_id": self.id}, "the reply")
        return device

    async def devices(self, count: int) -> List["Device"]:
        return [await self.device() for _ in range(count)]

    async def is_online(self, asker: "User") -> bool:
        return (await asker.rest("GET", f"/v1/users/{self.id}/presence")).body["online"]


class Resumed(NamedTuple):
    device: "Device"
    conversations: int
    events: List[Dict]
    cursor: str

    def of_type(self, type: str) -> List[Dict]:
        return [event for event in self.events if event["type"] == type]

    def messages(self, conversation: str) -> List[Dict]:
        return messages_of(self.events, conversation)


def messages_of(events: List[Dict], conversation: str) -> List[Dict]:
    """The messages of one conversation, in the order in which they came."""
    messages = [event["message"] for event in events if event["type"] == "message"]
    return [message for message in messages if message["conversation_id"] == conversation]


class Device:
    """One socket. A task of its own reads it, so that replies find their commands and events keep their order."""

    def __init__(self, socket: ClientConnection):
        self.socket = socket
        self._replies: Dict[int, asyncio.Future] = {}
        self._events: asyncio.Queue = asyncio.Queue()
        self._held: List[Dict] = []  # came before what was asked for
        self._last_id = 0
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._reader = asyncio.ensure_future(self._read())

    async def hello(self) -> Dict:
        hello = await self.event()
        same(hello["type"], "hello", "the first frame")
        return hello

    async def command(self, type: str, **fields: Any) -> Dict:
        """Its reply, without the number."""
        return await soon(self.submit(type, **fields), f"a reply to {type}")

    def submit(self, type: str, **fields: Any) -> asyncio.Future:
        self._last_id += 1
        reply = self._replies[self._last_id] = asyncio.get_running_loop().create_future()
        sending = self.socket.send(json.dumps({"id": self._last_id, "type": type, **fields}))

        async def send_and_wait() -> Dict:
            await sending
            return await reply

        return asyncio.ensure_future(send_and_wait())

    async def send(self, conversation: str, content: str, **fields: Any) -> Dict:
        """The message of a `send` that goes well."""
        reply = await self.command("send", conversation_id=conversation, message_type="text", content=content, **fields)
        same(reply["type"], "ok", f"the reply {reply}")
        return reply["message"]

    async def event(self) -> Dict:
        """The next event that is no heartbeat: these come in between at any time."""
        return await self._next(lambda event: event["type"] != "heartbeat")

    async def heartbeat(self) -> Dict:
        return await self._next(lambda event: event["type"] == "heartbeat")

    async def event_or_heartbeat(self) -> Dict:
        return await self._next(lambda event: True)

    async def _next(self, fits: Callable[[Dict], bool]) -> Dict:
        for place, event in enumerate(self._held):
            if fits(event):
                return self._held.pop(place)
        while True:
            event = await soon(self._events.get(), "an event")
            if isinstance(event, ConnectionClosed):
                self._events.put_nowait(event)
                raise Failed(f"the socket was closed: {event}")
            if fits(event):
                return event
            self._held.append(event)

    async def caught_up(self) -> str:
        """The cursor of `caught_up`, which is the next event."""
        event = await self.event()
        same(event["type"], "caught_up", f"the event {event}")
        return event["cursor"]

    async def event_of(self, type: str) -> Dict:
        """The next event, without its type, which is that."""
        event = await self.event()
        same(event.pop("type"), type, f"the event {event}")
        return event

    async def events(self, count: int) -> List[Dict]:
        return [await self.event() for _ in range(count)]

    def waiting(self) -> List[Dict]:
        """Events that have come and were not asked for yet."""
        while not self._events.empty():
            event = self._events.get_nowait()
            if not isinstance(event, ConnectionClosed):
                self._held.append(event)
        waiting = [event for event in self._held if event["type"] != "heartbeat"]
        self._held = [event for event in self._held if event["type"] == "heartbeat"]
        return waiting

    async def refusal(self, type: str, **fields: Any) -> str:
        """The code of the error with which the command is answered."""
        reply = await self.command(type, **fields)
        same(reply["type"], "error", f"the reply {reply}")
        return reply["code"]

    async def message(self) -> Dict:
        event = await self.event()
        same(event["type"], "message", f"the event {event}")
        return event["message"]

    async def messages(self, count: int) -> List[Dict]:
        return [await self.message() for _ in range(count)]

    async def change(self) -> tuple:
        event = await self.event()
        same(event["type"], "conversation", f"the event {event}")
        return event["conversation_id"], event["change"]

    async def close_code(self) -> int:
        """Waits for the server's close; events that came before it can still be asked for."""
        await soon(asyncio.shield(self._reader), "the end of the socket")
        return self.socket.close_code

    def stop_reading(self) -> None:
        self._may_read.clear()

    def go_on_reading(self) -> None:
        self._may_read.set()

    async def close(self) -> None:
        if not self._reader.done():  # else the server has closed it
            self._reader.cancel()
            await self.socket.close()

    async def _read(self) -> None:
        try:
            while True:
                await self._may_read.wait()
                frame = json.loads(await self.socket.recv())
                if "id" in frame:
                    reply = self._replies.pop(frame.pop("id"), None)
                    if reply is not None and not reply.done():  # else nobody waits for it
                        reply.set_result(frame)
                else:
                    self._events.put_nowait(frame)
        except ConnectionClosed as closed:
            self._events.put_nowait(closed)
            for reply in self._replies.values():
                reply.cancel()
