"""Redis: messages on their way to other nodes, and who is online. Nothing in it has to survive, so nothing is written to disk."""

from __future__ import annotations

import itertools
from typing import List

from .engine import Engine
from .folder import Folder
from .ports import REDIS

DATABASES = 16
SETTINGS = """
bind 127.0.0.1
port {port}
databases {databases}
requirepass {password}
save ""
appendonly no
maxmemory 128mb
maxmemory-policy noeviction
dir {folder}
"""


class Redis(Engine):
    name = "redis"
    title = "Redis"
    variable = "PARLEY_REDIS_URL"
    system_user = "redis"

    def __init__(self, folder: Folder, base_port: int):
        super().__init__(folder, base_port)
        self._fresh = itertools.cycle(range(1, DATABASES))

    @property
    def ports(self) -> List[int]:
        return [self.base_port + REDIS]

    @property
    def url(self) -> str:
        return f"redis://:{self.passwords[self.name]}@127.0.0.1:{self.port}/0"

    def fresh_url(self, name: str) -> str:
        """Its databases have numbers and no names."""
        import redis

        url = f"{self.url.removesuffix('/0')}/{next(self._fresh)}"
        with redis.Redis.from_url(url, socket_timeout=10) as client:
            client.flushdb()
        return url

    def prepare(self) -> None:
        password = self.passwords[self.name]
        self.write(self.folder / "redis.conf", SETTINGS.format(
            port=self.port, databases=DATABASES, password=password, folder=f'"{self.folder}"'))

    @property
    def command(self) -> List[str]:
        return ["redis-server", str(self.folder / "redis.conf")]

    def make_ready(self) -> None:
        import redis

        with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2, retry=None) as client:
            client.ping()
