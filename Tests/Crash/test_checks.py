"""Shows that each check can fail: sound data passes all of them, each corruption is reported by the right one."""

from __future__ import annotations

import copy
import json
import unittest

import checks
from ledger import CREATED, REPEATED, Draft, Ledger
from observation import Observation, notification_in
from population import Conversation

ADA, BEN, CLEO = ("00000000-0000-4000-8000-00000000000" + digit for digit in "123")
DIRECT, GROUP, EMPTY = ("10000000-0000-4000-8000-00000000000" + digit for digit in "123")


def message(conversation_id: str, sender_id: str, number: int, message_type: str = "text", content: str = "") -> dict:
    return {
        "id": f"{conversation_id[-1]}{number:023x}",
        "conversation_id": conversation_id,
        "sender_id": sender_id,
        "client_message_id": f"key-{number}",
        "message_type": message_type,
        "content": content or f"message {number}\nof {conversation_id}",
        "sequence_number": number,
        "created_at": f"2026-11-22T13:05:00.{number:03}Z",
    }


def draft_of(stored: dict) -> Draft:
    return Draft(checks.key_of(stored), stored["message_type"], stored["content"])


def view(marker: int, unread: int, last: dict = None, preview: str = None) -> dict:
    last = last or {"id": None, "created_at": None, "sequence_number": 0}
    return {
        "last_read_sequence": marker,
        "unread_count": unread,
        "last_message_id": last["id"],
        "last_message_at": last["created_at"],
        "last_message_preview": preview,
        "last_sequence": last["sequence_number"],
    }


