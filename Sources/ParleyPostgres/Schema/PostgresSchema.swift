/// The tables of cluster mode, as numbered steps. A step that has been released is never edited.
///
/// The names that DESIGN.md's contracts list are public interface: other programs read and count on them. Ids are `uuid`,
/// times `timestamptz`, sequence numbers `bigint`.
public enum PostgresSchema {
    /// A step of the schema: its statements are carried out in order, in one transaction.
    struct Step {
        let number: Int64
        let name: String
        let statements: [String]
    }

    /// Every table of Parley's.
    static let tables = [
        "conversations", "conversation_sequences", "participants", "departures", "media", "devices", "token_revocations",
        "node_checkpoints", "notification_settings", "push_devices", "push_alerts", "push_shown", "push_take_backs",
        "attendances", "parley_migrations",
    ]

    static let steps = [
        Step(number: 1, name: "conversations and participants", statements: conversations + participants),
        Step(number: 2, name: "media, devices and revoked tokens", statements: media + devices + tokenRevocations),
        Step(number: 3, name: "checkpoints of nodes", statements: checkpoints),
        Step(number: 4, name: "copies of data folders", statements: copies),
        Step(number: 5, name: "notifications", statements: notificationChoices + pushLedger),
        Step(number: 6, name: "departures by time", statements: departuresByTime),
        Step(number: 7, name: "attendances", statements: attendances),
        Step(number: 8, name: "alerts that may have been sent", statements: doubtfulAlerts),
        Step(number: 9, name: "alerts by message", statements: alertsByMessage),
    ]

    /// - `last_sequence`: last message and counts are done up to here; the messages themselves are in another engine, which
    ///   may be ahead.
    /// - `activity`: when metadata were last applied, or the conversation was made, in microseconds since 1970 by this
    ///   server's clock; it only grows. `past_activity` and `past_sequences` are the last values that it had, and
    ///   `last_sequence` with it, oldest first, so that lists and marks can look back a little.
    /// - `max_delay`: the longest that a message ever waited for being applied, in microseconds from its own time to
    ///   `activity`.
    /// - `version` counts the changes of title and participants; `changed_at` is when the last one was.
    /// - `unread_count_user1`, `unread_count_user2`: of a direct conversation's two users, for other programs. Our own counts
    ///   follow from the participants' rows, whatever the type.
    ///
    /// Rows are updated with every batch of messages: free space in each page keeps the new version near.
    private static let conversations = [
        """
        CREATE TABLE conversations (
            conversation_id uuid PRIMARY KEY,
            type text NOT NULL CHECK (type IN ('direct', 'group')),
            user1_id uuid,
            user2_id uuid,
            last_message_id text,
            last_message_at timestamptz,
            last_message_preview text,
            unread_count_user1 int NOT NULL DEFAULT 0,
            unread_count_user2 int NOT NULL DEFAULT 0,
            title text,
            created_by uuid NOT NULL,
            created_at timestamptz NOT NULL,
            version bigint NOT NULL DEFAULT 0,
            changed_at timestamptz NOT NULL,
            participant_count bigint NOT NULL CHECK (participant_count >= 0),
            last_sequence bigint NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
            created_activity bigint NOT NULL,
            activity bigint NOT NULL,
            past_activity bigint[] NOT NULL DEFAULT '{}',
            past_sequences bigint[] NOT NULL DEFAULT '{}',
            max_delay bigint NOT NULL DEFAULT 0,
            CHECK ((type = 'direct') = (user1_id IS NOT NULL AND user2_id IS NOT NULL)),
            CHECK ((last_sequence = 0) = (last_message_id IS NULL))
        ) WITH (fillfactor = 80)
        """,
        // "Is there a direct conversation of these two?", and only one, in whichever order a program wrote them.
        """
        CREATE UNIQUE INDEX conversations_by_pair ON conversations (least(user1_id, user2_id), greatest(user1_id, user2_id))
        WHERE type = 'direct'
        """,
        // "Which conversations got messages after this mark?"
        "CREATE INDEX conversations_by_activity ON conversations (activity)",
        // The last number given out, for programs that ask for it; our own numbers are given where the messages are stored.
        """
        CREATE TABLE conversation_sequences (
            conversation_id uuid PRIMARY KEY REFERENCES conversations,
            sequence_number bigint NOT NULL DEFAULT 0
        ) WITH (fillfactor = 80)
        """,
    ]

