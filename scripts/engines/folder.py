"""What a set keeps in its folder beside the engines' own data: base port, passwords, and the files with the URLs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Dict, Iterator, Optional

from .failure import EnginesFailed
from .ports import DEFAULT_BASE_PORT


class Folder:
    def __init__(self, path: Path):
        self.path = path.absolute()
        self.passwords = Passwords(self)

    @property
    def exists(self) -> bool:
        return (self.path / "base-port").exists()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One command at a time. The system drops the lock of a command that is killed."""
        with open(self.path / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def create(self) -> None:
        """Others may pass through, since root's engines run as other users, but see nothing: what matters is closed itself."""
        self.path.mkdir(parents=True, exist_ok=True)
        if self.path.stat().st_uid != os.geteuid():
            raise EnginesFailed(f"{self.path} belongs to another user; choose another folder: ENGINES_FOLDER=…")
        self.path.chmod(0o711)
        (self.path / "run").mkdir(exist_ok=True, mode=0o700)

    def base_port(self, wanted: Optional[int]) -> int:
        """Chosen once: MongoDB's replica set knows its member by the port."""
        file = self.path / "base-port"
        if not file.exists():
            return wanted or DEFAULT_BASE_PORT
        known = int(file.read_text())
        if wanted not in (None, known):
            raise EnginesFailed(f"the engines in {self.path} have the base port {known}; for {wanted} choose another ENGINES_FOLDER")
        return known

    def keep_base_port(self, port: int) -> None:
        self.write("base-port", f"{port}\n")

    def record(self, name: str) -> Path:
        return self.path / "run" / f"{name}.json"

    def write_variables(self, name: str, variables: Dict[str, str]) -> None:
        """Without quotes, so that shells, systemd and docker read the same; no value may need any."""
        self.write(name, "".join(f"{key}={value}\n" for key, value in variables.items()))

    def write(self, name: str, text: str) -> None:
        """Whole or not at all, and never readable by others."""
        draft = self.path / f"{name}.new"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        draft.replace(self.path / name)


class Passwords:
    """Made all at once when the set is, and then always the same. Letters and digits, which no URL has to escape."""

    NAMES = (
        "mongodb", "mongodb admin", "mongodb key", "postgresql", "postgresql admin", "redis", "rabbitmq", "erlang cookie")

    def __init__(self, folder: Folder):
        self._folder = folder

    def make(self) -> None:
        if not self._file.exists():
            made = {name: secrets.token_hex(24) for name in self.NAMES}
            self._folder.write(self._file.name, json.dumps(made, indent=1) + "\n")

    def __getitem__(self, name: str) -> str:
        try:
            return json.loads(self._file.read_text())[name]
        except FileNotFoundError:
            raise EnginesFailed(f"there are no engines in {self._folder.path} yet; bring them up first")

    @property
    def _file(self) -> Path:
        return self._folder.path / "passwords.json"
