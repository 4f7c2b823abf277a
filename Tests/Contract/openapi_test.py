#!/usr/bin/env python3
"""Holds a running server against the openapi.yaml that it serves.

    python -m venv venv && venv/bin/pip install -r Tests/Contract/requirements.txt
    parley serve &
    PARLEY_TOKEN=$(parley token --user 5d2f6f0e-7a31-4c52-9b1e-0c4f8a5d1a01) venv/bin/python Tests/Contract/openapi_test.py

First the file itself (a valid OpenAPI 3.1 document whose examples follow their schemas), then refusals that schemathesis
does not look for (broken JSON, unknown paths, what Allow says), then schemathesis over every operation, with valid and
with invalid requests. The token is a user's, not a service token. Give the server rate limits
that one busy user does not reach; it fills its storage with test data, so give it a folder of its own.

The last line is `N passed, N failed`, counted in operations and in the checks of the file; a failure makes the exit
status 1. The same seed on a fresh server makes the same requests.
"""

import argparse
import base64
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import uuid
import xml.etree.ElementTree as ElementTree

import jsonschema
import openapi_spec_validator
import referencing
import referencing.jsonschema
import requests
import yaml

HERE = pathlib.Path(__file__).resolve().parent


class Failed(Exception):
    pass


def main() -> int:
    arguments = parse_arguments()
    print(f"seed {arguments.seed} (repeat with --seed {arguments.seed})", flush=True)
    tally = Tally()
    document = tally.check("openapi.yaml is served and is valid OpenAPI 3.1", lambda: load_document(arguments.base_url))
    if document is not None:
        tally.check("the examples follow their schemas", lambda: check_examples(document))
        for name, probe in refusals(document, arguments):
            tally.check(name, probe)
        state = tally.check("conversations, media and a device can be created", lambda: create_state(arguments))
        if state is not None:
            run_schemathesis(arguments, state, tally)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Holds a running server against its openapi.yaml.")
    parser.add_argument("--base-url", default="http://127.0.0.1:8080")
    parser.add_argument("--token", default=os.environ.get("PARLEY_TOKEN"), help="default: $PARLEY_TOKEN")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--max-examples", type=int, default=40, help="generated requests for each operation and phase")
    parser.add_argument("--time-limit", type=int, default=240, help="seconds after which the run has failed")
    parser.add_argument("--operation", help="only this operationId")
    parser.add_argument("--report", help="a folder for schemathesis's own JUnit and HAR reports")
    arguments = parser.parse_args()
    arguments.base_url = arguments.base_url.rstrip("/")
    if not arguments.token:
        parser.error("--token or PARLEY_TOKEN is required")
    return arguments


class Tally:
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, name, body):
        try:
            result = body()
        except (Failed, requests.RequestException) as error:
            self.record(name, str(error))
            return None
        except (KeyError, TypeError, UnicodeDecodeError, yaml.YAMLError) as error:  # an answer of another shape
            self.record(name, f"{type(error).__name__}: {error}")
            return None
        self.record(name)
        return result

    def record(self, name: str, problem: str | None = None) -> None:
        if problem is None:
            self.passed += 1
            print(f"ok      {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {name}: {problem}", flush=True)


# The file itself


def load_document(base_url: str) -> dict:
    answer = requests.get(f"{base_url}/openapi.yaml", timeout=20)
    if answer.status_code != 200:
        raise Failed(f"GET /openapi.yaml answered {answer.status_code}")
    # schemathesis leaves out the operation that it read the file from, so this is its test.
    if answer.headers.get("Content-Type", "").split(";")[0] != "application/yaml":
        raise Failed(f"the content type is {answer.headers.get('Content-Type')}, not application/yaml")
    if not answer.headers.get("X-Request-ID"):
        raise Failed("X-Request-ID is missing")
    document = yaml.safe_load(answer.content.decode("utf-8"))
    try:
        openapi_spec_validator.validate(document)
    except Exception as error:  # the validator raises several unrelated types
        raise Failed(f"{type(error).__name__}: {error}") from error
    return document


def check_examples(document: dict) -> int:
    """Every body has an example, and every example follows its schema."""
    registry = registry_of(document)
    problems, count = [], 0
    for place, media in bodies(document):
        values = [media["example"]] if "example" in media else []
        values += [resolve(document, example)["value"] for example in media.get("examples", {}).values()]
        if not values:
            problems.append(f"{place} has no example")
        validator = validator_of(media["schema"], registry)
        for value in values:
            count += 1
            problems += [f"{place}: {error.message}" for error in validator.iter_errors(value)]
    if problems:
        raise Failed("; ".join(problems[:5]))
    return count


def registry_of(document: dict) -> referencing.Registry:
    resource = referencing.Resource(absolute(document), referencing.jsonschema.DRAFT202012)
    return referencing.Registry().with_resource("urn:openapi", resource)


