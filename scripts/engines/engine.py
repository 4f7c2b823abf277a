"""The shape that the four engines share: files to prepare, a command to run, a URL, and a way to tell that it answers."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Dict, List

from .daemon import Daemon
from .failure import EnginesFailed
from .folder import Folder
from .ports import holder, is_free
from .user import User

START_TIMEOUT_SECONDS = 120
STOP_TIMEOUT_SECONDS = 30
PORT_TIMEOUT_SECONDS = 3
ATTEMPTS = 5


class Engine:
    name: str
    title: str
    variable: str  # the setting of Parley that takes its URL
    system_user: str
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Folder, base_port: int):
        self.base_port = base_port
        self.folder = folder.path / self.name
        self.passwords = folder.passwords
        self.user = User(self.system_user)
        self.daemon = Daemon(folder.record(self.name), self.folder / "log")

    # What each engine says about itself

    @property
    def ports(self) -> List[int]:
        """All that it listens on; clients use the first."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        raise NotImplementedError

    @property
    def admin_variables(self) -> Dict[str, str]:
        """URLs of logins that may do everything, for tests that need databases of their own."""
        return {}

    def fresh_url(self, name: str) -> str:
        """Makes a database of that name, empty and with the same login, and returns its URL. The engine must run."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Writes the files that it starts with; finds some of them there already."""

    @property
    def command(self) -> List[str]:
        raise NotImplementedError

    @property
    def environment(self) -> Dict[str, str]:
        """Nothing of the caller's: settings of a server on this machine must not reach this one."""
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}

    def make_ready(self) -> None:
        """Logs in as Parley will, and creates the login first when it is missing. Raises while the engine does not answer yet.

        The clients are imported in here, so that engines can be ended on a machine which has lost them.
        """
        raise NotImplementedError

    # What is the same for all

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def is_running(self) -> bool:
        return self.daemon.pid is not None

    def up(self) -> bool:
        """True when it had to be started."""
        if self.is_running:
            self.daemon.resume()
            with contextlib.suppress(Exited):  # it was about to end, as one that was killed a moment ago
                self._wait_until_ready()
                return False
        self.user.require_entry(self.folder)
        self.make_folder(self.folder)
        self.prepare()
        self._start()
        return True

    def down(self) -> bool:
        """True when there was something to end."""
        was_running = self.is_running
        self.daemon.stop(self.stop_signal, STOP_TIMEOUT_SECONDS)
        return was_running

    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        self.user.own(path)

    def write(self, path: Path, text: str, mode: int = 0o600) -> None:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
            file.write(text)
        self.user.own(path)

    def require_free(self, ports: List[int]) -> None:
        """Waits a little: who has just been told to end, or a child of a killed engine, may still be about to go."""
        deadline = time.monotonic() + PORT_TIMEOUT_SECONDS
        while taken := [port for port in ports if not is_free(port)]:
            if time.monotonic() > deadline:
                raise PortTaken(f"{self.title} cannot start: port {taken[0]} is taken by {holder(taken[0])}.")
            time.sleep(0.05)

    def _start(self) -> None:
        """Tries some times: what a killed predecessor left, such as children or shared memory, may need a moment to go."""
        for attempt in range(1, ATTEMPTS + 1):
            self.require_free(self.ports)
            self.daemon.start(self.command, self.environment, self.folder, self.user)
            try:
                self._wait_until_ready()
                return
            except Exited:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(0.5)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            try:
                return self.make_ready()
            except Exception as error:  # each client has its own ways to say "not yet"
                if not self.is_running:
                    raise Exited(f"{self.title} ended while it was starting; its log:\n{self.daemon.log_tail()}")
                if time.monotonic() > deadline:
                    raise EnginesFailed(
                        f"{self.title} runs, but does not answer after {START_TIMEOUT_SECONDS} s: {error}\nIts log:\n{self.daemon.log_tail()}")
            time.sleep(0.1)


class Exited(EnginesFailed):
    pass


class PortTaken(EnginesFailed):
    advice = "If that is another set of engines, end it; or choose another base port and folder: ENGINES_PORT=… ENGINES_FOLDER=…"
