#!/usr/bin/env python3
"""The example `TerminalChat` in real terminals, on the real binary: two people chat, the server is killed between them.

    terminal_test.py [--binary .build/debug/parley] [--chat .build/debug/TerminalChat]
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Crash"))

from server import ParleyServer  # noqa: E402

SECRET = "a secret of the terminal test, long enough for HS256"
ADA, BEN = "ada00000-0000-4000-8000-000000000001", "be200000-0000-4000-8000-000000000002"
PATIENCE_SECONDS = 60


class Failed(Exception):
    pass


class Terminal:
    """A chat as one person sees it: what is typed goes in, what is printed comes out."""

    def __init__(self, chat: Path, url: str, token: str):
        own, theirs = pty.openpty()
        self._descriptor = own
        self._process = subprocess.Popen(
            [str(chat), "--url", url, "--token", token], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.text = ""
        self._seen = 0

    def type(self, line: str) -> None:
        # A terminal shows what is typed; what is waited for next stands behind it.
        os.write(self._descriptor, f"{line}\n".encode())
        self.sees(line)

    def sees(self, wanted: str) -> None:
        """Waits for it, behind what was waited for before."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (place := self.text.find(wanted, self._seen)) < 0:
            if time.monotonic() > deadline:
                raise Failed(f"not seen within {PATIENCE_SECONDS} s: {wanted!r}; the terminal shows\n{self.text}")
            self._read(0.1)
        self._seen = place + len(wanted)

    def ends(self, exit_code: int = 0) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._process.poll() is None:
            if time.monotonic() > deadline:
                raise Failed(f"it does not end; the terminal shows\n{self.text}")
            self._read(0.1)
        if self._process.returncode != exit_code:
            raise Failed(f"it ended with {self._process.returncode}; the terminal shows\n{self.text}")

    def count(self, wanted: str) -> int:
        self._read(0.5)
        return self.text.count(wanted)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._descriptor)

    def _read(self, seconds: float) -> None:
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return
        try:
            self.text += os.read(self._descriptor, 65_536).decode(errors="replace")
        except OSError:
            time.sleep(seconds)  # Linux says EIO when the other end is closed


class TerminalTest:
    def __init__(self, binary: Path, chat: Path, folder: Path):
        self.chat = chat.resolve()
        self.server = ParleyServer(binary, folder, secret=SECRET)
        self.terminals: List[Terminal] = []
        self.passed = 0
        self.failed = 0

    def run(self) -> None:
        try:
            self.server.start()
            self.server.wait_until_ready()
            for case in (
                self.two_people_chat, self.a_group_is_joined, self.what_is_typed_while_the_server_is_down_arrives_once,
                self.quit_ends_it, self.wrong_arguments_are_explained, self.a_refused_token_ends_it_with_a_sentence,
            ):
                if not self._try(case):
                    break  # each goes on where the one before it has stopped
        finally:
            for terminal in self.terminals:
                terminal.close()
            self.server.kill()

    def two_people_chat(self) -> None:
        self.ada, self.ben = self._open(ADA), self._open(BEN)
        self.ada.sees(f"you are {ADA}")
        self.ben.sees(f"you are {BEN}")
        self.ada.type(f"/direct {BEN}")
        self.ben.sees("/list shows it")
        self.ben.type("/open 1")
        self.ada.type("Are you there?")
        self.ben.sees("ada00000: Are you there?")
        self.ada.sees("be200000 has read up to #1")
        self.ben.type("I am. Grüße 😀")
        self.ada.sees("be200000: I am. Grüße 😀")

    def a_group_is_joined(self) -> None:
        self.ada.type("/group Harbour walk")
        self.ada.type(f"/add {BEN}")
        self.ben.sees("you are in Harbour walk now")
        self.ada.type("Who comes along?")
        self.ben.sees("[Harbour walk] ada00000: Who comes along?")

    def what_is_typed_while_the_server_is_down_arrives_once(self) -> None:
        self.server.kill()
        self.ada.sees("offline")
        self.ada.type("Typed while it was down")
        self.ada.type("And a second line")
        self.server.start()
        self.server.wait_until_ready()
        for line in ("Typed while it was down", "And a second line"):
            self.ben.sees(f"ada00000: {line}")
            if self.ben.count(f"ada00000: {line}") != 1:
                raise Failed(f"heard more than once\n{self.ben.text}")

    def quit_ends_it(self) -> None:
        self.ada.type("/quit")
        self.ada.ends()

    def wrong_arguments_are_explained(self) -> None:
        for arguments, wanted, code in (
            (["--nonsense"], "usage: TerminalChat --url", 2),
            (["--url", "nowhere", "--token", "t"], '"nowhere" is not an http:// or https:// address', 1),
        ):
            process = subprocess.run(
                [str(self.chat), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_SECONDS)
            if wanted not in process.stdout or process.returncode != code or len(process.stdout.splitlines()) > 2:
                raise Failed(f"{arguments} ended with {process.returncode}: {process.stdout}")

    def a_refused_token_ends_it_with_a_sentence(self) -> None:
        terminal = Terminal(self.chat, self.server.base_url, "not-a-token")
        self.terminals.append(terminal)
        terminal.sees("token")
        terminal.ends(exit_code=1)

    def _open(self, user: str) -> Terminal:
        made = self.server.run("token", "--user", user)
        if made.returncode != 0:
            raise Failed(f"no token: {made.stderr}")
        terminal = Terminal(self.chat, self.server.base_url, made.stdout.strip())
        self.terminals.append(terminal)
        return terminal

    def _try(self, case) -> bool:
        name = case.__name__.replace("_", " ")
        try:
            case()
        except Exception as error:  # noqa: BLE001: whatever went wrong, the run goes on to count it
            self.failed += 1
            print(f"FAIL {name}\n{error if isinstance(error, Failed) else traceback.format_exc()}", flush=True)
            return False
        self.passed += 1
        print(f"ok   {name}", flush=True)
        return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/debug/parley")
    parser.add_argument("--chat", type=Path, default=ROOT / ".build/debug/TerminalChat")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parley-terminal-"))
    test = TerminalTest(arguments.binary, arguments.chat, folder)
    test.run()
    if test.failed == 0:
        shutil.rmtree(folder)
    else:
        print(f"  the data and the server's log are kept in {folder}")
    print(f"{test.passed} passed, {test.failed} failed")
    return 0 if test.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
