#!/usr/bin/env python3
"""A load balancer that knows nothing but bytes: each new connection to its port goes to the next node.

    balancer.py PORT NODE_PORT …

What one end does, the other end sees: half-closed stays half-closed, a reset is a reset, and who does not read is not read
for. It is told on its standard input which nodes take part, `in 20001` or `out 20001`, and answers each line; it listens
while a node is in, so that without one, connections are refused as by a server that is down. It ends with its input.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
import sys
from typing import List, Optional

# Little, so that it adds little to what lies between a server and a reader who does not read.
KERNEL_BUFFER = 128 * 1024
OWN_BUFFER = 64 * 1024
RESET = struct.pack("ii", 1, 0)


class End(asyncio.Protocol):
    """One of the two connections of a pipe."""

    def __init__(self) -> None:
        self.transport: Optional[asyncio.Transport] = None
        self.other: Optional[End] = None
        self.has_ended = False  # says nothing more, but may listen
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=OWN_BUFFER)
        transport.pause_reading()  # until there is somebody to tell

    def join(self, other: "End") -> None:
        self.other, other.other = other, self
        self.transport.resume_reading()
        other.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.has_ended = True
        if self.other.has_ended:
            self.transport.close()
            self.other.transport.close()
        elif not self.other.is_lost:
            self.other.transport.write_eof()
        return True  # stays open for the other direction

    def pause_writing(self) -> None:
        if self.other is not None and not self.other.is_lost:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.is_lost:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Optional[Exception]) -> None:
        self.is_lost = True
        if error is not None and self.other is not None:
            self.other.reset()

    def reset(self) -> None:
        if not self.is_lost:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()


class Client(End):
    def __init__(self, balancer: "Balancer"):
        super().__init__()
        self._balancer = balancer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connecting = asyncio.ensure_future(self._connect(self._balancer.turn()))

    async def _connect(self, ports: List[int]) -> None:
        for port in ports:
            node = await connected(port)
            if node is not None:
                return self.join(node) if not self.is_lost else node.reset()
        self.reset()


async def connected(port: int) -> Optional[End]:
    """None when nobody listens there."""
    loop = asyncio.get_running_loop()
    made = with_small_buffers(socket.socket())
    made.setblocking(False)
    try:
        await loop.sock_connect(made, ("127.0.0.1", port))
    except OSError:
        made.close()
        return None
    return (await loop.create_connection(End, sock=made))[1]


def with_small_buffers(made: socket.socket) -> socket.socket:
    for which in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, which, KERNEL_BUFFER)
    return made


class Balancer:
    def __init__(self, port: int, nodes: List[int]):
        self._port = port
        self._nodes = nodes
        self._in: List[int] = []
        self._turns = 0
        self._listener: Optional[asyncio.Server] = None

    def turn(self) -> List[int]:
        """The node whose turn it is, then those to try when it is dead."""
        self._turns += 1
        start = self._turns % len(self._nodes)
        return [port for port in self._nodes[start:] + self._nodes[:start] if port in self._in]

    async def obey(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            word, port = line.decode().split()
            self._in = [each for each in self._nodes if each in self._in and each != int(port) or word == "in" and each == int(port)]
            await self._listen_or_not()
            print("done", flush=True)

    async def _listen_or_not(self) -> None:
        if self._in and self._listener is None:
            listening = with_small_buffers(socket.socket())
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", self._port))
            self._listener = await asyncio.get_running_loop().create_server(lambda: Client(self), sock=listening, backlog=4096)
        elif not self._in and self._listener is not None:
            self._listener.close()  # connections stay
            self._listener = None


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port, *nodes = map(int, sys.argv[1:])
    asyncio.run(Balancer(port, nodes).obey())


if __name__ == "__main__":
    main()
