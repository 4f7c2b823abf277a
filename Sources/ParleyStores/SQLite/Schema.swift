import GRDB

/// The tables of the embedded mode, as a list of migrations. A migration that has been released is never edited.
///
/// `ref` is a conversation's small number inside the file: keys that repeat in every message take a few bytes instead of
/// sixteen. Ids are blobs of their bytes, times milliseconds since 1970.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 conversations and messages") { db in
            try db.execute(sql: conversations)
            try db.execute(sql: messages)
        }
        migrator.registerMigration("2 media and devices") { db in
            try db.execute(sql: media)
            try db.execute(sql: devices)
        }
        migrator.registerMigration("3 push jobs") { db in
            try db.execute(sql: pushJobs)
        }
        migrator.registerMigration("4 changes, delivered markers and revoked tokens") { db in
            try db.execute(sql: changes)
        }
        migrator.registerMigration("5 the folder's identity") { db in
            try db.execute(sql: identity)
        }
        migrator.registerMigration("6 notifications") { db in
            try db.execute(sql: notificationChoices)
            try db.execute(sql: pushLedger)
        }
        migrator.registerMigration("7 attendances") { db in
            try db.execute(sql: attendances)
        }
        migrator.registerMigration("8 alerts that may have been sent") { db in
            try db.execute(sql: doubtfulAlerts)
        }
        migrator.registerMigration("9 alerts by message") { db in
            try db.execute(sql: alertsByMessage)
        }
        return migrator
    }

    /// `activity` orders a user's list: the position of the last message; before the first one, the newest position at
    /// creation (`created_position`).
    ///
    /// Unread = (last_sequence - last_read_sequence) - (own_sent - own_read): what others sent after the marker.
    /// `own_sent` counts the participant's messages since joining, `own_read` those of them up to the marker. So a create
    /// touches its sender's row only, whatever the number of participants.
    private static let conversations = """
        CREATE TABLE conversations (
            ref INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
            type TEXT NOT NULL CHECK (type IN ('direct', 'group')),
            title TEXT,
            created_by BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            created_position INTEGER NOT NULL,
            user1_id BLOB,
            user2_id BLOB,
            participant_count INTEGER NOT NULL CHECK (participant_count >= 0),
            last_sequence INTEGER NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
            last_message_id BLOB,
            last_message_at INTEGER,
            last_message_preview TEXT,
            activity INTEGER NOT NULL,
            CHECK ((type = 'direct') = (user1_id IS NOT NULL AND user2_id IS NOT NULL AND user1_id < user2_id)),
            CHECK ((last_sequence = 0) = (last_message_id IS NULL))
        ) STRICT;
        CREATE UNIQUE INDEX conversations_by_pair ON conversations (user1_id, user2_id) WHERE user1_id IS NOT NULL;
        CREATE TABLE participants (
            conversation_ref INTEGER NOT NULL REFERENCES conversations (ref),
            user_id BLOB NOT NULL CHECK (length(user_id) = 16),
            role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'read_only')),
            joined_at INTEGER NOT NULL,
            last_read_sequence INTEGER NOT NULL CHECK (last_read_sequence >= 0),
            own_sent INTEGER NOT NULL DEFAULT 0,
            own_read INTEGER NOT NULL DEFAULT 0,
            muted INTEGER NOT NULL DEFAULT 0,
            muted_until INTEGER,
            PRIMARY KEY (conversation_ref, user_id),
            CHECK (own_read BETWEEN 0 AND own_sent)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX participants_by_user ON participants (user_id);
        """

    /// The table only grows at its end; `position` is the order of storing over all conversations, the log that effects
    /// follow.
    private static let messages = """
        CREATE TABLE messages (
            position INTEGER PRIMARY KEY,
            id BLOB NOT NULL CHECK (length(id) = 12),
            conversation_ref INTEGER NOT NULL REFERENCES conversations (ref),
            sequence_number INTEGER NOT NULL CHECK (sequence_number > 0),
            sender_id BLOB NOT NULL,
            message_type TEXT NOT NULL,
            content TEXT NOT NULL,
            media_ids BLOB,
            client_message_id TEXT,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX messages_by_sequence ON messages (conversation_ref, sequence_number);
        CREATE UNIQUE INDEX messages_by_key ON messages (conversation_ref, sender_id, client_message_id)
            WHERE client_message_id IS NOT NULL;
        CREATE TABLE effect_checkpoint (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            position INTEGER NOT NULL
        ) STRICT;
        INSERT INTO effect_checkpoint (id, position) VALUES (1, 0);
        CREATE TABLE probe (count INTEGER NOT NULL) STRICT;
        INSERT INTO probe (count) VALUES (0);
        """

    /// `version` counts the changes of title and participants; `changed_at` is when the last one was, and for a
    /// participant when a marker or the mute last changed. The delivered marker counts as standing at the read marker
    /// where it is lower. `departures` lets a client that comes back learn of conversations that its user is no longer in.
    private static let changes = """
        ALTER TABLE conversations ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE conversations ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE participants ADD COLUMN last_delivered_sequence INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE participants ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE departures (
            user_id BLOB NOT NULL,
            conversation_ref INTEGER NOT NULL REFERENCES conversations (ref),
            left_at INTEGER NOT NULL,
            PRIMARY KEY (user_id, conversation_ref)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE revoked_tokens (
            user_id BLOB PRIMARY KEY CHECK (length(user_id) = 16),
            issued_before INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// Tells this folder from all others: what was copied elsewhere is known by it.
    private static let identity = """
        CREATE TABLE folder_identity (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            folder_id BLOB NOT NULL CHECK (length(folder_id) = 16)
        ) STRICT;
        INSERT INTO folder_identity (id, folder_id) VALUES (1, randomblob(16));
        """

    /// `registered_at` is when a device's address was last registered. `quiet_from` and `quiet_to` are minutes since midnight.
    private static let notificationChoices = """
        ALTER TABLE participants ADD COLUMN notification_level TEXT NOT NULL DEFAULT 'all'
            CHECK (notification_level IN ('all', 'mentions', 'none'));
        ALTER TABLE devices ADD COLUMN registered_at INTEGER NOT NULL DEFAULT 0;
        UPDATE devices SET registered_at = created_at;
        CREATE TABLE notification_settings (
            user_id BLOB PRIMARY KEY CHECK (length(user_id) = 16),
            display_name TEXT,
            time_zone TEXT NOT NULL,
            quiet_from INTEGER CHECK (quiet_from BETWEEN 0 AND 1439),
            quiet_to INTEGER CHECK (quiet_to BETWEEN 0 AND 1439),
            privacy TEXT CHECK (privacy IN ('full', 'sender', 'ids')),
            CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
        ) STRICT, WITHOUT ROWID;
        """

    /// - `push_devices`: the devices that alerts were meant for, with the number that each was last told. `reads` counts what their
    ///   user has read since one of them is here, the same for all of a user's: a badge that was counted before a reading and
    ///   told after it is known by that. Who has no row here costs a reader one look-up.
    /// - `push_alerts`: sent ones, and claims. `at` is when it was sent, or when the claim ends; `reads` is that of its device
    ///   at the claim.
    /// - `push_shown`: how many alerts of a conversation a device shows: those since the user last read in it.
    /// - `push_take_backs`: `due_at` is when one may be handed out, from the beginning or after the end of a lease;
    ///   `leased_sequence` and `reads` are what the newest lease found, `is_renewed` tells whether there was cause for it again
    ///   since.
    private static let pushLedger = """
        CREATE TABLE push_devices (
            user_id BLOB NOT NULL,
            device_id BLOB NOT NULL,
            badge INTEGER NOT NULL DEFAULT 0,
            reads INTEGER NOT NULL,
            PRIMARY KEY (user_id, device_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE push_alerts (
            device_id BLOB NOT NULL,
            message_id BLOB NOT NULL,
            conversation_ref INTEGER NOT NULL REFERENCES conversations (ref),
            user_id BLOB NOT NULL,
            sequence_number INTEGER,
            is_sent INTEGER NOT NULL DEFAULT 0,
            at INTEGER NOT NULL,
            reads INTEGER NOT NULL,
            PRIMARY KEY (device_id, message_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX push_alerts_by_time ON push_alerts (at);
        CREATE TABLE push_shown (
            user_id BLOB NOT NULL,
            conversation_ref INTEGER NOT NULL REFERENCES conversations (ref),
            device_id BLOB NOT NULL,
            alerts INTEGER NOT NULL,
            PRIMARY KEY (user_id, conversation_ref, device_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE push_take_backs (
            user_id BLOB NOT NULL,
            conversation_ref INTEGER NOT NULL REFERENCES conversations (ref),
            last_read_sequence INTEGER NOT NULL,
            due_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            leased_sequence INTEGER,
            reads INTEGER NOT NULL DEFAULT 0,
            is_renewed INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (user_id, conversation_ref)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX push_take_backs_by_due ON push_take_backs (due_at);
        """

    /// Who sits at connections, and who did and is to be looked at again: the latter have a `due_at`, when that may be done, from
    /// the beginning or after the end of a lease. `since` is when it began; what was delivered before `seen_until` has been seen,
    /// all of it where that is not known.
    private static let attendances = """
        CREATE TABLE attendances (
            user_id BLOB NOT NULL,
            node_id TEXT NOT NULL,
            since INTEGER NOT NULL,
            seen_until INTEGER,
            due_at INTEGER,
            PRIMARY KEY (user_id, node_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX attendances_by_due ON attendances (due_at) WHERE due_at IS NOT NULL;
        """

    /// - `push_alerts.is_doubtful`: whether an earlier claim ended and it is not known whether the alert was sent.
    /// - `push_shown` counts alerts from their claim on, as what the device may show, until they are known not to be sent.
    private static let doubtfulAlerts = """
        ALTER TABLE push_alerts ADD COLUMN is_doubtful INTEGER NOT NULL DEFAULT 0;
        INSERT INTO push_shown (user_id, conversation_ref, device_id, alerts)
        SELECT user_id, conversation_ref, device_id, count(*) FROM push_alerts WHERE is_sent = 0
        GROUP BY user_id, conversation_ref, device_id
        ON CONFLICT (user_id, conversation_ref, device_id) DO UPDATE SET alerts = alerts + excluded.alerts;
        """

    /// The alerts of a message stand together, and those of old messages at the beginning: claiming and settling them writes few
    /// pages, and forgetting reads no others. What is left of a removed device, or of one that somebody else has now, counts for
    /// nothing. The index is small, for what happens when a process has died.
    private static let alertsByMessage = """
        CREATE TABLE push_alerts_by_message (
            message_id BLOB NOT NULL,
            device_id BLOB NOT NULL,
            conversation_ref INTEGER NOT NULL REFERENCES conversations (ref),
            user_id BLOB NOT NULL,
            sequence_number INTEGER,
            is_sent INTEGER NOT NULL DEFAULT 0,
            at INTEGER NOT NULL,
            reads INTEGER NOT NULL,
            is_doubtful INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (message_id, device_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO push_alerts_by_message
        SELECT message_id, device_id, conversation_ref, user_id, sequence_number, is_sent, at, reads, is_doubtful FROM push_alerts
        ORDER BY message_id, device_id;
        DROP TABLE push_alerts;
        ALTER TABLE push_alerts_by_message RENAME TO push_alerts;
        CREATE INDEX push_alerts_claimed ON push_alerts (at) WHERE is_sent = 0;
        """

    private static let media = """
        CREATE TABLE media (
            id BLOB PRIMARY KEY CHECK (length(id) = 16),
            owner_id BLOB NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('image', 'video', 'audio', 'document')),
            name TEXT NOT NULL,
            size INTEGER NOT NULL,
            content_type TEXT NOT NULL,
            url TEXT NOT NULL,
            width INTEGER,
            height INTEGER,
            duration_ms INTEGER,
            created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE media_uses (
            media_id BLOB NOT NULL,
            conversation_ref INTEGER NOT NULL,
            PRIMARY KEY (media_id, conversation_ref)
        ) STRICT, WITHOUT ROWID;
        """

    /// `address_key` is the token, or a subscription's endpoint.
    private static let devices = """
        CREATE TABLE devices (
            number INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
            user_id BLOB NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('apns', 'fcm', 'webpush')),
            address_key TEXT NOT NULL,
            p256dh TEXT,
            auth TEXT,
            name TEXT,
            created_at INTEGER NOT NULL,
            UNIQUE (kind, address_key)
        ) STRICT;
        CREATE INDEX devices_by_user ON devices (user_id);
        """

    /// `due_at` is when a job may be handed out: the moment of queueing, the end of a lease (then `is_leased` is 1), or the
    /// time of a retry.
    /// `recipients` are 16 bytes each.
    private static let pushJobs = """
        CREATE TABLE push_jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            message_id BLOB NOT NULL,
            part INTEGER NOT NULL,
            conversation_id BLOB NOT NULL,
            sender_id BLOB NOT NULL,
            sequence_number INTEGER NOT NULL,
            recipients BLOB NOT NULL,
            message_preview TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            is_leased INTEGER NOT NULL DEFAULT 0,
            due_at INTEGER NOT NULL,
            UNIQUE (message_id, part)
        ) STRICT;
        CREATE INDEX push_jobs_by_due ON push_jobs (due_at, id);
        CREATE TABLE dead_push_jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            message_id BLOB NOT NULL,
            part INTEGER NOT NULL,
            conversation_id BLOB NOT NULL,
            sender_id BLOB NOT NULL,
            sequence_number INTEGER NOT NULL,
            recipients BLOB NOT NULL,
            message_preview TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            reason TEXT NOT NULL,
            died_at INTEGER NOT NULL
        ) STRICT;
        """
}
