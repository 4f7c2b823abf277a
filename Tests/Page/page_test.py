#!/usr/bin/env python3
"""The demo page in a real browser, on the real binary: two people chat in two windows.

    page_test.py [--binary .build/debug/parley] [--pictures .build/page]

Screenshots of a phone and of a desktop are kept in the folder of pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, List

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Crash"))

from browser import Browser, Failed, Page  # noqa: E402
from server import ParleyServer, ServerFailed  # noqa: E402

MARKUP = """<img src=x onerror="alert('image')"><script>alert('script')</script><b id="injected">bold</b> &amp; "quotes" """.strip()
PHONE, DESKTOP = (390, 844), (1200, 800)

CONNECTED = "document.getElementById('connection-state').textContent === 'Connected'"
LOST = "document.getElementById('connection-state').dataset.state !== 'open'"
CONTENTS = "[...document.querySelectorAll('#messages .message .content')].map((node) => node.textContent)"
STATES = "[...document.querySelectorAll('#messages .message.mine .status')].map((node) => node.textContent)"
FIRST_IN_LIST = "document.querySelector('#conversation-list li:first-child %s')"
UNREAD = f"{FIRST_IN_LIST % '.unread-count'}?.hidden ? 0 : parseInt({FIRST_IN_LIST % '.unread-count'}?.textContent)"


class PageTest:
    def __init__(self, binary: Path, folder: Path, pictures: Path):
        self.server = ParleyServer(binary, folder, secret=None)
        self.pictures = pictures
        self.browser = Browser()
        self.sent: List[str] = []
        self.passed = 0
        self.failed = 0

    async def run(self) -> None:
        try:
            self.server.start()
            await asyncio.to_thread(self.server.wait_until_ready)
            await self.browser.start()
            for case in (
                self.two_pages_open_and_connect, self.what_one_writes_the_other_sees, self.markup_stays_text,
                self.preview_and_unread_count_change_live, self.a_new_group_appears_for_the_other,
                self.history_is_there_after_a_reload, self.a_killed_server_loses_and_doubles_nothing, self.nothing_went_wrong_in_the_pages,
            ):
                if not await self._try(case):
                    break  # each goes on where the one before it has stopped
        finally:
            await self.browser.stop()
            self.server.kill()

    async def two_pages_open_and_connect(self) -> None:
        self.ada = await self._open("ada", *DESKTOP)
        self.ben = await self._open("ben", *PHONE)
        check(await self.ada.run("document.getElementById('who').textContent.startsWith('You are Ada')"), "the page of Ada")

    async def what_one_writes_the_other_sees(self) -> None:
        for number in range(1, 6):
            await self._write(self.ada if number % 2 else self.ben, f"Message {number}: Grüße 😀")
            await self._all_shown()
        statuses = await self.ada.run(STATES)
        check(all("Sent" in status for status in statuses) and len(statuses) == 3, "the status of Ada's messages", statuses)

    async def markup_stays_text(self) -> None:
        await self._write(self.ada, MARKUP)
        await self._all_shown()
        for page in (self.ada, self.ben):
            made = await page.run("document.querySelectorAll('#injected, main img, main script').length")
            check(made == 0, "markup in a message made", made, "elements")
            check(page.mishaps == [], page.mishaps)
        preview = await self.ada.run(f"{FIRST_IN_LIST % '.preview'}.textContent")
        check(preview == MARKUP[:100] + ("..." if len(MARKUP) > 100 else ""), "the preview", preview)

    async def preview_and_unread_count_change_live(self) -> None:
        await self.ben.screenshot(self.pictures / "phone-conversation.png")
        conversation = await self.ben.run("location.hash")
        await self.ben.run("location.hash = ''")
        await self.ben.until("document.body.dataset.view === 'list'")
        for number in (1, 2, 3):
            await self._write(self.ada, f"Unread {number}")
            await self.ben.until(f"{FIRST_IN_LIST % '.preview'}.textContent === 'Unread {number}' && ({UNREAD}) === {number}")
        check((await self.ben.run("document.title")).startswith("(3) "), "the title of the page")
        await self.ben.screenshot(self.pictures / "phone-list.png")
        await self.ben.run(f"location.hash = {json.dumps(conversation)}")
        await self._all_shown()
        await self.ben.until(f"({UNREAD}) === 0")
        check(await self.ben.run("document.getElementById('messages').textContent.includes('New messages')"), "no line above what is new")

    async def a_new_group_appears_for_the_other(self) -> None:
        await self.ada.run("document.getElementById('new-conversation-open').click()")
        await self.ada.run("document.querySelector('#new-conversation-form [value=group]').click()")
        await self.ada.run("document.getElementById('group-title').value = 'Lunch <b>today</b>'")
        await self.ada.run("document.getElementById('user-ids').value = 'Ben'")
        await self.ada.screenshot(self.pictures / "desktop-new-conversation.png")
        direct = await self.ada.run("location.hash")
        await self.ada.run("document.querySelector('#new-conversation-form [type=submit]').click()")
        await self.ada.until("document.getElementById('conversation-title').textContent === 'Lunch <b>today</b>'")
        await self.ben.until(f"{FIRST_IN_LIST % '.name'}.textContent === 'Lunch <b>today</b>'")
        await self.ada.run(f"location.hash = {json.dumps(direct)}")
        await self._all_shown()

    async def history_is_there_after_a_reload(self) -> None:
        for page in (self.ada, self.ben):
            await page.reload()
            await page.until(CONNECTED)
        await self._all_shown()

    async def a_killed_server_loses_and_doubles_nothing(self) -> None:
        for round in (1, 2):
            await self._write(self.ada, f"Before kill {round}")  # killed while this may be under way
            self.server.kill()
            for page in (self.ada, self.ben):
                await page.until(LOST)
            await self._write(self.ben, f"While it is down {round}")
            self.server.start()
            await asyncio.to_thread(self.server.wait_until_ready)
            for page in (self.ada, self.ben):
                await page.run("dispatchEvent(new Event('online'))")  # come back now, not after the delay
                await page.until(CONNECTED)
            await self._all_shown(in_order=False)
            await self._write(self.ben, f"After kill {round}")
            await self._all_shown(in_order=False)
        same = await self.ada.run(CONTENTS), await self.ben.run(CONTENTS)
        check(same[0] == same[1], "the two pages show different orders", same)
        for page in (self.ada, self.ben):
            check(not any("Not sent" in status for status in await page.run(STATES)), "a draft was given up")
        await self.ada.screenshot(self.pictures / "desktop.png")
        await self.ben.screenshot(self.pictures / "phone.png")

    async def nothing_went_wrong_in_the_pages(self) -> None:
        check(self.ada.mishaps + self.ben.mishaps == [], self.ada.mishaps, self.ben.mishaps)

    async def _open(self, name: str, width: int, height: int) -> Page:
        page = await self.browser.page(f"{self.server.base_url}/?as={name}", width, height)
        await page.until(CONNECTED)
        await page.until("!document.getElementById('composer').hidden")
        return page

    async def _write(self, page: Page, text: str) -> None:
        self.sent.append(text)
        await page.run("document.getElementById('text').focus()")
        await page.type(text)
        # A phone's Enter makes a new line; there one touches the button.
        if await page.run("matchMedia('(pointer: fine)').matches"):
            await page.press_enter()
        else:
            await page.run("document.querySelector('#composer [type=submit]').click()")

    async def _all_shown(self, in_order: bool = True) -> None:
        """Everything that was sent stands once in both pages, and nothing else."""
        wanted = json.dumps(self.sent if in_order else sorted(self.sent))
        shown = CONTENTS if in_order else f"{CONTENTS}.sort()"
        for page in (self.ada, self.ben):
            await page.until(f"JSON.stringify({shown}) === JSON.stringify({wanted}{'' if in_order else '.sort()'})")

    async def _try(self, case: Any) -> bool:
        name = case.__name__.replace("_", " ")
        try:
            await case()
        except Exception as error:
            self.failed += 1
            told = str(error) if isinstance(error, (Failed, ServerFailed)) else traceback.format_exc()
            print(f"FAIL {name}\n       {told}", flush=True)
            return False
        self.passed += 1
        print(f"ok   {name}", flush=True)
        return True


def check(condition: bool, *facts: Any) -> None:
    if not condition:
        raise Failed(" ".join(str(fact) for fact in facts))


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing outlives the test
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/debug/parley")
    parser.add_argument("--pictures", type=Path, default=ROOT / ".build/page")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parley-page-"))
    test = PageTest(options.binary, folder, options.pictures)
    try:
        asyncio.run(test.run())
    except (Failed, ServerFailed) as error:
        test.failed += 1
        print(f"FAIL the test starts\n       {error}")
    if test.failed:
        print(f"  the data and the server's log are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{test.passed} passed, {test.failed} failed", flush=True)
    return 1 if test.failed or not test.passed else 0


if __name__ == "__main__":
    sys.exit(main())
