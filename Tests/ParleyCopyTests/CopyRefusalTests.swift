import ParleyCopy
import ParleyCore
import ParleyModel
import ParleyPostgres
import ParleyStores
import ParleyTesting
import Testing

@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct CopyRefusalTests {
    @Test func `a second folder is refused`() async throws {
        try await withSeed { random in
            let (folder, _) = try await CopyTests.filled(steps: 20, &random)
            let (other, _) = try await CopyTests.filled(steps: 20, &random)
            try await TestCluster.with { cluster in
                _ = try await CopyTests.copier(folder, cluster).run()
                let before = try await CopyTests.fingerprint(cluster)
                await #expect(throws: CopyFailure.otherSource) { try await CopyTests.copier(other, cluster).run() }
                #expect(try await CopyTests.fingerprint(cluster) == before)
            }
        }
    }

    @Test func `data that no copy has brought are left alone`() async throws {
        try await withSeed { random in
            let (folder, world) = try await CopyTests.filled(steps: 20, &random)
            try await TestCluster.with { cluster in
                _ = try await cluster.conversations.direct(between: world.users[0], and: world.users[1], id: .random(), at: Sample.start)
                await #expect(throws: CopyFailure.notEmpty) { try await CopyTests.copier(folder, cluster).run() }
            }
            try await TestCluster.with { cluster in
                try await cluster.mongo(#"{"insert": "messages", "documents": [{"x": 1}]}"#)
                await #expect(throws: CopyFailure.notEmpty) { try await CopyTests.copier(folder, cluster).run() }
            }
        }
    }

    @Test func `nothing is written while a node runs`() async throws {
        try await withSeed { random in
            let (folder, _) = try await CopyTests.filled(steps: 20, &random)
            try await TestCluster.with { cluster in
                try await cluster.sql("INSERT INTO node_checkpoints VALUES ('00000000ff', now(), '00000000ff', now() + interval '1 hour')")
                await #expect(throws: CopyFailure.nodeRuns) { try await CopyTests.copier(folder, cluster).run() }
                try await cluster.sql("DELETE FROM node_checkpoints")
                await #expect(throws: CopyFailure.nodeRuns) {
                    try await CopyTests.copier(folder, cluster) { step in
                        guard step == .messagesStored else { return }
                        try await cluster.sql(
                            "INSERT INTO node_checkpoints VALUES ('00000000ff', now(), '00000000ff', now() + interval '1 hour')")
                    }.run()
                }
            }
        }
    }

    @Test func `a copy that another one has taken over writes no more`() async throws {
        try await withSeed { random in
            let (folder, world) = try await CopyTests.filled(steps: 60, &random)
            try await TestCluster.with { cluster in
                _ = try await folder.serve { _ in
                    await #expect(throws: CopyFailure.takenOver) {
                        try await CopyTests.copier(folder, cluster) { step in
                            if step == .messagesStored { _ = try await CopyTests.copier(folder, cluster).run() }
                        }.run()
                    }
                }
                #expect(try await CopyTests.copier(folder, cluster).run().end == .finished)
                try await folder.serve { try await Comparison(world: world, source: $0, target: cluster).run() }
            }
        }
    }

    @Test func `once nodes have worked on it, a finished copy is not touched`() async throws {
        try await withSeed { random in
            let (folder, filled) = try await CopyTests.filled(steps: 60, &random)
            var world = filled
            try await TestCluster.with { cluster in
                _ = try await CopyTests.copier(folder, cluster).run()
                let (one, other) = (UserID.random(), UserID.random())
                _ = try await cluster.conversations.direct(between: one, and: other, id: .random(), at: Sample.start)
                let before = try await CopyTests.fingerprint(cluster)
                guard case .finishedBefore = try await CopyTests.copier(folder, cluster).run().end else {
                    Issue.record("it was copied again")
                    return
                }
                let database = try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: TestCluster.logger)
                try await world.send(2, SampleStores(database), in: world.conversations[0], from: world.users[0], &random)
                database.close()
                do {
                    _ = try await CopyTests.copier(folder, cluster).run()
                    Issue.record("nothing was thrown")
                } catch CopyFailure.goneApart(_, let messages) {
                    #expect(messages == 2)
                }
                #expect(try await CopyTests.fingerprint(cluster) == before)
            }
        }
    }

    @Test func `a folder without a database stays as it is`() async throws {
        let folder = try SampleFolder()
        try await TestCluster.with { cluster in
            await #expect(throws: SQLiteDatabase.OpenError.self) { try await CopyTests.copier(folder, cluster).run() }
        }
        #expect(!SQLiteDatabase.exists(folder: folder.path))
    }
}
