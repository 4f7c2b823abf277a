"""Notifications in the demo page: the button, the service worker, alerts and what they open.

Headless Chromium reaches no push service of its own. So a subscription is handed to the page by the test, which is also the push
service (Tests/Push/webpush_service.py), and what arrives there is given to the service worker over the DevTools protocol, as the browser
would: all between, from the button to the alert, is the real thing.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

from browser import Browser, Failed, Page
from chat_page import CONNECTED, ChatPage
from webpush_service import Delivery, PushService, Subscription

PHONE, DESK = (390, 844), (1280, 800)
SETTINGS = {"PARLEY_PUSH_WEBPUSH_ENDPOINTS": "private", "PARLEY_PUSH_WEBPUSH_CONTACT": "mailto:push@example.com"}
BUTTON = "document.getElementById('push-toggle')"
REGISTRATION = "(await navigator.serviceWorker.getRegistrations()).find((each) => each.scope.endsWith('/?as=ben'))"
ALERTS = f"""(async () => {{
  const alerts = await {REGISTRATION}.getNotifications();
  return JSON.stringify(alerts.map(({{ title, body, tag, data }}) => ({{ title, body, tag, data }})));
}})()"""

SEEN = """
Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '%s' });
document.dispatchEvent(new Event('visibilitychange'));
"""

# In place of the browser's own, which would ask the push service of its maker.
PUSH_MANAGER = """
{
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (each) => each.charCodeAt(0)).buffer;
  const told = %s;
  let subscription = null;
  const make = (applicationServerKey) => ({
    toJSON: () => told, options: { applicationServerKey },
    unsubscribe: async () => { subscription = null; sessionStorage.removeItem('subscribed'); return true; },
  });
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new Error('a push that shows nothing');
    sessionStorage.setItem('subscribed', [...new Uint8Array(applicationServerKey)].join());
    return subscription = make(applicationServerKey);
  };
  PushManager.prototype.getSubscription = async () => {
    const key = sessionStorage.getItem('subscribed');
    return subscription ??= key ? make(Uint8Array.from(key.split(',').map(Number)).buffer) : null;
  };
}
"""


class NotificationCases:
    """Cases of the page test: Ben turns notifications on, and is away."""

    browser: Browser
    server: Any
    pictures: Path
    ada: ChatPage
    direct: str

    async def notifications_are_turned_on_by_a_button(self) -> None:
        self.push_service = PushService()
        self.subscription: Subscription = self.push_service.subscribe()
        await self.ada.page.call("Browser.grantPermissions", {"origin": self.server.base_url, "permissions": ["notifications"]})
        self.worker = await ServiceWorkers.watch(self.ada.page)
        page = self.bens_window = await self._bens_page()
        await page.until(f"!{BUTTON}.hidden && {BUTTON}.getAttribute('aria-pressed') === 'false'")
        if await page.run(f"{BUTTON}.title") != "Turn on notifications":
            raise Failed("the button does not say what it does")
        await self._photograph_notifications("notifications-off", page)
        await page.click("#push-toggle")
        await page.until(f"{BUTTON}.getAttribute('aria-pressed') === 'true' && !{BUTTON}.disabled")
        await page.until("document.getElementById('announcements').textContent.includes('Notifications are on')")
        devices = await self._bens_devices(page)
        if [device["subscription"]["endpoint"] for device in devices] != [self.subscription.json["endpoint"]]:
            raise Failed(f"the devices are {devices}")
        await page.reload()
        await page.until(f"{CONNECTED} && {BUTTON}.getAttribute('aria-pressed') === 'true'")
        if len(await self._bens_devices(page)) != 1:
            raise Failed("opening the page again made another device")
        await self._photograph_notifications("notifications-on", page)

    async def an_alert_comes_while_the_page_is_closed(self) -> None:
        await self.bens_window.page.close()
        await self.ben.page.close()
        await self.ada.open(self.direct)
        await self.ada.until("document.getElementById('conversation-subtitle').textContent !== 'online'")
        first = await self._pushed("Are you there, Ben?")
        await self._alerts_are([("New message", "Are you there, Ben?", first)])
        # The next takes its place, and an older one that comes late does not.
        second = await self._pushed("Hello?")
        await self._alerts_are([("New message", "Hello?", second)])
        await self.worker.deliver("/?as=ben", {**second, "sequence_number": 1, "message_id": first["message_id"], "body": "Late"})
        await self._pushes_are_done(second)
        await self._alerts_are([("New message", "Hello?", second)])
        await self.worker.deliver("/?as=ben", {**second, "title": "Ada", "count": 12, "badge": 12})
        await self._alerts_are([("Ada", "12 new messages", second)])

    async def what_is_read_elsewhere_takes_its_alert_along(self) -> None:
        last = await self._pushed("Read this on your phone")
        await self._alerts_are([("New message", "Read this on your phone", last)])
        read = {"type": "read", "conversation_id": self.direct, "badge": 0}
        await self.worker.deliver("/?as=ben", {**read, "last_read_sequence": last["sequence_number"] - 1})
        await self._pushes_are_done(last)
        await self._alerts_are([("New message", "Read this on your phone", last)])
        await self.worker.deliver("/?as=ben", {**read, "last_read_sequence": last["sequence_number"]})
        await self._alerts_are([])

    async def what_cannot_be_read_still_shows_something(self) -> None:
        await self.worker.deliver_text("/?as=ben", "not JSON")
        await self.ada.until(f"{ALERTS}.then((alerts) => JSON.parse(alerts)[0]?.body === 'You have a new message')")
        await self.ada.run(f"(async () => (await {REGISTRATION}.getNotifications()).forEach((each) => each.close()))()")

    async def an_alert_opens_its_conversation(self) -> None:
        """The click itself is the operating system's; what the service worker does then is asked of it."""
        await self._pushed("Open me")
        page = self.bens_window = await self._bens_page(PHONE)  # which begins with the list, so that nothing is read yet
        await page.until("document.body.dataset.view === 'list'")
        await self.worker.evaluate("/?as=ben", """
            registration.getNotifications().then(([notification]) => {
              const click = new NotificationEvent('notificationclick', { notification });
              click.waitUntil = () => {};
              dispatchEvent(click);
            })""")
        await page.until(f"location.hash === {json.dumps('#' + self.direct)}")
        # Read there, it is gone, here and as an alert.
        await self._alerts_are([])
        await self.ada.last_state("read")

    async def an_open_page_with_nobody_before_it_keeps_no_alert_back(self) -> None:
        page = self.bens_window
        await page.run(SEEN % "hidden")
        pushed = await self._pushed("Nobody there?")
        await self._alerts_are([("New message", "Nobody there?", pushed)])
        # Who comes back reads it, and is told of the next one by the page alone.
        await page.run(SEEN % "visible")
        await self._alerts_are([])
        await self._write(self.ada, "You are back")
        await self.ada.last_state("read")
        while self.subscription.waiting:
            if (await asyncio.to_thread(self.subscription.next)).payload.get("body") == "You are back":
                raise Failed("an alert was sent to somebody who is at the page")

    async def notifications_are_turned_off_by_the_button(self) -> None:
        page = self.bens_window
        await page.until(f"{BUTTON}.getAttribute('aria-pressed') === 'true'")
        await page.click("#push-toggle")
        await page.until(f"{BUTTON}.getAttribute('aria-pressed') === 'false' && !{BUTTON}.disabled")
        if await self._bens_devices(page):
            raise Failed("the device is still there")
        await page.reload()
        await page.until(f"{CONNECTED} && !{BUTTON}.hidden && {BUTTON}.getAttribute('aria-pressed') === 'false'")
        if page.mishaps:
            raise Failed(f"{page.mishaps}")
        if self.push_service.complaints:
            raise Failed(f"the push service refused: {self.push_service.complaints}")
        self.push_service.stop()

    # MARK: Helpers

    async def _bens_page(self, size: Tuple[int, int] = DESK) -> ChatPage:
        subscription = json.dumps(self.subscription.json)
        window = await self.browser.page("about:blank", *size)
        await window.call("Page.addScriptToEvaluateOnNewDocument", {"source": PUSH_MANAGER % subscription})
        await window.go(f"{self.server.base_url}/?as=ben")
        page = ChatPage(window)
        await page.until(CONNECTED)
        return page

    async def _pushed(self, text: str) -> Dict[str, Any]:
        """What Ada writes reaches the push service, and from there the service worker."""
        await self._write(self.ada, text)
        newest = f"import('/demo/api.js').then(({{ call }}) => call('GET', '/v1/conversations/{self.direct}/messages')).then(" \
            "({ messages }) => messages.at(-1))"
        await self.ada.until(f"{newest}.then(({{ content }}) => content === {json.dumps(text)})")
        id = (await self.ada.run(newest))["id"]
        delivery: Delivery = await asyncio.to_thread(self.subscription.next)
        while delivery.payload.get("message_id") != id:  # of what was written before
            delivery = await asyncio.to_thread(self.subscription.next)
        await self.worker.deliver("/?as=ben", delivery.payload)
        return delivery.payload

    async def _pushes_are_done(self, like: Dict[str, Any]) -> None:
        """Whatever was delivered before this has shown what it shows: pushes are worked on in their order."""
        other = {**like, "conversation_id": "0" * 8 + self.direct[8:], "body": "Elsewhere"}
        await self.worker.deliver("/?as=ben", other)
        await self.ada.until(f"{ALERTS}.then((alerts) => alerts.includes('Elsewhere'))")
        await self.worker.deliver("/?as=ben", {"type": "read", "conversation_id": other["conversation_id"], "last_read_sequence": 2 ** 40})
        await self.ada.until(f"{ALERTS}.then((alerts) => !alerts.includes('Elsewhere'))")

    async def _alerts_are(self, wanted: List[tuple]) -> None:
        shown = [{"title": title, "body": body, "tag": self.direct, "data": {
            name: pushed[name] for name in ("conversation_id", "message_id", "sequence_number")}} for title, body, pushed in wanted]
        await self.ada.until(f"{ALERTS}.then((alerts) => alerts === {json.dumps(json.dumps(shown, ensure_ascii=False, separators=(',', ':')))})")

    async def _bens_devices(self, page: ChatPage) -> List[Dict]:
        return await page.run("import('/demo/api.js').then(({ call }) => call('GET', '/v1/devices')).then(({ devices }) => devices)")

    async def _photograph_notifications(self, name: str, page: ChatPage) -> None:
        file = self.pictures / f"desk-{name}.png"
        await page.page.screenshot(file)
        print(f"     {file}", flush=True)


