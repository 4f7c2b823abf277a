#!/usr/bin/env python3
"""Runs `parley bench` as a user would, small and short: that each table is measured, and what is said when it cannot be.

    Tests/Bench/bench_test.py --binary .build/debug/parley

Closes with the line `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from engines import Engines  # noqa: E402

SHORT = ["--quick", "--seconds", "0.1"]
FEW_SENDERS = ["--senders", "2"]
TIMEOUT_SECONDS = 600


class Bench:
    def __init__(self, binary: Path, folder: Path):
        self._binary = binary
        self._report = folder / "report.json"
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}

    def run(self, *arguments: str, urls: Optional[Dict[str, str]] = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(self._binary), "bench", *arguments], env={**self._environment, **(urls or {})}, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS)

    def report(self, *arguments: str, urls: Optional[Dict[str, str]] = None, senders: bool = True) -> Dict[str, Any]:
        ended = self.run(*SHORT, *(FEW_SENDERS if senders else []), "--output", str(self._report), *arguments, urls=urls)
        assert ended.returncode == 0, f"exit code {ended.returncode}: {ended.stderr[-2000:]}"
        return json.loads(self._report.read_text())

    def refusal(self, *arguments: str, urls: Optional[Dict[str, str]] = None) -> str:
        ended = self.run(*arguments, urls=urls)
        assert ended.returncode != 0, f"it measured: {ended.stdout[-500:]}"
        return ended.stderr


def rates_of(rows: List[Dict[str, Any]]) -> Dict[str, float]:
    for row in rows:
        assert row["per_second"] > 0, f"nothing was measured: {row}"
    return {row["name"]: row["per_second"] for row in rows}


def includes(names: Any, *wanted: str) -> None:
    for name in wanted:
        assert any(name in found for found in names), f"no row {name!r} among {sorted(names)}"


def creates_and_reads(bench: Bench) -> None:
    report = bench.report("--only", "creates")
    includes(rates_of(report["creates"]), "creates over many conversations", "creates over one hot conversation")
    includes(rates_of(report["reads"]), "history pages", "list pages")
    assert all("not judged" in aim["verdict"] for aim in report["aims"]), report["aims"]


def a_cluster(bench: Bench, engines: Engines) -> None:
    report = bench.report("--cluster", urls=engines.urls)["cluster"]
    includes(rates_of(report["engines"]), "mongod insertMany", "PostgreSQL commits", "Redis PUBLISH", "RabbitMQ confirmed publishes")
    includes(
        rates_of(report["creates"]), "many conversations, plain service", "hot conversation, plain service",
        "many conversations, one node", "hot conversation, two nodes", "creates in a group of 1,000, one node")
    includes(rates_of(report["reads"]), "empty route, two nodes", "history pages of 5,000 messages, two nodes")
    # The kernel counts in hundredths of a second, of which a short row may take none.
    spent = {name: sum(row[name] for row in report["creates"]) for name in ("mongodb_us", "postgresql_us", "rabbitmq_us", "server_us")}
    assert all(spent.values()), spent


def notifications(bench: Bench) -> None:
    """The run itself fails unless the stand-ins have accepted as many as were sent, and refused none."""
    report = bench.report("--push", senders=False)["push"]
    includes(rates_of(report["limits"]), "apns, one request again", "apns, the provider", "fcm, the provider", "webpush, the provider")
    includes(
        rates_of(report["workers"]), "log, messages to one", "apns, messages to one", "apns, messages to 10", "fcm, messages to 10",
        "webpush, messages to 10", "apns, a message to 600")
    assert {row["workers"] for row in report["workers"]} == {1, 2}, report["workers"]
    assert all(row["jobs_per_second"] > 0 and row["p99_ms"] >= row["p50_ms"] for row in report["workers"]), report["workers"]
    includes(rates_of(report["stall"]), "fcm that answers", "fcm that stalls")
    assert all(report["accepted"][service] > 0 for service in ("apns", "fcm", "webpush")), report["accepted"]
    # The kernel counts in hundredths of a second, of which a short row may take none.
    assert sum(row["our_us"] for row in report["workers"]) > 0 and sum(row["stand_in_us"] for row in report["workers"]) > 0, report


def a_cluster_that_holds_data(bench: Bench, engines: Engines) -> None:
    # With a MongoDB of its own there are no messages, but conversations still.
    elsewhere = {**engines.urls, "PARLEY_MONGODB_URL": engines.fresh_urls("elsewhere")["PARLEY_MONGODB_URL"]}
    for urls in (engines.urls, elsewhere):
        said = bench.refusal(*SHORT, "--cluster", urls=urls)
        assert "hold conversations or messages already" in said, said


def a_cluster_without_engines(bench: Bench) -> None:
    said = bench.refusal("--cluster")
    assert "postgres.url" in said and "make bench-cluster" in said, said


def wrong_options(bench: Bench) -> None:
    for arguments, word in [
        (("--senders", "0"), "--senders"), (("--senders", "1,x"), "--senders"), (("--seconds", "0"), "--seconds"),
        (("--only", "cluster"), "--only"), (("--cluster", "--only", "creates"), "--only"), (("--push", "--cluster"), "--push"), (("--push", "--senders", "2"), "--push"),
    ]:
        said = bench.refusal(*arguments)
        assert word in said, f"{arguments}: {said}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parley-bench-test-") as folder, Engines.temporary() as engines:
        bench = Bench(options.binary.resolve(), Path(folder))
        failed = [
            name for name, check in {
                "creates and reads are measured": lambda: creates_and_reads(bench),
                "a cluster is measured beside its engines and the plain service": lambda: a_cluster(bench, engines),
                "notifications are measured, and all of them accepted": lambda: notifications(bench),
                "a cluster that holds data is not measured": lambda: a_cluster_that_holds_data(bench, engines),
                "a cluster needs its engines' URLs": lambda: a_cluster_without_engines(bench),
                "wrong options are named": lambda: wrong_options(bench),
            }.items() if not holds(name, check)
        ]
    print(f"{6 - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def holds(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception as error:  # a check that breaks has failed
        print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
        return False
    print(f"ok     {name}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
