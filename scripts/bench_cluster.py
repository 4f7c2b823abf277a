#!/usr/bin/env python3
"""Starts four engines without data in a temporary folder, runs `parley bench --cluster` on them, and ends them: `make bench-cluster`.

Further arguments go to `parley bench`: `make bench-cluster ARGS="--seconds 2 --repeats 2 --output report.json"`.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from engines import Engines, EnginesFailed

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/parley")
    options, arguments = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no engine outlives the measurement
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    try:
        with Engines.temporary() as engines:
            print(f"engines: {engines.folder}", file=sys.stderr, flush=True)
            command = [str(options.binary), "bench", "--cluster", *arguments]
            return subprocess.run(command, env={**environment, **engines.urls}).returncode
    except EnginesFailed as failure:
        print(f"engines: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
