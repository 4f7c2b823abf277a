"""What a connection's first bytes can be besides a good handshake: each gets an answer, and none holds on for ever."""

from __future__ import annotations

import asyncio

from world import World, same

WAIT_SECONDS = 15


async def _answer(world: World, request: bytes) -> bytes:
    """All that the server says until it closes, or until a whole head has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.server.port)
    try:
        writer.write(request)
        await writer.drain()
        text = b""
        while b"\r\n\r\n" not in text:
            some = await asyncio.wait_for(reader.read(65536), WAIT_SECONDS)
            if not some:
                break
            text += some
        return text
    finally:
        writer.close()


def _status(answer: bytes) -> bytes:
    return answer.split(b" ")[1] if answer.startswith(b"HTTP/1.1 ") else answer[:40]


async def a_request_that_asks_for_another_upgrade_is_answered_as_http(world: World) -> None:
    request = (
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
    )
    same(_status(await _answer(world, request)), b"200", "the status")


async def half_a_handshake_is_told_to_open_a_socket(world: World) -> None:
    request = b"GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    same(_status(await _answer(world, request)), b"426", "the status without a key")
    old = request[:-2] + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n"
    same(_status(await _answer(world, old)), b"426", "the status of an old version")


async def bytes_that_are_no_http_get_400(world: World) -> None:
    same(_status(await _answer(world, b"\x16\x03\x01 this is not HTTP\r\n\r\n")), b"400", "the status of garbage")
    same(_status(await _answer(world, b"GET /health/live HTTP/1.1\r\nContent-Length: no\r\n\r\n")), b"400", "the status of a bad length")


async def a_head_that_trickles_in_is_cut_off(world: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.server.port)
    try:
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: local")
        await writer.drain()
        rest = await asyncio.wait_for(reader.read(65536), WAIT_SECONDS)
        same(rest, b"", "what comes before the connection ends")
    finally:
        writer.close()


CASES = [
    a_request_that_asks_for_another_upgrade_is_answered_as_http,
    half_a_handshake_is_told_to_open_a_socket,
    bytes_that_are_no_http_get_400,
]
TIGHT_CASES = [a_head_that_trickles_in_is_cut_off]