class Corruption(unittest.TestCase):
    def setUp(self) -> None:
        direct = [message(DIRECT, ADA, 1), message(DIRECT, BEN, 2), message(DIRECT, ADA, 3, content="x" * 150)]
        group = [message(GROUP, BEN, 1), message(GROUP, BEN, 2, "location")]
        self.ledger = Ledger()
        for stored in direct + group:
            self.ledger.will_send(draft_of(stored))
            self.ledger.was_answered(draft_of(stored), CREATED, copy.deepcopy(stored), expected=CREATED)
        self.ledger.will_mark_read(DIRECT, ADA, 9)
        self.ledger.was_marked_read(DIRECT, ADA, {"last_read_sequence": 2, "unread_count": 0})
        self.observed = Observation(
            conversations=[
                Conversation(DIRECT, [ADA, BEN], 1),
                Conversation(GROUP, [ADA, BEN, CLEO], 1),
                Conversation(EMPTY, [ADA, CLEO], 0),
            ],
            histories={DIRECT: direct, GROUP: group, EMPTY: []},
            views={
                (DIRECT, ADA): view(2, 0, direct[2], "x" * 100 + "..."),
                (DIRECT, BEN): view(0, 2, direct[2], "x" * 100 + "..."),
                (GROUP, BEN): view(0, 0, group[1], "📍 Location"),
                **{(GROUP, user): view(0, 2, group[1], "📍 Location") for user in (ADA, CLEO)},
                **{(EMPTY, user): view(0, 0) for user in (ADA, CLEO)},
            },
            notifications=[
                self.notification(stored, user)
                for stored, users in [(direct[0], [BEN]), (direct[2], [BEN])] + [(each, [ADA, CLEO]) for each in group]
                for user in users
            ],
        )

    def notification(self, stored: dict, recipient: str) -> dict:
        return {
            "message_id": stored["id"],
            "conversation_id": stored["conversation_id"],
            "recipient_id": recipient,
            "device_id": None,
            "preview": checks.preview_of(stored)[:50],
        }

    def failing(self) -> set:
        ledger, observed = self.ledger, self.observed
        results = {
            "acknowledged": checks.every_draft_was_acknowledged(ledger),
            "stored": checks.every_acknowledged_message_is_stored_once(ledger, observed),
            "sent": checks.nothing_is_stored_that_nobody_sent(ledger, observed),
            "gapless": checks.sequences_are_gapless(observed),
            "unique": checks.no_key_and_no_id_is_used_twice(observed),
            "last": checks.last_message_is_the_highest(observed),
            "unread": checks.unread_counts_are_true(observed),
            "markers": checks.read_markers_are_kept(ledger, observed),
            "notified": checks.every_recipient_was_notified(observed),
            "private": checks.only_recipients_were_notified(observed),
            "answers": ledger.problems,
        }
        return {name for name, problems in results.items() if problems}

    def test_sound_data_passes(self) -> None:
        self.assertEqual(self.failing(), set())

    def test_a_lost_message_in_the_middle(self) -> None:
        del self.observed.histories[DIRECT][1]
        self.assertLessEqual({"stored", "gapless"}, self.failing())

    def test_a_lost_last_message(self) -> None:
        del self.observed.histories[DIRECT][2]
        self.assertLessEqual({"stored", "last"}, self.failing())

    def test_a_lost_conversation(self) -> None:
        self.observed.histories[GROUP].clear()
        self.assertLessEqual({"stored", "last", "unread"}, self.failing())

    def test_a_hole_in_the_numbers(self) -> None:
        self.observed.histories[GROUP][1]["sequence_number"] = 3
        self.assertLessEqual({"gapless", "stored"}, self.failing())

    def test_numbers_that_begin_at_two(self) -> None:
        for stored in self.observed.histories[GROUP]:
            stored["sequence_number"] += 1
        self.assertIn("gapless", self.failing())

    def test_a_number_used_twice(self) -> None:
        self.observed.histories[GROUP][1]["sequence_number"] = 1
        self.assertIn("gapless", self.failing())

    def test_a_history_out_of_order(self) -> None:
        self.observed.histories[DIRECT].reverse()
        self.assertEqual(self.failing(), {"gapless"})

    def test_a_message_stored_twice(self) -> None:
        again = {**self.observed.histories[GROUP][0], "id": "f" * 24, "sequence_number": 3}
        self.observed.histories[GROUP].append(again)
        self.assertLessEqual({"stored", "unique"}, self.failing())

    def test_an_id_used_twice(self) -> None:
        self.observed.histories[GROUP][1]["id"] = self.observed.histories[DIRECT][0]["id"]
        self.assertLessEqual({"stored", "unique"}, self.failing())

    def test_changed_content(self) -> None:
        self.observed.histories[DIRECT][0]["content"] = "something else"
        self.assertIn("stored", self.failing())

    def test_two_messages_that_changed_places(self) -> None:
        first, second = self.observed.histories[GROUP]
        name = "client_message_id"
        first[name], second[name] = second[name], first[name]
        self.assertEqual(self.failing(), {"stored"})

    def test_a_message_that_nobody_sent(self) -> None:
        self.observed.histories[GROUP].append(message(GROUP, ADA, 3))
        self.assertIn("sent", self.failing())

    def test_a_draft_without_an_answer(self) -> None:
        self.ledger.will_send(draft_of(message(GROUP, ADA, 3)))
        self.assertEqual(self.failing(), {"acknowledged"})

    def test_a_wrong_unread_count(self) -> None:
        for wrong in (1, 3, -1):
            self.observed.views[DIRECT, BEN]["unread_count"] = wrong
            self.assertEqual(self.failing(), {"unread"})

    def test_a_last_message_that_went_back(self) -> None:
        self.observed.views[DIRECT, BEN]["last_message_id"] = self.observed.histories[DIRECT][1]["id"]
        self.assertEqual(self.failing(), {"last"})

    def test_a_wrong_preview(self) -> None:
        self.observed.views[DIRECT, BEN]["last_message_preview"] = "x" * 150
        self.assertEqual(self.failing(), {"last"})

    def test_a_lost_read_marker(self) -> None:
        self.observed.views[DIRECT, ADA].update(last_read_sequence=1, unread_count=1)
        self.assertIn("markers", self.failing())

    def test_a_read_marker_that_nobody_set(self) -> None:
        self.observed.views[DIRECT, BEN].update(last_read_sequence=3, unread_count=0)
        self.assertEqual(self.failing(), {"markers"})

    def test_a_missing_notification(self) -> None:
        for index in range(len(self.observed.notifications)):
            with self.subTest(index):
                removed = self.observed.notifications.pop(index)
                self.assertEqual(self.failing(), {"notified"})
                self.observed.notifications.insert(index, removed)

    def test_no_notifications_at_all(self) -> None:
        self.observed.notifications.clear()
        self.assertEqual(self.failing(), {"notified"})

    def test_a_repeated_notification_is_allowed(self) -> None:
        self.observed.notifications *= 2
        self.assertEqual(self.failing(), set())

    def test_a_notification_of_a_message_already_read_is_allowed(self) -> None:
        self.observed.notifications.append(self.notification(self.observed.histories[DIRECT][1], ADA))
        self.assertEqual(self.failing(), set())

    def test_a_notification_to_the_sender_or_to_a_stranger(self) -> None:
        for recipient in (ADA, CLEO):
            self.observed.notifications.append(self.notification(self.observed.histories[DIRECT][0], recipient))
            self.assertEqual(self.failing(), {"private"})
            self.observed.notifications.pop()

    def test_a_notification_with_another_preview(self) -> None:
        self.observed.notifications[0]["preview"] = "something else"
        self.assertEqual(self.failing(), {"private"})

    def test_a_notification_that_stands_for_several(self) -> None:
        self.observed.notifications[0].update(count=5, preview="5 new messages")
        self.assertEqual(self.failing(), set())
        self.observed.notifications[0].update(count=4)
        self.assertEqual(self.failing(), {"private"})


