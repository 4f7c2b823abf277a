#!/usr/bin/env python3
"""Runs all tests and closes with one line that sums them up: `N passed, N failed`.

    scripts/test.py                 everything
    scripts/test.py swift crash     some of the steps: swift, checks, crash, contract, socket, examples, push, page,
                                    terminal, engines, engine-contracts, cluster-crash, cluster-contract,
                                    cluster-socket, cluster-examples, bench

`make test` calls it after setup.sh. A step that breaks, or that runs no test, counts as a failure.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

ROOT = Path(__file__).resolve().parent.parent
BINARY = ".build/debug/parley"
CHAT = ".build/debug/TerminalChat"
SELF_TEST = ["-m", "unittest", "discover", "--start-directory", "Tests/Crash"]
ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "TEST_PARLEY_EXAMPLES": "1"}
BUILD_TIMEOUT_SECONDS = 3600
STEP_TIMEOUT_SECONDS = 1800
BUILD = ["swift", "build", "--build-tests", "--explicit-target-dependency-import-check", "error"]

ENGINE_TESTS = r"^Parley(Mongo|Postgres|Redis|RabbitMQ|Cluster|Copy)Tests\."
AT_ONCE = "--experimental-maximum-parallelization-width"
FAILED_TEST = r"^\S+ +Test (?!run with |case passing ).* failed after [\d.]+ \w+(?: with .*)?\.$"


class Count(NamedTuple):
    passed: int
    failed: int

    def __add__(self, other: "Count") -> "Count":
        return Count(self.passed + other.passed, self.failed + other.failed)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


class Outcome(NamedTuple):
    exit_code: int
    output: str

    def judged(self, count: Count) -> Count:
        """The count, with one failure more when the step broke in a way that no test of its own shows."""
        if self.exit_code != 0 and count.failed == 0:
            print(f"the step ended with exit code {self.exit_code}", flush=True)
            return count + Count(0, 1)
        if count == Count(0, 0):
            print("the step ran no test", flush=True)
            return Count(0, 1)
        return count


def swift_tests() -> Count:
    """First what needs processors, a few tests at once: all at once, each would wait for seconds between two of its lines, and what it
    times with them. Then what waits for engines, all at once: those take turns at the engines by themselves."""
    count = Count(0, 0)
    for selection in (["--skip", ENGINE_TESTS, AT_ONCE, str(2 * (os.cpu_count() or 1))], ["--filter", ENGINE_TESTS]):
        outcome = run(
            ["swift", "test", "--skip-build", "--parallel", *selection], environment={"TEST_PARLEY_BINARY": str(ROOT / BINARY)})
        count += outcome.judged(count_swift_testing(outcome.output))
    return count


def crash_checks() -> Count:
    outcome = run([sys.executable, *SELF_TEST])
    return outcome.judged(count_unittest(outcome.output))


def crash_test() -> Count:
    outcome = run([sys.executable, "Tests/Crash/crash_test.py", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def contract_test() -> Count:
    outcome = run([sys.executable, "scripts/contract_test.py", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def socket_test() -> Count:
    outcome = run([sys.executable, "Tests/Socket/socket_test.py", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def socket_examples() -> Count:
    outcome = run([sys.executable, "Tests/Socket/recorded_examples.py", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def cluster_contract_test() -> Count:
    outcome = run([sys.executable, "scripts/contract_test.py", "--cluster", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def cluster_socket_test() -> Count:
    outcome = run([sys.executable, "Tests/Socket/socket_test.py", "--cluster", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def cluster_examples() -> Count:
    outcome = run([sys.executable, "Tests/Socket/recorded_examples.py", "--cluster", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def terminal_test() -> Count:
    outcome = run([sys.executable, "Tests/Terminal/terminal_test.py", "--binary", BINARY, "--chat", CHAT])
    return outcome.judged(count_closing_line(outcome.output))


def page_test() -> Count:
    outcome = run([sys.executable, "Tests/Page/page_test.py", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def push_test() -> Count:
    outcome = run([sys.executable, "Tests/Push/webpush_test.py", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def engines_test() -> Count:
    outcome = run([sys.executable, "Tests/Engines/engines_test.py"])
    return outcome.judged(count_closing_line(outcome.output))


def cluster_crash_test() -> Count:
    outcome = run([sys.executable, "Tests/Crash/cluster_crash_test.py", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def engine_contracts_test() -> Count:
    outcome = run([sys.executable, "Tests/EngineContracts/engine_contracts_test.py", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


def bench_test() -> Count:
    outcome = run([sys.executable, "Tests/Bench/bench_test.py", "--binary", BINARY])
    return outcome.judged(count_closing_line(outcome.output))


STEPS: Dict[str, Callable[[], Count]] = {
    "swift": swift_tests,
    "checks": crash_checks,
    "crash": crash_test,
    "contract": contract_test,
    "socket": socket_test,
    "examples": socket_examples,
    "push": push_test,
    "page": page_test,
    "terminal": terminal_test,
    "engines": engines_test,
    "cluster-crash": cluster_crash_test,
    "cluster-contract": cluster_contract_test,
    "cluster-socket": cluster_socket_test,
    "cluster-examples": cluster_examples,
    "engine-contracts": engine_contracts_test,
    "bench": bench_test,
}
WITHOUT_BINARY = {"checks", "engines"}


def count_swift_testing(output: str) -> Count:
    """The closing line says how many tests ran; how many of them failed is seen from their own lines."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", output)
    closings = re.findall(r"^\S+ +Test run with (\d+) tests?\b.* (passed|failed) after ", text, re.MULTILINE)
    ran = sum(int(number) for number, _ in closings)
    failed = len(re.findall(FAILED_TEST, text, re.MULTILINE))
    if failed == 0 and any(result == "failed" for _, result in closings):
        return Count(ran, 1)  # an issue that belongs to no test
    return Count(max(0, ran - failed), failed)


