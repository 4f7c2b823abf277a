#!/usr/bin/env python3
"""Web Push from outside: what the real binary sends to browsers, decrypted and verified by implementations not written here.

    webpush_test.py [--binary .build/debug/parley] [WORD …]     only cases whose name has one of the words

The push services are stand-ins on loopback ports (webpush_service.py). Each case makes its own users.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("Tests/Crash", "Tests/Push")]

from server import ParleyServer, ServerFailed  # noqa: E402
from tokens import sign  # noqa: E402
from webpush_service import HANGS_UP, Answer, PushFailed, PushService, Subscription, decode, encode, until  # noqa: E402

CONTACT = "mailto:push@example.com"
SETTINGS = {"PARLEY_PUSH_WEBPUSH_ENDPOINTS": "private", "PARLEY_PUSH_WEBPUSH_CONTACT": CONTACT}
P256DH = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"
AUTH = "tBHItJI5svbpez7KI4CCXg"


class User:
    def __init__(self, server: ParleyServer, secret: str):
        self.id = str(uuid.uuid4())
        self._server = server
        self._token = sign(secret, self.id)

    def call(self, method: str, path: str, body: Any = None, wanted: Tuple[int, ...] = (200, 201, 204)) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._server.base_url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        check(status in wanted, method, path, "answered", status, text)
        return json.loads(text) if text else None

    def register(self, subscription: Dict[str, Any], wanted: Tuple[int, ...] = (201,)) -> Any:
        return self.call("POST", "/v1/devices", {"kind": "webpush", "subscription": subscription}, wanted)

    @property
    def devices(self) -> List[str]:
        return [device["id"] for device in self.call("GET", "/v1/devices")["devices"]]


class WebPushTest:
    def __init__(self, binary: Path, folder: Path, words: List[str]):
        self.binary = binary
        self.folder = folder
        self.words = words
        self.secret = secrets.token_hex(32)
        self.passed = 0
        self.failed = 0

    def run(self) -> None:
        self._with_server("usual", SETTINGS, [
            self.an_alert_arrives_readable_for_the_browser_alone, self.the_token_is_one_that_others_verify,
            self.a_long_text_fits, self.each_browser_of_a_user_is_told, self.a_browser_that_is_gone_is_forgotten,
            self.what_fails_for_a_moment_is_tried_again, self.who_asks_for_time_gets_it, self.a_refused_token_loses_no_browser,
            self.a_refused_message_is_not_repeated, self.a_push_service_that_stalls_leaves_the_others_alone,
            self.a_redirection_is_not_followed, self.the_key_outlives_a_restart,
        ])
        self._with_server("strict", {}, [self.endpoints_that_lead_inside_are_refused])
        for case in (self.the_push_service_of_these_tests_is_strict, self.a_key_file_is_made_and_used,
                     self.what_is_wrong_with_a_key_is_said_at_the_start):
            self._try(case)

    # MARK: Sending

    def an_alert_arrives_readable_for_the_browser_alone(self) -> None:
        ada, ben, browser = self._pair()
        message = self._write(ada, ben, "Grüße, Ben! 😀")
        delivery = browser.next()
        payload = delivery.payload
        same(payload["type"], "message")
        for name, value in (("message_id", message["id"]), ("conversation_id", message["conversation_id"]), ("sender_id", ada.id),
                            ("sequence_number", 1), ("body", "Grüße, Ben! 😀"), ("count", 1)):
            same(payload[name], value, name)
        same(set(payload) >= {"title", "badge"}, True, "the payload has title and badge")
        same(delivery.headers["urgency"], "high")
        check(0 < int(delivery.headers["ttl"]) <= 28 * 86_400, "TTL is", delivery.headers["ttl"])
        same(len(delivery.headers["topic"]), 32, "the length of the topic")
        check(message["id"] not in delivery.headers["topic"], "the topic gives the id away")
        same(self.service.complaints, [])

    def the_token_is_one_that_others_verify(self) -> None:
        ada, ben, browser = self._pair()
        self._write(ada, ben, "Hello")
        delivery = browser.next()
        same(delivery.claims["aud"], self.service.origin)
        same(delivery.claims["sub"], CONTACT)
        check(11 * 3600 < delivery.claims["exp"] - time.time() <= 12 * 3600, "exp is", delivery.claims["exp"])
        same(delivery.server_key, ben.call("GET", "/v1/push/webpush-key")["public_key"], "the key")

    def a_long_text_fits(self) -> None:
        ada, ben, browser = self._pair()
        self._write(ada, ben, "👩‍👩‍👧‍👦" * 500)
        delivery = browser.next()
        check(delivery.length <= 4096, "the body has", delivery.length, "bytes")
        check(set(delivery.payload["body"].replace("👩‍👩‍👧‍👦", "").rstrip(".…")) == set(), "half a character:", delivery.payload["body"][-9:])

    def each_browser_of_a_user_is_told(self) -> None:
        ada, ben, browser = self._pair()
        others = [self._browser(ben) for _ in range(3)]
        message = self._write(ada, ben, "To all of you")
        for each in [browser, *others]:
            same(each.next().payload["message_id"], message["id"])

    # MARK: Answers

    def a_browser_that_is_gone_is_forgotten(self) -> None:
        ada, ben, browser = self._pair()
        stays = self._browser(ben)
        browser.always = Answer(410)
        self._write(ada, ben, "Are you there?")
        stays.next()
        until(lambda: len(ben.devices) == 1, "the device is forgotten")
        self._write(ada, ben, "And now?")
        stays.next()
        same(browser.requests, 1, "requests after 410")

    def what_fails_for_a_moment_is_tried_again(self) -> None:
        ada, ben, browser = self._pair()
        browser.answers = [Answer(500), HANGS_UP]
        message = self._write(ada, ben, "Third time lucky")
        same(browser.next().payload["message_id"], message["id"])
        same(browser.requests, 3, "requests")

    def who_asks_for_time_gets_it(self) -> None:
        ada, ben, browser = self._pair()
        browser.answers = [Answer(429, {"Retry-After": "4"})]
        start = time.monotonic()
        self._write(ada, ben, "Later")
        browser.next()
        check(time.monotonic() - start >= 4, "it came back after", time.monotonic() - start, "s")

    def a_refused_token_loses_no_browser(self) -> None:
        ada, ben, browser = self._pair()
        browser.answers = [Answer(403, {}, "bad token"), Answer(401)]
        message = self._write(ada, ben, "Still there")
        same(browser.next().payload["message_id"], message["id"])
        same(len(ben.devices), 1, "devices")

    def a_refused_message_is_not_repeated(self) -> None:
        ada, ben, browser = self._pair()
        browser.answers = [Answer(413)]
        self._write(ada, ben, "Too much")
        until(lambda: browser.requests == 1, "a first request")
        second = self._write(ada, ben, "Enough")
        same(browser.next().payload["message_id"], second["id"])
        time.sleep(2)  # longer than a first retry would take
        same(browser.requests, 2, "requests")
        same(len(ben.devices), 1, "devices")

    def a_push_service_that_stalls_leaves_the_others_alone(self) -> None:
        stalling = PushService()
        try:
            ada, ben, browser = self._pair()
            cleo = User(self.server, self.secret)
            stalled = stalling.subscribe()
            stalled.answers = [None] * 100
            cleo.register(stalled.json)
            for number in range(20):
                self._write(ada, cleo, f"To nobody {number}")
            until(lambda: stalled.requests > 0, "a request that stalls")
            start = time.monotonic()
            browsers = [self._browser(ben) for _ in range(10)]
            self._write(ada, ben, "Quickly")
            for each in browsers:
                each.next()
            print(f"     ten alerts beside a push service that stalls: {time.monotonic() - start:.2f} s", flush=True)
        finally:
            stalling.stop()

    def a_redirection_is_not_followed(self) -> None:
        ada, ben, browser = self._pair()
        target = self.service.subscribe()
        browser.answers = [Answer(status, {"Location": target.json["endpoint"]}) for status in (307, 302)]
        message = self._write(ada, ben, "Stay here")
        same(browser.next().payload["message_id"], message["id"])
        same(target.requests, 0, "requests at the target")

    # MARK: Endpoints and keys

    def endpoints_that_lead_inside_are_refused(self) -> None:
        user = User(self.server, self.secret)
        for endpoint in (
            self.service.origin + "/push/1", "http://push.example.com/a", "https://127.0.0.1/a", "https://10.0.0.1/a", "https://127.1/a",
            "https://0x7f000001/a", "https://2130706433/a", "https://localhost/a", "https://redis/a", "https://metadata.google.internal/a",
            "https://push.example.com:6379/a", "https://user@push.example.com/a",
        ):
            problem = user.register({"endpoint": endpoint, "keys": {"p256dh": P256DH, "auth": AUTH}}, wanted=(400,))
            same(problem["code"], "invalid_field", endpoint)
        problem = user.register({"endpoint": "https://push.example.com/a", "keys": {"p256dh": "B" + "A" * 86, "auth": AUTH}}, wanted=(400,))
        check(problem["detail"].startswith("p256dh "), problem)
        same(user.devices, [])
        user.register({"endpoint": "https://push.example.com/a", "keys": {"p256dh": P256DH, "auth": AUTH}})

    def the_key_outlives_a_restart(self) -> None:
        ada, ben, browser = self._pair()
        key = ben.call("GET", "/v1/push/webpush-key")["public_key"]
        file = self.server.data / "webpush-key.pem"
        same(stat.S_IMODE(file.stat().st_mode), 0o600, "the mode of the key's file")
        self._write(ada, ben, "Before")
        browser.next()
        same(self.server.restart(), 0, "the exit code")  # with connections to the push service open
        same(ben.call("GET", "/v1/push/webpush-key")["public_key"], key, "the key")
        self._write(ada, ben, "Back again")
        same(browser.next().server_key, key)

    def a_key_file_is_made_and_used(self) -> None:
        file = self.folder / "key.pem"
        made = self._run("push", "webpush-key", str(file))
        same(made.returncode, 0, made.stderr)
        same(stat.S_IMODE(file.stat().st_mode), 0o600, "the mode")
        again = self._run("push", "webpush-key", str(file))
        same(again.returncode, 1, "making it again")
        check("is there already" in again.stderr, again.stderr)
        # As openssl writes it, in the older form.
        old = self.folder / "old.pem"
        subprocess.run(["openssl", "ec", "-in", str(file), "-out", str(old)], check=True, stderr=subprocess.DEVNULL)
        for path in (file, old):
            settings = {**SETTINGS, "PARLEY_PUSH_WEBPUSH_KEY_FILE": str(path)}
            self._with_server(path.stem, settings, [lambda: same(
                User(self.server, self.secret).call("GET", "/v1/push/webpush-key")["public_key"], made.stdout.strip(), "the key")], quiet=True)

    def what_is_wrong_with_a_key_is_said_at_the_start(self) -> None:
        public = self.folder / "public.pem"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self.folder / "p256.pem")], check=True)
        subprocess.run(["openssl", "ec", "-in", str(self.folder / "p256.pem"), "-pubout", "-out", str(public)], check=True,
                       stderr=subprocess.DEVNULL)
        other = self.folder / "p384.pem"
        subprocess.run(["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", str(other)], check=True)
        for settings, sentence in (
            (["key_file=/nowhere/key.pem", f"contact={CONTACT}"], "the file /nowhere/key.pem cannot be read"),
            ([f"key_file={public}", f"contact={CONTACT}"], "needs the private key"),
            ([f"key_file={other}", f"contact={CONTACT}"], "not on the curve P-256"),
            ([f"key_file={self.folder}/p256.pem"], "push.webpush.contact is not set"),
            (["contact=nobody"], "push.webpush.contact must be an address"),
        ):
            flags = [part for setting in settings for part in ("--set", f"push.webpush.{setting}")]
            started = self._run("serve", "--port", "0", "--data", str(self.folder / "unused"), *flags)
            same(started.returncode, 1, f"the exit code with {settings}")
            check(sentence in started.stderr, settings, "was told", started.stderr)

    def the_push_service_of_these_tests_is_strict(self) -> None:
        """Else the cases above would prove little: what is right is taken, and every single thing that is wrong is refused."""
        service = PushService()
        key, other = Vapid02(), Vapid02()
        key.generate_keys()
        other.generate_keys()
        browser = service.subscribe(encode(key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)))
        keys = browser.json["keys"]
        now = int(time.time())
        claims = {"aud": service.origin, "exp": now + 3600, "sub": CONTACT}

        def told(change: Dict[str, Any] = {}, signer: Vapid02 = key, path: str = browser.path, body: Optional[bytes] = None, **more: Any) -> int:
            if body is None:
                body = http_ece.encrypt(b"{}", private_key=ec.generate_private_key(ec.SECP256R1()), dh=decode(keys["p256dh"]),
                                        auth_secret=decode(keys["auth"]), version="aes128gcm")
            headers = {"TTL": "60", "Content-Encoding": "aes128gcm", **signer.sign({**claims, **more}), **change}
            headers = {name: value for name, value in headers.items() if value is not None}
            request = urllib.request.Request(service.origin + path, body, headers, method="POST")
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        try:
            same(told(), 201, "what is right")
            same(browser.next().payload, {})
            for wanted, status in (
                (404, told(path="/push/none")), (400, told({"TTL": None})), (400, told({"TTL": "soon"})),
                (400, told({"Content-Encoding": "aesgcm"})), (400, told({"Urgency": "urgent"})), (400, told({"Topic": "a" * 33})),
                (400, told({"Topic": "a b"})), (401, told({"Authorization": None})), (401, told({"Authorization": "vapid t=a.b.c,k=d"})),
                (403, told(signer=other)), (403, told(aud="https://push.example.com")), (403, told(exp=now - 1)),
                (403, told(exp=now + 90_000)), (413, told(body=b"a" * 4097)), (400, told(body=b"a" * 200)),
            ):
                same(status, wanted, f"complaints {service.complaints[-1:]}: the status")
            token = key.sign(claims)["Authorization"]
            start, _, end = token.rpartition(".")
            forged = f"{start}.{'B' if end[0] != 'B' else 'C'}{end[1:]}"
            same(told({"Authorization": forged}), 403, "a forged token")
            same(browser.waiting, 0, "deliveries of what is wrong")
        finally:
            service.stop()

    # MARK: Helpers

    def _pair(self) -> Tuple[User, User, Subscription]:
        ada, ben = User(self.server, self.secret), User(self.server, self.secret)
        return ada, ben, self._browser(ben)

    def _browser(self, user: User) -> Subscription:
        subscription = self.service.subscribe(user.call("GET", "/v1/push/webpush-key")["public_key"])
        user.register(subscription.json)
        return subscription

    def _write(self, sender: User, recipient: User, text: str) -> Dict[str, Any]:
        conversation = sender.call("POST", "/v1/conversations", {"type": "direct", "participant_ids": [recipient.id]})
        return sender.call("POST", f"/v1/conversations/{conversation['id']}/messages", {"message_type": "text", "content": text})

    def _run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(self.binary.resolve()), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=60, env={name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")})

    def _with_server(self, name: str, settings: Dict[str, str], cases: List[Any], quiet: bool = False) -> None:
        cases = [case for case in cases if quiet or self._is_wanted(case)]
        if not cases:
            return
        folder = self.folder / name
        folder.mkdir()
        self.service = PushService()
        self.server = ParleyServer(self.binary, folder, self.secret, settings)
        try:
            self.server.start()
            self.server.wait_until_ready()
            for case in cases:
                case() if quiet else self._try(case)
        finally:
            self.server.kill()
            self.service.stop()

    def _is_wanted(self, case: Any) -> bool:
        return not self.words or any(word in case.__name__ for word in self.words)

    def _try(self, case: Any) -> None:
        if not self._is_wanted(case):
            return
        name = case.__name__.replace("_", " ")
        try:
            case()
        except Exception as error:
            self.failed += 1
            told = str(error) if isinstance(error, (PushFailed, ServerFailed)) else traceback.format_exc()
            print(f"FAIL {name}\n       {told}", flush=True)
        else:
            self.passed += 1
            print(f"ok   {name}", flush=True)


def check(condition: bool, *facts: Any) -> None:
    if not condition:
        raise PushFailed(" ".join(str(fact) for fact in facts))


def same(found: Any, wanted: Any, what: str = "") -> None:
    check(found == wanted, what, "is", repr(found)[:500], "instead of", repr(wanted)[:500])


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server outlives the test
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/debug/parley")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parley-webpush-"))
    test = WebPushTest(options.binary, folder, options.words)
    try:
        test.run()
    except ServerFailed as error:
        test.failed += 1
        print(f"FAIL the server starts\n       {error}")
    if test.failed:
        print(f"  the data and the servers' logs are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{test.passed} passed, {test.failed} failed", flush=True)
    return 1 if test.failed or not test.passed else 0


if __name__ == "__main__":
    sys.exit(main())
