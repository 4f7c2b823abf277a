"""Signs the HS256 tokens that the server under test is told to accept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

DAY_SECONDS = 86_400


def sign(secret: str, user_id: str, ttl_seconds: int = DAY_SECONDS) -> str:
    return _signed(secret, {"sub": user_id}, ttl_seconds)


def sign_service(secret: str, ttl_seconds: int = DAY_SECONDS) -> str:
    """A token of the team's own backend, which acts for any user."""
    return _signed(secret, {"service": True}, ttl_seconds)


def _signed(secret: str, claims: dict, ttl_seconds: int) -> str:
    now = int(time.time())
    header = _part({"alg": "HS256", "typ": "JWT"})
    claims = _part({**claims, "iat": now, "exp": now + ttl_seconds})
    signature = hmac.new(secret.encode(), f"{header}.{claims}".encode(), hashlib.sha256).digest()
    return f"{header}.{claims}.{_base64url(signature)}"


def _part(value: dict) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
