"""The laws that must hold when everything is over. Each check returns what is wrong, in sentences.

They are pure functions over the ledger and the observation, so that test_checks.py can show that each
of them fails when it should.
"""

from __future__ import annotations

from collections import Counter
from typing import Iterable, List, Set, Tuple

from ledger import Key, Ledger
from observation import Observation

PREVIEW_CHARACTERS = 100
NOTIFICATION_PREVIEW_CHARACTERS = 50
PREVIEWS = {
    "image": "📷 Photo",
    "video": "🎥 Video",
    "audio": "🎵 Audio",
    "document": "📄 Document",
    "location": "📍 Location",
    "contact": "👤 Contact",
}


def every_draft_was_acknowledged(ledger: Ledger) -> List[str]:
    return [f"{key} was never acknowledged" for key in ledger.drafts if key not in ledger.acknowledged and key not in ledger.given_up]


def every_acknowledged_message_is_stored_once(ledger: Ledger, observation: Observation) -> List[str]:
    problems: List[str] = []
    stored = {}
    for message in all_messages(observation):
        stored.setdefault(key_of(message), []).append(message)
    for key, acknowledged in ledger.acknowledged.items():
        found = stored.get(key, [])
        if len(found) != 1:
            problems.append(f"{key} as number {acknowledged['sequence_number']} is stored {len(found)} times")
        elif found[0] != acknowledged:
            problems.append(f"{key} was acknowledged as {acknowledged}, stored is {found[0]}")
    return problems


def nothing_is_stored_that_nobody_sent(ledger: Ledger, observation: Observation) -> List[str]:
    return [
        f"nobody sent {message}" for message in all_messages(observation) if key_of(message) not in ledger.drafts
    ]


def sequences_are_gapless(observation: Observation) -> List[str]:
    problems: List[str] = []
    for conversation_id, messages in observation.histories.items():
        numbers = [message["sequence_number"] for message in messages]
        if numbers == list(range(1, len(numbers) + 1)):
            continue
        missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
        twice = sorted(number for number, count in Counter(numbers).items() if count > 1)
        order = "" if numbers == sorted(numbers) else ", not in order"
        problems.append(f"{conversation_id}: missing {missing[:10]}, more than once {twice[:10]}{order}")
    return problems


def no_key_and_no_id_is_used_twice(observation: Observation) -> List[str]:
    keys = Counter(key_of(message) for message in all_messages(observation))
    ids = Counter(message["id"] for message in all_messages(observation))
    return [f"{what} is used {count} times" for what, count in (keys + ids).items() if count > 1]


def last_message_is_the_highest(observation: Observation) -> List[str]:
    problems: List[str] = []
    for (conversation_id, user), view in observation.views.items():
        for name, value in expected_last_message(observation.histories[conversation_id]).items():
            if view.get(name) != value:
                problems.append(f"{conversation_id} for {user}: {name} is {view.get(name)!r} instead of {value!r}")
    return problems


def unread_counts_are_true(observation: Observation) -> List[str]:
    problems: List[str] = []
    for (conversation_id, user), view in observation.views.items():
        marker = view["last_read_sequence"]
        unread = sum(
            message["sequence_number"] > marker and message["sender_id"] != user
            for message in observation.histories[conversation_id]
        )
        if view["unread_count"] != unread:
            problems.append(f"{conversation_id} for {user}: unread count is {view['unread_count']} instead of {unread}")
    return problems


def read_markers_are_kept(ledger: Ledger, observation: Observation) -> List[str]:
    problems: List[str] = []
    for (conversation_id, user), view in observation.views.items():
        lowest = ledger.markers_acknowledged.get((conversation_id, user), 0)
        highest = min(ledger.markers_tried.get((conversation_id, user), 0), view["last_sequence"])
        marker = view["last_read_sequence"]
        if not lowest <= marker <= highest:
            problems.append(f"{conversation_id} for {user}: read up to {marker}, must be {lowest} to {highest}")
    return problems


def listeners_heard_everything_once_in_order(observation: Observation) -> List[str]:
    problems: List[str] = []
    for (conversation_id, user_id), record in observation.records.items():
        history = observation.histories[conversation_id]
        if record == history:
            continue
        numbers = [message["sequence_number"] for message in record]
        place = next((place for place, (one, other) in enumerate(zip(record, history)) if one != other), min(len(record), len(history)))
        problems.append(
            f"{user_id} heard {len(record)} of {len(history)} messages of {conversation_id}; "
            f"after {place} right ones it heard {numbers[place:place + 5]}")
    return problems


def every_recipient_was_notified(observation: Observation) -> List[str]:
    notified = {(each.get("message_id"), each.get("recipient_id")) for each in observation.notifications}
    return [
        f"{recipient} was not told of {message_id}, number {number} in {conversation_id}"
        for message_id, recipient, number, conversation_id in due_notifications(observation)
        if (message_id, recipient) not in notified and recipient not in observation.listeners
    ]


def only_recipients_were_notified(observation: Observation) -> List[str]:
    allowed: Set[Tuple[str, str, str]] = set()
    previews = {}
    for each in observation.conversations:
        for message in observation.histories[each.id]:
            previews[message["id"]] = preview_of(message)[:NOTIFICATION_PREVIEW_CHARACTERS]
            recipients = (user for user in each.participants if user != message["sender_id"])
            allowed.update((message["id"], each.id, user) for user in recipients)
    problems: List[str] = []
    for notification in observation.notifications:
        message_id, conversation_id = notification.get("message_id"), notification.get("conversation_id")
        if (message_id, conversation_id, notification.get("recipient_id")) not in allowed:
            problems.append(f"is no recipient: {notification}")
        elif not str(notification.get("preview")).startswith(expected_text(notification, previews[message_id])):
            problems.append(f"preview should begin with {expected_text(notification, previews[message_id])!r}: {notification}")
    return problems


def expected_text(notification: dict, preview: str) -> str:
    """After the third alert of a conversation there is one for all that is unread in it."""
    count = notification.get("count") or 1
    return f"{count} new messages" if count > 1 else preview


def due_notifications(observation: Observation) -> Iterable[Tuple[str, str, int, str]]:
    """Who reads a message before its turn comes needs none; who has not read it by now was always due one."""
    for each in observation.conversations:
        markers = {user: observation.marker(each.id, user) for user in each.participants}
        for message in observation.histories[each.id]:
            number = message["sequence_number"]
            for user, marker in markers.items():
                if user != message["sender_id"] and number > marker:
                    yield message["id"], user, number, each.id


def expected_last_message(messages: List[dict]) -> dict:
    names = ("last_message_id", "last_message_at", "last_message_preview", "last_sequence")
    if not messages:
        return dict(zip(names, (None, None, None, 0)))
    last = max(messages, key=lambda message: message["sequence_number"])
    return dict(zip(names, (last["id"], last["created_at"], preview_of(last), last["sequence_number"])))


def preview_of(message: dict) -> str:
    """For what the senders send: their texts have no character of more than one code point."""
    if message["message_type"] != "text":
        return PREVIEWS.get(message["message_type"], "Message")
    line = message["content"].replace("\n", " ")
    return line if len(line) <= PREVIEW_CHARACTERS else line[:PREVIEW_CHARACTERS] + "..."


def all_messages(observation: Observation) -> Iterable[dict]:
    return (message for messages in observation.histories.values() for message in messages)


def key_of(message: dict) -> Key:
    return Key(message["conversation_id"], message["sender_id"], message["client_message_id"])
