"""Headless Chromium, driven over the DevTools protocol: started, its pages opened, looked at, stopped by its own id."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from websockets.asyncio.client import ClientConnection, connect

LIMIT_SECONDS = 30
NAMES = ["chromium", "chromium-browser", "google-chrome"]
POLL_SECONDS = 0.02
KEYS = {"Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowUp": 38, "ArrowDown": 40}


class Failed(Exception):
    pass


class Browser:
    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="parley-page-")
        self._process: Optional[subprocess.Popen] = None
        self._socket: Optional[ClientConnection] = None
        self._ids = itertools.count(1)
        self._replies: Dict[int, asyncio.Future] = {}
        self._pages: Dict[str, "Page"] = {}
        self._reader: Optional[asyncio.Future] = None

    async def start(self) -> None:
        binary = next(filter(None, map(shutil.which, NAMES)), None)
        if binary is None:
            raise Failed("there is no chromium command")
        options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self._profile}", "--disable-gpu",
                   "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check", "--hide-scrollbars", "--lang=en-GB"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # the sandbox refuses to run as root, as in containers
        self._process = subprocess.Popen(
            [binary, *options, "about:blank"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self._socket = await connect(await self._address(), max_size=None, ping_interval=None, compression=None, proxy=None)
        self._reader = asyncio.ensure_future(self._read())

    async def stop(self) -> None:
        if self._reader:
            self._reader.cancel()
        if self._socket:
            await self._socket.close()
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)  # it is the leader of a group of its own
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    async def page(self, url: str, width: int, height: int) -> "Page":
        target = await self.call("Target.createTarget", {"url": "about:blank", "newWindow": True})
        session = await self.call("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        page = self._pages[session["sessionId"]] = Page(self, session["sessionId"])
        await page.prepare(width, height)
        await page.go(url)
        return page

    async def call(self, method: str, parameters: Optional[dict] = None, session: Optional[str] = None) -> Any:
        id = next(self._ids)
        reply = self._replies[id] = asyncio.get_running_loop().create_future()
        command = {"id": id, "method": method, "params": parameters or {}}
        await self._socket.send(json.dumps({**command, "sessionId": session} if session else command))
        answer = await asyncio.wait_for(reply, LIMIT_SECONDS)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']}")
        return answer["result"]

    async def _address(self) -> str:
        """Chromium writes its port and path into a file once it listens."""
        file = Path(self._profile) / "DevToolsActivePort"
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            lines = file.read_text().splitlines() if file.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            if self._process.poll() is not None:
                raise Failed(f"chromium exited with {self._process.returncode}")
            await asyncio.sleep(POLL_SECONDS)
        raise Failed("chromium did not start")

    async def _read(self) -> None:
        async for frame in self._socket:
            message = json.loads(frame)
            if "id" in message:
                self._replies.pop(message["id"]).set_result(message)
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].happened(message["method"], message["params"])


class Page:
    """One window. What goes wrong in it (exceptions, dialogs) is collected in `mishaps`."""

    def __init__(self, browser: Browser, session: str):
        self._browser = browser
        self._session = session
        self.mishaps: List[str] = []
        self._listeners: List[Callable[[str, dict], None]] = []
        self._answer: Dict[str, str] = {}

    async def prepare(self, width: int, height: int) -> None:
        await self.call("Page.enable")
        await self.call("Runtime.enable")
        await self.call("Log.enable")
        await self.resize(width, height)

    async def resize(self, width: int, height: int) -> None:
        await self.call("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})

    async def go(self, url: str) -> None:
        await self.call("Page.navigate", {"url": url})

    async def reload(self) -> None:
        await self.run("window.isOld = true")
        await self.call("Page.reload")
        await self.until("!window.isOld && document.readyState === 'complete'")

    async def close(self) -> None:
        await self.call("Page.close")

    async def run(self, expression: str) -> Any:
        answer = await self.call("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            raise Failed(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Waits until an expression holds in the page."""
        deadline, error = time.monotonic() + LIMIT_SECONDS, None
        while time.monotonic() < deadline:
            try:
                if await self.run(condition):
                    return
            except Failed as failed:  # while one document makes way for the next
                error = failed
            await asyncio.sleep(POLL_SECONDS)
        shown = await self.run("document.body.innerText")
        raise Failed(f"not so within {LIMIT_SECONDS} s: {condition}\n{error or ''}\n{shown}\n{self.mishaps}")

    async def type(self, text: str) -> None:
        await self.call("Input.insertText", {"text": text})

    async def press_enter(self) -> None:
        await self.press("Enter")

    async def press(self, name: str) -> None:
        key = {"key": name, "code": name, "windowsVirtualKeyCode": KEYS[name], **({"text": "\r"} if name == "Enter" else {})}
        await self.call("Input.dispatchKeyEvent", {"type": "keyDown", **key})
        await self.call("Input.dispatchKeyEvent", {"type": "keyUp", **key})

    async def answer(self, urls: str, content_type: str, body: str) -> None:
        """From now on requests to these addresses get this body (base64) instead of going out."""
        self._answer = {"content_type": content_type, "body": body}
        await self.call("Fetch.enable", {"patterns": [{"urlPattern": urls}]})

    def listen(self, listener: Callable[[str, dict], None]) -> None:
        """Hears of everything that the browser tells of this page."""
        self._listeners.append(listener)

    async def evaluate_in(self, target: str, expression: str) -> None:
        """Runs it in another target, such as a service worker."""
        session = (await self._browser.call("Target.attachToTarget", {"targetId": target, "flatten": True}))["sessionId"]
        parameters = {"expression": expression, "awaitPromise": True}
        answer = await self._browser.call("Runtime.evaluate", parameters, session)
        await self._browser.call("Target.detachFromTarget", {"sessionId": session})
        if "exceptionDetails" in answer:
            raise Failed(f"{expression}: {answer['exceptionDetails']}")

    async def read_aloud(self) -> List[Tuple[str, str]]:
        """Role and name of everything that assistive technology is told of, as the browser computes them."""
        nodes = (await self.call("Accessibility.getFullAXTree"))["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", "").strip())
            for node in nodes
            if not node.get("ignored") and "role" in node
        ]

    async def screenshot(self, file: Path) -> None:
        picture = await self.call("Page.captureScreenshot", {"format": "png"})
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(picture["data"]))

    async def call(self, method: str, parameters: Optional[dict] = None) -> Any:
        return await self._browser.call(method, parameters, self._session)

    def happened(self, method: str, parameters: dict) -> None:
        for listener in self._listeners:
            listener(method, parameters)
        if method == "Fetch.requestPaused":
            headers = [{"name": "Content-Type", "value": self._answer["content_type"]}]
            asyncio.ensure_future(self.call("Fetch.fulfillRequest", {
                "requestId": parameters["requestId"], "responseCode": 200, "responseHeaders": headers, "body": self._answer["body"]}))
        if method == "Log.entryAdded" and parameters["entry"]["source"] == "security":
            self.mishaps.append(parameters["entry"]["text"])  # what the content security policy refused
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.mishaps.append(details.get("exception", {}).get("description", details["text"]))
        if method == "Page.javascriptDialogOpening":
            self.mishaps.append(f"a dialog: {parameters['message']}")
            asyncio.ensure_future(self.call("Page.handleJavaScriptDialog", {"accept": True}))
