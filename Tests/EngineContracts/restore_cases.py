"""What OPERATING.md says of restoring a cluster: PostgreSQL comes from a backup that is older than MongoDB's."""

from __future__ import annotations

import asyncio
import subprocess
from typing import List

from cluster import Cluster, eventually, jobs_of
from others import history
from world import User, check, same


async def a_postgresql_that_is_older_than_mongodb_is_brought_up_to_it(cluster: Cluster) -> None:
    ada, ben = cluster.users(2)
    conversation = await ada.direct(ben)
    for number in range(3):
        await ada.post(conversation, f"before {number}")
    await jobs_of(cluster, conversation)
    before = wrong(await verify(cluster))
    backup = cluster.folder / "postgres.backup"
    await postgres("pg_dump", "--format=custom", f"--file={backup}", cluster.postgres_url)

    young = await cluster.node("after-the-backup", roles="api")
    for number in range(4):
        await ada.post(conversation, f"after {number}")
        await cluster.elsewhere(ben).post(conversation, f"after {number}")
    await User(young, ada.id).post(conversation, "by a node of which the backup knows nothing")
    await eventually(lambda: young.server.gauge("parley_effects_due_messages"), 0, "messages with effects to do")
    await jobs_of(cluster, conversation)
    cluster.stop()
    await postgres("pg_restore", "--clean", "--if-exists", "--single-transaction", f"--dbname={cluster.postgres_url}", str(backup))
    same(cluster.last_number(conversation), 3, "what the backup says")

    same(wrong(await verify(cluster)), before, "what is wrong before the repair")
    check("9 messages are stored and not counted yet" in await verify(cluster), await verify(cluster))
    # As if the backup were older: a node's lease ends within a minute or so.
    gone = len(cluster.rows("UPDATE node_checkpoints SET leased_until = now() - interval '1 minute' RETURNING node_id"))
    check(gone >= 2, gone)
    told = await run(cluster, "repair")
    check("1 of them lacked 9 messages, which are counted now." in told, told)
    same(nodes(cluster), gone, "the nodes after a repair that forgets none")
    told = await run(cluster, "repair", "--forget-nodes")
    check("No message had to be counted." in told and f"{gone} nodes that are gone are forgotten." in told, told)
    same(nodes(cluster), 0, "the nodes after one that forgets them")
    proof = await verify(cluster)
    check("not counted" not in proof, proof)
    same(wrong(proof), before, "what is wrong after the repair")

    for world in (cluster.first, cluster.second):
        await asyncio.to_thread(world.server.start)
        await asyncio.to_thread(world.server.wait_until_ready)
    same((await ada.again().post(conversation, "and on"))["sequence_number"], 13, "the next number")
    row = cluster.conversation(conversation)
    unread = {row["user1_id"]: row["unread_count_user1"], row["user2_id"]: row["unread_count_user2"]}
    same({str(user): count for user, count in unread.items()}, {ada.id: 4, ben.id: 9}, "unread")
    same([each["sequence_number"] for each in await history(cluster.elsewhere(ada), conversation)], list(range(1, 14)), "the numbers")
    await asyncio.sleep(5)  # in two seconds and a half a node looks for others that are gone
    same([job.body["message_preview"] for job in await jobs_of(cluster, conversation)], ["and on"], "what is notified")


def nodes(cluster: Cluster) -> int:
    return cluster.rows("SELECT count(*) FROM node_checkpoints")[0]["count"]


async def verify(cluster: Cluster) -> str:
    return await run(cluster, "verify", codes=(0, 1))


def wrong(verified: str) -> List[str]:
    """Other cases leave messages of other programs behind."""
    return [line for line in verified.splitlines() if line.startswith("wrong:")]


async def run(cluster: Cluster, *arguments: str, codes: tuple = (0,)) -> str:
    done = await asyncio.to_thread(cluster.first.server.run, *arguments)
    check(done.returncode in codes, arguments, "ended with", done.returncode, done.stdout, done.stderr)
    return done.stdout


async def postgres(*command: str) -> None:
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    check(done.returncode == 0, command[0], done.stderr)


LAST_CASES = [a_postgresql_that_is_older_than_mongodb_is_brought_up_to_it]