def count_unittest(output: str) -> Count:
    ran = sum(map(int, re.findall(r"^Ran (\d+) tests? in", output, re.MULTILINE)))
    results = "".join(re.findall(r"^FAILED \((.*)\)", output, re.MULTILINE))
    failed = sum(map(int, re.findall(r"(?:failures|errors|unexpected successes)=(\d+)", results)))
    return Count(max(0, ran - failed), failed)


def count_closing_line(output: str) -> Count:
    lines = re.findall(r"^(\d+) passed, (\d+) failed\b", output, re.MULTILINE)
    return Count(*map(int, lines[-1])) if lines else Count(0, 0)


def run(
    command: List[str], timeout_seconds: float = STEP_TIMEOUT_SECONDS, environment: Optional[Dict[str, str]] = None
) -> Outcome:
    """Shows the output as it comes and keeps it; ends the command, and all it started, when it takes too long."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True, env={**os.environ, **ENVIRONMENT, **(environment or {})},
    )
    timer = threading.Timer(timeout_seconds, end_group, [process])
    timer.start()
    lines: List[str] = []
    try:
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
        return Outcome(process.wait(), "".join(lines))
    finally:
        timer.cancel()
        if process.poll() is None:
            end_group(process)


def end_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def build() -> bool:
    print("== build", flush=True)
    return run(BUILD, BUILD_TIMEOUT_SECONDS).exit_code == 0


def run_steps(names: List[str]) -> Count:
    if not set(names) <= WITHOUT_BINARY and not build():
        return Count(0, 1)
    total = Count(0, 0)
    for name in names:
        print(f"\n== {name}", flush=True)
        try:
            total += STEPS[name]()
        except OSError as error:
            print(f"the step could not start: {error}")
            total += Count(0, 1)
    return total


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no step outlives its runner
    names = sys.argv[1:] or list(STEPS)
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        print(f"no step {', '.join(unknown)}; there are: {', '.join(STEPS)}", file=sys.stderr)
        return 2
    total = run_steps(names)
    print(f"\n{total}", flush=True)
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
