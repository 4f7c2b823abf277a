"""The laws of a cluster beside those of checks.py. Each check returns what is wrong, in sentences."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Dict, Iterable, List, Tuple

from checks import all_messages, expected_last_message
from engine_views import PostgresView
from faults import Fault
from observation import Observation

# What Redis was telling when it was killed, it may not have told to all.
KILL_SECONDS = 1.0
# How long before an outage of Redis a message can be made that is told at its end: by a node that goes on for a dead one.
EARLIER_SECONDS = 40.0


def nodes_show_the_same(observations: List[Observation]) -> List[str]:
    problems: List[str] = []
    first = observations[0]
    for number, other in enumerate(observations[1:], 2):
        for id, history in first.histories.items():
            if other.histories[id] != history:
                problems.append(f"node 1 shows {len(history)} messages of {id}, node {number} {len(other.histories[id])}, or others")
        for place, view in first.views.items():
            if other.views[place] != view:
                problems.append(f"{place}: node 1 shows {view}, node {number} {other.views[place]}")
    return problems


def mongodb_has_the_history(stored: Dict[str, List[dict]], observation: Observation) -> List[str]:
    problems: List[str] = []
    for id in stored.keys() | observation.histories.keys():
        shown = [without_media(each) for each in observation.histories.get(id, [])]
        held = stored.get(id, [])
        if shown != held:
            wrong = next((pair for pair in zip(shown, held) if pair[0] != pair[1]), "the rest")
            problems.append(f"{id}: shown are {len(shown)} messages, stored {len(held)}; they differ in {wrong}")
    return problems


def postgresql_has_the_views(rows: PostgresView, observation: Observation) -> List[str]:
    """The columns that other programs read, and the counts that follow from the participants' rows."""
    problems: List[str] = []
    for each in observation.conversations:
        row = rows.conversations.get(each.id)
        if row is None:
            problems.append(f"{each.id} has no row")
            continue
        last = expected_last_message(observation.histories[each.id])
        expected = {**last, "sequence_number": last["last_sequence"]}
        if row["type"] == "direct":
            expected["unread_count_user1"] = observation.views[each.id, row["user1_id"]]["unread_count"]
            expected["unread_count_user2"] = observation.views[each.id, row["user2_id"]]["unread_count"]
        wrong = {name: (row[name], value) for name, value in expected.items() if row[name] != value}
        if wrong:
            problems.append(f"{each.id}: columns and what they should be: {wrong}")
        for user in each.participants:
            count, shown = rows.unread.get((each.id, user)), observation.views[each.id, user]["unread_count"]
            if count != shown:
                problems.append(f"{each.id}: {user} has {count} unread messages by its row, shown are {shown}")
    return problems


def no_pair_has_two_conversations(rows: PostgresView) -> List[str]:
    return [f"{pair} have {count} conversations" for pair, count in Counter(rows.pairs).items() if count > 1]


def every_message_was_told(observation: Observation, told: Dict[str, dict], faults: List[Fault], late: List[float]) -> List[str]:
    """On the channel in Redis, also what was stored while Redis was down. `late`: when the subscriber came too late to hear all."""
    excused = list(untold_times(faults, late))
    return [
        f"the channel was never told of {message}" for message in all_messages(observation)
        if message["id"] not in told and not any(start <= second_of(message) <= end for start, end in excused)
    ]


def what_was_told_is_what_is_stored(observation: Observation, told: Dict[str, dict]) -> List[str]:
    stored = {message["id"]: message for message in all_messages(observation)}
    return [
        f"told was {message}, stored is {stored.get(id)}" for id, message in told.items() if stored.get(id) != message
    ]


def untold_times(faults: List[Fault], late: List[float]) -> Iterable[Tuple[float, float]]:
    """When messages were made that a subscriber may not have heard of, although they were told."""
    for fault in faults:
        if fault.kind == "redis killed":
            yield fault.began - KILL_SECONDS, fault.down
            if any(fault.down <= moment <= fault.healed + KILL_SECONDS for moment in late):
                yield fault.began - EARLIER_SECONDS, fault.healed + KILL_SECONDS


def creates_went_on(fault: Fault, acknowledged_at: List[float]) -> List[str]:
    """While the engine was down, and for the lease's time when it was PostgreSQL."""
    count = sum(fault.down <= moment <= fault.undone for moment in acknowledged_at)
    return [] if count else [f"no create was acknowledged during: {fault}"]


def nobody_was_notified_without_end(notifications: List[dict], limit: int) -> List[str]:
    """Repeats are allowed, one or two for each fault; more of the same are a loop."""
    times = Counter((each.get("message_id"), each.get("recipient_id")) for each in notifications)
    return [f"{recipient} was notified {count} times of {id}" for (id, recipient), count in times.items() if count > limit]


def nothing_refused_was_done(drafts: List[Tuple[str, str]], stored: Dict[str, List[dict]], strangers: List[str], rows: PostgresView) -> List[str]:
    keys = {(id, message["client_message_id"]) for id, messages in stored.items() for message in messages}
    met = {user for pair in rows.pairs for user in pair}
    return [f"{key} in {id} was refused, but is stored" for id, key in drafts if (id, key) in keys] + [
        f"the conversation of {user} was refused, but is there" for user in strangers if user in met]


def without_media(message: dict) -> dict:
    return {name: value for name, value in message.items() if name != "media"}


def second_of(message: dict) -> float:
    return datetime.fromisoformat(message["created_at"].replace("Z", "+00:00")).timestamp()