def validator_of(schema: dict, registry: referencing.Registry) -> jsonschema.Draft202012Validator:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(absolute(schema), registry=registry, format_checker=checker)


def bodies(document: dict):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            contents = {"request": operation.get("requestBody", {}).get("content", {})}
            for status, response in operation["responses"].items():
                contents[status] = resolve(document, response).get("content", {})
            for name, content in contents.items():
                for media in content.values():
                    yield f"{method.upper()} {path} {name}", media


def resolve(document: dict, value: dict) -> dict:
    while "$ref" in value:
        keys = value["$ref"].removeprefix("#/").split("/")
        value = document
        for key in keys:
            value = value[key]
    return value


def absolute(value):
    if isinstance(value, dict):
        return {key: f"urn:openapi{item}" if key == "$ref" else absolute(item) for key, item in value.items()}
    if isinstance(value, list):
        return [absolute(item) for item in value]
    return value


# What schemathesis does not look for

MEDIA = b'{"kind":"image","name":"a.png","size":68,"content_type":"image/png","url":"https://media.example.com/a.png"'

# A body of POST /v1/media, and the code that refuses it.
BROKEN_BODIES = [
    ("an empty body", b"", "malformed_json"),
    ("half an object", MEDIA, "malformed_json"),
    ("two values", MEDIA + b"} {}", "malformed_json"),
    ("NaN", MEDIA + b',"width":NaN}', "malformed_json"),
    ("a trailing comma", MEDIA + b",}", "malformed_json"),
    ("bytes that are not UTF-8", MEDIA + b',"x":"\xff"}', "invalid_utf8"),
    ("an overlong encoding", MEDIA + b',"x":"\xc0\xaf"}', "invalid_utf8"),
    ("a key twice", MEDIA + b',"name":"b.png"}', "duplicate_key"),
    ("a key twice, once escaped", MEDIA + b',"n\\u0061me":"b.png"}', "duplicate_key"),
    ("deep nesting", MEDIA + b',"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too_deeply_nested"),
    ("an array", b"[]", "invalid_field"),
    ("U+0000", MEDIA.replace(b"a.png", b"a\\u0000.png", 1) + b"}", "invalid_field"),
    ("no url", MEDIA[: MEDIA.index(b',"url"')] + b"}", "missing_field"),
]


def refusals(document: dict, arguments: argparse.Namespace):
    problem = validator_of({"$ref": "#/components/schemas/Problem"}, registry_of(document))
    signed = {"Authorization": f"Bearer {arguments.token}"}
    json_type = {"Content-Type": "application/json"}

    def refuse(method: str, path: str, status: int, code: str, headers: dict, body: bytes | None = None):
        answer = requests.request(method, arguments.base_url + path, data=body, headers=headers, timeout=20)
        if answer.status_code != status:
            raise Failed(f"{answer.status_code} instead of {status}: {answer.text[:200]}")
        if answer.headers.get("Content-Type", "").split(";")[0] != "application/problem+json":
            raise Failed(f"the content type is {answer.headers.get('Content-Type')}")
        content = answer.json()
        for error in problem.iter_errors(content):
            raise Failed(error.message)
        if content["code"] != code or content["status"] != status:
            raise Failed(f"code {content['code']}, status {content['status']} instead of {code}, {status}")
        if content["request_id"] != answer.headers.get("X-Request-ID"):
            raise Failed("request_id and X-Request-ID differ")
        return answer

    def refuse_methods():
        for path, item in document["paths"].items():
            declared = {method.upper() for method in item if method in ("get", "put", "post", "patch", "delete")}
            url = path
            for parameter in ("conversation_id", "user_id", "media_id", "device_id"):
                url = url.replace("{" + parameter + "}", str(uuid.UUID(int=1)))
            method = sorted({"PUT", "DELETE", "PATCH", "POST"} - declared)[0]
            answer = refuse(method, url, 405, "method_not_allowed", signed)
            allowed = {name.strip() for name in answer.headers.get("Allow", "").split(",")} - {"HEAD", "OPTIONS"}
            if allowed != declared:
                raise Failed(f"{path} allows {sorted(allowed)}, described are {sorted(declared)}")

    for name, body, code in BROKEN_BODIES:
        yield f"{name} is {code}", lambda body=body, code=code: refuse(
            "POST", "/v1/media", 400, code, signed | json_type, body
        )
    yield "another content type is unsupported_media_type", lambda: refuse(
        "POST", "/v1/media", 415, "unsupported_media_type", signed | {"Content-Type": "text/plain"}, MEDIA + b"}"
    )
    yield "a body over the limit is body_too_large", lambda: refuse(
        "POST", "/v1/media", 413, "body_too_large", signed | json_type, MEDIA + b"}" + b" " * 65_536
    )
    yield "no token is missing_token", lambda: refuse("GET", "/v1/devices", 401, "missing_token", {})
    yield "a made-up token is invalid_token", lambda: refuse(
        "GET", "/v1/devices", 401, "invalid_token", {"Authorization": "Bearer a.b.c"}
    )
    yield "an unknown path is route_not_found", lambda: refuse("GET", "/v1/nowhere", 404, "route_not_found", signed)
    yield "an unknown path is route_not_found without a token too", lambda: refuse(
        "GET", "/nowhere", 404, "route_not_found", {}
    )
    yield "every path names its methods in Allow", refuse_methods


# What the operations need to find


def create_state(arguments: argparse.Namespace) -> dict:
    call = Caller(arguments.base_url, arguments.token)
    generator = random.Random(arguments.seed)
    users = [str(uuid.UUID(int=generator.getrandbits(128), version=4)) for _ in range(5)]
    direct = call("POST", "/v1/conversations", {"type": "direct", "participant_ids": users[:1]})["id"]
    groups = [
        call("POST", "/v1/conversations", {"type": "group", "title": f"Contract {n}", "participant_ids": users})["id"]
        for n in range(2)
    ]
    media = [
        call("POST", "/v1/media", {
            "kind": "image", "name": f"{n}.png", "size": 68, "content_type": "image/png",
            "url": f"https://media.example.com/{n}.png", "width": 1, "height": 1,
        })["id"]
        for n in range(10)
    ]
    for conversation in [direct, *groups]:
        for text in ("one", "two", "three"):
            call("POST", f"/v1/conversations/{conversation}/messages", {"message_type": "text", "content": text})
    call("POST", "/v1/devices", {"kind": "fcm", "token": f"contract-{generator.getrandbits(64)}"})
    participants = "/v1/conversations/{conversation_id}/participants"
    return {
        "base_url": arguments.base_url,
        "seed": arguments.seed,
        "run": uuid.uuid4().hex[:8],
        "user_id": subject(arguments.token),
        "user_ids": users,
        # The groups twice as often: most routes refuse something for a direct conversation.
        "conversation_ids": [direct, *groups, *groups],
        "media_ids": media,
        "cursors": {
            "/v1/conversations": call("GET", "/v1/conversations?limit=1")["next_cursor"],
            participants: call("GET", f"/v1/conversations/{groups[0]}/participants?limit=1")["next_cursor"],
        },
    }


class Caller:
    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, body=None) -> dict:
        answer = requests.request(method, self.base_url + path, json=body, headers=self.headers, timeout=20)
        if answer.status_code not in (200, 201):
            raise Failed(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()


def subject(token: str) -> str:
    try:
        payload = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"].lower()
    except (IndexError, KeyError, ValueError) as error:
        raise Failed("the token is not a JWT with a subject") from error


# The operations


def run_schemathesis(arguments: argparse.Namespace, state: dict, tally: Tally) -> None:
    with tempfile.TemporaryDirectory() as folder:
        reports = pathlib.Path(arguments.report or folder).resolve()
        reports.mkdir(parents=True, exist_ok=True)
        state_file = pathlib.Path(folder) / "state.json"
        state_file.write_text(json.dumps(state), encoding="utf-8")
        junit = reports / "junit.xml"
        junit.unlink(missing_ok=True)
        command = [
            sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
            "--config-file", str(HERE / "schemathesis.toml"), "--no-color",
            "run", f"{arguments.base_url}/openapi.yaml", "--url", arguments.base_url,
            "--seed", str(arguments.seed), "--max-examples", str(arguments.max_examples),
            "--report-junit-path", str(junit),
        ]
        if arguments.report:
            command += ["--report-har-path", str(reports / "requests.har")]
        if arguments.operation:
            command += ["--include-operation-id", arguments.operation]
        environment = {
            **os.environ, "PARLEY_TOKEN": arguments.token, "PARLEY_CONTRACT_STATE": str(state_file),
            "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1",
        }
        try:
            finished = subprocess.run(command, cwd=folder, env=environment, timeout=arguments.time_limit)
        except subprocess.TimeoutExpired:
            tally.record("schemathesis ends in time", f"still running after {arguments.time_limit} s")
            return
        count_operations(junit, finished.returncode, tally)


def count_operations(junit: pathlib.Path, status: int, tally: Tally) -> None:
    if not junit.exists():
        tally.record("schemathesis runs", f"it left no report, exit status {status}")
        return
    before, count = tally.failed, 0
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        count += 1
        problems = case.findall("failure") + case.findall("error")
        if problems:
            tally.record(case.get("name"), f"{len(problems)} kinds of failure, shown above")
        elif case.find("skipped") is not None:
            tally.record(case.get("name"), "skipped: nothing was tested")
        else:
            tally.record(case.get("name"))
    if count == 0:
        tally.record("schemathesis runs", "it tested no operation")
    # Whatever made schemathesis fail beside an operation counts too.
    if status != 0 and tally.failed == before:
        tally.record("schemathesis succeeds", f"exit status {status}")


if __name__ == "__main__":
    sys.exit(main())
