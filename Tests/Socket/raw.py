"""A socket without a client library: it sends exactly the bytes that it is told to, and answers nothing by itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple, Optional

from world import World, check, soon

TEXT, CLOSE, PING = 1, 8, 9
HANDSHAKE = (
    "GET /v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")


class Frame(NamedTuple):
    opcode: int
    payload: bytes


def masked(first_byte: int, payload: bytes, declared: Optional[int] = None) -> bytes:
    """A client's frame; the mask is zero, so that the payload shows. `declared` is a length that is not true."""
    length = len(payload) if declared is None else declared
    if length < 126:
        head = bytes([first_byte, 0x80 | length])
    elif length < 65_536:
        head = bytes([first_byte, 0xFE]) + length.to_bytes(2, "big")
    else:
        head = bytes([first_byte, 0xFF]) + length.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


class RawSocket:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, world: World, token: Optional[str] = None) -> "RawSocket":
        socket = cls(*await asyncio.open_connection("127.0.0.1", world.server.port))
        world.keep(socket)
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        socket.write((HANDSHAKE + authorization + "\r\n").encode())
        answer = await soon(socket.reader.readuntil(b"\r\n\r\n"), "the handshake")
        check(answer.startswith(b"HTTP/1.1 101 "), "no handshake but", answer)
        return socket

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def command(self, **members: Any) -> None:
        self.write(masked(0x81, json.dumps(members).encode()))

    async def frame(self) -> Optional[Frame]:
        """The next one; None at the end."""
        try:
            head = await soon(self.reader.readexactly(2), "a frame")
            length = head[1]
            if length >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            return Frame(head[0] & 15, await self.reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close_code(self) -> Optional[int]:
        """Reads until the close frame; None when the connection ends without one, 1005 when it says nothing."""
        while True:
            frame = await self.frame()
            if frame is None:
                return None
            if frame.opcode == CLOSE:
                return int.from_bytes(frame.payload[:2], "big") if frame.payload else 1005

    def end(self) -> None:
        """Says that nothing more will be written."""
        try:
            self.writer.write_eof()
        except OSError:
            pass  # the other side has cut the connection

    def close(self) -> None:
        self.writer.transport.abort()
