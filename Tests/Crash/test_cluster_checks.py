"""Shows that each check of a cluster can fail: sound data passes, each corruption is reported by the right one."""

from __future__ import annotations

import copy
import unittest
from typing import List

import cluster_checks
from catching_up import lacking
from connection import Answer
from engine_views import Entry, PostgresView
from faults import ENGINES, Fault, plan
from ledger import refusal_problems
from observation import Observation
from pairs import Pair, pair_problems
from population import Conversation
from test_checks import ADA, BEN, CLEO, DIRECT, GROUP, message, view

SECOND = cluster_checks.second_of(message(DIRECT, ADA, 1))


class Told(unittest.TestCase):
    def setUp(self) -> None:
        self.history = [{**message(DIRECT, ADA, number), "media": []} for number in (1, 2, 3)]
        self.told = {each["id"]: copy.deepcopy(each) for each in self.history}
        self.faults: List[Fault] = []
        self.observed = Observation([], {DIRECT: self.history})

    def problems(self) -> int:
        return len(cluster_checks.every_message_was_told(self.observed, self.told, self.faults))

    def redis_was_down(self, began: float, healed: float) -> None:
        self.faults.append(Fault("redis killed", 1, began=began, healed=healed))

    def test_all_are_told(self) -> None:
        self.assertEqual(self.problems(), 0)
        self.assertEqual(cluster_checks.what_was_told_is_what_is_stored(self.observed, self.told), [])

    def test_one_is_never_told(self) -> None:
        del self.told[self.history[1]["id"]]
        self.assertEqual(self.problems(), 1)

    def test_one_is_never_told_while_redis_is_down(self) -> None:
        del self.told[self.history[1]["id"]]
        self.redis_was_down(SECOND - 1, SECOND + 1)
        self.assertEqual(self.problems(), 0)

    def test_an_outage_long_before_or_after_excuses_nothing(self) -> None:
        del self.told[self.history[1]["id"]]
        self.redis_was_down(SECOND - 40, SECOND - 30)
        self.redis_was_down(SECOND + 30, SECOND + 40)
        self.assertEqual(self.problems(), 1)

    def test_an_outage_after_a_node_died_excuses_what_that_one_left(self) -> None:
        del self.told[self.history[1]["id"]]
        self.redis_was_down(SECOND + 10, SECOND + 15)
        self.faults.append(Fault("node killed", 1, 0, began=SECOND + 1, healed=SECOND + 2))
        self.assertEqual(self.problems(), 0)

    def test_who_listens_hears_of_it_although_redis_is_down(self) -> None:
        lost = self.history[1]
        del self.told[lost["id"]]
        self.redis_was_down(SECOND - 1, SECOND + 1)
        self.observed.records = {(DIRECT, BEN): [each for each in self.history if each is not lost]}
        self.assertEqual(self.problems(), 1)
        self.observed.records = {(DIRECT, BEN): self.history}
        self.assertEqual(self.problems(), 0)

    def test_another_content_is_told(self) -> None:
        self.told[self.history[0]["id"]]["content"] = "else"
        self.assertEqual(len(cluster_checks.what_was_told_is_what_is_stored(self.observed, self.told)), 1)

    def test_something_is_told_that_is_not_stored(self) -> None:
        self.told["f" * 24] = message(DIRECT, ADA, 4)
        self.assertEqual(len(cluster_checks.what_was_told_is_what_is_stored(self.observed, self.told)), 1)


