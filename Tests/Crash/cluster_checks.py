"""The laws of a cluster beside those of checks.py. Each check returns what is wrong, in sentences."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Dict, Iterable, List, Set, Tuple

from checks import all_messages, expected_last_message
from engine_views import PostgresView
from faults import Fault
from observation import Observation

# Around an outage of Redis: nodes and listeners come back within two seconds, and a message is told a moment after it is made.
EXCUSED_SECONDS = 3.0
# A killed node's messages are told by another one, within its lease, a step and the redoing.
REPAIR_SECONDS = 20.0


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


def every_message_was_told(observation: Observation, told: Dict[str, dict], faults: List[Fault]) -> List[str]:
    """On the channel in Redis; where Redis was down, to those who listen on a socket and resume."""
    listened_to = {id for id, _ in observation.records}
    heard: Set[str] = {message["id"] for record in observation.records.values() for message in record}
    excused = list(untold_times(faults))
    return [
        f"nobody was told of {message}" for message in all_messages(observation)
        if message["id"] not in told and message["id"] not in heard
        and (message["conversation_id"] in listened_to or not any(start <= second_of(message) <= end for start, end in excused))
    ]


def what_was_told_is_what_is_stored(observation: Observation, told: Dict[str, dict]) -> List[str]:
    stored = {message["id"]: message for message in all_messages(observation)}
    return [
        f"told was {message}, stored is {stored.get(id)}" for id, message in told.items() if stored.get(id) != message
    ]


def untold_times(faults: List[Fault]) -> Iterable[Tuple[float, float]]:
    """When messages were made that nobody on the channel may have heard of: the bus tells at most once."""
    for fault in faults:
        if fault.target == "redis":
            # What a node left that died before, or at the same time, may have been told again just then.
            died = any(other is not fault and is_of_nodes(other) and other.began <= fault.healed
                       and fault.began <= other.began + REPAIR_SECONDS + other.hold_seconds for other in faults)
            yield fault.began - (REPAIR_SECONDS + fault.hold_seconds if died else EXCUSED_SECONDS), fault.healed + EXCUSED_SECONDS


def is_of_nodes(fault: Fault) -> bool:
    return fault.target in ("node", "all")


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
