#!/usr/bin/env python3
"""Holds the examples of docs/SOCKET.md, and the schemas of asyncapi.yaml, to what a server really says.

Leads real servers through the stories of stories.py and keeps one example of every command, reply, event, error and close
code. They are compared with the blocks of the page that stand behind a marker such as `<!-- example: send -->`. Ids,
times, cursors and tokens are replaced by readable ones; the same one always by the same.

    recorded_examples.py [--binary .build/debug/parley] [--write]     --write puts the recorded ones into the page
    recorded_examples.py --cluster                                    each server is two nodes on real engines, see Tests/Cluster

It also fails when the server has a command, event, error or close code that has no example or is missing in the page's
tables, or the other way round; and when an example does not follow its schema, or has a member that its schema lacks.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import re
import secrets
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, Dict, List, Set

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("Tests/Crash", "Tests/Cluster", "scripts")]

import schemas  # noqa: E402
from cluster import servers  # noqa: E402
from server import ServerFailed  # noqa: E402
from stories import STORIES  # noqa: E402
from story import USERS, Record, Story, StoryFailed  # noqa: E402

PAGE = ROOT / "docs/SOCKET.md"
COMMANDS = ROOT / "Sources/ParleyGateway/SocketCommand.swift"
EVENTS = ROOT / "Sources/ParleyModel/Event.swift"
ERRORS = ROOT / "Sources/ParleyModel/ErrorCode.swift"
CLOSE_CODES = ROOT / "Sources/ParleyGateway/CloseCode.swift"
BLOCK = re.compile(r"(<!-- example: ([\w-]+) -->\n```\w+\n)(.*?)(```\n)", re.DOTALL)
ERROR_CODE = re.compile(r'^    case (?:\w+ = ")?(\w+)"?$', re.MULTILINE)
# In the page's table of errors, and not provoked here: they would need a bug, or a moment that cannot be hit on purpose.
NOT_PROVOKED = {"internal_error", "shutting_down"}


class Readable:
    """Puts readable values in place of those that differ from run to run."""

    IDS = (
        (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "55b8a1de-0c4f-4d2a-9b1e-{:012x}"),
        (r"\b[0-9a-f]{24}\b", "6b05761b68a280fb1080b{:03x}"),
        (r"\b1\.\d+\.\d{13}\b", "1.{}.1795520026514"),
    )
    PLAIN = (
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "2026-11-24T11:33:46.514Z"),
        (r'"session":"\w+"', '"session":"2udzxrdpn6a7g"'),
        (r'"token":"eyJ[^"]+"', '"token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEw…"'),
        (r'(?<=this connection sends too many commands","retryable":true,)"retry_after_ms":\d+', '"retry_after_ms":1000'),
        (r'"reconnect_after_ms":\d+', '"reconnect_after_ms":2108'),
    )

    def __init__(self) -> None:
        self._known = {id: id for id in USERS.values()}
        self._counts = {form: 0 for _, form in self.IDS}

    def text(self, text: str) -> str:
        for pattern, replacement in self.PLAIN:
            text = re.sub(pattern, lambda _, plain=replacement: plain, text)
        for pattern, form in self.IDS:
            text = re.sub(pattern, lambda match, form=form: self._named(match[0], form), text)
        return text

    def lines(self, frames: List[dict]) -> str:
        return "".join(self.text(line(frame)) + "\n" for frame in frames)

    def _named(self, value: str, form: str) -> str:
        if value not in self._known and not value.startswith("ffffffff-"):
            self._counts[form] += 1
            number = self._counts[form]
            self._known[value] = form.format(27 + 15 * number if form.startswith("1.") else number)
        return self._known.get(value, value)


def line(frame: Any) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


class Checks:
    def __init__(self) -> None:
        self.passed = self.failed = 0

    def check(self, name: str, problems: List[str]) -> None:
        self.passed += not problems
        self.failed += bool(problems)
        print(f"{'FAIL' if problems else 'ok  '} {name}", flush=True)
        for problem in problems[:20]:
            print(f"       {problem}")

    def same(self, name: str, found: Set[str], wanted: Set[str], where: str) -> None:
        missing = [f"{each} is missing in {where}" for each in sorted(wanted - found)]
        self.check(name, missing + [f"{each} is in {where} only" for each in sorted(found - wanted)])


def readable_examples(record: Record, page: str) -> Dict[str, str]:
    """By name, as they stand in the page; errors in the order of its table."""
    readable = Readable()
    texts = {name: readable.lines(frames) for name, frames in record.examples.items()}
    texts.update({name: readable.text(text) for name, text in record.texts.items()})
    order = rows(page, "Errors")
    pairs = [record.errors[code] for code in order if code in record.errors]
    # How many commands came before in the story is of no interest.
    texts["errors"] = readable.lines([{**frame, "id": 1} for pair in pairs for frame in pair])
    texts["close-codes"] = readable.lines([record.closes[code] for code in sorted(record.closes)])
    return texts


def compare(examples: Dict[str, str], page: str, checks: Checks) -> None:
    in_page = {match[2]: match[3] for match in BLOCK.finditer(page)}
    for name, recorded in examples.items():
        found = in_page.get(name)
        if found is None:
            checks.check(f"example {name}", ["docs/SOCKET.md has no block for it"])
        else:
            difference = difflib.unified_diff(found.splitlines(), recorded.splitlines(), "docs/SOCKET.md", "recorded", lineterm="")
            checks.check(f"example {name}", list(difference))
    checks.check("no example in the page is without a recording", [f"{name} was not recorded" for name in in_page if name not in examples])


def check_completeness(record: Record, page: str, checks: Checks) -> None:
    frames = [frame for frames in record.examples.values() for frame in frames]
    commands = set(re.findall(r'^        case "(\w+)": self = ', COMMANDS.read_text(), re.MULTILINE))
    commands |= set(re.findall(r'^        case "(\w+)":$', COMMANDS.read_text(), re.MULTILINE))
    checks.same("the page's table has every command", table(page, "Commands"), commands, "the table")
    recorded = {frame["type"] for frame in frames if "id" in frame} - {"ok", "error"}
    checks.same("every command has an example", recorded, commands, "the examples")

    events = set(re.findall(r'case \.\w+: "(\w+)"', EVENTS.read_text()))
    checks.same("the page's table has every event", table(page, "Events"), events, "the table")
    recorded = {frame["type"] for frame in frames if "id" not in frame}
    recorded |= set(re.findall(r"^event: (\w+)$", record.texts["events"], re.MULTILINE))
    checks.same("every event has an example", recorded, events, "the examples")

    codes = set(re.findall(r"case \w+ = (\d{4})", CLOSE_CODES.read_text()))
    checks.same("the page's table has every close code", table(page, "Close codes"), codes, "the table")
    checks.same("every close code has an example", {str(code) for code in record.closes}, codes, "the examples")

    named, known = table(page, "Errors"), set(ERROR_CODE.findall(ERRORS.read_text()))
    checks.check("every error of the page is one of the server", sorted(named - known))
    checks.same("every error has an example", set(record.errors), named - NOT_PROVOKED, "the examples")
    foreign = {frame["code"] for _, frame in record.errors.values()} - named
    checks.check("the page's table has every error that was met", sorted(foreign))


def table(page: str, heading: str) -> Set[str]:
    return set(rows(page, heading))


def rows(page: str, heading: str) -> List[str]:
    """The first words of the rows of the first table below a heading."""
    found = re.search(rf"^##+ {heading}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    body = re.search(r"^\|[^\n]*\n\|[-| ]+\|\n((?:\|[^\n]*\n)+)", found[1] if found else "", re.MULTILINE)
    return re.findall(r"^\| \[?`?(\w+)", body[1], re.MULTILINE) if body else []


def check_schemas(record: Record, checks: Checks) -> None:
    document = schemas.load()
    checks.check("asyncapi.yaml hangs together", schemas.problems_of_structure(document))
    examples = {**record.examples, **{f"error {code}": list(pair) for code, pair in record.errors.items()}}
    data = re.findall(r"^data: (.*)$", record.texts["events"], re.MULTILINE)
    examples["events"] = [json.loads(each) for each in data]
    met: Set[str] = set()
    for name, frames in examples.items():
        checks.check(f"schema of {name}", schemas.problems_of_frames(document, frames, met))
    checks.same("every message of asyncapi.yaml has an example", met, set(document["components"]["messages"]), "the examples")


def problems_of(story: Story) -> List[str]:
    try:
        asyncio.run(story.tell())
        return []
    except (StoryFailed, ServerFailed) as error:
        return [str(error)]
    except Exception:
        return traceback.format_exc().splitlines()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server outlives the test
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/debug/parley")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--cluster", action="store_true")
    options = parser.parse_args()
    folder, checks, record = Path(tempfile.mkdtemp(prefix="parley-examples-")), Checks(), Record()
    with servers(options.cluster) as make_server:
        for kind in STORIES:
            story = kind(make_server, options.binary, folder / kind.__name__, secrets.token_hex(32), record)
            checks.check(f"the {kind.__name__} is told to its end", problems_of(story))
    if not checks.failed:
        page = PAGE.read_text()
        examples = readable_examples(record, page)
        if options.write:
            page = BLOCK.sub(lambda match: match[1] + examples.get(match[2], match[3]) + match[4], page)
            PAGE.write_text(page)
        compare(examples, page, checks)
        check_completeness(record, page, checks)
        check_schemas(record, checks)
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"  the data and the servers' logs are kept in {folder}")
    print(f"{checks.passed} passed, {checks.failed} failed", flush=True)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
