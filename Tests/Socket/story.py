"""What a story is made of: a server, users with fixed names, their sockets, and what is recorded of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from cluster import MakeServer
from connection import Connection
from tokens import sign, sign_service

LIMIT_SECONDS = 30
USERS = {
    "ada": "ada00000-0000-4000-8000-000000000001",
    "ben": "be200000-0000-4000-8000-000000000002",
    "cleo": "c1e00000-0000-4000-8000-000000000003",
    "dan": "da200000-0000-4000-8000-000000000004",
}


class StoryFailed(Exception):
    pass


class Socket:
    """One connection; commands wait for their replies, events are kept in order."""

    def __init__(self, socket: ClientConnection):
        self._socket = socket
        self._events: List[dict] = []
        self._last_id = 0

    async def command(self, type: str, **fields: Any) -> Tuple[dict, dict]:
        """The command and its reply."""
        command = await self.submit(type, **fields)
        return command, await self.reply(command["id"])

    async def submit(self, type: str, **fields: Any) -> dict:
        self._last_id += 1
        command = {"id": self._last_id, "type": type, **fields}
        await self._socket.send(json.dumps(command))
        return command

    async def reply(self, id: int) -> dict:
        while True:
            frame = await self._frame()
            if frame.get("id") == id:
                return frame
            if "id" not in frame:
                self._events.append(frame)

    async def event(self, type: str, fits: Callable[[dict], bool] = lambda event: True, **members: Any) -> dict:
        """The first event of this type, with these members, that was not asked for yet."""
        place = 0
        while True:
            for place in range(place, len(self._events)):
                event = self._events[place]
                if event["type"] == type and members.items() <= event.items() and fits(event):
                    del self._events[: place + 1]
                    return event
            place = len(self._events)
            frame = await self._frame()
            if "id" not in frame:
                self._events.append(frame)

    async def say(self, frame: Any) -> None:
        await self._socket.send(frame)

    async def closed(self) -> dict:
        """The server's close frame; what comes before it can be asked for afterwards."""
        try:
            while True:
                self._events.append(await self._frame())
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                raise StoryFailed("the connection ended without a close frame")
            return {"code": closed.rcvd.code, "reason": closed.rcvd.reason}

    async def close(self) -> None:
        await self._socket.close()

    async def _frame(self) -> dict:
        return json.loads(await asyncio.wait_for(self._socket.recv(), LIMIT_SECONDS))


class Story:
    """A server, its users, and what was recorded."""

    SETTINGS: Dict[str, str] = {}

    def __init__(self, make_server: MakeServer, binary: Path, folder: Path, secret: str, record: "Record"):
        folder.mkdir()
        self.server = make_server(binary, folder, secret, self.SETTINGS)
        self.record = record
        self._secret = secret
        self._rest: Dict[str, Connection] = {}

    async def tell(self) -> None:
        try:
            self.server.start()
            await asyncio.to_thread(self.server.wait_until_ready)
            await self.play()
        finally:
            for each in self._rest.values():
                each.close()
            self.server.kill()

    async def play(self) -> None:
        raise NotImplementedError

    def keep(self, closable: Any) -> None:
        """Raw sockets end with the server."""

    def token(self, name: str, ttl_seconds: int = 3600) -> str:
        return sign(self._secret, USERS[name], ttl_seconds)

    async def call(self, name: str, method: str, path: str, body: Any = None) -> Any:
        token = sign_service(self._secret) if name == "service" else self.token(name)
        connection = self._rest.setdefault(name, Connection(self.server.port, token))
        answer = await connection.request(method, path, body)
        if answer.status >= 300:
            raise StoryFailed(f"{method} {path}: {answer}")
        return answer.body

    async def direct(self, name: str, other: str) -> str:
        return (await self.call(name, "POST", "/v1/conversations", {"type": "direct", "participant_ids": [USERS[other]]}))["id"]

    async def group(self, name: str, *others: str, title: str = "Lunch") -> str:
        body = {"type": "group", "title": title, "participant_ids": [USERS[other] for other in others]}
        return (await self.call(name, "POST", "/v1/conversations", body))["id"]

    async def post(self, name: str, conversation: str, content: str) -> dict:
        return await self.call(
            name, "POST", f"/v1/conversations/{conversation}/messages", {"message_type": "text", "content": content})

    async def open(self, token: Optional[str] = None, **options: Any) -> Socket:
        """After its handshake; `hello` has not been looked at."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Socket(
            await connect(
                f"ws://127.0.0.1:{self.server.port}/v1/socket", subprotocols=["parley.v1"], additional_headers=headers,
                compression=None, ping_interval=None, max_size=None, proxy=None, close_timeout=5, **options))

    async def known(self, name: str, **options: Any) -> Socket:
        socket = await self.open(self.token(name), **options)
        await socket.event("hello")
        return socket

    async def subscribed(self, name: str, **options: Any) -> Socket:
        socket = await self.known(name, **options)
        await socket.command("subscribe")
        await socket.event("caught_up")
        return socket

    async def refused(self, socket: Socket, code: str, type: str, **fields: Any) -> None:
        """Records a command that is answered with that error."""
        self.record.error(code, *await socket.command(type, **fields))


class Record:
    """Examples by name, errors by code, close frames by code."""

    def __init__(self) -> None:
        self.examples: Dict[str, List[dict]] = {}
        self.texts: Dict[str, str] = {}
        self.errors: Dict[str, Tuple[dict, dict]] = {}
        self.closes: Dict[int, dict] = {}

    def keep(self, name: str, *frames: dict) -> None:
        self.examples[name] = list(frames)

    def error(self, code: str, command: dict, reply: dict) -> None:
        if reply.get("code") != code:
            raise StoryFailed(f"{command} was answered with {reply} instead of {code}")
        self.errors[code] = (command, reply)

    def close(self, code: int, frame: dict) -> None:
        if frame["code"] != code:
            raise StoryFailed(f"closed with {frame} instead of {code}")
        self.closes[code] = frame
