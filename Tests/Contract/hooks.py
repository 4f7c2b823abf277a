"""Gives schemathesis ids that exist, so that successful answers occur beside the refusals.

Only values that are meant to be valid are replaced; what was generated to be refused is left alone. About one
id in eight stays as generated, for the answers to ids that do not exist.
"""

import json
import os
import random
import re

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

with open(os.environ["PARLEY_CONTRACT_STATE"], encoding="utf-8") as file:
    STATE = json.load(file)

ME = STATE["user_id"]
CHOICE = random.Random(STATE["seed"])
HEADERS = {"Authorization": f"Bearer {os.environ['PARLEY_TOKEN']}"}
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BEHALF = "Parley-On-Behalf-Of"
P256DH = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"

seen: set[str] = set()  # ids in successful answers: a later step that uses one must keep it
keys = 0


@schemathesis.hook
def after_call(context, case, response):
    if 200 <= response.status_code < 300 and case.path.startswith("/v1/"):
        seen.update(UUID.findall(response.text))


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.path.startswith("/v1/"):
        return
    if not case.meta.is_negative_at(ParameterLocation.PATH):
        use_known_path_ids(case)
    if not case.meta.is_negative_at(ParameterLocation.QUERY):
        use_consistent_query(case)
    if not case.meta.is_negative_at(ParameterLocation.HEADER):
        act_for_oneself(case)
    if not case.meta.is_negative_at(ParameterLocation.BODY) and isinstance(case.body, dict):
        use_known_body_ids(case)


def known(value, candidates):
    if str(value).lower() in seen or CHOICE.random() < 0.125:
        return value
    return CHOICE.choice(candidates)


def use_known_path_ids(case):
    path = case.path_parameters or {}
    if "conversation_id" in path:
        path["conversation_id"] = known(path["conversation_id"], STATE["conversation_ids"])
    if "media_id" in path:
        path["media_id"] = known(path["media_id"], STATE["media_ids"])
    if "device_id" in path:
        path["device_id"] = known(path["device_id"], device_ids())
    if "user_id" in path:
        path["user_id"] = known(path["user_id"], STATE["user_ids"])
        # The caller must stay in the conversations of this run, in the role that they have.
        if "/participants/" in case.path and str(path["user_id"]).lower() == ME and case.method != "GET":
            path["user_id"] = CHOICE.choice(STATE["user_ids"])
        # Everybody else's settings are refused.
        if case.path.endswith("/notification-settings") and CHOICE.random() < 0.75:
            path["user_id"] = ME


def device_ids():
    """The devices that are left: earlier cases remove some."""
    answer = requests.get(f"{STATE['base_url']}/v1/devices", headers=HEADERS, timeout=20)
    ids = [device["id"] for device in answer.json()["devices"]]
    if ids:
        return ids
    body = {"kind": "fcm", "token": f"contract-{CHOICE.getrandbits(64)}"}
    return [requests.post(f"{STATE['base_url']}/v1/devices", json=body, headers=HEADERS, timeout=20).json()["id"]]


def use_consistent_query(case):
    query = case.query or {}
    # A cursor is opaque: a made-up one is well formed for the schema, and refused.
    if "cursor" in query:
        cursor = STATE["cursors"].get(case.path)
        if cursor and CHOICE.random() < 0.5:
            query["cursor"] = cursor
        else:
            del query["cursor"]
    # At most one of these may be given, which OpenAPI cannot say.
    places = [name for name in ("after_sequence", "before_sequence", "around_sequence") if name in query]
    if len(places) > 1:
        keep = CHOICE.choice(places)
        for name in places:
            if name != keep:
                del query[name]


def act_for_oneself(case):
    # Only a service token may send the header; some requests keep it, for that refusal.
    headers = case.headers or {}
    for name in [name for name in headers if name.lower() == BEHALF.lower()]:
        if CHOICE.random() < 0.9:
            del headers[name]


def use_known_body_ids(case):
    body = case.body
    # A made-up key is well formed and no point on the curve; a made-up host is at no push service.
    if case.path == "/v1/devices" and isinstance(body.get("subscription"), dict):
        use_possible_subscription(body["subscription"])
    if case.path == "/v1/messages" and isinstance(body.get("conversation_id"), str):
        body["conversation_id"] = known(body["conversation_id"], STATE["conversation_ids"])
    if case.method == "POST" and case.path.endswith("/messages"):
        if isinstance(body.get("sender_id"), str):
            body["sender_id"] = known(body["sender_id"], [ME])
        # Made-up media is well formed and refused with 422, so it never stays.
        if isinstance(body.get("media_ids"), list):
            body["media_ids"] = STATE["media_ids"][: len(body["media_ids"])]
        # Short keys come again with other content, which is well formed and refused with 422.
        if isinstance(body.get("client_message_id"), str):
            body["client_message_id"] = unused_key(body["client_message_id"])
    # A made-up time zone is well formed and refused, so it never stays.
    if isinstance(body.get("time_zone"), str):
        body["time_zone"] = CHOICE.choice(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "Etc/GMT+3"])
    case.body = body


def use_possible_subscription(subscription):
    if isinstance(subscription.get("endpoint"), str):
        subscription["endpoint"] = f"https://push.example.com/{CHOICE.getrandbits(64)}"
    if isinstance(subscription.get("keys"), dict) and isinstance(subscription["keys"].get("p256dh"), str):
        subscription["keys"]["p256dh"] = P256DH


def unused_key(key):
    global keys
    keys += 1
    suffix = f"-{STATE['run']}-{keys}"
    return key[: 64 - len(suffix)] + suffix
