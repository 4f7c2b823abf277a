#!/usr/bin/env python3
"""Holds scripts/engines.py to docs/ENGINES.md: real servers in temporary folders, started, used, killed, paused, ended.

    engines_test.py [WORD …]     only cases whose name has one of the words
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from clients import KEEPS, WRITES, RabbitMQFlood, redis_client  # noqa: E402
from engines import NAMES, Engines, EnginesFailed  # noqa: E402
from engines.daemon import Daemon  # noqa: E402
from engines.ports import free_base_port, is_free, outgoing_among  # noqa: E402
from engines.user import User  # noqa: E402

VARIABLES = dict(zip(NAMES, ("PARLEY_MONGODB_URL", "PARLEY_POSTGRES_URL", "PARLEY_REDIS_URL", "PARLEY_AMQP_URL")))
SURVIVE = [name for name in NAMES if name != "redis"]  # Redis holds nothing that has to
BLOCK = 6
WAIT_SECONDS = 30


class Failed(Exception):
    pass


class EnginesTest:
    def __init__(self, folder: Path, words: List[str]):
        self.folder = folder
        self.words = words
        self.engines = Engines(folder / "engines", free_base_port())
        self.passed = 0
        self.failed = 0

    def run(self) -> None:
        self.engines.up()
        try:
            for case in (
                self.the_urls_are_in_a_file_that_nobody_else_can_read, self.each_url_is_all_that_its_client_needs,
                self.fresh_databases_share_nothing, self.without_the_password_nobody_gets_in, self.nothing_listens_beyond_loopback,
                self.rabbitmq_takes_many_jobs_before_it_blocks_who_publishes,
                self.a_second_up_starts_nothing, self.a_killed_engine_comes_back_alone_and_keeps_what_was_committed,
                self.a_kill_leaves_no_child, self.a_paused_engine_is_silent_and_then_goes_on,
                self.up_wakes_a_paused_engine, self.a_restart_is_another_process_with_the_same_data,
                self.an_ended_process_holds_no_port, self.two_sets_share_nothing, self.a_taken_port_is_named,
                self.a_port_that_is_let_go_in_time_is_waited_for, self.sets_that_are_made_at_once_get_different_ports,
                self.a_port_of_outgoing_connections_is_warned_of, self.a_base_port_that_cannot_be_is_refused,
                self.a_folder_keeps_its_ports, self.a_pid_that_was_given_to_somebody_else_is_left_alone,
                self.down_leaves_nothing_and_ends_nobody_else,
            ):
                if not self.words or any(word in case.__name__ for word in self.words):
                    self._try(case)
        finally:
            self.engines.down()

    # MARK: Using them

    def the_urls_are_in_a_file_that_nobody_else_can_read(self) -> None:
        for name in ("urls.env", "admin.env", "passwords.json"):
            check((self.engines.folder / name).stat().st_mode & 0o777 == 0o600, name, "is not of mode 0600")
        command = f'set -a; . "{self.engines.folder}/urls.env"; env'
        sourced = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        for name, url in self.engines.urls.items():
            check(f"{name}={url}" in sourced, name, "is not what a shell makes of urls.env")

    def each_url_is_all_that_its_client_needs(self) -> None:
        for name in NAMES:
            word = self._written(name)
            check(KEEPS[name](self._url(name), word), name, "has not kept what was written")

    def fresh_databases_share_nothing(self) -> None:
        one, other = self.engines.fresh_urls("one"), self.engines.fresh_urls("other")
        for name, variable in VARIABLES.items():
            word = secrets.token_hex(8)
            WRITES[name](one[variable], word)
            WRITES[name](other[variable], "another word")
            check(KEEPS[name](one[variable], word), name, "has not kept what was written")
            check(not KEEPS[name](other[variable], word), name, "shows it in another database")

    def without_the_password_nobody_gets_in(self) -> None:
        for name in NAMES:
            guessed = re.sub(r":[0-9a-f]{48}@", ":guessed@", self._url(name))
            check(guessed != self._url(name), f"{name}'s URL has no password")
            refuses(lambda: WRITES[name](guessed, "intruder"), name, "lets in who guesses")

    def nothing_listens_beyond_loopback(self) -> None:
        open_to_all = [port for address, port in listeners() if not is_loopback(address)]
        ours = range(self.engines.base_port, self.engines.base_port + BLOCK)
        check(not set(open_to_all) & set(ours), "open beyond loopback:", open_to_all)
        check({port for _, port in listeners()} >= set(ours), "not all ports are in use:", listeners())

    def rabbitmq_takes_many_jobs_before_it_blocks_who_publishes(self) -> None:
        flood = RabbitMQFlood(self._url("rabbitmq"), count=50_000, timeout_seconds=120)
        check(not flood.was_blocked, "it has blocked")
        check(not flood.unconfirmed, "it did not confirm", len(flood.unconfirmed))

    # MARK: Again

    def a_second_up_starts_nothing(self) -> None:
        before = self._pids()
        done = self._command("up")
        check(self._pids() == before, "other processes:", before, self._pids())
        check(done == (self.engines.folder / "urls.env").read_text(), "up does not print the URLs:", done)
        check(self.engines.up() == [], "up says that it started something")

    def a_killed_engine_comes_back_alone_and_keeps_what_was_committed(self) -> None:
        for name in NAMES:
            word, before = self._written(name), self._pids()
            os.kill(before[name], signal.SIGKILL)  # from outside, and only the parent
            check(self.engines.up() == [name], "not only", name, "was started")
            after = self._pids()
            check({each for each in NAMES if after[each] != before[each]} == {name}, "not only", name, "has another pid")
            check(name not in SURVIVE or KEEPS[name](self._url(name), word), name, "has lost what was committed")
            self._written(name)

    def a_kill_leaves_no_child(self) -> None:
        for name in NAMES:
            family = descendants(self.engines.pid(name))
            self.engines.kill(name)
            check(all(map(is_free, self.engines.ports(name))), name, "is killed, but still holds its ports")
            left = [pid for pid in family if is_alive(pid)]
            check(not left, "processes of", name, "are left:", left)
        check(sorted(self.engines.up()) == sorted(NAMES), "not all were started again")

    def a_paused_engine_is_silent_and_then_goes_on(self) -> None:
        for name in NAMES:
            before = self._pids()
            self.engines.pause(name)
            refuses(lambda: self._written(name), name, "answers although it is paused")
            check("paused" in self._status(name), self._status(name))
            self.engines.resume(name)
            until(lambda: self._written(name), name, "does not go on")
            check(self._pids() == before and "running" in self._status(name), name, "is not as it was")

    def up_wakes_a_paused_engine(self) -> None:
        before = self._pids()
        self.engines.pause("postgresql")
        check(self.engines.up("postgresql") == [] and self._pids() == before, "it was started anew")
        self._written("postgresql")

    def a_restart_is_another_process_with_the_same_data(self) -> None:
        words, before = {name: self._written(name) for name in NAMES}, self._pids()
        for name in NAMES:
            self._command("restart", name)
            check(self.engines.pid(name) not in (None, before[name]), name, "is the same process")
        for name in SURVIVE:
            check(KEEPS[name](self._url(name), words[name]), name, "has lost what was committed")

    def an_ended_process_holds_no_port(self) -> None:
        """Of a process that is ending, the first thread may be gone while another still holds the sockets."""
        port, folder = free_base_port(), self.folder
        daemon = Daemon(folder / "headless.json", folder / "headless.log")
        headless = [sys.executable, str(Path(__file__).with_name("headless.py")), str(port)]
        daemon.start(headless, dict(os.environ), folder, User("root"))
        pid = daemon.pid
        try:
            until(lambda: not is_free(port) and not is_alive(pid), "its first thread does not end")
            check(daemon.pid == pid, "it counts as ended although it listens on a port")
            daemon.stop(signal.SIGTERM, WAIT_SECONDS)
            check(is_free(port) and daemon.pid is None, "it was ended, but still listens on its port")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # MARK: Beside others

    def two_sets_share_nothing(self) -> None:
        before = self._pids()
        with Engines.temporary() as others:
            for name in NAMES:
                word, other = self._written(name), f"other-{secrets.token_hex(8)}"
                WRITES[name](others.urls[VARIABLES[name]], other)
                check(not KEEPS[name](others.urls[VARIABLES[name]], word), name, "of the second set knows the first one's")
                check(not KEEPS[name](self._url(name), other), name, "of the first set knows the second one's")
                check(others.urls[VARIABLES[name]] != self._url(name), name, "has the same URL twice")
        check(not others.folder.exists(), "the folder is left")
        check(self._pids() == before, "ending one set changed the other")

    def a_taken_port_is_named(self) -> None:
        with self._other_set() as others, foreign_redis(others.ports("redis")[0], self.folder / "foreign") as foreign:
            message = refuses(lambda: others.up("redis"), "it took the foreign server for its own")
            check(str(others.ports("redis")[0]) in message and others.pid("redis") is None, message)
            check(f"redis-server (pid {foreign.pid})" in message, "it does not say who has the port:", message)

    def a_port_that_is_let_go_in_time_is_waited_for(self) -> None:
        with self._other_set() as others:
            holding = socket.create_server(("127.0.0.1", others.ports("redis")[0]))
            threading.Timer(1, holding.close).start()
            check(others.up("redis") == ["redis"], "it was not started")

    def sets_that_are_made_at_once_get_different_ports(self) -> None:
        script = f"""
