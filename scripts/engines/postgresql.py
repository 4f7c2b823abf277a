"""PostgreSQL: conversations, participants, unread counts, and the order of numbers."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import Dict, List

from .engine import Engine
from .failure import EnginesFailed
from .ports import POSTGRESQL

SETTINGS = {
    # Small, since it shares a developer's machine with three others.
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    # Each node and each test has a pool of its own.
    "max_connections": "200",
    # What production must have; said aloud because the promises of the crash tests rest on it.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "127.0.0.1",
    # No socket file: its path may be no longer than 107 bytes, which a folder of a test easily is.
    "unix_socket_directories": "",
}


class PostgreSQL(Engine):
    name = "postgresql"
    title = "PostgreSQL"
    variable = "PARLEY_POSTGRES_URL"
    system_user = "postgres"
    stop_signal = signal.SIGINT  # "fast": does not wait for clients, unlike SIGTERM

    @property
    def ports(self) -> List[int]:
        return [self.base_port + POSTGRESQL]

    @property
    def url(self) -> str:
        return f"postgres://parley:{self.passwords[self.name]}@127.0.0.1:{self.port}/parley"

    def fresh_url(self, name: str) -> str:
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url, connect_timeout=10, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url.removesuffix("parley") + name

    @property
    def admin_variables(self) -> Dict[str, str]:
        return {"ENGINES_POSTGRES_ADMIN_URL": self._admin_url}

    @property
    def command(self) -> List[str]:
        settings = [f"{name}={value}" for name, value in {"port": str(self.port), **SETTINGS}.items()]
        return [_program("postgres"), "-D", str(self._data), *(part for setting in settings for part in ("-c", setting))]

    def prepare(self) -> None:
        if self._data.exists():
            return
        draft = self.folder / "data.new"  # renamed when it is whole, so that an interrupted one is made anew
        subprocess.run(["rm", "-rf", str(draft)], check=True)
        password = self.folder / "password"
        self.write(password, self.passwords["postgresql admin"])
        command = [
            _program("initdb"), "--pgdata", str(draft), "--username", "postgres", "--pwfile", str(password),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, **self.user.for_subprocess)
        password.unlink()
        if done.returncode != 0:
            raise EnginesFailed(f"initdb failed:\n{done.stdout}")
        draft.rename(self._data)

    def make_ready(self) -> None:
        import psycopg

        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self._create_parley()
            raise

    def _create_parley(self) -> None:
        """Raises while the server is not there yet. CREATEDB lets tests have databases of their own."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self._admin_url, connect_timeout=2, autocommit=True) as admin:
            if not admin.execute("SELECT FROM pg_roles WHERE rolname = 'parley'").fetchone():
                password = sql.Literal(self.passwords[self.name])
                admin.execute(sql.SQL("CREATE ROLE parley LOGIN CREATEDB PASSWORD {}").format(password))
            if not admin.execute("SELECT FROM pg_database WHERE datname = 'parley'").fetchone():
                admin.execute("CREATE DATABASE parley OWNER parley")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _admin_url(self) -> str:
        return f"postgres://postgres:{self.passwords['postgresql admin']}@127.0.0.1:{self.port}/postgres"


def _program(name: str) -> str:
    """Debian keeps these off the PATH, one folder a version; the newest is taken."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = max(versions, key=lambda path: int(re.sub(r"\D", "", path.parts[4]) or 0), default=None)
    if newest is None:
        raise EnginesFailed("PostgreSQL is not installed; scripts/setup.sh --engines installs what is missing")
    return str(newest)
