"""One window with the demo page in it: what a test does there, and what it sees."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any, List

from browser import Page

CONTENTS = "[...document.querySelectorAll('#messages .message .content')].map((node) => node.firstChild.textContent)"
STATES = "[...document.querySelectorAll('#messages .mine .ticks')].map((node) => node.dataset.state)"
CONNECTED = "document.getElementById('connection-state').dataset.state === 'open'"
ROW = "[...document.querySelectorAll('#conversation-list li')].find((row) => row.querySelector('.name').textContent === %s)"
MEDIA_HOST = "https://media.example.com/"


class ChatPage:
    def __init__(self, page: Page):
        self.page = page
        self.run, self.until, self.reload = page.run, page.until, page.reload

    @property
    def mishaps(self) -> List[str]:
        return self.page.mishaps

    async def click(self, selector: str) -> None:
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def fill(self, selector: str, text: str) -> None:
        await self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.page.type(text)

    async def write(self, text: str) -> None:
        """Writes and sends as a person would: by Enter, or on a phone, whose Enter makes a new line, with the button."""
        await self.fill("#text", text)
        if await self.run("matchMedia('(pointer: fine)').matches"):
            await self.page.press_enter()
        else:
            await self.click("#composer [type=submit]")

    async def open(self, conversation: str) -> None:
        await self.run(f"location.hash = {json.dumps(conversation)}")
        await self.until(f"location.hash.endsWith({json.dumps(conversation)}) && !document.getElementById('composer').hidden")

    async def go_to_list(self) -> None:
        await self.run("location.hash = ''")
        await self.until("document.body.dataset.view === 'list'")

    async def connects(self, condition: str = CONNECTED) -> None:
        """Waits for the connection, as somebody does who presses “Try now”."""
        state = "document.getElementById('connection-state').dataset.state"
        await self.until(f"({state} === 'waiting' && document.getElementById('offline-retry').click(), {condition})")

    async def shows(self, texts: List[str], in_order: bool = True) -> None:
        """Waits until these messages are shown, each once, and nothing else."""
        shown, wanted = (CONTENTS, json.dumps(texts)) if in_order else (f"{CONTENTS}.sort()", json.dumps(texts) + ".sort()")
        await self.until(f"JSON.stringify({shown}) === JSON.stringify({wanted})")

    async def row(self, title: str, part: str) -> Any:
        return await self.run(f"{ROW % json.dumps(title)}?.querySelector({json.dumps(part)})?.textContent")

    async def row_has(self, title: str, preview: str, unread: int) -> None:
        row = ROW % json.dumps(title)
        count = f"({row}.querySelector('.unread-count').hidden ? 0 : parseInt({row}.querySelector('.unread-count').textContent))"
        await self.until(f"{row} && {row}.querySelector('.preview').textContent === {json.dumps(preview)} && {count} === {unread}")

    async def last_state(self, name: str) -> None:
        await self.until(f"{STATES}.at(-1) === {json.dumps(name)}")

    async def set_dark(self, dark: bool) -> None:
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.page.call("Emulation.setEmulatedMedia", {"features": [feature]})

    async def provide_media(self) -> None:
        """Answers for the host of pictures, which nothing else does in a test."""
        await self.page.answer(f"{MEDIA_HOST}*", "image/png", picture(640, 420))


def picture(width: int, height: int) -> str:
    """A PNG in base64: an evening over water."""
    def row(y: int) -> bytes:
        below = y > height * 0.6
        shade = (y / height * 0.6 + (0.25 if below else 0))
        return b"\0" + bytes((int(250 - 170 * shade), int(180 - 90 * shade), int(120 + (60 if below else 20) * shade))) * width

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(map(row, range(height))))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")).decode()
