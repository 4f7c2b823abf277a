"""Kept-alive HTTP/1.1 connections of one user, to one server or to one of several.

Written by hand because the load must not be limited by the one who makes it: on the two cores that
it shares with the server, this costs a fraction of what `http.client` does.
"""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any, Dict, List, NamedTuple, Optional

ANSWER_TIMEOUT_SECONDS = 20
# A server may close a kept-alive connection at the very moment at which the next request is on its way (RFC 9112, 9.5). The tests
# set `limits.idle_seconds` to 3, and a busy machine can take as long between two requests.
REUSE_SECONDS = 1
MOVE_SHARE = 0.02  # of the requests: a client of several nodes turns to another one without need
COME_BACK = (408, 429, 503)  # of a server that is there, but cannot do it now


class NoAnswer(Exception):
    """The connection broke or the answer did not come: whether the request was carried out is unknown."""


class NoConnection(NoAnswer):
    """There was nobody to connect to: the request was certainly not carried out."""


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Dict[str, str] = {}  # by names in lower case


class Connection:
    def __init__(self, port: int, token: str, timeout_seconds: float = ANSWER_TIMEOUT_SECONDS):
        self._port = port
        self._timeout_seconds = timeout_seconds
        self._token = token
        self._reader: Optional[asyncio.StreamReader] = None
        self._writer: Optional[asyncio.StreamWriter] = None
        self._used_at = 0.0

    async def request(self, method: str, path: str, body: Any = None) -> Answer:
        # Cutting the connection makes the pending read fail, which is cheaper than a task per request.
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._timeout_seconds, self.close)
        try:
            if loop.time() - self._used_at >= REUSE_SECONDS:
                self.close()
            if self._writer is None:
                await self._connect()
            self._writer.write(self._encode(method, path, body))
            answer = await self._read_answer(self._reader)
            self._used_at = loop.time()
            return answer
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            self.close()
            raise NoAnswer(f"{method} {path}: {error!r}") from error
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def _connect(self) -> None:
        try:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            raise NoConnection(str(error)) from error

    def _encode(self, method: str, path: str, body: Any) -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {self._token}"]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        return "\r\n".join(lines + ["", ""]).encode() + data

    async def _read_answer(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.split("\r\n")
        status = int(status_line.split(" ", 2)[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        data = await self._read_body(reader, status, headers)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, json.loads(data) if "json" in headers.get("content-type", "") else data, headers)

    async def _read_body(self, reader: asyncio.StreamReader, status: int, headers: dict) -> bytes:
        if status == 204:
            return b""
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await reader.readexactly(int(headers.get("content-length", "0")))
        data = b""
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            chunk = await reader.readexactly(size + 2)
            if size == 0:
                return data
            data += chunk[:-2]


class RovingConnection:
    """A client of several nodes: stays with one, goes to another when that one fails or cannot do it, and sometimes without need."""

    def __init__(self, ports: List[int], first: int, token: str, random: Random, timeout_seconds: float):
        self._nodes = [Connection(port, token, timeout_seconds) for port in ports]
        self._random = random
        self.place = first % len(ports)

    async def request(self, method: str, path: str, body: Any = None) -> Answer:
        if self._random.random() < MOVE_SHARE:
            self._move()
        try:
            answer = await self._nodes[self.place].request(method, path, body)
        except NoAnswer:
            self._move()
            raise
        if answer.status in COME_BACK:
            self._move()
        return answer

    def close(self) -> None:
        for node in self._nodes:
            node.close()

    def _move(self) -> None:
        self._nodes[self.place].close()
        self.place = self._random.choice([place for place in range(len(self._nodes)) if place != self.place] or [0])
