import Logging
import ParleyCore
import ParleyStores

/// The adapters behind the ports, and what follows from them: the one place that picks them.
struct Backend {
    /// Where the effects of stored messages are found again.
    enum Effects {
        /// One process: the log of its store, in the order of storing.
        case log(any EffectLog)
        /// Many nodes: each goes on for those that died.
        case nodes(register: any NodeRegister, log: any RepairLog)
    }

    let messages: any MessageStore
    let effects: Effects
    let conversations: any ConversationStore
    let media: any MediaStore
    let devices: any DeviceStore
    let revocations: any TokenRevocationStore
    let notificationSettings: any NotificationSettingsStore
    let pushLedger: any PushLedger
    let pushQueue: any PushQueue
    let attendances: any AttendanceStore
    let bus: any EventBus
    /// Whether events may get lost on the way: then connections look for changes that they were not told of.
    var busLosesEvents = false
    /// Where departures show that such a bus did not tell; nil without.
    var departures: (any DepartureLog)?
    let presence: any Presence
    let dependencies: [String: @Sendable () async throws(StoreError) -> Void]
    /// Lanes that the message store makes good use of.
    let laneCount: Int
    let close: @Sendable () async -> Void
}

extension Backend {
    /// SQLite in a folder, everything else in the process.
    static func embedded(
        folder: String, bus: any EventBus = InProcessEventBus(), busLosesEvents: Bool = false, logger: Logger
    ) async throws -> Backend {
        let database = try SQLiteDatabase(folder: folder, access: .exclusive, logger: logger)
        let pushQueue = SQLitePushQueue(database)
        let pushLedger = SQLitePushLedger(database)
        do {
            // The first write of the process: a folder that can only be read shows here.
            try await pushQueue.releaseLeases(at: SystemTimeSource().now())
            try await pushLedger.releaseLeases(at: SystemTimeSource().now())
        } catch {
            database.close()
            throw SQLiteDatabase.OpenError.cannotOpen(
                folder: folder, reason: "it cannot be written; see to its permissions and to the room on its disk")
        }
        let messages = SQLiteMessageStore(database)
        return Backend(
            messages: messages, effects: .log(messages), conversations: SQLiteConversationStore(database),
            media: SQLiteMediaStore(database), devices: SQLiteDeviceStore(database), revocations: SQLiteTokenRevocationStore(database),
            notificationSettings: SQLiteNotificationSettingsStore(database), pushLedger: pushLedger, pushQueue: pushQueue,
            attendances: SQLiteAttendanceStore(database),
            bus: bus, busLosesEvents: busLosesEvents, presence: InProcessPresence(),
            dependencies: ["storage": { () async throws(StoreError) in try await database.probe() }],
            // One writer, one lane: all that waits shares a commit.
            laneCount: 1, close: { database.close() })
    }
}
