"""MongoDB: the messages. A replica set of one node, because majority writes and sessions need a set."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Dict, List

from .engine import Engine
from .failure import EnginesFailed
from .ports import MONGODB

FETCHED = Path(__file__).resolve().parent.parent.parent / ".build/mongod/mongod"
SET = "parley"

# Error codes of MongoDB.
UNAUTHORIZED, ALREADY_INITIALIZED = 13, 23


class MongoDB(Engine):
    name = "mongodb"
    title = "MongoDB"
    variable = "PARLEY_MONGODB_URL"
    system_user = "root"  # it has no user of its own, and nothing against root

    @property
    def ports(self) -> List[int]:
        return [self.base_port + MONGODB]

    @property
    def url(self) -> str:
        return f"mongodb://parley:{self.passwords[self.name]}@127.0.0.1:{self.port}/parley?replicaSet={SET}"

    def fresh_url(self, name: str) -> str:
        with self._client(self._admin_url) as admin:
            admin[name].command("createUser", "parley", pwd=self.passwords[self.name], roles=["readWrite"])
        return self.url.replace("/parley?", f"/{name}?")

    @property
    def admin_variables(self) -> Dict[str, str]:
        return {"ENGINES_MONGODB_ADMIN_URL": self._admin_url}

    def prepare(self) -> None:
        self.make_folder(self.folder / "data")
        self.write(self.folder / "key", self.passwords["mongodb key"])

    @property
    def command(self) -> List[str]:
        return [
            _program(), "--replSet", SET, "--bind_ip", "127.0.0.1", "--port", str(self.port), "--nounixsocket",
            "--dbpath", str(self.folder / "data"), "--keyFile", str(self.folder / "key"),
            "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "256",
            "--setParameter", "diagnosticDataCollectionEnabled=false"]

    def make_ready(self) -> None:
        import pymongo.errors

        try:
            with self._client(self.url) as client:
                if not client.admin.command("hello")["isWritablePrimary"]:
                    raise NotYet("it is not the primary yet")
                client.parley.command("ping")
        except (pymongo.errors.ServerSelectionTimeoutError, pymongo.errors.OperationFailure):
            self._create_set()
            self._create_parley()
            raise

    def _create_set(self) -> None:
        """Allowed without a login, from this machine and as long as there is no user."""
        import pymongo.errors

        with self._client(f"mongodb://127.0.0.1:{self.port}") as client:
            if client.admin.command("hello").get("setName"):
                return
            member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
            try:
                client.admin.command("replSetInitiate", {"_id": SET, "members": [member]})
            except pymongo.errors.OperationFailure as error:
                if error.code != ALREADY_INITIALIZED:
                    raise

    def _create_parley(self) -> None:
        import pymongo.errors

        with self._client(f"mongodb://127.0.0.1:{self.port}") as client:
            if not client.admin.command("hello")["isWritablePrimary"]:
                raise NotYet("it is not the primary yet")
            try:
                client.admin.command("createUser", "admin", pwd=self.passwords["mongodb admin"], roles=["root"])
            except pymongo.errors.OperationFailure as error:
                if error.code != UNAUTHORIZED:  # which says that there is one already
                    raise
        with self._client(self._admin_url) as admin:
            if not admin.parley.command("usersInfo", "parley")["users"]:
                admin.parley.command("createUser", "parley", pwd=self.passwords[self.name], roles=["readWrite"])

    def _client(self, url: str):
        import pymongo

        return pymongo.MongoClient(url, directConnection=True, serverSelectionTimeoutMS=500, connectTimeoutMS=2000, socketTimeoutMS=5000)

    @property
    def _admin_url(self) -> str:
        return f"mongodb://admin:{self.passwords['mongodb admin']}@127.0.0.1:{self.port}/admin?replicaSet={SET}"


class NotYet(Exception):
    pass


def _program() -> str:
    """One that the machine has comes first; setup.sh fetches one only when there is none."""
    found = shutil.which("mongod") or (str(FETCHED) if FETCHED.exists() else None)
    if found is None:
        raise EnginesFailed("MongoDB is not installed; scripts/setup.sh --engines installs what is missing")
    return found