class Engines(unittest.TestCase):
    """What the engines hold, against what the nodes show."""

    def setUp(self) -> None:
        direct = [{**message(DIRECT, ADA, number), "media_ids": [], "media": []} for number in (1, 2)]
        group = [{**message(GROUP, BEN, 1), "media_ids": [], "media": []}]
        self.observed = Observation(
            [Conversation(DIRECT, [ADA, BEN], 1), Conversation(GROUP, [BEN, CLEO], 1)],
            {DIRECT: direct, GROUP: group},
            {(DIRECT, ADA): view(0, 0), (DIRECT, BEN): view(1, 1), (GROUP, BEN): view(0, 0), (GROUP, CLEO): view(0, 1)})
        self.stored = {id: [cluster_checks.without_media(each) for each in copy.deepcopy(history)]
                       for id, history in self.observed.histories.items()}
        self.rows = PostgresView(
            {DIRECT: self.row(DIRECT, "direct", (0, 1)), GROUP: self.row(GROUP, "group", (0, 0))},
            {(DIRECT, ADA): 0, (DIRECT, BEN): 1, (GROUP, BEN): 0, (GROUP, CLEO): 1}, [(ADA, BEN)])

    def row(self, id: str, type: str, unread: tuple) -> dict:
        last = cluster_checks.expected_last_message(self.observed.histories[id])
        return {
            "conversation_id": id, "type": type, "user1_id": ADA, "user2_id": BEN, **last, "sequence_number": last["last_sequence"],
            "unread_count_user1": unread[0], "unread_count_user2": unread[1]}

    def postgres_problems(self) -> int:
        return len(cluster_checks.postgresql_has_the_views(self.rows, self.observed))

    def mongo_problems(self) -> int:
        return len(cluster_checks.mongodb_has_the_history(self.stored, self.observed))

    def test_sound_engines(self) -> None:
        self.assertEqual((self.postgres_problems(), self.mongo_problems()), (0, 0))

    def test_each_column_is_compared(self) -> None:
        for name in ("last_message_id", "last_message_at", "last_message_preview", "last_sequence", "sequence_number",
                     "unread_count_user1", "unread_count_user2"):
            with self.subTest(name):
                right, self.rows.conversations[DIRECT][name] = self.rows.conversations[DIRECT][name], "else"
                self.assertEqual(self.postgres_problems(), 1)
                self.rows.conversations[DIRECT][name] = right

    def test_a_wrong_count_of_a_participant(self) -> None:
        self.rows.unread[GROUP, CLEO] = 2
        self.assertEqual(self.postgres_problems(), 1)

    def test_a_lost_row(self) -> None:
        del self.rows.conversations[GROUP]
        self.assertEqual(self.postgres_problems(), 1)

    def test_a_message_that_only_mongodb_has(self) -> None:
        self.stored[GROUP].append(message(GROUP, BEN, 2))
        self.assertEqual(self.mongo_problems(), 1)

    def test_a_message_that_mongodb_lacks(self) -> None:
        self.stored[DIRECT].pop()
        self.assertEqual(self.mongo_problems(), 1)

    def test_a_number_twice(self) -> None:
        self.stored[DIRECT][1]["sequence_number"] = 1
        self.assertEqual(self.mongo_problems(), 1)

    def test_a_conversation_that_nobody_knows(self) -> None:
        self.stored["elsewhere"] = [message("elsewhere", BEN, 1)]
        self.assertEqual(self.mongo_problems(), 1)

    def test_two_nodes_that_differ(self) -> None:
        for change in (lambda other: other.histories[DIRECT].pop(), lambda other: other.views[GROUP, CLEO].update(unread_count=7)):
            other = copy.deepcopy(self.observed)
            self.assertEqual(cluster_checks.nodes_show_the_same([self.observed, other]), [])
            change(other)
            self.assertEqual(len(cluster_checks.nodes_show_the_same([self.observed, other])), 1)

    def test_a_pair_with_two_conversations(self) -> None:
        self.assertEqual(cluster_checks.no_pair_has_two_conversations(self.rows), [])
        self.rows.pairs *= 2
        self.assertEqual(len(cluster_checks.no_pair_has_two_conversations(self.rows)), 1)

    def test_what_was_refused_is_there(self) -> None:
        refused = [(GROUP, "key-9")]
        self.assertEqual(cluster_checks.nothing_refused_was_done(refused, self.stored, [CLEO], self.rows), [])
        self.assertEqual(len(cluster_checks.nothing_refused_was_done([(GROUP, "key-1")], self.stored, [], self.rows)), 1)
        self.assertEqual(len(cluster_checks.nothing_refused_was_done([], self.stored, [ADA], self.rows)), 1)


