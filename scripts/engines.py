#!/usr/bin/env python3
"""Starts and stops the four servers of the cluster mode, all in one folder: MongoDB, PostgreSQL, Redis, RabbitMQ.

    scripts/engines.py up [ENGINE …]       installs what is missing, starts what does not run, prints the four URLs
    scripts/engines.py down [ENGINE …]     ends what runs; the data stays
    scripts/engines.py status
    scripts/engines.py restart ENGINE
    scripts/engines.py kill ENGINE         SIGKILL, as a crash
    scripts/engines.py pause ENGINE        SIGSTOP, as a machine that hangs; `resume ENGINE` goes on

Engines are called mongodb, postgresql, redis and rabbitmq. The folder is .build/engines or $ENGINES_FOLDER, the ports
begin at 19400 or $ENGINES_PORT. More in docs/ENGINES.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from engines import BASE_PORTS, DEFAULT_FOLDER, NAMES, Engines, EnginesFailed

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".build/venv"


def main() -> int:
    options = parse()
    if options.command in ("up", "restart"):
        require_clients()
    try:
        carry_out(options, Engines(options.folder, options.port, say))
    except EnginesFailed as failure:
        say(str(failure))
        return 1
    return 0


def carry_out(options: argparse.Namespace, engines: Engines) -> None:
    if options.command == "up":
        engines.up(*options.engine)
        print((engines.folder / "urls.env").read_text(), end="")
    elif options.command == "down":
        engines.down(*options.engine)
    elif options.command == "status":
        print(engines.status())
    else:
        getattr(engines, options.command)(options.engine)


def require_clients() -> None:
    """Goes on under the Python that has the engines' clients; setup.sh makes it, and installs the servers."""
    if Path(sys.prefix) == VENV:
        return
    set_up = subprocess.run([ROOT / "scripts/setup.sh", "--engines"], stdout=sys.stderr)
    if set_up.returncode != 0:
        sys.exit(set_up.returncode)  # it has said why
    os.execv(VENV / "bin/python", [str(VENV / "bin/python"), *sys.argv])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("ENGINES_FOLDER") or DEFAULT_FOLDER))
    parser.add_argument("--port", type=base_port, default=os.environ.get("ENGINES_PORT") or None, help="the first of six ports")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down"):
        commands.add_parser(name).add_argument("engine", nargs="*", metavar="ENGINE")
    commands.add_parser("status")
    for name in ("restart", "kill", "pause", "resume"):
        commands.add_parser(name).add_argument("engine", choices=NAMES)
    return parser.parse_args()


def base_port(text: str) -> int:
    if not text.isdecimal() or int(text) not in BASE_PORTS:
        raise argparse.ArgumentTypeError(f"{text} is no base port: ENGINES_PORT is from {BASE_PORTS.start} to {BASE_PORTS.stop - 1}")
    return int(text)


def say(sentence: str) -> None:
    print(f"engines: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
