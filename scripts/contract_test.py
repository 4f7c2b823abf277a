#!/usr/bin/env python3
"""Holds openapi.yaml against a running server: starts one with an empty data folder, tests it, stops it, verifies the data.

With --cluster the server is two nodes on real engines behind a balancer, see Tests/Cluster.
What it does not know, it hands on to Tests/Contract/openapi_test.py: --seed 7, --max-examples 150, --operation ping.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("Tests/Crash", "Tests/Cluster", "scripts")]

from cluster import MakeServer, servers  # noqa: E402
from server import ParleyServer, ServerFailed  # noqa: E402

TEST = ROOT / "Tests/Contract/openapi_test.py"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/debug/parley")
    parser.add_argument("--cluster", action="store_true")
    arguments, handed_on = parser.parse_known_args()
    folder = Path(tempfile.mkdtemp(prefix="parley-contract-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server outlives the test
    with servers(arguments.cluster) as make_server:
        code = test(make_server, arguments.binary, folder, handed_on, stop if arguments.cluster else stop_and_verify)
    if code == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"  the data and the server's log are kept in {folder}")
    return code


def test(
    make_server: MakeServer, binary: Path, folder: Path, handed_on: list[str], then: Callable[[ParleyServer], int],
) -> int:
    server = make_server(binary, folder, secrets.token_hex(32))
    try:
        server.start()
        server.wait_until_ready()
        return hold_against(server, handed_on) or then(server)
    except ServerFailed as error:
        print(error)
        return 1
    finally:
        server.kill()


def hold_against(server: ParleyServer, handed_on: list[str]) -> int:
    made = server.run("token", "--user", str(uuid.uuid4()))
    if made.returncode != 0:
        print(f"parley token: exit code {made.returncode}: {made.stderr}")
        return 1
    command = [sys.executable, str(TEST), "--base-url", server.base_url, *handed_on]
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, "PARLEY_TOKEN": made.stdout.strip()}).returncode
    if server.exit_code is not None:
        print(f"the server exited by itself, with {server.exit_code}\n{server.log_tail()}")
        return 1
    return code


def stop(server: ParleyServer) -> int:
    stopped = server.stop()
    print(f"parley serve stopped with {stopped}")
    return stopped


def stop_and_verify(server: ParleyServer) -> int:
    stopped = server.stop()
    verified = server.run("verify", "--data", str(server.data))
    print(f"parley serve stopped with {stopped}, parley verify with {verified.returncode}: {verified.stdout.strip()}{verified.stderr.strip()}")
    return stopped or verified.returncode


if __name__ == "__main__":
    sys.exit(main())