class ServiceWorkers:
    """The service workers of a browser, as its developer tools see them."""

    def __init__(self, page: Page):
        self._page = page
        self._registrations: Dict[str, str] = {}  # by scope
        self._targets: Dict[str, str] = {}  # of running workers, by registration

    @classmethod
    async def watch(cls, page: Page) -> "ServiceWorkers":
        workers = cls(page)
        page.listen(workers._happened)
        await page.call("ServiceWorker.enable")
        return workers

    async def deliver(self, scope: str, payload: Dict[str, Any]) -> None:
        await self.deliver_text(scope, json.dumps(payload))

    async def deliver_text(self, scope: str, data: str) -> None:
        url, id = self._registration(scope)
        await self._page.call("ServiceWorker.deliverPushMessage", {
            "origin": url[: -len(scope)], "registrationId": id, "data": data})

    async def evaluate(self, scope: str, expression: str) -> None:
        """Runs in the worker, which is awake since it was just given a push."""
        _, id = self._registration(scope)
        await self._page.evaluate_in(self._targets[id], expression)

    def _registration(self, scope: str) -> tuple:
        for url, id in self._registrations.items():
            if url.endswith(scope):
                return url, id
        raise Failed(f"no service worker for {scope} among {list(self._registrations)}")

    def _happened(self, method: str, parameters: dict) -> None:
        if method == "ServiceWorker.workerRegistrationUpdated":
            for each in parameters["registrations"]:
                self._registrations[each["scopeURL"]] = each["registrationId"]
        if method == "ServiceWorker.workerVersionUpdated":
            for each in parameters["versions"]:
                if "targetId" in each:
                    self._targets[each["registrationId"]] = each["targetId"]
