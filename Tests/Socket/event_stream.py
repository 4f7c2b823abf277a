"""Server-sent events at GET /v1/events: what a socket is told, read over plain HTTP by hand."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Dict, List, NamedTuple, Optional

from world import Failed, User, World, check, same, soon, until


class StreamEvent(NamedTuple):
    type: str
    id: Optional[str]
    data: Dict


class Stream:
    """An open response. `id` is what a browser would send as Last-Event-ID."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader = reader
        self._writer = writer
        self._text = b""
        self.status = 0
        self.headers: Dict[str, str] = {}
        self.id: Optional[str] = None

    @classmethod
    async def request(cls, world: World, token: Optional[str], query: str = "", **headers: str) -> "Stream":
        stream = cls(*await asyncio.open_connection("127.0.0.1", world.server.port))
        world.keep(stream)
        fields = {"Host": "x", **({"Authorization": f"Bearer {token}"} if token else {}), **headers}
        lines = [f"GET /v1/events{query} HTTP/1.1"] + [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        stream._writer.write("\r\n".join(lines + ["", ""]).encode())
        head = (await soon(stream._reader.readuntil(b"\r\n\r\n"), "the head of the answer")).decode("latin-1").split("\r\n")
        stream.status = int(head[0].split(" ")[1])
        stream.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        return stream

    async def event(self) -> Optional[StreamEvent]:
        """The next one; None at the end of the response."""
        while b"\n\n" not in self._text:
            size = int((await soon(self._reader.readuntil(b"\r\n"), "an event")).split(b";")[0], 16)
            chunk = await soon(self._reader.readexactly(size + 2), "the rest of an event")
            if size == 0:
                same(self._text, b"", "what stands behind the last event")
                return None
            self._text += chunk[:-2]
        block, self._text = self._text.split(b"\n\n", 1)
        fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
        if not fields:
            return await self.event()
        self.id = fields.get("id", self.id)
        data = json.loads(fields["data"])
        same(data["type"], fields["event"], "the type in the JSON")
        return StreamEvent(fields["event"], fields.get("id"), data)

    async def next(self, type: str) -> Dict:
        event = await self.event()
        if event is None:
            raise Failed("the stream has ended")
        same(event.type, type, f"the event {event.data}")
        return event.data

    async def until_caught_up(self) -> List[Dict]:
        events: List[Dict] = []
        while not events or events[-1]["type"] != "caught_up":
            event = await self.event()
            check(event is not None, "the stream has ended")
            events.append(event.data)
        return events[:-1]

    async def problem(self) -> Dict:
        data = await soon(self._reader.readexactly(int(self.headers["content-length"])), "the problem")
        return json.loads(data)

    def close(self) -> None:
        self._writer.transport.abort()


async def open_stream(user: User, query: str = "", **headers: str) -> Stream:
    stream = await Stream.request(user.world, user.token(), query, **headers)
    same((stream.status, stream.headers.get("content-type")), (200, "text/event-stream"), "the head")
    hello = await stream.next("hello")
    same(hello["user_id"], user.id, "user_id in hello")
    return stream


async def a_stream_greets_and_catches_up(world: World) -> None:
    user = world.user()
    stream = await open_stream(user)
    device = await world.device(token=user.token())
    hello = await device.hello()
    await stream.next("caught_up")
    again = await Stream.request(world, user.token())
    greeting = await again.next("hello")
    same(set(greeting), set(hello), "the members of hello")
    same(greeting["limits"], hello["limits"], "the limits")
    check(stream.id, "caught_up has no id")
    same(stream.headers.get("cache-control"), "no-store", "whether it may be kept")


async def a_stream_tells_what_a_socket_tells(world: World) -> None:
    """Of every kind of event, in the same order and with the same JSON."""
    ada, ben, eve = world.users(3)
    group = await ada.group(ben)
    await ada.post(group, "before")
    device, stream = await ben.device(), await open_stream(ben)
    await stream.next("caught_up")
    path = f"/v1/conversations/{group}"
    for number in range(20):
        await ada.post(group, f"Grüße\n😀 {number}")
    await ada.rest("PATCH", path, {"title": "New\ntitle"})
    await ada.rest("PUT", f"{path}/participants/{eve.id}", {"role": "member"})
    await ada.rest("PUT", f"{path}/participants/{eve.id}", {"role": "admin"})
    await ada.rest("PUT", f"{path}/delivered", {"sequence_number": 3})
    await ada.rest("PUT", f"{path}/read", {"sequence_number": 2})
    await ben.rest("PUT", f"{path}/read", {"sequence_number": 2})
    await ada.rest("POST", f"{path}/typing", {"is_typing": True})
    await ben.rest("PUT", f"{path}/mute", {"until": None})
    other = await ada.group(ben)
    await ada.post(other, "in another one")
    await ada.rest("DELETE", f"{path}/participants/{ben.id}")
    told: List[Dict] = []
    while not told or told[-1].get("change") != "removed":
        told.append(await device.event())
    same([(await stream.event()).data for _ in told], told, "what the stream tells")
    kinds = {event["type"] for event in told}
    same(kinds, {"message", "conversation", "participant", "delivered", "read", "typing", "mute"}, "the types of events")


async def a_stream_goes_on_from_its_last_event_id(world: World) -> None:
    """The end of the connection comes anywhere: what follows the id is complete; what may be repeated is dropped by number."""
    ada, ben = world.users(2)
    conversations = [await ada.group(ben) for _ in range(12)]  # more than an id names
    first = await open_stream(ben)
    await first.next("caught_up")
    sent: Dict[str, List[dict]] = {conversation: [] for conversation in conversations}
    for number in range(5):
        for conversation in conversations:
            sent[conversation].append(await ada.post(conversation, f"{number}"))
    seen = {conversation: 0 for conversation in conversations}
    for _ in range(17):
        take(await first.next("message"), seen)
    first.close()
    quoted = first.id.replace(";", "%3B").replace("=", "%3D")
    ways = {"the header": {"Last_Event_ID": first.id}, "the address": {"query": f"?cursor={quoted}"},
            "both": {"query": "?cursor=1.0.0", "Last_Event_ID": first.id}}
    await world.settle()
    for name, way in ways.items():
        stream = await open_stream(ben, **way)
        so_far = dict(seen)
        missed = [event for event in await stream.until_caught_up() if event["type"] == "message"]
        for event in missed:
            take(event, so_far)
        same(so_far, {conversation: 5 for conversation in conversations}, f"how far it came by {name}")
        check(len(missed) < 60, "everything was repeated")
    live = await ada.post(conversations[0], "live")
    same((await stream.next("message"))["message"], live, "what is live")
    stream.close()
    missed = await ada.post(conversations[0], "missed")
    resumed = await open_stream(ben, Last_Event_ID=stream.id)
    numbers = [event["message"] for event in await resumed.until_caught_up() if event["type"] == "message"]
    same(numbers, [missed], "what follows the id of a live message")


def take(event: Dict, seen: Dict[str, int]) -> None:
    conversation, number = event["message"]["conversation_id"], event["message"]["sequence_number"]
    check(number <= seen[conversation] + 1, f"after {seen[conversation]} came {number}")
    seen[conversation] = max(seen[conversation], number)


async def a_cursor_of_a_socket_serves_a_stream_and_the_reverse(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    cursor = (await ben.resume()).cursor
    sent = [await ada.post(conversation, f"{number}") for number in range(3)]
    stream = await open_stream(ben, f"?cursor={cursor}")
    same([event["message"] for event in await stream.until_caught_up() if event["type"] == "message"], sent, "what the stream tells")
    sent = [await ada.post(conversation, "more")]
    same((await stream.next("message"))["message"], sent[0], "what is live")
    many = await open_stream(ben, f"?cursor={cursor}&replay_limit=2")
    events = await many.until_caught_up()
    skipped = {"type": "skipped", "conversation_id": conversation, "after_sequence": 0, "sequence_number": 4}
    same([event for event in events if event["type"] in ("skipped", "message")], [skipped], "what is skipped")


async def who_may_not_open_a_stream_is_told_why(world: World) -> None:
    user = world.user()
    cases = {
        (401, "missing_token"): (None, "", {}),
        (401, "invalid_token"): ("x.y.z", "", {}),
        (401, "token_expired"): (user.token(-60), "", {}),
        (400, "invalid_cursor"): (user.token(), "?cursor=x", {}),
        (400, "invalid_parameter"): (user.token(), "?replay_limit=-1", {}),
    }
    for (status, code), (token, query, headers) in cases.items():
        stream = await Stream.request(world, token, query, **headers)
        same(stream.status, status, f"the status for {code}")
        same(stream.headers["content-type"], "application/problem+json", "the content type")
        same((await stream.problem())["code"], code, "the code")
    for id in ("1.2.3;x", "1.2.3;x=1", "1.2.3;00000000-0000-4000-8000-000000000000=-1", "1.2.3;;", "x" * 5000):
        stream = await Stream.request(world, user.token(), Last_Event_ID=id)
        same((stream.status, (await stream.problem())["code"]), (400, "invalid_cursor"), f"the answer for {id[:30]}")
    await world.as_service("POST", f"/v1/users/{user.id}/revoke-tokens")
    stream = await Stream.request(world, user.token())
    if stream.status != 200:  # unless the second has just changed
        same((stream.status, (await stream.problem())["code"]), (401, "token_revoked"), "the answer for a revoked token")


async def pages_of_this_server_may_open_streams_and_sockets_others_not(world: World) -> None:
    user = world.user()
    host = f"127.0.0.1:{world.server.port}"
    own = await Stream.request(world, user.token(), Host=host, Origin=f"http://{host}")
    same(own.status, 200, "the status for the server's own page")
    device = await world.device(token=user.token(), origin=f"http://{host}")
    same((await device.hello())["user_id"], user.id, "the socket of the own page")
    for origin in ("https://evil.example", "null", f"http://{host}.evil.example", "http://127.0.0.1:1"):
        try:
            await world.device(token=user.token(), origin=origin)
        except Exception as error:
            check("403" in str(error), f"a socket of {origin}: {error!r}")
        else:
            raise Failed(f"a page of {origin} could open a socket")


async def a_stream_keeps_its_user_online(world: World) -> None:
    """And no longer: that its reader has gone shows at once, not when something is written to it."""
    ada, ben = world.users(2)
    await ada.direct(ben)
    same(await ben.is_online(ada), False, "online before")
    stream = await open_stream(ben)
    same(await ben.is_online(ada), True, "online with a stream")
    stream.close()
    await until(lambda: is_offline(ben, ada), "offline without it")


async def is_offline(user: User, asker: User) -> bool:
    return not await user.is_online(asker)


async def a_stream_ends_with_its_token(world: World) -> None:
    user = world.user()
    stream = await Stream.request(world, user.token(2))
    await stream.next("hello")
    await stream.next("caught_up")
    closing = await stream.next("closing")
    same((closing["code"], bool(closing["reason"])), (4004, True), "the last event")
    same(await stream.event(), None, "what follows")


async def revoked_tokens_end_streams(world: World) -> None:
    user = world.user()
    stream = await open_stream(user)
    await stream.next("caught_up")
    await world.as_service("POST", f"/v1/users/{user.id}/revoke-tokens")
    same((await stream.next("closing"))["code"], 4501, "the code of the last event")
    same(await stream.event(), None, "what follows")


async def a_removed_participant_hears_nothing_on_a_stream(world: World) -> None:
    ada, ben = world.users(2)
    group = await ada.group(ben)
    stream = await open_stream(ben)
    await stream.next("caught_up")
    await ada.rest("DELETE", f"/v1/conversations/{group}/participants/{ben.id}")
    await ada.post(group, "unheard")
    fence = await ada.direct(ben)
    told = [await stream.next("conversation") for _ in range(2)]
    same([(event["conversation_id"], event["change"]) for event in told], [(group, "removed"), (fence, "added")], "what is told")


async def a_stream_that_is_not_read_is_bounded_and_goes_on_later(world: World) -> None:
    ada, ben = world.users(2)
    conversation = await ada.direct(ben)
    stream = await open_stream(ben)
    await stream.next("caught_up")
    stream._writer.transport.pause_reading()
    sent = [await ada.post(conversation, "x" * 10_000) for _ in range(900)]
    stream._writer.transport.resume_reading()
    got: List[dict] = []
    kinds = set()
    while len(got) < len(sent):
        event = await stream.event()
        check(event is not None, "the stream has ended")
        kinds.add(event.type)
        if event.type == "message":
            got.append(event.data["message"])
    same(got == sent, True, "whether everything came in order")
    check("behind" in kinds, "it never fell behind", kinds)


async def streams_hear_of_the_end_of_the_server(world: World) -> None:
    users = world.users(5)
    conversation = await users[0].group(*users[1:])
    streams = [await open_stream(user) for user in users]
    for stream in streams:
        await stream.next("caught_up")
    unread = await open_stream(users[0])
    unread._writer.transport.pause_reading()  # must not keep the process
    message = await users[0].post(conversation, "the last one")
    stopping = asyncio.ensure_future(asyncio.to_thread(world.server.stop))
    for stream in streams:
        same((await stream.next("message"))["message"], message, "the last message")
        check((await stream.next("going_away"))["reconnect_after_ms"] >= 0, "no delay")
        same((await stream.next("closing"))["code"], 4000, "the last event")
        same(await stream.event(), None, "what follows")
    same(await stopping, 0, "the exit code")
    world.server.start()
    await asyncio.to_thread(world.server.wait_until_ready)
    again = await open_stream(users[1], Last_Event_ID=streams[1].id)
    same([event for event in await again.until_caught_up() if event["type"] == "message"], [], "what is repeated after the restart")


CASES: List[Any] = [
    a_stream_greets_and_catches_up,
    a_stream_tells_what_a_socket_tells,
    a_stream_goes_on_from_its_last_event_id,
    a_cursor_of_a_socket_serves_a_stream_and_the_reverse,
    who_may_not_open_a_stream_is_told_why,
    pages_of_this_server_may_open_streams_and_sockets_others_not,
    a_stream_keeps_its_user_online,
    a_stream_ends_with_its_token,
    revoked_tokens_end_streams,
    a_removed_participant_hears_nothing_on_a_stream,
    a_stream_that_is_not_read_is_bounded_and_goes_on_later,
]
STOPPING_CASES = [streams_hear_of_the_end_of_the_server]
