"""Holds frames against asyncapi.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set

import jsonschema
import yaml

ASYNCAPI = Path(__file__).resolve().parent.parent.parent / "Sources/ParleyAPI/Web/asyncapi.yaml"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
POINTER = re.compile(r"#(?:/[\w~]+)+")


def load() -> Dict:
    return yaml.safe_load(ASYNCAPI.read_text())


def problems_of_structure(document: Dict) -> List[str]:
    """What an AsyncAPI 3.0 document must be for tools to follow it: references lead somewhere, nothing stands idle."""
    problems = [f"{reference} leads nowhere" for reference in references(document) if resolve(document, reference) is None]
    if document["asyncapi"] != "3.0.0":
        problems.append("it is not AsyncAPI 3.0.0")
    messages, used = document["components"]["messages"], set(references(document["operations"]))
    for channel_name, channel in document["channels"].items():
        for name in channel["messages"]:
            if f"#/channels/{channel_name}/messages/{name}" not in used:
                problems.append(f"no operation of {channel_name} uses {name}")
    offered = {name for channel in document["channels"].values() for name in channel["messages"]}
    problems += [f"no channel carries {name}" for name in sorted(set(messages) - offered)]
    for name, schema in document["components"]["schemas"].items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            problems.append(f"{name}: {error.message}")
    unused = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]} - set(references(document))
    return problems + [f"{each} is used by nothing" for each in sorted(unused)]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def resolve(document: Dict, reference: str) -> Any:
    if not POINTER.fullmatch(reference):
        return None
    value: Any = document
    for name in reference[2:].split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def problems_of_frames(document: Dict, frames: List[Dict], met: Set[str]) -> List[str]:
    """A command is followed by its reply; events stand alone. Adds the names of the messages to `met`."""
    problems: List[str] = []
    for frame, previous in zip(frames, [None, *frames]):
        name = message_name(frame, previous)
        # A command that is refused may be wrong in any way.
        if name.endswith("_command") and frames[-1].get("type") == "error":
            continue
        if name not in document["components"]["messages"]:
            problems.append(f"asyncapi.yaml has no message {name}")
            continue
        met.add(name)
        payload = document["components"]["messages"][name]["payload"]
        schema = {"$schema": DRAFT, "components": closed(document["components"]), **payload}
        errors = jsonschema.Draft202012Validator(schema).iter_errors(frame)
        problems += [f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]
    return problems


def message_name(frame: Dict, command: Optional[Dict]) -> str:
    if "id" not in frame:
        return f"{frame['type']}_event"
    if frame["type"] == "error":
        return "error_reply"
    return f"{command['type']}_reply" if frame["type"] == "ok" else f"{frame['type']}_command"


def closed(value: Any) -> Any:
    """The schemas without room for members that they do not name, so that none is forgotten in them."""
    if isinstance(value, list):
        return [closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    schema = {name: closed(each) for name, each in value.items()}
    if value.get("type") == "object" and isinstance(value.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
    return schema
