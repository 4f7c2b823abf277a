"""One process that outlives the command which started it, known again by its pid and the time it was started.

A pid alone would not do: after a crash or a reboot another process may have it. Nothing is ever looked up by its name.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from .user import User

BOOT = Path("/proc/sys/kernel/random/boot_id")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


class Daemon:
    def __init__(self, record: Path, log: Path):
        self._record = record
        self.log = log

    def start(self, command: List[str], environment: Dict[str, str], folder: Path, user: User) -> None:
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is not meant for it
                **user.for_subprocess)
        # Between these two lines a killed command forgets the process; then its port shows that it is still there.
        known = {"pid": process.pid, "started": _stat(process.pid).started, "boot": BOOT.read_text().strip()}
        draft = self._record.with_suffix(".new")
        draft.write_text(json.dumps(known))
        draft.replace(self._record)
        process.returncode = 0  # nobody waits for it, which Popen would complain about

    @property
    def pid(self) -> Optional[int]:
        """None when it does not run."""
        try:
            known = json.loads(self._record.read_text())
        except (FileNotFoundError, ValueError):
            return None
        pid = known["pid"]
        _reap(pid)
        if known["boot"] != BOOT.read_text().strip() or not _is_alive(pid, known["started"]):
            return None
        return pid

    @property
    def is_paused(self) -> bool:
        return self.pid is not None and _stat(self.pid).state == "T"

    @property
    def memory_bytes(self) -> int:
        """What it and its children hold, shared pages divided among those who share them."""
        return sum(_proportional_bytes(pid) for pid in _family(self.pid)) if self.pid else 0

    def pause(self) -> None:
        """Returns when none of its threads runs any more, which on a busy machine is some milliseconds after the signal."""
        family = self._signal_family(signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while any(_is_running(pid) for pid, _ in family):
            if time.monotonic() > deadline:
                raise TimeoutError(f"processes {[pid for pid, _ in family]} do not stop")
            time.sleep(0.002)

    def resume(self) -> None:
        self._signal_family(signal.SIGCONT)

    def kill(self) -> None:
        """Like a power cut: it and all its children, at once, with no chance to tidy up."""
        self._end(self._signal_family(signal.SIGKILL))

    def stop(self, polite: signal.Signals, timeout_seconds: float) -> None:
        """Asks it to end; kills it when it does not in time."""
        family = self._signal_family(signal.SIGCONT)
        if not family:
            return
        os.kill(family[0][0], polite)
        if not _wait_for_end(family, timeout_seconds):
            self.kill()
            _wait_for_end(family, timeout_seconds)

    def log_tail(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    | {COLOUR.sub('', line)}" for line in text[-lines:])

    def _signal_family(self, number: signal.Signals) -> List[Tuple[int, int]]:
        """Stops the parent first, so that no child is born meanwhile."""
        pid = self.pid
        if pid is None:
            return []
        if number != signal.SIGCONT:
            os.kill(pid, signal.SIGSTOP)
        family = [(each, _stat(each).started) for each in _family(pid)]
        for each, _ in family:
            _send(each, number)
        return family

    def _end(self, family: List[Tuple[int, int]]) -> None:
        if not _wait_for_end(family, timeout_seconds=10):
            raise TimeoutError(f"processes {[pid for pid, _ in family]} do not end, although they were killed")


def _wait_for_end(family: List[Tuple[int, int]], timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while any(_is_alive(pid, started) for pid, started in family):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
        for pid, _ in family:
            _reap(pid)
    return True


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _reap(pid: int) -> None:
    """When the process was started by this very program, it stays a zombie until somebody asks how it ended."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def _is_alive(pid: int, started: int) -> bool:
    """Until its last thread is gone: a process is shown as a zombie as soon as its first one is, and the others may go on for
    a while, holding its sockets. Only then are its ports free."""
    its = _stat(pid)
    return its.started == started and (its.state not in "ZX" or its.threads > 1)


def _is_running(pid: int) -> bool:
    """Whether a thread of it may still do something."""
    return any(_stat(pid, task).state not in "TZX" for task in _tasks(pid))


def _tasks(pid: int) -> List[int]:
    try:
        return [int(task) for task in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def _family(pid: int) -> List[int]:
    """The process, its children, their children: parents before children."""
    children: Dict[int, List[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            children.setdefault(_stat(int(entry)).parent, []).append(int(entry))
    family = [pid]
    for each in family:
        family += children.get(each, [])
    return family


class _Stat(NamedTuple):
    state: str  # of that thread; X when there is none such
    started: int  # in ticks since boot
    parent: int
    threads: int


def _stat(pid: int, task: Optional[int] = None) -> _Stat:
    """Of the first thread, or of another task."""
    try:
        text = Path(f"/proc/{pid}/task/{task}/stat" if task else f"/proc/{pid}/stat").read_text()
    except OSError:
        return _Stat("X", 0, 0, 0)
    fields = text[text.rindex(")") + 2:].split()  # the name before may hold blanks and brackets
    return _Stat(fields[0], int(fields[19]), int(fields[1]), int(fields[17]))


def _proportional_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