class Contradiction(unittest.TestCase):
    def setUp(self) -> None:
        self.stored = message(DIRECT, ADA, 1)
        self.draft = draft_of(self.stored)
        self.ledger = Ledger()
        self.ledger.will_send(self.draft)

    def answer(self, status: int, expected: int = None, **changes) -> int:
        self.ledger.was_answered(self.draft, status, {**self.stored, **changes}, expected)
        return len(self.ledger.problems)

    def test_the_same_answer_again_is_right(self) -> None:
        self.answer(CREATED, expected=CREATED)
        self.assertEqual(self.answer(REPEATED, expected=REPEATED), 0)

    def test_a_repeat_as_first_answer_is_right_after_an_unknown_outcome(self) -> None:
        self.assertEqual(self.answer(REPEATED), 0)

    def test_a_first_try_answered_as_a_repeat(self) -> None:
        self.assertEqual(self.answer(REPEATED, expected=CREATED), 1)

    def test_two_answers_that_both_created(self) -> None:
        self.answer(CREATED)
        self.assertEqual(self.answer(CREATED), 1)

    def test_a_repeat_answered_with_another_message(self) -> None:
        self.answer(CREATED, expected=CREATED)
        self.assertEqual(self.answer(REPEATED, expected=REPEATED, sequence_number=2), 1)

    def test_an_answer_that_is_not_what_was_sent(self) -> None:
        self.assertEqual(self.answer(CREATED, expected=CREATED, content="else"), 1)

    def test_an_id_of_another_form(self) -> None:
        self.assertEqual(self.answer(CREATED, expected=CREATED, id="7"), 1)

    def test_a_read_marker_that_goes_back(self) -> None:
        self.ledger.was_marked_read(DIRECT, ADA, {"last_read_sequence": 2, "unread_count": 0})
        self.ledger.was_marked_read(DIRECT, ADA, {"last_read_sequence": 1, "unread_count": 1})
        self.assertEqual(len(self.ledger.problems), 1)


class Heard(unittest.TestCase):
    """What a listener heard, against the history."""

    def setUp(self) -> None:
        self.history = [message(DIRECT, ADA, number) for number in range(1, 6)]
        self.record = copy.deepcopy(self.history)

    def problems(self) -> int:
        observed = Observation([], {DIRECT: self.history}, records={(DIRECT, BEN): self.record})
        return len(checks.listeners_heard_everything_once_in_order(observed))

    def test_everything_once_in_order(self) -> None:
        self.assertEqual(self.problems(), 0)

    def test_a_gap(self) -> None:
        del self.record[2]
        self.assertEqual(self.problems(), 1)

    def test_a_lost_tail(self) -> None:
        del self.record[4]
        self.assertEqual(self.problems(), 1)

    def test_a_repeat(self) -> None:
        self.record.insert(3, self.record[2])
        self.assertEqual(self.problems(), 1)

    def test_another_order(self) -> None:
        self.record[1], self.record[2] = self.record[2], self.record[1]
        self.assertEqual(self.problems(), 1)

    def test_another_content(self) -> None:
        self.record[0]["content"] = "else"
        self.assertEqual(self.problems(), 1)


class TornLine(unittest.TestCase):
    def test_the_notification_after_a_torn_one_is_found(self) -> None:
        whole = json.dumps({"message_id": "1", "preview": "{"}) + "\n"
        for cut in range(len(whole) - 1):
            self.assertEqual(notification_in(whole[:cut] + whole), json.loads(whole))

    def test_a_torn_line_alone_is_none(self) -> None:
        self.assertIsNone(notification_in('{"message_id": "1", "data": {}'))


if __name__ == "__main__":
    unittest.main()
