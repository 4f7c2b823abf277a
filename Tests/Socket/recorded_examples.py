#!/usr/bin/env python3
"""Holds the examples of docs/SOCKET.md to what a server really says.

Plays a story of three users against the real binary, keeps one example of every command, reply and event, and compares
them with the blocks of the page that stand behind a marker such as `<!-- example: send -->`. Ids, times, cursors and
tokens are replaced by readable ones; the same one is always replaced by the same.

    recorded_examples.py [--binary .build/debug/parley] [--write]     --write puts the recorded ones into the page

It also fails when an event type of Sources/ParleyModel/Event.swift has no example, when a close code of
Sources/ParleyGateway/CloseCode.swift is missing in the page, or a command or event in asyncapi.yaml, and when an example
does not follow its schema there.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import re
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Crash"))

import jsonschema  # noqa: E402
import yaml  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402

from connection import Connection  # noqa: E402
from server import ParleyServer, ServerFailed  # noqa: E402
from tokens import sign  # noqa: E402

PAGE = ROOT / "docs/SOCKET.md"
ASYNCAPI = ROOT / "Sources/ParleyAPI/Web/asyncapi.yaml"
EVENTS = ROOT / "Sources/ParleyModel/Event.swift"
CLOSE_CODES = ROOT / "Sources/ParleyGateway/CloseCode.swift"
BLOCK = re.compile(r"(<!-- example: ([\w-]+) -->\n```json\n)(.*?)(```\n)", re.DOTALL)
SETTINGS = {
    "PARLEY_SOCKET_HEARTBEAT_SECONDS": "2", "PARLEY_LIMITS_RECEIPTS_PARTICIPANTS": "2", "PARLEY_SOCKET_MAX_OUTBOUND_BYTES": "16384",
    "PARLEY_SOCKET_COMMANDS_BURST": "1000",
}
USERS = {
    "ada": "ada00000-0000-4000-8000-000000000001",
    "ben": "be200000-0000-4000-8000-000000000002",
    "cleo": "c1e00000-0000-4000-8000-000000000003",
}
LIMIT_SECONDS = 30


class Readable:
    """Puts readable values in place of those that differ from run to run."""

    def __init__(self) -> None:
        self._known: Dict[str, str] = {id: id for id in USERS.values()}
        self._conversations = self._messages = 0

    def line(self, frame: Any) -> str:
        return json.dumps(self._value(frame), ensure_ascii=False, separators=(",", ":"))

    def _value(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {self._value(key): self._value(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [self._value(each, name) for each in value]
        if name in ("retry_after_ms", "reconnect_after_ms"):
            return 2108
        return self._text(value, name) if isinstance(value, str) else value

    def _text(self, text: str, name: str) -> str:
        if name == "session":
            return "2udzxrdpn6a7g"
        if name == "token":
            return "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEw…"
        if name == "cursor":
            return "1.42.1795520026514"
        if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", text):
            return "2026-11-24T11:33:46.514Z"
        if re.fullmatch(r"[0-9a-f]{24}", text):
            return self._known.setdefault(text, self._next_message())
        if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
            return self._known.setdefault(text, self._next_conversation())
        return text

    def _next_message(self) -> str:
        self._messages += 1
        return f"6b05761b68a280fb1080b{self._messages:03x}"

    def _next_conversation(self) -> str:
        self._conversations += 1
        return f"55b8a1de-0c4f-4d2a-9b1e-0000000000{self._conversations:02x}"


class Socket:
    """One connection; commands wait for their replies, events are kept in order."""

    def __init__(self, socket: Any):
        self._socket = socket
        self.events: List[dict] = []
        self._last_id = 0

    async def command(self, type: str, **fields: Any) -> List[dict]:
        """The command and its reply."""
        self._last_id += 1
        command = {"id": self._last_id, "type": type, **fields}
        await self._socket.send(json.dumps(command))
        while True:
            frame = await self._frame()
            if frame.get("id") == self._last_id:
                return [command, frame]
            self.events.append(frame)

    async def event(self, type: str, **members: Any) -> dict:
        """The first event of this type with these members that has not been looked at."""
        place = 0
        while True:
            while place < len(self.events):
                event = self.events[place]
                if event["type"] == type and all(event.get(name) == value for name, value in members.items()):
                    del self.events[: place + 1]
                    return event
                place += 1
            self.events.append(await self._frame())

    async def closed(self) -> int:
        await asyncio.wait_for(self._socket.wait_closed(), LIMIT_SECONDS)
        return self._socket.close_code

    async def close(self) -> None:
        await self._socket.close()

    async def _frame(self) -> dict:
        return json.loads(await asyncio.wait_for(self._socket.recv(), LIMIT_SECONDS))


class Story:
    def __init__(self, server: ParleyServer, secret: str):
        self._server = server
        self._secret = secret
        self._rest = {name: Connection(server.port, sign(secret, id)) for name, id in USERS.items()}
        self.examples: Dict[str, List[dict]] = {}

    def _keep(self, name: str, *frames: dict) -> None:
        self.examples[name] = list(frames)

    async def _call(self, name: str, method: str, path: str, body: Any = None) -> Any:
        answer = await self._rest[name].request(method, path, body)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer}")
        return answer.body

    async def _open(self, name: Optional[str], **options: Any) -> Socket:
        headers = {"Authorization": f"Bearer {sign(self._secret, USERS[name])}"} if name else {}
        return Socket(
            await connect(
                f"ws://127.0.0.1:{self._server.port}/v1/socket", subprotocols=["parley.v1"], additional_headers=headers,
                compression=None, ping_interval=None, max_size=None, proxy=None, **options))

    async def _subscribed(self, name: str, **fields: Any) -> Socket:
        socket = await self._open(name)
        await socket.event("hello")
        await socket.command("subscribe", **fields)
        return socket

    async def play(self) -> None:
        direct = (await self._call("ada", "POST", "/v1/conversations", {"type": "direct", "participant_ids": [USERS["ben"]]}))["id"]
        ada, ben = await self._begin(direct)
        await self._talk(direct, ada, ben)
        group = await self._gather(ada, ben)
        await self._change(group, ada, ben)
        await self._come_back(direct, ada)
        self._keep("heartbeat", await ben.event("heartbeat"))
        for socket in (ada, ben):
            await socket.close()
        await self._read_slowly(direct)
        ada = await self._subscribed("ada")
        stopping = asyncio.ensure_future(asyncio.to_thread(self._server.stop))
        self._keep("going_away", await ada.event("going_away"))
        if await ada.closed() != 4000:
            raise RuntimeError("the server did not close with 4000")
        await stopping

    async def _begin(self, direct: str) -> tuple:
        ada = await self._open(None)
        self._keep("hello", await ada.event("hello"))
        self._keep("authenticate", *await ada.command("authenticate", token=sign(self._secret, USERS["ada"])))
        self._keep("subscribe", *await ada.command("subscribe"))
        self._keep("caught_up", await ada.event("caught_up"))
        ben = await self._subscribed("ben")
        return ada, ben

    async def _talk(self, direct: str, ada: Socket, ben: Socket) -> None:
        draft = {"conversation_id": direct, "message_type": "text", "content": "Hello, Ben!", "media_ids": [], "client_message_id": "k1"}
        self._keep("send", *await ada.command("send", **draft))
        self._keep("message", await ben.event("message"))
        self._keep("delivered", *await ben.command("delivered", conversation_id=direct, sequence_number=1))
        self._keep("delivered-event", await ada.event("delivered"))
        other = await self._subscribed("ben")
        self._keep("read", *await ben.command("read", conversation_id=direct, sequence_number=1))
        self._keep("read-event", await ada.event("read"))
        self._keep("read-event-own", await other.event("read"))
        self._keep("typing", *await ben.command("typing", conversation_id=direct, is_typing=True))
        self._keep("typing-event", await ada.event("typing"))
        await self._call("ben", "PUT", f"/v1/conversations/{direct}/mute", {"until": None})
        self._keep("mute", await ben.event("mute"))
        await other.close()
        self._keep("presence", *await ada.command("presence", user_ids=[USERS["ben"]]))
        self._keep("ping", *await ada.command("ping"))
        self._keep("error", *await ada.command("read", conversation_id=USERS["cleo"], sequence_number=1))

    async def _gather(self, ada: Socket, ben: Socket) -> str:
        group = (await self._call("ada", "POST", "/v1/conversations", {
            "type": "group", "title": "Lunch", "participant_ids": [USERS["ben"]]}))["id"]
        self._keep("conversation-added", await ben.event("conversation", change="added"))
        await self._call("ada", "PATCH", f"/v1/conversations/{group}", {"title": "Lunch at noon"})
        self._keep("conversation-updated", await ben.event("conversation", change="updated"))
        return group

    async def _change(self, group: str, ada: Socket, ben: Socket) -> None:
        path = f"/v1/conversations/{group}/participants/{USERS['cleo']}"
        await self._call("ada", "PUT", path, {"role": "member"})
        self._keep("participant-joined", await ben.event("participant", change="joined"))
        await self._call("ada", "PUT", path, {"role": "admin"})
        self._keep("participant-role", await ben.event("participant", change="role"))
        await self._call("ada", "POST", f"/v1/conversations/{group}/messages", {"message_type": "text", "content": "Noon?"})
        await self._call("cleo", "PUT", f"/v1/conversations/{group}/read", {"sequence_number": 1})
        self._keep("receipts", await ada.event("receipts"))
        await self._call("ada", "DELETE", path)
        self._keep("participant-left", await ben.event("participant", change="left"))
        await self._call("ada", "DELETE", f"/v1/conversations/{group}/participants/{USERS['ben']}")
        self._keep("conversation-removed", await ben.event("conversation", change="removed"))

    async def _come_back(self, direct: str, ada: Socket) -> None:
        cursor = (await ada.event("heartbeat"))["cursor"]
        ben = await self._subscribed("ben")
        await ben.close()
        self._keep("presence-event", await self._offline(ada))
        for number in range(2, 6):
            await self._call("ada", "POST", f"/v1/conversations/{direct}/messages", {"message_type": "text", "content": f"{number}"})
        ben = await self._open("ben")
        await ben.event("hello")
        self._keep("subscribe-resume", *await ben.command("subscribe", cursor=cursor, positions={direct: 1}, replay_limit=3))
        self._keep("skipped", await ben.event("skipped"))
        await ben.close()

    async def _offline(self, ada: Socket) -> dict:
        """Cleo is nobody's friend any more, so she makes a conversation with Ada, comes, and goes."""
        await self._call("cleo", "POST", "/v1/conversations", {"type": "direct", "participant_ids": [USERS["ada"]]})
        cleo = await self._subscribed("cleo")
        await ada.command("presence", user_ids=[USERS["cleo"]])
        await cleo.close()
        return await ada.event("presence", online=False)

    async def _read_slowly(self, direct: str) -> None:
        slow = await self._open("ben", max_queue=1)
        await slow.event("hello")
        await slow.command("subscribe")
        await slow.event("caught_up")
        for _ in range(600):
            await self._call("ada", "POST", f"/v1/conversations/{direct}/messages", {"message_type": "text", "content": "x" * 9000})
        behind = await slow.event("behind")
        behind["sequence_number"] = 67
        self._keep("behind", behind)
        await slow.close()


