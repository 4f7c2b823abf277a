#!/usr/bin/env python3
"""Holds openapi.yaml against a running server: starts one with an empty data folder, tests it, stops it, verifies the data.

What it does not know, it hands on to Tests/Contract/openapi_test.py: --seed 7, --max-examples 150, --operation ping.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/Crash"))

from server import ParleyServer, ServerFailed  # noqa: E402

TEST = ROOT / "Tests/Contract/openapi_test.py"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/debug/parley")
    arguments, handed_on = parser.parse_known_args()
    folder = Path(tempfile.mkdtemp(prefix="parley-contract-"))
    server = ParleyServer(arguments.binary, folder, secret=secrets.token_hex(32))
    try:
        server.start()
        server.wait_until_ready()
        code = hold_against(server, handed_on) or stop_and_verify(server)
    except ServerFailed as error:
        print(error)
        return 1
    finally:
        server.kill()
    if code == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"  the data and the server's log are kept in {folder}")
    return code


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


def stop_and_verify(server: ParleyServer) -> int:
    stopped = server.stop()
    verified = server.run("verify", "--data", str(server.data))
    print(f"parley serve stopped with {stopped}, parley verify with {verified.returncode}: {verified.stdout.strip()}{verified.stderr.strip()}")
    return stopped or verified.returncode


if __name__ == "__main__":
    sys.exit(main())