class Pairs(unittest.TestCase):
    def problems(self, *answers: tuple, are_certain: bool = True) -> int:
        return len(pair_problems([Pair([ADA, BEN], [Answer(status, {"id": id}) for status, id in answers], are_certain)]))

    def test_one_makes_it_and_the_other_finds_it(self) -> None:
        self.assertEqual(self.problems((201, DIRECT), (200, DIRECT)), 0)

    def test_two_conversations(self) -> None:
        self.assertEqual(self.problems((201, DIRECT), (200, GROUP)), 1)

    def test_both_made_it(self) -> None:
        self.assertEqual(self.problems((201, DIRECT), (201, DIRECT), are_certain=False), 1)

    def test_both_found_it(self) -> None:
        self.assertEqual(self.problems((200, DIRECT), (200, DIRECT)), 1)
        self.assertEqual(self.problems((200, DIRECT), (200, DIRECT), are_certain=False), 0)

    def test_an_error(self) -> None:
        self.assertEqual(self.problems((201, DIRECT), (500, DIRECT)), 1)


class Refusals(unittest.TestCase):
    def setUp(self) -> None:
        self.headers = {"content-type": "application/problem+json", "retry-after": "2"}
        self.body = {"status": 503, "code": "storage_unavailable", "retryable": True}

    def problems(self) -> int:
        return len(refusal_problems(Answer(503, self.body, self.headers)))

    def test_a_sound_one(self) -> None:
        self.assertEqual(self.problems(), 0)

    def test_each_lack(self) -> None:
        for place, name in [(self.headers, "content-type"), (self.headers, "retry-after"), (self.body, "code"), (self.body, "retryable")]:
            with self.subTest(name):
                right = place.pop(name)
                self.assertEqual(self.problems(), 1)
                place[name] = right

    def test_no_body(self) -> None:
        self.body = b""
        self.assertEqual(self.problems(), 1)


class Progress(unittest.TestCase):
    def test_no_create_during_an_outage(self) -> None:
        outage = Fault("redis killed", 3, down=10, undone=13)
        self.assertEqual(cluster_checks.creates_went_on(outage, [9, 12, 14]), [])
        self.assertEqual(len(cluster_checks.creates_went_on(outage, [9, 14])), 1)

    def test_notifications_without_end(self) -> None:
        notification = {"message_id": "1", "recipient_id": ADA}
        self.assertEqual(cluster_checks.nobody_was_notified_without_end([notification] * 3, 3), [])
        self.assertEqual(len(cluster_checks.nobody_was_notified_without_end([notification] * 4, 3)), 1)

    def test_a_node_whose_effects_are_due(self) -> None:
        heads = {DIRECT: 3}
        done, due = Entry("a", 101, "a", 9), Entry("a", 99, "a", 9)
        self.assertEqual(lacking(heads, {DIRECT: 3}, [done], 100), [])
        self.assertEqual(len(lacking(heads, {DIRECT: 3}, [due], 100)), 1)
        self.assertEqual(len(lacking(heads, {DIRECT: 2}, [done], 100)), 1)
        self.assertEqual(len(lacking(heads, {}, [done], 100)), 1)

    def test_a_dead_node_is_done_with_once_it_rests(self) -> None:
        gone = Entry("a", 99, "b", 60)
        self.assertEqual(len(lacking({}, {}, [gone], 100)), 1)
        self.assertEqual(lacking({}, {}, [gone._replace(rests=True)], 100), [])


class Plans(unittest.TestCase):
    def test_the_same_seed_is_the_same_plan(self) -> None:
        self.assertEqual(plan("7", 5, 3), plan("7", 5, 3))
        self.assertNotEqual(plan("7", 5, 3), plan("8", 5, 3))

    def test_the_first_round_has_each_kind_once_and_mongodb_last(self) -> None:
        for seed in range(20):
            kinds = [fault.kind for step in plan(str(seed), 1, 2) for fault in step]
            self.assertEqual(sorted(kinds), sorted(["node killed", "node stopped", *(f"{engine} killed" for engine in ENGINES)]))
            self.assertEqual(kinds[-1], "mongodb killed")

    def test_faults_that_come_together_have_different_targets(self) -> None:
        for seed in range(20):
            for step in plan(str(seed), 10, 3):
                targets = [fault.target for fault in step]
                self.assertEqual(len(targets), len(set(targets)))
                self.assertNotEqual(set(targets), {"node", "all"})


if __name__ == "__main__":
    unittest.main()