    /// Unread = (last_sequence - last_read_sequence) - (own_sent - own_read): what others sent after the marker.
    /// `own_sent` counts the participant's messages since joining, `own_read` those of them up to the marker. So messages
    /// touch their senders' rows only, whatever the number of participants.
    ///
    /// The primary key serves everything that is asked of one conversation: a participant, pages by user id, receipts. No
    /// index names a column that markers or counts change, so that those updates stay within their page.
    private static let participants = [
        """
        CREATE TABLE participants (
            conversation_id uuid NOT NULL REFERENCES conversations,
            user_id uuid NOT NULL,
            role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'read_only')),
            joined_at timestamptz NOT NULL,
            muted boolean NOT NULL DEFAULT false,
            muted_until timestamptz,
            last_read_sequence bigint NOT NULL CHECK (last_read_sequence >= 0),
            last_delivered_sequence bigint NOT NULL DEFAULT 0,
            own_sent bigint NOT NULL DEFAULT 0,
            own_read bigint NOT NULL DEFAULT 0,
            changed_at timestamptz NOT NULL,
            PRIMARY KEY (conversation_id, user_id),
            CHECK (own_read BETWEEN 0 AND own_sent)
        ) WITH (fillfactor = 80)
        """,
        // "Which conversations is this user in?": lists, standings, missed changes, who shares one.
        "CREATE INDEX participants_by_user ON participants (user_id, conversation_id)",
        // "Is this the only owner?", without reading a large group's participants.
        "CREATE INDEX participants_owners ON participants (conversation_id) WHERE role = 'owner'",
        // Lets a client that comes back learn of conversations that its user is no longer in. The primary key serves
        // "which has this user left?".
        """
        CREATE TABLE departures (
            user_id uuid NOT NULL,
            conversation_id uuid NOT NULL REFERENCES conversations,
            left_at timestamptz NOT NULL,
            PRIMARY KEY (user_id, conversation_id)
        )
        """,
    ]

    /// "Who is out of which conversation since then?", which each node with sockets asks about once a second.
    private static let departuresByTime = [
        "CREATE INDEX departures_by_time ON departures (left_at, user_id, conversation_id)"
    ]

    private static let media = [
        """
        CREATE TABLE media (
            media_id uuid PRIMARY KEY,
            owner_id uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('image', 'video', 'audio', 'document')),
            name text NOT NULL,
            size bigint NOT NULL,
            content_type text NOT NULL,
            url text NOT NULL,
            width bigint,
            height bigint,
            duration_ms bigint,
            created_at timestamptz NOT NULL
        )
        """
    ]

    /// `address_key` is the token, or a subscription's endpoint: longer than an index entry may be, so its
    /// SHA-256 is indexed.
    private static let devices = [
        """
        CREATE TABLE devices (
            device_id uuid PRIMARY KEY,
            number bigint GENERATED ALWAYS AS IDENTITY,
            user_id uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('apns', 'fcm', 'webpush')),
            address_key text NOT NULL,
            address_digest bytea NOT NULL,
            p256dh text,
            auth text,
            name text,
            created_at timestamptz NOT NULL
        )
        """,
        // "Whose is this address?", and it is one user's only.
        "CREATE UNIQUE INDEX devices_by_address ON devices (kind, address_digest)",
        // "Which devices does this user have?", oldest first.
        "CREATE INDEX devices_by_user ON devices (user_id, created_at, number)",
    ]

