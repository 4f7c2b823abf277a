"""The network between a page and the server: a relay that can be cut, go silent, or let no WebSocket through."""

from __future__ import annotations

import asyncio
from typing import Optional, Set

OPEN, CUT, SILENT, NO_SOCKETS = "open", "cut", "silent", "no sockets"
HEAD_LIMIT_BYTES = 65_536


class Link:
    def __init__(self, server_port: int, port: int):
        self.port = port
        self.state = OPEN
        self._server_port = server_port
        self._listener: Optional[asyncio.Server] = None
        self._writers: Set[asyncio.StreamWriter] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=HEAD_LIMIT_BYTES)

    async def stop(self) -> None:
        self._listener.close()
        self._end_all()

    def set(self, state: str) -> None:
        """Connections that are open end, but for `SILENT`: nothing tells either side that no byte comes through any more."""
        self.state = state
        if state != SILENT:
            self._end_all()

    def _end_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        server_writer = None
        try:
            if self.state == CUT:
                return
            head = await reader.readuntil(b"\r\n\r\n")
            if self.state == NO_SOCKETS and b"\r\nupgrade: websocket" in head.lower():
                return writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
            self._writers.add(server_writer)
            server_writer.write(head)
            await asyncio.wait(
                [asyncio.ensure_future(self._carry(reader, server_writer)), asyncio.ensure_future(self._carry(server_reader, writer))],
                return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # one side has gone, or the test is over
        finally:
            for each in filter(None, (writer, server_writer)):
                self._writers.discard(each)
                each.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if self.state != SILENT:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
