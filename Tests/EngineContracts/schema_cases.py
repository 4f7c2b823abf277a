"""PostgreSQL: the tables and columns that other programs may name, and who may do what with them."""

from __future__ import annotations

import asyncio

from cluster import Cluster
from world import check, same

NULLABLE, REQUIRED = "YES", "NO"
COLUMNS = {
    "conversations": {
        "conversation_id": ("uuid", REQUIRED), "type": ("text", REQUIRED), "user1_id": ("uuid", NULLABLE),
        "user2_id": ("uuid", NULLABLE), "last_message_id": ("text", NULLABLE),
        "last_message_at": ("timestamp with time zone", NULLABLE), "last_message_preview": ("text", NULLABLE),
        "unread_count_user1": ("integer", REQUIRED), "unread_count_user2": ("integer", REQUIRED),
    },
    "conversation_sequences": {"conversation_id": ("uuid", REQUIRED), "sequence_number": ("bigint", REQUIRED)},
    "participants": {
        "conversation_id": ("uuid", REQUIRED), "user_id": ("uuid", REQUIRED), "role": ("text", REQUIRED),
        "joined_at": ("timestamp with time zone", REQUIRED), "last_read_sequence": ("bigint", REQUIRED),
        "muted": ("boolean", REQUIRED), "muted_until": ("timestamp with time zone", NULLABLE), "notification_level": ("text", REQUIRED),
    },
    "media": {
        "media_id": ("uuid", REQUIRED), "owner_id": ("uuid", REQUIRED), "kind": ("text", REQUIRED), "name": ("text", REQUIRED),
        "size": ("bigint", REQUIRED), "content_type": ("text", REQUIRED), "url": ("text", REQUIRED), "width": ("bigint", NULLABLE),
        "height": ("bigint", NULLABLE), "duration_ms": ("bigint", NULLABLE), "created_at": ("timestamp with time zone", REQUIRED),
    },
    "notification_settings": {
        "user_id": ("uuid", REQUIRED), "display_name": ("text", NULLABLE), "time_zone": ("text", REQUIRED),
        "quiet_from": ("integer", NULLABLE), "quiet_to": ("integer", NULLABLE), "privacy": ("text", NULLABLE),
    },
}
KEYS = {
    "conversations": ["conversation_id"], "conversation_sequences": ["conversation_id"],
    "participants": ["conversation_id", "user_id"], "media": ["media_id"], "notification_settings": ["user_id"],
}
FOREIGN_KEYS = {"conversation_sequences": "conversations", "participants": "conversations"}


async def every_table_has_the_columns_of_the_contract(cluster: Cluster) -> None:
    for table, columns in COLUMNS.items():
        rows = cluster.rows(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name = %s", table)
        found = {row["column_name"]: (row["data_type"], row["is_nullable"]) for row in rows}
        for name, wanted in columns.items():
            same(found.get(name), wanted, f"{table}.{name}")


async def every_sequence_number_has_64_bits(cluster: Cluster) -> None:
    rows = cluster.rows(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name LIKE '%%sequence%%' AND data_type <> 'ARRAY'")
    check(len(rows) >= 3, "there are only", rows)
    for row in rows:
        same(row["data_type"], "bigint", f"{row['table_name']}.{row['column_name']}")


async def tables_have_their_keys(cluster: Cluster) -> None:
    for table, columns in KEYS.items():
        rows = cluster.rows(
            "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) "
            "WHERE indisprimary AND indrelid = %s::regclass ORDER BY array_position(indkey::int2[], attnum)", table)
        same([row["attname"] for row in rows], columns, f"the primary key of {table}")
    for table, other in FOREIGN_KEYS.items():
        rows = cluster.rows(
            "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass", table)
        same([row["text"] for row in rows], [f"FOREIGN KEY (conversation_id) REFERENCES {other}(conversation_id)"], table)


async def a_conversation_is_direct_or_a_group_and_nothing_else(cluster: Cluster) -> None:
    rows = cluster.rows(
        "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE contype = 'c' AND conrelid = 'conversations'::regclass")
    text = " ".join(row["text"] for row in rows)
    check("'direct'::text, 'group'::text" in text, "the types are not checked:", text)


async def nodes_need_no_rights_beyond_those_of_their_own_database(cluster: Cluster) -> None:
    """All cases run with these logins."""
    role = cluster.rows("SELECT rolsuper, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user")[0]
    same(set(role.values()), {False}, "the rights of the PostgreSQL role beyond its database")
    others = cluster.rows(
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'parley' AND application_name <> '' AND usename <> 'parley'")
    same(others, [], "others who are connected to the database")
    status = cluster.documents.database.command("connectionStatus")["authInfo"]
    same(status["authenticatedUserRoles"], [{"role": "readWrite", "db": "parley"}], "the MongoDB roles")


async def no_node_starts_on_a_copy_that_is_not_finished(cluster: Cluster) -> None:
    cluster.rows("INSERT INTO parley_copies (source_id, run_id) VALUES (gen_random_uuid(), gen_random_uuid()) RETURNING 1")
    try:
        for command in (("serve", "--port", "0"), ("doctor",)):
            run = await asyncio.to_thread(cluster.first.server.run, *command)
            text = " ".join((run.stdout + run.stderr).split())
            check(run.returncode == 1, command[0], "ended with", run.returncode, text)
            check("a copy of a data folder was begun at" in text and "run parley copy with that folder" in text, "it says", text)
    finally:
        cluster.rows("DELETE FROM parley_copies RETURNING 1")
    run = await asyncio.to_thread(cluster.first.server.run, "doctor")
    check("a copy of" not in run.stdout, "without it parley doctor says", run.stdout)


CASES = [
    every_table_has_the_columns_of_the_contract, every_sequence_number_has_64_bits, tables_have_their_keys,
    a_conversation_is_direct_or_a_group_and_nothing_else, nodes_need_no_rights_beyond_those_of_their_own_database,
]
LAST_CASES = [no_node_starts_on_a_copy_that_is_not_finished]  # while it is there, no other case can start a node