    private static let tokenRevocations = [
        """
        CREATE TABLE token_revocations (
            user_id uuid PRIMARY KEY,
            issued_before timestamptz NOT NULL
        )
        """
    ]

    /// A run of a node, named by the ten hex digits in the middle of the ids of its messages. All of its messages with ids from
    /// before `due_from` have their effects done. Whoever holds the lease carries on from there: the node itself, or another
    /// one after it died.
    private static let checkpoints = [
        """
        CREATE TABLE node_checkpoints (
            node_id text PRIMARY KEY,
            due_from timestamptz NOT NULL,
            leased_by text NOT NULL,
            leased_until timestamptz NOT NULL
        )
        """,
        // "Whose lease has ended?"
        "CREATE INDEX node_checkpoints_by_lease ON node_checkpoints (leased_until)",
    ]

    /// Where this database's data were copied from, and how far that copy is. `run_id` names the process that copies: who came
    /// before it writes no more. The positions and ids are those of the folder; `finished_at` is set when nobody served it any
    /// more and nothing was left.
    private static let copies = [
        """
        CREATE TABLE parley_copies (
            source_id uuid PRIMARY KEY,
            run_id uuid NOT NULL,
            begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            message_position bigint NOT NULL DEFAULT 0,
            push_job_id bigint NOT NULL DEFAULT 0,
            dead_letter_id bigint NOT NULL DEFAULT 0,
            finished_at timestamptz
        )
        """
    ]

    /// `registered_at` is when a device's address was last registered; a node that does not know the column registers now.
    /// `quiet_from` and `quiet_to` are minutes since midnight in the user's time zone.
    private static let notificationChoices = [
        """
        ALTER TABLE participants ADD COLUMN notification_level text NOT NULL DEFAULT 'all'
            CHECK (notification_level IN ('all', 'mentions', 'none'))
        """,
        "ALTER TABLE devices ADD COLUMN registered_at timestamptz NOT NULL DEFAULT now()",
        "UPDATE devices SET registered_at = created_at",
        // The primary key serves "what have these users chosen?".
        """
        CREATE TABLE notification_settings (
            user_id uuid PRIMARY KEY,
            display_name text,
            time_zone text NOT NULL,
            quiet_from int CHECK (quiet_from BETWEEN 0 AND 1439),
            quiet_to int CHECK (quiet_to BETWEEN 0 AND 1439),
            privacy text CHECK (privacy IN ('full', 'sender', 'ids')),
            CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
        )
        """,
    ]