class Checks:
    def __init__(self) -> None:
        self.passed = self.failed = 0

    def check(self, name: str, problems: List[str]) -> None:
        self.passed += not problems
        self.failed += bool(problems)
        print(f"{'FAIL' if problems else 'ok  '} {name}")
        for problem in problems[:20]:
            print(f"       {problem}")


def compare(examples: Dict[str, str], text: str, checks: Checks) -> None:
    in_page = {match[2]: match[3] for match in BLOCK.finditer(text)}
    for name, recorded in examples.items():
        found = in_page.get(name)
        if found is None:
            checks.check(f"example {name}", ["docs/SOCKET.md has no block for it"])
        else:
            difference = difflib.unified_diff(found.splitlines(), recorded.splitlines(), "docs/SOCKET.md", "recorded", lineterm="")
            checks.check(f"example {name}", list(difference))
    checks.check("no example in the page is without a recording", [f"{name} was not recorded" for name in in_page if name not in examples])


def check_completeness(story: Story, text: str, checks: Checks) -> None:
    recorded = {frame["type"] for frames in story.examples.values() for frame in frames if "id" not in frame}
    types = set(re.findall(r'case \.\w+: "(\w+)"', EVENTS.read_text())) - {"closing"}
    checks.check("every type of event has an example", [f"{type} has none" for type in sorted(types - recorded)])
    codes = re.findall(r"case \w+ = (\d{4})", CLOSE_CODES.read_text())
    checks.check("every close code stands in the page", [code for code in codes if f"| {code} |" not in text])


