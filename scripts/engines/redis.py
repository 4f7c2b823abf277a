"""Redis: messages on their way to other nodes, and who is online. Nothing in it has to survive, so nothing is written to disk."""

from __future__ import annotations

from typing import List

from .engine import Engine
from .ports import REDIS

SETTINGS = """
bind 127.0.0.1
port {port}
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

    @property
    def ports(self) -> List[int]:
        return [self.base_port + REDIS]

    @property
    def url(self) -> str:
        return f"redis://:{self.passwords[self.name]}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        password = self.passwords[self.name]
        self.write(self.folder / "redis.conf", SETTINGS.format(port=self.port, password=password, folder=f'"{self.folder}"'))

    @property
    def command(self) -> List[str]:
        return ["redis-server", str(self.folder / "redis.conf")]

    def make_ready(self) -> None:
        import redis

        with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2, retry=None) as client:
            client.ping()