    /// - `push_devices`: the devices that alerts were meant for, with the number that each was last told. `reads` counts what their
    ///   user has read since one of them is here, the same for all of a user's: a badge that was counted before a reading and
    ///   told after it is known by that. Whoever judges what devices show, or changes it, locks their rows first.
    /// - `push_alerts`: sent ones, and claims. `at` is when it was sent, or when the claim of `claimed_by` ends; `reads` is that
    ///   of its device at the claim.
    /// - `push_shown`: how many alerts of a conversation a device shows: those since the user last read in it.
    /// - `push_take_backs`: `due_at` is when one may be handed out, from the beginning or after the end of a lease;
    ///   `leased_sequence` and `reads` are what the newest lease found, `is_renewed` tells whether there was cause for it again
    ///   since.
    ///
    /// Without foreign keys: with them each alert would lock the rows of its device and its conversation. Removing a device
    /// removes its rows in the same transaction, but for its alerts (``alertsByMessage``), and conversations are never removed.
    private static let pushLedger = [
        // The primary key serves "is a device of this user's told anything?", which every reader asks, and "of this device".
        """
        CREATE TABLE push_devices (
            user_id uuid NOT NULL,
            device_id uuid NOT NULL,
            badge bigint NOT NULL DEFAULT 0,
            reads bigint NOT NULL,
            PRIMARY KEY (user_id, device_id)
        ) WITH (fillfactor = 80)
        """,
        // The primary key served claims, settling, and the removal of a device, until `alertsByMessage` turned it round.
        """
        CREATE TABLE push_alerts (
            device_id uuid NOT NULL,
            message_id text NOT NULL,
            conversation_id uuid NOT NULL,
            user_id uuid NOT NULL,
            sequence_number bigint,
            is_sent boolean NOT NULL DEFAULT false,
            at timestamptz NOT NULL,
            claimed_by uuid NOT NULL,
            reads bigint NOT NULL,
            PRIMARY KEY (device_id, message_id)
        )
        """,
        // "Which alerts are old enough to be forgotten?"
        "CREATE INDEX push_alerts_by_time ON push_alerts (at)",
        // The primary key serves "what does a device show of this conversation?", and the removal of a user's device.
        """
        CREATE TABLE push_shown (
            user_id uuid NOT NULL,
            conversation_id uuid NOT NULL,
            device_id uuid NOT NULL,
            alerts bigint NOT NULL,
            PRIMARY KEY (user_id, conversation_id, device_id)
        ) WITH (fillfactor = 80)
        """,
        """
        CREATE TABLE push_take_backs (
            user_id uuid NOT NULL,
            conversation_id uuid NOT NULL,
            last_read_sequence bigint NOT NULL,
            due_at timestamptz NOT NULL,
            attempts bigint NOT NULL DEFAULT 0,
            leased_sequence bigint,
            reads bigint NOT NULL DEFAULT 0,
            is_renewed boolean NOT NULL DEFAULT false,
            PRIMARY KEY (user_id, conversation_id)
        )
        """,
        // "What is due?"
        "CREATE INDEX push_take_backs_by_due ON push_take_backs (due_at)",
    ]

    /// Who sits at connections of which node, and who did and is to be looked at again: the latter have a `due_at`, when that may
    /// be done, from the beginning or after the end of a lease. `since` is when it began; what was delivered before `seen_until` has
    /// been seen, all of it where that is not known.
    private static let attendances = [
        // The primary key serves whoever comes and goes.
        """
        CREATE TABLE attendances (
            user_id uuid NOT NULL,
            node_id text NOT NULL,
            since timestamptz NOT NULL,
            seen_until timestamptz,
            due_at timestamptz,
            PRIMARY KEY (user_id, node_id)
        ) WITH (fillfactor = 80)
        """,
        // "Who is to be looked at again?"
        "CREATE INDEX attendances_by_due ON attendances (due_at) WHERE due_at IS NOT NULL",
        // "Who sat at this node's connections?", and "which nodes have users?"
        "CREATE INDEX attendances_by_node ON attendances (node_id) WHERE due_at IS NULL",
    ]

    /// - `push_alerts.is_doubtful`: whether an earlier claim ended and it is not known whether the alert was sent.
    /// - `push_shown` counts alerts from their claim on, as what the device may show, until they are known not to be sent.
    private static let doubtfulAlerts = [
        "ALTER TABLE push_alerts ADD COLUMN is_doubtful boolean NOT NULL DEFAULT false",
        """
        INSERT INTO push_shown AS s (user_id, conversation_id, device_id, alerts)
        SELECT user_id, conversation_id, device_id, count(*) FROM push_alerts WHERE NOT is_sent
        GROUP BY user_id, conversation_id, device_id
        ON CONFLICT (user_id, conversation_id, device_id) DO UPDATE SET alerts = s.alerts + excluded.alerts
        """,
    ]

    /// The alerts of a message stand together, and those of old messages at the beginning: that serves claims, settling and
    /// forgetting, and as no index names a column that settling changes, it stays within the page. What is left of a removed device, or
    /// of one that somebody else has now, counts for nothing.
    private static let alertsByMessage = [
        "ALTER TABLE push_alerts DROP CONSTRAINT push_alerts_pkey, ADD PRIMARY KEY (message_id, device_id)",
        "DROP INDEX push_alerts_by_time",
        "ALTER TABLE push_alerts SET (fillfactor = 80)",
    ]
}