def check_schemas(story: Story, checks: Checks) -> None:
    document = yaml.safe_load(ASYNCAPI.read_text())
    messages = document["components"]["messages"]
    schemas = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"]}
    for name, frames in story.examples.items():
        problems: List[str] = []
        for frame, previous in zip(frames, [None, *frames]):
            wanted = message_name(frame, previous)
            if wanted not in messages:
                problems.append(f"asyncapi.yaml has no message {wanted}")
                continue
            schema = {**schemas, "$ref": messages[wanted]["payload"]["$ref"]}
            problems += [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(frame)]
        checks.check(f"schema of {name}", problems)


def message_name(frame: dict, command: Optional[dict]) -> str:
    if "id" not in frame:
        return f"{frame['type']}_event"
    if frame["type"] == "error":
        return "error_reply"
    return f"{command['type']}_reply" if frame["type"] == "ok" else f"{frame['type']}_command"


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/debug/parley")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    folder, checks, secret = Path(tempfile.mkdtemp(prefix="parley-examples-")), Checks(), secrets.token_hex(32)
    server = ParleyServer(options.binary, folder, secret, SETTINGS)
    try:
        server.start()
        server.wait_until_ready()
        story = Story(server, secret)
        asyncio.run(story.play())
        readable = Readable()
        examples = {name: "".join(readable.line(frame) + "\n" for frame in frames) for name, frames in story.examples.items()}
        text = PAGE.read_text()
        if options.write:
            text = BLOCK.sub(lambda match: match[1] + examples.get(match[2], match[3]) + match[4], text)
            PAGE.write_text(text)
        compare(examples, text, checks)
        check_completeness(story, text, checks)
        check_schemas(story, checks)
    except (ServerFailed, RuntimeError, asyncio.TimeoutError) as error:
        checks.check("the story is played to its end", [repr(error)])
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{checks.passed} passed, {checks.failed} failed", flush=True)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