import sys; sys.path.insert(0, {str(ROOT / "scripts")!r})
from engines.ports import free_base_port
print(*[free_base_port() for _ in range(200)])
sys.stdin.read()
"""
        command = [sys.executable, "-c", script]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as another:
            drawn = [int(port) for process in (one, another) for port in process.stdout.readline().split()]
            one.stdin.close()
            another.stdin.close()
        check(len(drawn) == 400 == len(set(drawn)), "some were drawn twice:", sorted(drawn))
        check(max(drawn) + BLOCK <= 20_000, "some are where Tests/Crash/server.py draws:", max(drawn))
        check(not any(map(outgoing_among, drawn)), "some are those of outgoing connections")

    def a_port_of_outgoing_connections_is_warned_of(self) -> None:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        for base, is_warned_of in ((first - BLOCK, False), (first - BLOCK + 1, True)):
            said: List[str] = []
            engines = Engines(self.folder / f"from-{base}", base, said.append)
            try:
                engines.up("redis")
            finally:
                engines.down()
            check(any(f"ports {first} to" in sentence for sentence in said) == is_warned_of, base, said)

    def a_base_port_that_cannot_be_is_refused(self) -> None:
        for port in ("soon", "-1", "80", "65531"):
            command = [sys.executable, str(ROOT / "scripts/engines.py"), f"--port={port}", "status"]
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
            check(done.returncode == 2 and f"{port} is no base port" in done.stderr, port, done.stderr)

    def a_folder_keeps_its_ports(self) -> None:
        message = refuses(lambda: Engines(self.engines.folder, self.engines.base_port + BLOCK), "it moved")
        check(str(self.engines.base_port) in message, message)
        check(Engines(self.engines.folder).base_port == self.engines.base_port, "without a port it is another one")

    def a_pid_that_was_given_to_somebody_else_is_left_alone(self) -> None:
        with self._other_set() as others:
            others.up("redis")
            record = others.folder / "run/redis.json"
            known = record.read_text()
            others.down()
            stranger = subprocess.Popen(["sleep", "60"])
            try:
                record.write_text(re.sub(r'"pid": \d+', f'"pid": {stranger.pid}', known))
                check(others.pid("redis") is None and others.down() == [], "it takes the stranger for its own")
                check(stranger.poll() is None, "the stranger was ended")
            finally:
                stranger.kill()
                stranger.wait()

    def down_leaves_nothing_and_ends_nobody_else(self) -> None:
        words = {name: self._written(name) for name in SURVIVE}
        family = [pid for name in NAMES for pid in descendants(self.engines.pid(name))]
        self.engines.pause("rabbitmq")  # even so
        port = free_base_port()
        with foreign_redis(port, self.folder / "beside") as foreign:
            self._command("down")
            check(self._pids() == dict.fromkeys(NAMES), "still there:", self._pids())
            until(lambda: not [pid for pid in family if is_alive(pid)], "some children are left")
            ports = range(self.engines.base_port, self.engines.base_port + BLOCK)
            check(all(is_free(each) for each in ports), "some ports are still in use")
            check(foreign.poll() is None and redis_client(f"redis://127.0.0.1:{port}").ping(), "the foreign redis was ended")
        check(sorted(self.engines.up()) == sorted(NAMES), "not all were started again")
        for name, word in words.items():
            check(KEEPS[name](self._url(name), word), name, "has lost what was committed")

    # MARK: Helpers

    def _url(self, name: str) -> str:
        return self.engines.urls[VARIABLES[name]]

    def _written(self, name: str) -> str:
        word = secrets.token_hex(8)
        WRITES[name](self._url(name), word)
        return word

    def _pids(self) -> Dict[str, Optional[int]]:
        return {name: self.engines.pid(name) for name in NAMES}

    def _status(self, name: str) -> str:
        return next(line for line in self._command("status").splitlines() if line.startswith(name))

    def _command(self, *arguments: str) -> str:
        """As somebody types it."""
        environment = {**os.environ, "ENGINES_FOLDER": str(self.engines.folder), "ENGINES_PORT": ""}
        done = subprocess.run(
            [sys.executable, str(ROOT / "scripts/engines.py"), *arguments], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=180)
        check(done.returncode == 0, arguments, "ended with", done.returncode, done.stderr)
        return done.stdout

    @contextlib.contextmanager
    def _other_set(self):
        engines = Engines(self.folder / f"other-{secrets.token_hex(4)}", free_base_port())
        try:
            yield engines
        finally:
            engines.down()

    def _try(self, case: Callable[[], None]) -> None:
        name, begin = case.__name__.replace("_", " "), time.monotonic()
        try:
            self.engines.up()  # whatever the case before has left
            case()
        except Exception as error:
            self.failed += 1
            told = str(error) if isinstance(error, (Failed, EnginesFailed)) else traceback.format_exc()
            print(f"FAIL {name}\n       {told}", flush=True)
        else:
            self.passed += 1
            print(f"ok   {name} ({time.monotonic() - begin:.1f} s)", flush=True)


def check(condition: Any, *facts: Any) -> None:
    if not condition:
        raise Failed(" ".join(str(fact) for fact in facts))


def refuses(act: Callable[[], Any], *facts: Any) -> str:
    try:
        act()
    except Exception as error:
        return str(error)
    raise Failed(" ".join(str(fact) for fact in facts))


def until(is_so: Callable[[], Any], *facts: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            if is_so():
                return
        except Exception:
            pass
        check(time.monotonic() < deadline, *facts)
        time.sleep(0.02)


@contextlib.contextmanager
def foreign_redis(port: int, folder: Path):
    """A server that the machine runs anyway."""
    folder.mkdir()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(lambda: redis_client(f"redis://127.0.0.1:{port}").ping(), "the foreign redis does not start")
        yield process
    finally:
        process.kill()
        process.wait()


def listeners() -> List[tuple]:
    """Addresses, in the system's own notation, and ports that are listened on."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else []:
            fields = line.split()
            if fields[3] == "0A":
                address, port = fields[1].split(":")
                found.append((address, int(port, 16)))
    return found


def is_loopback(address: str) -> bool:
    return address in ("0100007F", "0" * 24 + "01000000", "0" * 16 + "FFFF00000100007F")


def descendants(pid: int) -> List[int]:
    done = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], stdout=subprocess.PIPE, text=True, check=True)
    parents = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    family = [pid]
    for each in family:
        family += [child for child, parent in parents if parent == each]
    return family


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the engines do not outlive the test
    folder = Path(tempfile.mkdtemp(prefix="parley-engines-test-"))
    folder.chmod(0o711)  # started by root, some engines run as other users
    test = EnginesTest(folder, sys.argv[1:])
    try:
        test.run()
    except EnginesFailed as error:
        test.failed += 1
        print(f"FAIL the engines start\n       {error}")
    if test.failed:
        print(f"  the data and the engines' logs are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{test.passed} passed, {test.failed} failed", flush=True)
    return 1 if test.failed or not test.passed else 0


if __name__ == "__main__":
    sys.exit(main())
