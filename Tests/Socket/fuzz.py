"""Random and mutated frames, commands and requests, the same for the same seed: each connection is answered or ends with a
documented code, and the server lives on in bounded memory.

A failure prints its seed; PARLEY_FUZZ_SEED runs that one again, PARLEY_FUZZ_ROUNDS makes the run longer.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from pathlib import Path
from random import Random
from typing import Any, Callable, Dict, List, Optional

from raw import CLOSE, TEXT, Frame, RawSocket, masked
from world import User, World, check, same, soon

CODES = {1002, 1003, 1005, 1007, 1009, *range(4000, 4008), 4500, 4501, 4502}
SEED = os.environ.get("PARLEY_FUZZ_SEED") or str(secrets.randbelow(10**9))
ROUNDS = int(os.environ.get("PARLEY_FUZZ_ROUNDS", "40"))
LAST_WORD = 1_000_000
MEMORY_GROWTH_MEGABYTES = 150

NUMBERS = [0, 1, -1, 2, 63, 2**31, 2**53, 2**63 - 1, -2**63, 2**63, 10**30, 1.0, 1.5, -0.0, 1e308, True, False, None]
TEXTS = ["", "x", "\0", "é", "😀" * 40, "x" * 300, "'; drop table messages; --", "../../etc/passwd", "1.0.0", "1.2.3", "null", "\ud800", "\u2028"]
COMMANDS: Dict[str, List[str]] = {
    "authenticate": ["token"],
    "subscribe": ["cursor", "positions", "replay_limit", "conversation_ids", "more"],
    "send": ["conversation_id", "message_type", "content", "media_ids", "client_message_id", "sender_id"],
    "read": ["conversation_id", "sequence_number"],
    "delivered": ["conversation_id", "sequence_number"],
    "typing": ["conversation_id", "is_typing"],
    "presence": ["user_ids"],
    "ping": [],
}


class Maker:
    """Draws values, commands and frames; some are good, so that the bad ones get deeper."""

    def __init__(self, random: Random, user: User, conversations: List[str], friends: List[User]):
        self.random = random
        self.user = user
        self.conversations = conversations
        self.friends = [friend.id for friend in friends]

    def value(self, depth: int = 0) -> Any:
        draw = self.random.random()
        if draw < 0.35 or depth > 4:
            return self.random.choice(NUMBERS)
        if draw < 0.6:
            return self.random.choice(TEXTS)
        if draw < 0.75:
            return self.random.choice(self.conversations + self.friends)
        count = self.random.randrange(4)
        if draw < 0.88:
            return [self.value(depth + 1) for _ in range(count)]
        return {self.random.choice(self.conversations + TEXTS): self.value(depth + 1) for _ in range(count)}

    def good(self, name: str) -> Any:
        choice = self.random.choice
        return {
            "token": lambda: self.user.token(), "cursor": lambda: f"1.{choice([0, 1, 50, 2**62])}.{choice([0, 1, 2**40, 2**41])}",
            "positions": lambda: {each: choice([0, 1, 5, 2**62]) for each in self.random.sample(self.conversations, 2)},
            "replay_limit": lambda: choice([0, 1, 100, 2**62]), "conversation_ids": lambda: self.random.sample(self.conversations, 2),
            "more": lambda: choice([True, False]), "conversation_id": lambda: choice(self.conversations),
            "message_type": lambda: choice(["text", "image", "custom.x"]), "content": lambda: choice(TEXTS[1:7]),
            "media_ids": lambda: [], "client_message_id": lambda: str(self.random.randrange(5)), "sender_id": lambda: self.user.id,
            "sequence_number": lambda: choice([0, 1, 3, 2**62]), "is_typing": lambda: choice([True, False]),
            "user_ids": lambda: self.random.sample(self.friends, 2),
        }[name]()

    def command(self, id: int) -> Dict[str, Any]:
        type = self.random.choice(list(COMMANDS))
        wrong = self.random.random() * 0.5
        command: Dict[str, Any] = {"id": id, "type": type}
        for name in COMMANDS[type]:
            draw = self.random.random()
            if draw < wrong:
                command[name] = self.value()
            elif draw < 0.9:
                command[name] = self.good(name)
        if self.random.random() < 0.1:
            command[self.random.choice(TEXTS + list(COMMANDS))] = self.value()
        return command

    def text(self, id: int) -> bytes:
        return json.dumps(self.command(id)).encode()

    def mutated(self, data: bytes) -> bytes:
        bytes_ = bytearray(data)
        for _ in range(self.random.choice([1, 1, 2, 8])):
            place = self.random.randrange(len(bytes_) + 1)
            kind = self.random.randrange(5)
            if kind == 0 and place < len(bytes_):
                bytes_[place] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                del bytes_[place:place + self.random.randrange(1, 9)]
            elif kind == 2:
                bytes_[place:place] = bytes_[self.random.randrange(len(bytes_) + 1):][:self.random.randrange(30)]
            elif kind == 3:
                bytes_[place:place] = self.random.choice([b"[" * 500, b"{\"a\":" * 300, b"\\ud800", b"\xff", b"\xf0\x9f", b"1e999", b"9" * 400, b"\\u0000"])
            else:
                bytes_[place:place] = self.random.randbytes(self.random.randrange(12))
        return bytes(bytes_[:60_000])

    def frames(self, id: int) -> bytes:
        """Frames that keep to RFC 6455 or do not: fragments, controls in between, wrong lengths, bits and opcodes."""
        text = self.text(id)
        draw = self.random.random()
        if draw < 0.5:
            cuts = sorted(self.random.randrange(len(text) + 1) for _ in range(self.random.randrange(5)))
            parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)])]
            said = b""
            for place, part in enumerate(parts):
                said += masked((0x80 if place == len(parts) - 1 else 0) | (1 if place == 0 else 0), part)
                if self.random.random() < 0.3:
                    said += masked(self.random.choice([0x89, 0x8A]), self.random.randbytes(self.random.randrange(126)))
            return said
        if draw < 0.7:
            return masked(self.random.randrange(256), text)
        if draw < 0.8:
            return masked(0x81, text, declared=self.random.choice([0, 1, 125, 126, 65_535, 65_536, 2**31, 2**63, 2**64 - 1]))
        if draw < 0.9:
            return masked(0x88, self.random.choice([b"", b"\x03", b"\x03\xe8", b"\x03\xed", b"\x00\x00", b"\x0f\xa0bye", b"\x03\xe8\xff\xfe"]))
        return self.random.randbytes(self.random.randrange(1, 200))


async def random_commands_are_answered_or_end_the_socket(world: World) -> None:
    async def commands(maker: Maker, token: Optional[str]) -> None:
        socket = await RawSocket.open(world, token)
        count = maker.random.randrange(1, 60)
        for id in range(count):
            socket.write(masked(0x81, maker.text(id)))
        socket.command(id=count, type="ping")
        waiting = set(range(count + 1))
        while waiting:
            frame = await socket.frame()
            if frame is None or frame.opcode == CLOSE:
                check(frame is not None, "the connection ended without a close frame, unanswered are", sorted(waiting)[:5])
                return check(code_of(frame) in CODES, f"the close code is {code_of(frame)}, which is not documented")
            if frame.opcode == TEXT and "id" in (reply := json.loads(frame.payload)):
                check(reply["type"] in ("ok", "error"), reply)
                check(reply.get("code") != "internal_error", "an internal error", reply)
                waiting.remove(reply["id"])
        socket.close()

    await rounds(world, commands)


async def mutated_commands_end_the_socket_with_a_documented_code_or_are_answered(world: World) -> None:
    async def mutations(maker: Maker, token: Optional[str]) -> None:
        socket = await RawSocket.open(world, token)
        for id in range(maker.random.randrange(1, 20)):
            text = maker.text(id)
            socket.write(masked(0x81, maker.mutated(text) if maker.random.random() < 0.4 else text))
        await ends_or_answers(socket)

    await rounds(world, mutations)


async def random_frames_end_the_socket_with_a_documented_code_or_are_answered(world: World) -> None:
    async def frames(maker: Maker, token: Optional[str]) -> None:
        socket = await RawSocket.open(world, token)
        data = b"".join(maker.frames(id) for id in range(maker.random.randrange(1, 20)))
        if maker.random.random() < 0.5:
            data = maker.mutated(data)
        for start in range(0, len(data), size := maker.random.choice([1, 7, 1000, 100_000])):
            socket.write(data[start:start + size])
            if size < 100 and start > 2000:  # long enough in small pieces
                socket.write(data[start + size:])
                break
            await asyncio.sleep(0)
        if maker.random.random() < 0.2:
            return socket.close()
        await ends_or_answers(socket)

    await rounds(world, frames)


async def ends_or_answers(socket: RawSocket) -> None:
    """The last word may have become part of a frame that never ends: then our side ends, and so must the other one."""
    socket.command(id=LAST_WORD, type="ping")
    while True:
        reading = asyncio.ensure_future(socket.frame())
        done, _ = await asyncio.wait([reading], timeout=0.5)
        if not done:
            socket.end()
        frame = await reading
        if frame is None:
            return
        if frame.opcode == CLOSE:
            return check(code_of(frame) in CODES, f"the close code is {code_of(frame)}, which is not documented")
        if frame.opcode == TEXT:
            said = json.loads(frame.payload)
            check(said.get("code") != "internal_error", "an internal error", said)
            if said.get("id") == LAST_WORD:
                return socket.close()


def code_of(frame: Frame) -> int:
    return int.from_bytes(frame.payload[:2], "big") if frame.payload else 1005


async def rounds(world: World, play: Callable[[Maker, Optional[str]], Any]) -> None:
    """Many connections at once, of several users; with and without a token."""
    users = world.users(4)
    conversations = [await users[0].group(*users[1:]) for _ in range(3)]
    for number in range(5):
        await users[number % 4].post(conversations[0], f"{number}")
    witness = await users[0].device()
    before = memory(world)

    async def one(number: int) -> None:
        random = Random(f"{SEED}/{play.__name__}/{number}")
        user = random.choice(users)
        maker = Maker(random, user, conversations, users)
        try:
            await play(maker, user.token() if random.random() < 0.8 else None)
        except Exception as error:
            raise type(error)(f"seed {SEED}, connection {number}: {error}") from error

    for start in range(0, ROUNDS * 10, 40):
        await asyncio.gather(*(one(number) for number in range(start, start + 40)))
        same(world.server.exit_code, None, f"the exit code of the server that should run, seed {SEED}")
    message = await users[0].again().post(conversations[1], "the last one")
    while (await witness.event()).get("message") != message:
        pass
    growth = memory(world) - before
    check(growth < MEMORY_GROWTH_MEGABYTES, f"seed {SEED}: memory grew by {growth:.0f} MB")


def memory(world: World) -> float:
    """Resident megabytes of the server."""
    return sum(map(memory_of, world.server.process_ids))


def memory_of(process_id: int) -> float:
    text = Path(f"/proc/{process_id}/status").read_text() if Path("/proc/self/status").exists() else "VmRSS: 0 kB"
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


async def requests_at_random_are_answered_or_the_connection_ends(world: World) -> None:
    """The first bytes of a connection: handshakes and other requests, mutated."""
    user = world.user()
    heads = [
        b"GET /v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: parley.v1\r\n\r\n",
        f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token()}\r\nLast-Event-ID: 1.0.0\r\n\r\n".encode(),
        b"POST /v1/conversations HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{}x",
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ]

    async def one(number: int) -> None:
        random = Random(f"{SEED}/request/{number}")
        maker = Maker(random, user, ["x"], [])
        data = random.choice(heads)
        for _ in range(random.randrange(4)):
            data = maker.mutated(data) or b"x"
        reader, writer = await asyncio.open_connection("127.0.0.1", world.server.port)
        writer.write(data)
        try:
            writer.write_eof()
            # Whoever says no more is answered; a stream or a socket opens and says something.
            await soon(reader.read(1), f"an answer or the end, seed {SEED}, request {number}: {data!r}")
        except OSError:
            pass  # cut off
        writer.transport.abort()

    for start in range(0, ROUNDS * 10, 40):
        await asyncio.gather(*(one(number) for number in range(start, start + 40)))
    same((world.server.exit_code, world.server.get("/health/live")[0]), (None, 200), f"how the server is, seed {SEED}")


CASES = [
    random_commands_are_answered_or_end_the_socket,
    mutated_commands_end_the_socket_with_a_documented_code_or_are_answered,
    random_frames_end_the_socket_with_a_documented_code_or_are_answered,
    requests_at_random_are_answered_or_the_connection_ends,
]
