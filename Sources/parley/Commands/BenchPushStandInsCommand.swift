import ArgumentParser
import Foundation
import NIOPosix
import ParleyBench
import UnixSignals

/// The push services that `bench --push` sends to: not for people.
struct BenchPushStandInsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-push-stand-ins", abstract: "What plays the push services for `bench --push`.", shouldDisplay: false)

    @Argument(help: "The folder that is told how they are reached, and at the end what they have accepted.")
    var folder: String

    @Argument(help: "How many browsers are subscribed.")
    var subscriptions: Int

    func run() async throws {
        OpenFiles.raiseLimit()
        let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
        let standIns = BenchStandIns()
        try await standIns.start(group: MultiThreadedEventLoopGroup.singleton)
        try await standIns.describe(in: folder, subscriptions: subscriptions)
        for await _ in signals { break }
        try await standIns.count(in: folder)
    }
}
