"""What the recorded examples are taken from: small stories that real servers are led through.

Several servers, since an example of everything needs different settings: a usual one, a lively one, one with a slow
reader, one whose limits are soon reached, and one whose store breaks.
"""

from __future__ import annotations

import asyncio

from limits import small_buffers
from raw import HANDSHAKE, RawSocket, masked
from story import LIMIT_SECONDS, USERS, Socket, Story, StoryFailed

NOBODYS = "ffffffff-0000-4000-8000-000000000000"
LARGE_MESSAGES, LARGE, GROUPS = 600, "x" * 9000, 200  # more than the system keeps for a reader, and hints beyond the bound


class UsualStory(Story):
    """Default settings: the handshake, broken frames, tokens, a stream of server-sent events."""

    async def play(self) -> None:
        await self._shake_hands()
        self.record.keep("hello", await (await self.open()).event("hello"))
        self.record.keep("hello-known", await (await self.open(self.token("ada"))).event("hello"))
        await self._break_frames()
        await self._show_tokens()
        await self._stream()

    async def _shake_hands(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        request = HANDSHAKE.replace("Host: x", "Host: chat.example.org") + "Sec-WebSocket-Protocol: parley.v1\r\n"
        writer.write((request + "\r\n").encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.close()
        lines = [line for line in answer.splitlines() if not line.lower().startswith("date:")]
        self.record.texts["handshake"] = request.replace("\r\n", "\n") + "\n" + "\n".join(lines).rstrip("\n") + "\n"

    async def _break_frames(self) -> None:
        raw = {1002: b"\x81\x02{}", 1007: masked(0x81, b"\xff\xfe")}
        for code, data in raw.items():
            self.record.close(code, await self._closed_after(data))
        said = {1003: b"{}", 1009: "x" * 70_000, 4502: "hello"}
        for code, frame in said.items():
            socket = await self.open()
            await socket.event("hello")
            await socket.say(frame)
            self.record.close(code, await socket.closed())

    async def _closed_after(self, data: bytes) -> dict:
        socket = await RawSocket.open(self)
        socket.write(data)
        while True:
            frame = await socket.frame()
            if frame is None:
                raise StoryFailed("the connection ended without a close frame")
            if frame.opcode == 8:
                return {"code": int.from_bytes(frame.payload[:2], "big"), "reason": frame.payload[2:].decode()}

    async def _show_tokens(self) -> None:
        socket = await self.open()
        await socket.event("hello")
        await self.refused(socket, "missing_token", "subscribe")
        await self._refused_token("invalid_token", 4500, "not.a.token")
        await self._refused_token("token_expired", 4004, self.token("ada", -60))
        old = self.token("cleo")
        socket = await self.open(old)
        await socket.event("hello")
        await self.call("service", "POST", f"/v1/users/{USERS['cleo']}/revoke-tokens")
        self.record.close(4501, await socket.closed())
        await self._refused_token("token_revoked", 4501, old)

    async def _refused_token(self, code: str, close: int, token: str) -> None:
        socket = await self.open()
        await socket.event("hello")
        await self.refused(socket, code, "authenticate", token=token)
        self.record.close(close, await socket.closed())

    async def _stream(self) -> None:
        conversation = await self.direct("ada", "ben")
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write((f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token('ben')}\r\n\r\n").encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT_SECONDS)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise StoryFailed(f"no stream but {head!r}")
        text = await self._until(reader, "", "event: caught_up")
        await self.post("ada", conversation, "Hello, Ben!")
        text = await self._until(reader, text, "event: message")
        await self.call("service", "POST", f"/v1/users/{USERS['ben']}/revoke-tokens")
        text = await self._until(reader, text, "event: closing")
        writer.close()
        self.record.texts["events"] = text

    async def _until(self, reader: asyncio.StreamReader, text: str, event: str) -> str:
        """Reads chunks until the event is there as a whole."""
        while not (event in text and text.endswith("\n\n")):
            size = int(await asyncio.wait_for(reader.readuntil(b"\r\n"), LIMIT_SECONDS), 16)
            text += (await reader.readexactly(size + 2))[:-2].decode()
        return text


class LivelyStory(Story):
    """Heartbeats come soon, and groups of three count as large: all commands and events."""

    SETTINGS = {"PARLEY_SOCKET_HEARTBEAT_SECONDS": "2", "PARLEY_LIMITS_RECEIPTS_PARTICIPANTS": "2"}

    async def play(self) -> None:
        direct = await self.direct("ada", "ben")
        ada = await self._begin()
        ben = await self.subscribed("ben")
        await self._talk(direct, ada, ben)
        await self._show_media(direct, ada, ben)
        group = await self._gather(ada, ben)
        await self._change(group, ada, ben)
        await self._forbid(direct, ada)
        await self._come_back(direct, ada)
        await self._beat(direct)
        ada = await self.subscribed("ada")
        stopping = asyncio.ensure_future(asyncio.to_thread(self.server.stop))
        self.record.keep("going_away", await ada.event("going_away"))
        self.record.close(4000, await ada.closed())
        await stopping

    async def _begin(self) -> Socket:
        ada = await self.open()
        await ada.event("hello")
        self.record.keep("authenticate", *await ada.command("authenticate", token=self.token("ada")))
        self.record.keep("subscribe", *await ada.command("subscribe"))
        caught_up = await ada.event("caught_up")
        self.record.keep("caught_up", caught_up)
        self._cursor = caught_up["cursor"]
        return ada

    async def _talk(self, direct: str, ada: Socket, ben: Socket) -> None:
        draft = {"conversation_id": direct, "message_type": "text", "content": "Hello, Ben!", "media_ids": [], "client_message_id": "k1"}
        self.record.keep("send", *await ada.command("send", **draft))
        self.record.keep("message", await ben.event("message"))
        await self.refused(ada, "client_message_id_reused", "send", **{**draft, "content": "Hello, Eve!"})
        self.record.keep("delivered", *await ben.command("delivered", conversation_id=direct, sequence_number=1))
        self.record.keep("delivered-event", await ada.event("delivered"))
        other = await self.subscribed("ben")
        self.record.keep("read", *await ben.command("read", conversation_id=direct, sequence_number=1))
        self.record.keep("read-event", await ada.event("read"))
        self.record.keep("read-event-own", await other.event("read"))
        await other.close()
        self.record.keep("typing", *await ben.command("typing", conversation_id=direct, is_typing=True))
        self.record.keep("typing-event", await ada.event("typing"))
        await self.call("ben", "PUT", f"/v1/conversations/{direct}/mute", {"until": None})
        self.record.keep("mute", await ben.event("mute"))
        await self.call("ben", "PUT", f"/v1/conversations/{direct}/notifications", {"level": "mentions"})
        self.record.keep("notification-level", await ben.event("notification_level"))
        self.record.keep("presence", *await ada.command("presence", user_ids=[USERS["ben"], USERS["dan"]]))
        self.record.keep("activity", *await ada.command("activity", active=True))
        self.record.keep("ping", *await ada.command("ping"))

    async def _show_media(self, direct: str, ada: Socket, ben: Socket) -> None:
        media = await self.call("ada", "POST", "/v1/media", {
            "kind": "image", "name": "cat.jpg", "size": 183_204, "content_type": "image/jpeg",
            "url": "https://media.example.org/cat.jpg", "width": 1200, "height": 900})
        await ada.command("send", conversation_id=direct, message_type="image", media_ids=[media["id"]], client_message_id="k2")
        self.record.keep("message-media", await ben.event("message"))

    async def _gather(self, ada: Socket, ben: Socket) -> str:
        group = await self.group("ada", "ben")
        self.record.keep("conversation-added", await ben.event("conversation", change="added"))
        await self.call("ada", "PATCH", f"/v1/conversations/{group}", {"title": "Lunch at noon"})
        self.record.keep("conversation-updated", await ben.event("conversation", change="updated"))
        return group

    async def _change(self, group: str, ada: Socket, ben: Socket) -> None:
        path = f"/v1/conversations/{group}/participants/{USERS['cleo']}"
        await self.call("ada", "PUT", path, {"role": "member"})
        self.record.keep("participant-joined", await ben.event("participant", change="joined"))
        await self.call("ada", "PUT", path, {"role": "read_only"})
        self.record.keep("participant-role", await ben.event("participant", change="role"))
        await self.post("ada", group, "Noon?")
        await self.call("cleo", "PUT", f"/v1/conversations/{group}/read", {"sequence_number": 1})
        self.record.keep("receipts", await ada.event("receipts"))
        cleo = await self.known("cleo")
        await self.refused(cleo, "role_forbids", "typing", conversation_id=group)
        await cleo.close()
        await self.call("ada", "DELETE", path)
        self.record.keep("participant-left", await ben.event("participant", change="left"))
        await self.call("ada", "DELETE", f"/v1/conversations/{group}/participants/{USERS['ben']}")
        self.record.keep("conversation-removed", await ben.event("conversation", change="removed"))
        await ben.close()

    async def _forbid(self, direct: str, ada: Socket) -> None:
        draft = {"conversation_id": direct, "message_type": "image"}
        await self.refused(ada, "missing_field", "send", conversation_id=direct)
        await self.refused(ada, "invalid_field", "read", conversation_id=direct, sequence_number=-1)
        await self.refused(ada, "unknown_command", "wave")
        await self.refused(ada, "already_subscribed", "subscribe")
        await self.refused(ada, "conversation_not_found", "delivered", conversation_id=NOBODYS, sequence_number=1)
        await self.refused(ada, "sender_mismatch", "send", **draft, sender_id=USERS["ben"])
        await self.refused(ada, "unknown_media", "send", **draft, media_ids=[NOBODYS])
        cleo = await self.known("cleo")
        await self.refused(cleo, "invalid_cursor", "subscribe", cursor="yesterday")
        await self.refused(cleo, "not_a_participant", "read", conversation_id=direct, sequence_number=1)
        await cleo.close()

    async def _come_back(self, direct: str, ada: Socket) -> None:
        for number in range(3, 7):
            await self.post("ada", direct, f"{number}")
        ben = await self.known("ben")
        self.record.keep("subscribe-part", *await ben.command("subscribe", positions={direct: 2}, more=True))
        command = await ben.command("subscribe", cursor=self._cursor, positions={direct: 2}, replay_limit=3)
        self.record.keep("subscribe-resume", *command)
        self.record.keep("skipped", await ben.event("skipped"))
        await ada.command("presence", user_ids=[USERS["ben"]])
        await ben.close()
        self.record.keep("presence-event", await ada.event("presence", online=False))
        await ada.close()

    async def _beat(self, direct: str) -> None:
        ben = await self.subscribed("ben")
        await self.post("ada", direct, "Still there?")

        def is_whole(beat: dict) -> bool:
            return direct in beat["sequences"] and beat.get("cursor") not in (None, self._cursor)

        for _ in range(10):
            beat = await ben.event("heartbeat")
            if is_whole(beat):
                break
            await self.post("ada", direct, "And now?")
        else:
            raise StoryFailed("no heartbeat tells of messages")
        beat["sequences"] = {direct: 7}
        self.record.keep("heartbeat", beat)
        await ben.close()


class TightStory(Story):
    """Limits that are soon reached."""

    SETTINGS = {
        "PARLEY_SOCKET_HEARTBEAT_SECONDS": "1", "PARLEY_SOCKET_AUTHENTICATION_SECONDS": "1", "PARLEY_SOCKET_MAX_SUBSCRIPTIONS": "2",
        "PARLEY_SOCKET_COMMANDS_PER_SECOND": "1", "PARLEY_SOCKET_COMMANDS_BURST": "20", "PARLEY_SOCKET_MAX_PER_USER": "8",
        "PARLEY_LANE_MAX_DEPTH": "1",
    }

    async def play(self) -> None:
        self.record.close(4003, await (await self.open()).closed())
        silent = await RawSocket.open(self, self.token("dan"))
        direct = await self.direct("ada", "ben")
        for _ in range(2):
            await self.group("ada", "ben")
        await self._overload(direct)
        ada = await self.known("ada")
        await self.refused(ada, "too_many_subscriptions", "subscribe")
        await self._flood(ada)
        await self._crowd()
        while True:
            frame = await silent.frame()
            if frame is None:
                raise StoryFailed("the silent connection ended without a close frame")
            if frame.opcode == 8:
                break
        self.record.close(4005, {"code": int.from_bytes(frame.payload[:2], "big"), "reason": frame.payload[2:].decode()})

    async def _overload(self, direct: str) -> None:
        """At most one create may wait, and several connections send at once."""
        sockets = [await self.known("ben") for _ in range(6)]
        for _ in range(10):
            sent = [await socket.submit("send", conversation_id=direct, message_type="text", content="Now!") for socket in sockets]
            replies = [await socket.reply(command["id"]) for socket, command in zip(sockets, sent)]
            found = [pair for pair in zip(sent, replies) if pair[1].get("code") == "overloaded"]
            if found:
                self.record.error("overloaded", *found[0])
                break
        for socket in sockets:
            await socket.close()

    async def _flood(self, ada: Socket) -> None:
        for _ in range(40):
            command, reply = await ada.command("ping")
            if reply["type"] == "error":
                self.record.error("rate_limited", command, reply)
                break
        for _ in range(400):
            await ada.submit("ping")
        self.record.close(4006, await ada.closed())

    async def _crowd(self) -> None:
        sockets = [await self.known("cleo") for _ in range(8)]
        late = await self.open()
        await late.event("hello")
        await late.command("authenticate", token=self.token("cleo"))
        self.record.close(4007, await late.closed())
        for socket in sockets:
            await socket.close()


class SlowStory(Story):
    """A reader who stops reading, with little room for what waits."""

    SETTINGS = {"PARLEY_SOCKET_MAX_OUTBOUND_BYTES": "16384"}

    async def play(self) -> None:
        direct = await self.direct("ada", "ben")
        groups = [await self.group("ada", "ben", title=f"{number}") for number in range(GROUPS)]
        slow = await self.subscribed("ben", max_queue=1, sock=small_buffers(self.server.port))
        for _ in range(LARGE_MESSAGES):
            await self.post("ada", direct, LARGE)
        for group in groups:
            await self.post("ada", group, "hi")
        self.record.close(4001, await slow.closed())
        behind = await slow.event("behind", conversation_id=direct)
        behind["sequence_number"] = 67  # how much fits is up to the system
        self.record.keep("behind", behind)


class BrokenStory(Story):
    """The store is spoilt under the running server."""

    async def play(self) -> None:
        direct = await self.direct("ada", "ben")
        ada = await self.known("ada")
        self.server.spoil_store()
        # Pages are still in memory; after a change they are read anew.
        await ada.command("send", conversation_id=direct, message_type="text", content="Hello?")
        await self.refused(ada, "storage_unavailable", "subscribe")
        late = await self.open()
        await late.event("hello")
        await late.command("authenticate", token=self.token("cleo"))
        self.record.close(4002, await late.closed())


STORIES = [UsualStory, LivelyStory, SlowStory, TightStory, BrokenStory]
