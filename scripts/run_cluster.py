#!/usr/bin/env python3
"""Starts the four engines and some nodes of a Parley cluster on this machine, for trying it out: `make run-cluster`.

Nodes that end are started again, as a supervisor would: `kill -9` any of them, or an engine with `scripts/engines.py kill …`
and `scripts/engines.py up`, and see what happens. Ctrl-C ends the nodes, and those engines that this has started.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import List, Optional

from engines import DEFAULT_FOLDER, NAMES, Engines, EnginesFailed

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".build/cluster"
READY_SECONDS = 60


def say(text: str) -> None:
    print(text, flush=True)


class Node:
    """One process. It is started again when it ends by itself, after a pause that grows while it does not last."""

    def __init__(self, number: int, port: int, binary: Path, environment: dict):
        self.number = number
        self.port = port
        self._command = [
            str(binary), "serve", "--port", str(port), "--data", str(FOLDER), "--set",
            f"push.log_file={FOLDER / f'notifications-{number}.jsonl'}",
        ]
        self._environment = environment
        self._log = FOLDER / f"node-{number}.log"
        self._process: Optional[subprocess.Popen] = None
        self._is_stopping = False
        self._pause = 1.0
        self.start()
        threading.Thread(target=self._look_after, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C is for this script, which ends the nodes in its own way.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment, start_new_session=True)

    def _look_after(self) -> None:
        while True:
            begin = time.monotonic()
            code = self._process.wait()
            if self._is_stopping:
                return
            self._pause = 1.0 if time.monotonic() - begin > 30 else min(self._pause * 2, 15)
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            say(f"node {self.number} has ended ({how}); starting it again in {self._pause:.0f} s. Its log: {self._log}")
            time.sleep(self._pause)
            if self._is_stopping:
                return
            self.start()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}health/ready", timeout=3) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def wait_until_ready(self) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.is_ready():
                return True
            time.sleep(0.1)
        return False

    def stop(self) -> None:
        self._is_stopping = True
        if self._process.poll() is None:
            self._process.terminate()

    def wait_until_stopped(self) -> None:
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()


def main() -> int:
    options = parse()
    engines = Engines(options.engines, None, say=lambda text: say(f"engines: {text}"))
    try:
        before = engines.running
        if not start(options.engines):
            return 1
        started = [name for name in NAMES if name not in before]
        try:
            return run(options, Engines(options.engines, None))
        finally:
            if started:
                engines.down(*started)
    except EnginesFailed as failure:
        print(f"engines: {failure}", file=sys.stderr)
        return 1


def start(folder: Path) -> bool:
    """By a command of its own, so that the engines are nobody's children: one that is killed would stay a zombie of this
    process, and PostgreSQL takes the process of its lock file for alive as long as there is one."""
    command = [sys.executable, str(ROOT / "scripts/engines.py"), "--folder", str(folder), "up"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode == 0


def run(options: argparse.Namespace, engines: Engines) -> int:
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {**{name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}, **engines.urls}
    nodes: List[Node] = []
    try:
        for number in range(1, options.nodes + 1):
            nodes.append(Node(number, options.port + number - 1, options.binary, environment))
            if not nodes[-1].wait_until_ready():
                print(f"node {number} is not ready after {READY_SECONDS} s; see {FOLDER}/node-{number}.log", file=sys.stderr)
                return 1
        announce(nodes)
        wait_for_the_end()
        say("\nStopping.")
        return 0
    finally:
        for node in nodes:
            node.stop()
        for node in nodes:
            node.wait_until_stopped()


def announce(nodes: List[Node]) -> None:
    chats = "".join(f"  node {node.number}   {node.url}   process {node.pid}, log {FOLDER}/node-{node.number}.log\n" for node in nodes)
    say(f"""
A cluster of {len(nodes)} nodes runs on MongoDB, PostgreSQL, Redis and RabbitMQ. Chat as Ada on one node and as Ben on another:

{chats}
Kill what you like: nodes come back by themselves, and an engine with

  scripts/engines.py kill mongodb; scripts/engines.py up      (or postgresql, redis, rabbitmq)

Ctrl-C ends the nodes, and the engines that were started with them. Their data stay in {DEFAULT_FOLDER}.""")


def wait_for_the_end() -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(3600):
        pass


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/parley")
    parser.add_argument("--nodes", type=int, default=2, help="how many (2)")
    parser.add_argument("--port", type=int, default=8080, help="of the first node; the others follow (8080)")
    parser.add_argument("--engines", type=Path, default=Path(os.environ.get("ENGINES_FOLDER") or DEFAULT_FOLDER), help="their folder")
    options = parser.parse_args()
    if options.nodes < 1:
        parser.error("a cluster has one node at least")
    return options


if __name__ == "__main__":
    sys.exit(main())
