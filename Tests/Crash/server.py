"""The real binary: started, asked whether it is ready, killed, stopped. Always by its own process id."""

from __future__ import annotations

import http.client
import os
import random
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Dict, List, Optional

START_TIMEOUT_SECONDS = 30
STOP_TIMEOUT_SECONDS = 30
VERIFY_TIMEOUT_SECONDS = 600


class ServerFailed(Exception):
    pass


class ParleyServer:
    """One data folder and one port, served by one process after another."""

    # For how long after a message a cursor that is made may still repeat it.
    cursor_margin_seconds = 0.0

    def __init__(
        self, binary: Path, folder: Path, secret: Optional[str], settings: Optional[Dict[str, str]] = None,
        open_files: Optional[int] = None,
    ):
        """Without a secret the server makes its development secret, and with it the users of the demo page.

        `open_files` is how many the system lets it have, sockets among them.
        """
        self.binary = binary.resolve()
        self.folder = folder
        self.port = free_port()
        self.data = folder / "data"
        self.push_log = folder / "notifications.jsonl"
        self.log = folder / "server.log"
        self._open_files = open_files
        self._environment = self._build_environment(secret, settings or {})
        self._process: Optional[subprocess.Popen] = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def exit_code(self) -> Optional[int]:
        """None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def process_ids(self) -> List[int]:
        """One; the nodes of a cluster are several."""
        return [self._process.pid]

    def start(self) -> None:
        command = [str(self.binary), "serve", "--port", str(self.port), "--data", str(self.data)]
        if self._open_files is not None:
            command = ["/bin/sh", "-c", f'ulimit -n {self._open_files} && exec "$@"', "sh", *command]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if self.exit_code is not None:
                raise ServerFailed(f"the server exited with {self.exit_code} while starting\n{self.log_tail()}")
            try:
                if self.get("/health/ready")[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        raise ServerFailed(f"the server was not ready after {START_TIMEOUT_SECONDS} s\n{self.log_tail()}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """Asks it to stop and returns its exit code; kills it when it does not stop in time."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"the server did not stop within {STOP_TIMEOUT_SECONDS} s of SIGTERM")

    def restart(self) -> int:
        """Stops it and starts it again; returns the exit code of the one that was stopped."""
        code = self.stop()
        self.start()
        self.wait_until_ready()
        return code

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Another command of the binary, with the settings of the server."""
        return subprocess.run(
            [str(self.binary), *arguments], env=self._environment, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=VERIFY_TIMEOUT_SECONDS,
        )

    def spoil_store(self) -> None:
        """Under the running server."""
        for file in self.data.glob("parley.sqlite*"):
            if not file.name.endswith("-shm"):
                file.write_bytes(b"\xff" * file.stat().st_size)

    def gauge(self, name: str) -> Optional[float]:
        """The sum over all labels of a gauge in /metrics; None when there is no such gauge."""
        text = self.get("/metrics")[1]
        values = re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})?\s+(\S+)", text, re.MULTILINE)
        return sum(map(float, values)) if values else None

    def get(self, path: str) -> tuple:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def log_tail(self, lines: int = 20) -> str:
        text: List[str] = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    | {line}" for line in text[-lines:])

    def _build_environment(self, secret: Optional[str], settings: Dict[str, str]) -> Dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        return {
            **inherited,
            **({"PARLEY_AUTH_SECRET": secret} if secret is not None else {}),
            "PARLEY_PUSH_PROVIDER": "log",
            "PARLEY_PUSH_LOG_FILE": str(self.push_log),
            "PARLEY_LIMITS_MESSAGES_PER_SECOND": "0",
            "PARLEY_LIMITS_REQUESTS_PER_SECOND": "0",
            **settings,
        }


def free_port() -> int:
    """A port below the range from which the system takes the ports of outgoing connections.

    In that range, a connection tried while the server is down could be given the server's own port: it
    would then be connected to itself, and the server could not bind any more.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise ServerFailed("no free port between 20000 and 32000")
