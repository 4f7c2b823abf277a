#!/usr/bin/env python3
"""The demo page in a real browser, on the real binary: two people chat in two windows, through broken networks and
a server that is killed.

    page_test.py [--binary .build/debug/parley] [--pictures .build/page-screenshots]

Screenshots of a phone and of a desk, light and dark, are kept in the folder of pictures.
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
import urllib.request
from pathlib import Path
from typing import Any, List

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "Tests/Crash"), str(ROOT / "Tests/Push")]

from browser import Browser, Failed  # noqa: E402
from chat_page import CONNECTED, MEDIA_HOST, ROW, STATES, ChatPage  # noqa: E402
import notifications  # noqa: E402
from link import CUT, NO_SOCKETS, OPEN, SILENT, Link  # noqa: E402
from server import ParleyServer, ServerFailed, free_port  # noqa: E402

MARKUP = """<img src=x onerror="alert('image')"><script>alert('script')</script><b id="injected">bold</b> &amp; "quotes" """.strip()
PHONE, DESK = (390, 844), (1280, 800)
HEARTBEAT_SECONDS = 2
# Roles of what people act on; see https://www.w3.org/TR/wai-aria-1.2/#widget_roles.
USABLE = {"button", "link", "textbox", "combobox", "checkbox", "radio", "menuitem", "slider", "tab"}

# The view law, asked of the page itself: what it has made of a snapshot and events is what a fresh snapshot says.
VIEW_DIFFERENCE = """
(async () => {
  const { state } = await import('/demo/state.js');
  const { call } = await import('/demo/api.js');
  const names = ['title', 'participant_count', 'role', 'version', 'muted', 'notification_level', 'last_message_id', 'last_message_at',
    'last_message_preview',
    'last_sequence', 'unread_count', 'last_read_sequence'];
  const told = (each) => each && JSON.stringify(names.map((name) => each[name]));
  const { conversations } = await call('GET', '/v1/conversations');
  const ids = new Set([...conversations.map((each) => each.id), ...state.view.conversations.keys()]);
  return [...ids].flatMap((id) => {
    const [mine, fresh] = [told(state.view.conversations.get(id)), told(conversations.find((each) => each.id === id))];
    return mine === fresh ? [] : [`${mine} instead of ${fresh}`];
  }).join();
})()
"""


class PageTest(notifications.NotificationCases):
    def __init__(self, binary: Path, folder: Path, pictures: Path):
        settings = {"PARLEY_SOCKET_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS), **notifications.SETTINGS}
        self.server = ParleyServer(binary, folder, secret=None, settings=settings)
        self.link = Link(self.server.port, free_port())
        self.pictures = pictures
        self.browser = Browser()
        self.sent: List[str] = []  # in the direct conversation
        self.passed = 0
        self.failed = 0

    async def run(self) -> None:
        try:
            self.server.start()
            await asyncio.to_thread(self.server.wait_until_ready)
            await self.browser.start()
            await self.link.start()
            for case in (
                self.two_pages_open_and_connect, self.what_one_writes_the_other_sees_and_both_see_how_far_it_came,
                self.typing_shows_and_ends, self.markup_stays_text, self.preview_and_unread_count_change_live,
                self.a_line_stands_above_what_is_unread, self.another_window_of_the_same_user_keeps_up,
                self.a_new_group_appears_and_is_managed, self.media_of_every_kind_are_sent_and_shown, self.history_loads_without_a_jump,
                self.drafts_survive_a_reload, self.whoever_was_offline_misses_nothing, self.a_silent_connection_is_noticed,
                self.a_long_absence_goes_on_at_the_newest, self.without_websockets_events_come_as_a_stream,
                self.a_killed_server_loses_and_doubles_nothing, self.the_view_equals_a_fresh_snapshot,
                self.the_keyboard_is_enough, self.a_screen_reader_is_told_what_is_seen, self.it_looks_good,
                self.notifications_are_turned_on_by_a_button, self.an_alert_comes_while_the_page_is_closed,
                self.what_is_read_elsewhere_takes_its_alert_along, self.what_cannot_be_read_still_shows_something,
                self.an_alert_opens_its_conversation, self.an_open_page_with_nobody_before_it_keeps_no_alert_back,
                self.notifications_are_turned_off_by_the_button,
                self.nothing_went_wrong_in_the_pages,
            ):
                if not await self._try(case):
                    break  # each goes on where the one before it has stopped
        finally:
            await self.browser.stop()
            await self.link.stop()
            self.server.kill()

    # MARK: Live

    async def two_pages_open_and_connect(self) -> None:
        """Ben's page, on a phone, has the link between itself and the server."""
        self.ada = await self._open(self.server.base_url, "ada", *DESK)
        self.direct = await self.ada.run("location.hash.slice(1)")
        self.token = json.loads(self.server.get("/demo/session")[1])["users"][0]["token"]
        self.ben = await self._open(self.link.base_url, "ben", *PHONE)
        await self.ben.until("document.body.dataset.view === 'list'")
        await self.ben.open(self.direct)
        await self.ada.until("document.getElementById('conversation-subtitle').textContent === 'online'")

    async def what_one_writes_the_other_sees_and_both_see_how_far_it_came(self) -> None:
        for number in range(1, 6):
            await self._write(self.ada if number % 2 else self.ben, f"Message {number}: Grüße 😀")
            await self._all_shown()
        await self.ada.until(f"{STATES}.join() === 'read,read,read'")
        await self.ben.until(f"{STATES}.join() === 'read,read'")
        check(await self.ada.run("document.querySelector('.ticks[data-state=read]').textContent.trim()") == "Read", "the words for ✓✓")
        await self.ben.go_to_list()
        await self._write(self.ada, "Not looked at yet")
        await self.ada.last_state("delivered")
        await self.ben.open(self.direct)
        await self.ada.last_state("read")

    async def typing_shows_and_ends(self) -> None:
        await self.ben.fill("#text", "Let me see")
        await self.ada.until("document.getElementById('typing-text').textContent === 'Ben is typing…'")
        await self.ada.until("document.getElementById('conversation-subtitle').textContent === 'Ben is typing…'")
        await self.ben.run("document.getElementById('text').blur()")
        await self.ada.until("document.getElementById('typing').hidden")
        await self.ben.run("document.getElementById('text').value = ''")

    async def markup_stays_text(self) -> None:
        await self._write(self.ada, MARKUP)
        await self._all_shown()
        for page in (self.ada, self.ben):
            made = await page.run("document.querySelectorAll('#injected, main img, main script').length")
            check(made == 0, "markup in a message made", made, "elements")
            check(page.mishaps == [], page.mishaps)
        check(await self.ada.row("Ben", ".preview") == MARKUP[:100] + "...", "the preview")

    async def preview_and_unread_count_change_live(self) -> None:
        await self.ben.go_to_list()
        for number in (1, 2, 3):
            await self._write(self.ada, f"Unread {number}")
            await self.ben.row_has("Ada", f"Unread {number}", number)
        await self.ben.until("document.title.startsWith('(3) ')")

    async def a_line_stands_above_what_is_unread(self) -> None:
        await self.ben.open(self.direct)
        await self._all_shown()
        below = "document.querySelector('.unread-line').nextElementSibling.querySelector('.content').firstChild.textContent"
        check(await self.ben.run(below) == "Unread 1", "the message below the line")
        await self.ben.row_has("Ada", "Unread 3", 0)
        await self.ben.until("!document.title.startsWith('(')")

    async def another_window_of_the_same_user_keeps_up(self) -> None:
        other = await self._open(self.server.base_url, "ben", *DESK)
        await other.open(self.direct)
        await other.shows(self.sent)
        await self._write(other, "From my other window")
        await self._all_shown()
        await self.ben.go_to_list()
        await self._write(self.ada, "Which of you reads it?")
        await other.shows(self.sent)
        await self.ada.last_state("read")
        await self.ben.row_has("Ada", "Which of you reads it?", 0)
        await self.ben.open(self.direct)
        await other.page.close()

    # MARK: Groups and media

    async def a_new_group_appears_and_is_managed(self) -> None:
        ada, ben = self.ada, self.ben
        await ada.click("#new-conversation-open")
        await ada.click("#new-conversation-form [value=group]")
        await ada.fill("#group-title", "Lunch <b>today</b>")
        await ada.fill("#user-ids", "Ben")
        await ada.click("#new-conversation-form [type=submit]")
        await ada.until("document.getElementById('conversation-title').textContent === 'Lunch <b>today</b>'")
        self.group = await ada.run("location.hash.slice(1)")
        await ben.open(self.group)
        for page in (ada, ben):
            await page.click("#panel-open")
            await page.until("document.querySelectorAll('.members li').length === 2")
        check(await ben.run("document.querySelector('#panel-rename, #panel-add')") is None, "a member may not manage")
        await ada.fill("#panel-add", "c0ffee00-1111-4222-8333-444455556603")
        await ada.click("#panel form:has(#panel-add) button")
        await ben.until("document.querySelectorAll('.members li').length === 3")
        await ada.run("document.getElementById('panel-rename').value = 'Harbour walk'")
        await ada.click("#panel form:has(#panel-rename) button")
        await ben.until("document.getElementById('conversation-title').textContent === 'Harbour walk'")
        await self._choose_role("read_only")
        await ben.until("document.getElementById('composer').hidden && !document.getElementById('cannot-write').hidden")
        await self._choose_role("admin")
        await ben.until("!document.getElementById('composer').hidden && document.getElementById('panel-add') !== null")
        await ada.run("Object.assign(document.getElementById('panel-mute'), { value: 'always' }).dispatchEvent(new Event('change'))")
        await ada.until(f"{ROW % json.dumps('Harbour walk')}.querySelector('a.muted') !== null")
        await ada.click("[data-key='c0ffee00-1111-4222-8333-444455556603'] .remove")
        await ada.click("#confirm-yes")
        await ben.until("document.querySelectorAll('.members li').length === 2")
        await ben.click("#panel-close")
        await ada.click("#panel-close")

    async def _choose_role(self, role: str) -> None:
        of_ben = "document.querySelector('[data-key=\"be200000-0000-4000-8000-000000000002\"] select')"
        await self.ada.run(f"Object.assign({of_ben}, {{ value: {json.dumps(role)} }}).dispatchEvent(new Event('change'))")

    async def media_of_every_kind_are_sent_and_shown(self) -> None:
        for page in (self.ada, self.ben):
            await page.provide_media()
            await page.open(self.group)
        for kind, name in (("image", "harbour.png"), ("video", "ferry.mp4"), ("audio", "horn.ogg"), ("document", "timetable.pdf")):
            await self._attach(kind, {"url": f"{MEDIA_HOST}{name}", "size": "48213", "caption": f"A word on {name}"})
        await self._attach("location", {"content": "53.5436, 9.9888 Landungsbrücken"})
        await self._attach("contact", {"name": "Mia Petersen", "lines": "+49 40 123456"})
        for page in (self.ada, self.ben):
            await page.until("document.querySelectorAll('#messages .message').length === 6")
            for selector in (".picture img", "video", "audio", "a.card[href$='timetable.pdf']", "a.place", ".card .avatar"):
                check(await page.run(f"document.querySelectorAll({json.dumps('#messages ' + selector)}).length") == 1, selector)
        await self.ben.go_to_list()
        await self.ben.until(f"{ROW % json.dumps('Harbour walk')}.querySelector('.preview').textContent === '👤 Contact'")
        for page in (self.ada, self.ben):
            await page.open(self.direct)
        await self._all_shown()

    async def _attach(self, kind: str, fields: dict) -> None:
        await self.ada.click("#attach-open")
        await self.ada.click(f"[data-choice={kind}]")
        for name, text in fields.items():
            await self.ada.fill(f"#attach-{name}", text)
        await self.ada.click("#attach-send")
        await self.ada.until("!document.getElementById('attach-dialog').open")

    # MARK: Interruptions

    async def history_loads_without_a_jump(self) -> None:
        for number in range(1, 121):
            self._send_by_rest(f"History {number}")
        await self._all_shown()
        # With messages still unread the page would open at the first of them, and load what lies before it at once.
        await self.ada.last_state("read")
        await self.ben.reload()
        await self.ben.until(f"{CONNECTED} && document.querySelectorAll('#messages .message').length === 50")
        # Measures the first message seen before and after older ones are put above it.
        moved = await self.ben.run("""
            (async () => {
              const [log, first] = [document.getElementById('log'), document.querySelector('#messages .message')];
              log.scrollTop = 300;
              const before = first.getBoundingClientRect().top;
              while (document.querySelectorAll('#messages .message').length === 50) await new Promise((next) => setTimeout(next, 5));
              return Math.abs(first.getBoundingClientRect().top - before);
            })()""")
        check(moved < 1, "the place moved by", moved)
        await self.ben.run("(async () => { while (!document.getElementById('older').hidden) { "
                           "document.getElementById('log').scrollTop = 0; await new Promise((next) => setTimeout(next, 20)); } })()")
        await self._all_shown()
        await self.ben.click("#jump")

    async def drafts_survive_a_reload(self) -> None:
        self.link.set(CUT)
        await self.ben.until("document.getElementById('connection-state').dataset.state !== 'open'")
        await self._write(self.ben, "Written in a tunnel")
        await self.ben.until(f"{STATES}.at(-1) === 'pending'")
        await self.ben.until("!document.getElementById('offline').hidden")
        await self.ben.fill("#text", "Half a sente")
        self.link.set(OPEN)
        await self.ben.reload()
        await self.ben.until(CONNECTED)
        await self.ada.shows(self.sent)
        check(await self.ben.run("document.getElementById('text').value") == "Half a sente", "the text in the field")
        await self.ben.run("document.getElementById('text').value = ''; document.getElementById('text').dispatchEvent(new Event('input'))")
        await self.ben.until(f"{STATES}.at(-1) !== 'pending' && localStorage.length === 0")

    async def whoever_was_offline_misses_nothing(self) -> None:
        await self._load_all(self.ben)
        await self.ben.run("window.mark = document.querySelector('#messages .message')")  # it is not drawn anew
        for round in (1, 2):
            self.link.set(CUT)
            await self.ben.until("document.getElementById('connection-state').dataset.state !== 'open'")
            for number in (1, 2, 3):
                await self._write(self.ada, f"While you were away {round}.{number}")
                await self._write(self.ben, f"Written offline {round}.{number}")
            self.link.set(OPEN)
            await self.ben.connects()
            await self._all_shown(in_order=False)
        check(await self.ben.run("window.mark.isConnected"), "the timeline was drawn anew")
        await self._same_order()
        await self.ada.last_state("read")

    async def a_silent_connection_is_noticed(self) -> None:
        self.link.set(SILENT)
        await self._write(self.ada, "Can you hear me?")
        await self.ben.until("document.getElementById('connection-state').dataset.state !== 'open'")
        self.link.set(OPEN)
        await self.ben.connects()
        await self._all_shown(in_order=False)

    async def a_long_absence_goes_on_at_the_newest(self) -> None:
        self.link.set(CUT)
        await self.ben.until("document.getElementById('connection-state').dataset.state !== 'open'")
        for number in range(1, 231):
            self._send_by_rest(f"Absent {number}")
        self.link.set(OPEN)
        await self.ben.connects()
        await self.ben.until("document.querySelector('#messages .message:last-child .content')?.firstChild.textContent === 'Absent 230'")
        await self.ben.row_has("Ada", "Absent 230", 0)
        await self._load_all(self.ben)
        await self._same_order()

    async def without_websockets_events_come_as_a_stream(self) -> None:
        self.link.set(NO_SOCKETS)
        await self.ben.until("document.getElementById('connection-state').dataset.state !== 'open'")
        await self._write(self.ada, "Through the proxy")
        await self.ben.connects("import('/demo/state.js').then(({ state }) => state.connection.isOpen && state.connection.constructor.name === 'ParleyEvents')")
        await self._write(self.ben, "And back")
        await self._all_shown(in_order=False)
        await self.ada.last_state("read")
        self.link.set(OPEN)
        await self.ben.connects()
        await self._write(self.ada, "Still there?")
        await self._all_shown(in_order=False)
        await self.ben.reload()
        await self.ben.until(CONNECTED)
        await self._load_all(self.ben)

    async def a_killed_server_loses_and_doubles_nothing(self) -> None:
        for round in (1, 2):
            await self._write(self.ada, f"Before kill {round}")  # killed while this may be under way
            self.server.kill()
            for page in (self.ada, self.ben):
                await page.until("document.getElementById('connection-state').dataset.state !== 'open'")
            await self._write(self.ben, f"While it is down {round}")
            self.server.start()
            await asyncio.to_thread(self.server.wait_until_ready)
            for page in (self.ada, self.ben):
                await page.connects()
            await self._all_shown(in_order=False)
            await self._write(self.ben, f"After kill {round}")
            await self._all_shown(in_order=False)
        await self._same_order()
        await self.ben.last_state("read")
        for page in (self.ada, self.ben):
            check(not set(await page.run(STATES)) & {"pending", "failed"}, "a draft is left")

    async def the_view_equals_a_fresh_snapshot(self) -> None:
        for page in (self.ada, self.ben):
            await page.until(f"{VIEW_DIFFERENCE.strip()}.then((difference) => difference === '' || void (window.difference = difference))")

    # MARK: Keys and looks

    async def the_keyboard_is_enough(self) -> None:
        ada = self.ada
        await ada.run("document.querySelector('#conversation-list a[aria-current]').focus()")
        await ada.page.press("Home")
        await ada.page.press("ArrowDown")
        second = "document.querySelector('#conversation-list li:nth-child(2) a')"
        await ada.until(f"document.activeElement === {second}")
        await ada.page.press_enter()
        # To the field, or where a keyboard would come up on the screen to the title.
        await ada.until(f"{second}.getAttribute('aria-current') === 'page' && ['text', 'conversation-title'].includes(document.activeElement.id)")
        await ada.page.press("Escape")
        await ada.until("document.activeElement.closest('#conversation-list') !== null")
        await ada.open(self.direct)

    async def a_screen_reader_is_told_what_is_seen(self) -> None:
        """Everything that can be used has a name, and a message that comes is announced."""
        await self.ada.open(self.group)
        await self.ada.click("#panel-open")
        await self.ben.open(self.direct)
        for page in (self.ada, self.ben):
            told = await page.page.read_aloud()
            nameless = [role for role, name in told if role in USABLE and not name]
            check(not nameless, "without a name:", nameless)
            used = {role for role, _ in told} & USABLE
            check({"button", "link", "textbox"} <= used, "the page is told as", used)
        check(("button", "Send") in told and ("heading", "Ada") in told, "a conversation is told as", told)
        await self.ada.open(self.direct)
        await self._write(self.ada, "Read this aloud")
        await self.ben.until("document.getElementById('announcements').textContent.includes('Ada: Read this aloud')")

    async def it_looks_good(self) -> None:
        await self.ada.open(self.group)
        await self.ada.click("#panel-open")
        await self.ben.go_to_list()
        await self._photograph("list", [self.ben])
        for name, conversation in (("group", self.group), ("conversation", self.direct)):
            for page in (self.ada, self.ben):
                await page.open(conversation)
                await page.until("document.querySelectorAll('#messages .message').length > 0")
                await page.until("[...document.images].every((image) => image.complete)")
            await self._photograph(name, [self.ada, self.ben])
        for page in (self.ada, self.ben):
            wide = await page.run("document.documentElement.scrollWidth > innerWidth")
            check(not wide, "the page is wider than the window")

    async def _photograph(self, name: str, pages: List[ChatPage]) -> None:
        for page in pages:
            device = "desk" if page is self.ada else "phone"
            for dark in (False, True):
                await page.set_dark(dark)
                file = self.pictures / f"{device}-{name}{'-dark' if dark else ''}.png"
                await page.page.screenshot(file)
                print(f"     {file}", flush=True)
            await page.set_dark(False)

    async def nothing_went_wrong_in_the_pages(self) -> None:
        check(self.ada.mishaps + self.ben.mishaps == [], self.ada.mishaps, self.ben.mishaps)

    # MARK: Helpers

    async def _open(self, address: str, name: str, width: int, height: int) -> ChatPage:
        page = ChatPage(await self.browser.page(f"{address}/?as={name}", width, height))
        await page.until(CONNECTED)
        return page

    async def _write(self, page: ChatPage, text: str) -> None:
        self.sent.append(text)
        await page.write(text)

    def _send_by_rest(self, text: str) -> None:
        self.sent.append(text)
        body = json.dumps({"message_type": "text", "content": text}).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(
            f"{self.server.base_url}/v1/conversations/{self.direct}/messages", body, headers)).close()

    async def _all_shown(self, in_order: bool = True) -> None:
        for page in (self.ada, self.ben):
            await page.shows(self.sent, in_order)

    async def _load_all(self, page: ChatPage) -> None:
        await page.until("document.querySelectorAll('#messages .message').length > 0")
        await page.run("(async () => { while (!document.getElementById('older').hidden) { document.getElementById('older').click(); "
                       "await new Promise((next) => setTimeout(next, 20)); } document.getElementById('jump').click(); })()")

    async def _same_order(self) -> None:
        await self._all_shown(in_order=False)
        order = "[...document.querySelectorAll('#messages .message .content')].map((node) => node.firstChild.textContent).join('\\n')"
        check(await self.ada.run(order) == await self.ben.run(order), "the two pages show different orders")

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
    parser.add_argument("--pictures", type=Path, default=ROOT / ".build/page-screenshots")
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
