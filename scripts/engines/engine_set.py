"""The four engines of one folder, brought up and down together."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

from .engine import Engine, PortTaken
from .failure import EnginesFailed
from .folder import Folder
from .mongodb import MongoDB
from .ports import free_base_port, outgoing_among
from .postgresql import PostgreSQL
from .rabbitmq import RabbitMQ
from .redis import Redis

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent.parent / ".build/engines"
KINDS = (MongoDB, PostgreSQL, Redis, RabbitMQ)
NAMES = [kind.name for kind in KINDS]


def say_nothing(_: str) -> None:
    pass


class Engines:
    """Works on what is in the folder, so that another command, later, can end what this one has started."""

    def __init__(self, folder: Path = DEFAULT_FOLDER, base_port: Optional[int] = None, say: Callable[[str], None] = say_nothing):
        """Without a base port: the one that the folder has already, or else 19400."""
        self._folder = Folder(Path(folder))
        self.base_port = self._folder.base_port(base_port)
        self._engines: Dict[str, Engine] = {kind.name: kind(self._folder, self.base_port) for kind in KINDS}
        self._say = say

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, *names: str) -> Iterator["Engines"]:
        """A set in a new folder on free ports, already up (all engines, or those that are named); gone afterwards."""
        with temporary_folder() as folder:
            engines = cls(folder / "engines", free_base_port())
            try:
                engines.up(*names)
                yield engines
            finally:
                engines.down()

    @property
    def folder(self) -> Path:
        return self._folder.path

    @property
    def urls(self) -> Dict[str, str]:
        """By the names of Parley's settings: PARLEY_MONGODB_URL and so on."""
        return {engine.variable: engine.url for engine in self._engines.values()}

    @property
    def admin_urls(self) -> Dict[str, str]:
        return {name: url for engine in self._engines.values() for name, url in engine.admin_variables.items()}

    def fresh_urls(self, name: str) -> Dict[str, str]:
        """Like `urls`, to new and empty databases of that name: several servers share the engines and nothing else.

        Only what is published in Redis is heard in all its databases, and there are 15 of them, which come round again.
        """
        return {engine.variable: engine.fresh_url(name) for engine in self._engines.values()}

    def up(self, *names: str) -> List[str]:
        """Starts those that do not run, all at the same time, and returns their names once every one answers."""
        wanted = self._choose(names)
        self._folder.create()
        self._warn_of_outgoing_ports()
        with self._folder.locked():
            self._folder.keep_base_port(self.base_port)
            self._folder.passwords.make()
            self._folder.write_variables("urls.env", self.urls)
            self._folder.write_variables("admin.env", self.admin_urls)
            with ThreadPoolExecutor(len(wanted)) as pool:
                attempts = {engine.name: pool.submit(self._up_one, engine) for engine in wanted}
        failures = [attempt.exception() for attempt in attempts.values() if attempt.exception()]
        if failures:
            advice = {PortTaken.advice for failure in failures if isinstance(failure, PortTaken)}  # once for all
            raise EnginesFailed("\n".join([*map(str, failures), *advice]))
        return [name for name, attempt in attempts.items() if attempt.result()]

    def down(self, *names: str) -> List[str]:
        """Ends what runs of this set, and returns the names. The data stays."""
        return self._with_each(names, lambda engine: engine.down(), "is down")

    def restart(self, name: str) -> None:
        self.down(name)
        self.up(name)

    def kill(self, name: str) -> None:
        """SIGKILL, and the engine is gone when this returns."""
        self._with_each([name], lambda engine: engine.is_running and (engine.daemon.kill() or True), "is killed")

    def pause(self, name: str) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        self._with_each([name], lambda engine: engine.is_running and (engine.daemon.pause() or True), "is paused")

    def resume(self, name: str) -> None:
        self._with_each([name], lambda engine: engine.is_running and (engine.daemon.resume() or True), "goes on")

    def pid(self, name: str) -> Optional[int]:
        """None when it does not run."""
        return self._choose([name])[0].daemon.pid

    def ports(self, name: str) -> List[int]:
        return self._choose([name])[0].ports

    def rabbitmqctl(self, *arguments: str) -> str:
        return self._engines[RabbitMQ.name].control(*arguments)

    @property
    def running(self) -> List[str]:
        return [engine.name for engine in self._engines.values() if engine.is_running]

    def status(self) -> str:
        return "\n".join(self._status_of(engine) for engine in self._engines.values())

    def _up_one(self, engine: Engine) -> bool:
        begin = time.monotonic()
        started = engine.up()
        self._say(f"{engine.title} is ready after {time.monotonic() - begin:.1f} s" if started else f"{engine.title} runs already")
        return started

    def _warn_of_outgoing_ports(self) -> None:
        outgoing = outgoing_among(self.base_port)
        if outgoing:
            self._say(
                f"the system gives ports {outgoing.start} to {outgoing.stop - 1} to outgoing connections, so that one from "
                f"{self.base_port} on may be lost while its engine is down; a base port outside of them is safer")

    def _with_each(self, names: List[str], act: Callable[[Engine], bool], done: str) -> List[str]:
        wanted = self._choose(names)
        if not self._folder.exists:
            self._say(f"there are no engines in {self.folder}")
            return []
        with self._folder.locked(), ThreadPoolExecutor(len(wanted)) as pool:
            results = list(zip(wanted, pool.map(act, wanted)))
        for engine, acted in results:
            self._say(f"{engine.title} {done if acted else 'does not run'}")
        return [engine.name for engine, acted in results if acted]

    def _choose(self, names) -> List[Engine]:
        unknown = [name for name in names if name not in self._engines]
        if unknown:
            raise EnginesFailed(f"no engine {', '.join(unknown)}; there are: {', '.join(self._engines)}")
        return [self._engines[name] for name in names or self._engines]

    def _status_of(self, engine: Engine) -> str:
        pid = engine.daemon.pid
        if pid is None:
            return f"{engine.name:<11}stopped"
        state = "paused" if engine.daemon.is_paused else "running"
        memory = engine.daemon.memory_bytes / 1_048_576
        return f"{engine.name:<11}{state:<8} port {engine.port}   pid {pid:<8} {memory:4.0f} MiB   log {engine.daemon.log}"


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """One that others may pass through: as root, some engines run as other users."""
    folder = Path(tempfile.mkdtemp(prefix="parley-engines-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
