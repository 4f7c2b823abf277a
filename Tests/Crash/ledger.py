"""What the server said, held outside of it.

The ledger knows every draft, every acknowledged message exactly as it was answered, and every read
marker. It also notices on the spot when one answer contradicts another.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from connection import Answer

MESSAGE_ID = re.compile(r"^[0-9a-f]{24}$")
CREATED, REPEATED = 201, 200


class Key(NamedTuple):
    """What makes a message one message, however often it is sent."""

    conversation_id: str
    sender_id: str
    client_message_id: str

    def __str__(self) -> str:
        return f"{self.client_message_id} of {self.sender_id} in {self.conversation_id}"


@dataclass(frozen=True)
class Draft:
    key: Key
    message_type: str
    content: str

    @property
    def body(self) -> dict:
        return {
            "message_type": self.message_type,
            "content": self.content,
            "client_message_id": self.key.client_message_id,
        }

    def differences(self, message: dict) -> List[str]:
        expected = {
            "conversation_id": self.key.conversation_id,
            "sender_id": self.key.sender_id,
            **self.body,
        }
        return [
            f"{name} is {message.get(name)!r}, sent was {value!r}"
            for name, value in expected.items()
            if message.get(name) != value
        ]


@dataclass
class Ledger:
    drafts: Dict[Key, Draft] = field(default_factory=dict)
    acknowledged: Dict[Key, dict] = field(default_factory=dict)
    created: Set[Key] = field(default_factory=set)
    given_up: Set[Key] = field(default_factory=set)  # never repeated after an unknown outcome: stored or not, both are right
    markers_tried: Dict[Tuple[str, str], int] = field(default_factory=dict)
    markers_acknowledged: Dict[Tuple[str, str], int] = field(default_factory=dict)
    highest_sequence: Dict[str, int] = field(default_factory=dict)
    problems: List[str] = field(default_factory=list)
    unknown_outcomes: int = 0
    refusals: int = 0
    repeats: int = 0
    acknowledged_at: List[float] = field(default_factory=list)  # the moments of first acknowledgements, since 1970

    def will_send(self, draft: Draft) -> None:
        self.drafts[draft.key] = draft

    def was_answered(self, draft: Draft, status: int, message: dict, expected: Optional[int] = None) -> None:
        """`expected`: the only right status, when what was sent before leaves no doubt about it."""
        self.problems += [f"{draft.key}: {difference}" for difference in draft.differences(message)]
        if expected is not None and status != expected:
            self.problems.append(f"{draft.key}: answered with {status} instead of {expected}")
        if status == CREATED:
            self._created(draft.key)
        earlier = self.acknowledged.get(draft.key)
        if earlier is None:
            self._acknowledged_first(draft.key, message)
        else:
            self.repeats += 1
            if message != earlier:
                self.problems.append(f"{draft.key}: answered with {message}, before with {earlier}")

    def will_mark_read(self, conversation_id: str, user_id: str, sequence_number: int) -> None:
        place = (conversation_id, user_id)
        self.markers_tried[place] = max(sequence_number, self.markers_tried.get(place, 0))

    def was_refused(self, request: str, answer: Answer) -> None:
        """With an answer that asks to come back: it says so in the form that clients are promised."""
        self.refusals += 1
        self.problems += [f"{request}: answered with {answer.status}, {problem}" for problem in refusal_problems(answer)]

    def was_marked_read(self, conversation_id: str, user_id: str, answer: dict, least: Optional[int] = None) -> None:
        """`least`: where the marker stood when the request left; what another request has moved since need not show."""
        place = (conversation_id, user_id)
        earlier, marker = self.markers_acknowledged.get(place, 0), answer["last_read_sequence"]
        if marker < (earlier if least is None else least):
            self.problems.append(f"read marker of {place} went back from {earlier if least is None else least} to {marker}")
        if answer["unread_count"] < 0:
            self.problems.append(f"unread count of {place} is {answer['unread_count']}")
        self.markers_acknowledged[place] = max(marker, earlier)

    def _created(self, key: Key) -> None:
        if key in self.created:
            self.problems.append(f"{key}: answered with {CREATED} twice")
        self.created.add(key)

    def _acknowledged_first(self, key: Key, message: dict) -> None:
        if not MESSAGE_ID.match(str(message.get("id"))):
            self.problems.append(f"{key}: {message.get('id')!r} is no message id")
        self.acknowledged[key] = message
        self.acknowledged_at.append(time.time())
        highest = self.highest_sequence.get(key.conversation_id, 0)
        self.highest_sequence[key.conversation_id] = max(highest, message["sequence_number"])


def refusal_problems(answer: Answer) -> List[str]:
    """What is wrong with a 429 or 503 (RFC 9457, and RFC 9110, 10.2.3)."""
    body = answer.body if isinstance(answer.body, dict) else {}
    problems: List[str] = []
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        problems.append(f"its content type is {answer.headers.get('content-type')!r}")
    if not answer.headers.get("retry-after", "").isdecimal():
        problems.append(f"its Retry-After is {answer.headers.get('retry-after')!r}")
    if (body.get("status"), body.get("retryable")) != (answer.status, True) or not body.get("code"):
        problems.append(f"its body is {answer.body!r}")
    return problems
