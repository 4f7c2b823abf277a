/// A moment of a copy when something has been written and what follows from it has not. Tests end a copy there, as a crash
/// would.
public enum CopyStep: Sendable, CaseIterable {
    case begun
    case conversationsMade
    case messagesStored
    case messagesNoted
    case conversationsPut
    case mediaPut
    case departuresPut
    case devicesPut
    case revocationsPut
    case settingsPut
    case alertsPut
    case showingsPut
    case attendancesPut
    case pushJobsQueued
    case pushJobsNoted
    case deadLettersPutAside
    case deadLettersNoted
    case effectsLeft
    case passed
}

/// Called at each step; what it throws ends the copy.
public typealias CopyHook = @Sendable (CopyStep) async throws -> Void
