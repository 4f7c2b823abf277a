"""Things that cases send."""

from __future__ import annotations

from typing import Any, Dict

from world import User

FAMILY = "👩‍👩‍👧‍👦"  # one character as people see it: seven code points, 25 bytes


async def media_of(user: User, kind: str) -> Dict[str, Any]:
    """A medium that the user has registered, as the API answers it."""
    form = {
        "image": {"content_type": "image/jpeg", "width": 4032, "height": 3024},
        "video": {"content_type": "video/mp4", "width": 1920, "height": 1080, "duration_ms": 12_500},
        "audio": {"content_type": "audio/ogg", "duration_ms": 3_000},
        "document": {"content_type": "application/pdf"},
    }[kind]
    body = {"kind": kind, "name": f"a {kind}", "size": 5_000_000_000, "url": f"https://example.com/{kind}", **form}
    return (await user.rest("POST", "/v1/media", body)).body
