public import ParleyCore

/// What ``ParleyCore/NodeRegister`` promises. A register may hold entries of others.
public enum NodeRegisterConformance {
    public static let cases: [ConformanceCase<any NodeRegister>] = [
        ConformanceCase("a node whose lease holds is left alone") { register in
            let (one, two) = (NodeID.random(), NodeID.random())
            try await register.renew(one, dueFrom: 100, seconds: 60)
            try checkEqual(try await register.takeOver(by: two, seconds: 60), nil, "a lapsed node")
        },
        ConformanceCase("a node whose lease has ended is given to one other, with where it stood, and not to itself") { register in
            let (one, two, three) = (NodeID.random(), NodeID.random(), NodeID.random())
            try await register.renew(one, dueFrom: 100, seconds: 60)
            try await register.renew(one, dueFrom: 123, seconds: 0)
            try await rest()
            try checkEqual(try await register.takeOver(by: one, seconds: 60), nil, "a lapsed node, for itself")
            try checkEqual(try await register.takeOver(by: two, seconds: 60), LapsedNode(node: one, dueFrom: 123), "a lapsed node")
            try checkEqual(try await register.takeOver(by: three, seconds: 60), nil, "a lapsed node that somebody has")
        },
        ConformanceCase("many who look at once get different nodes") { register in
            let nodes = Set((0..<10).map { _ in NodeID.random() })
            for node in nodes { try await register.renew(node, dueFrom: 1, seconds: 0) }
            try await rest()
            let found = try await concurrently(10) { _ in try await register.takeOver(by: .random(), seconds: 60)?.node }
            // One that is looked at by another in that moment may be passed over.
            var taken = found.compactMap(\.self)
            while let more = try await register.takeOver(by: .random(), seconds: 60) { taken.append(more.node) }
            try checkEqual(taken.count, 10, "nodes taken")
            try checkEqual(Set(taken), nodes, "the nodes")
        },
        ConformanceCase("who went on for a node moves it forward and never back, and lapses like any other") { register in
            let (one, two, three) = (NodeID.random(), NodeID.random(), NodeID.random())
            try await register.renew(one, dueFrom: 100, seconds: 0)
            try await rest()
            _ = try await register.takeOver(by: two, seconds: 60)
            try checkEqual(try await register.advance(one, to: 200, by: two, seconds: 60), true, "holding it")
            try checkEqual(try await register.advance(one, to: 150, by: two, seconds: 0), true, "holding it")
            try await rest()
            try checkEqual(try await register.takeOver(by: three, seconds: 60), LapsedNode(node: one, dueFrom: 200), "a lapsed node")
            try checkEqual(try await register.advance(one, to: 300, by: two, seconds: 60), false, "holding it after that")
            try await register.forget(one, by: two)
            try checkEqual(try await register.advance(one, to: 300, by: three, seconds: 60), true, "the other holding it")
        },
        ConformanceCase("a node that comes back has its entry again, and nobody else has") { register in
            let (one, two) = (NodeID.random(), NodeID.random())
            try await register.renew(one, dueFrom: 100, seconds: 0)
            try await rest()
            _ = try await register.takeOver(by: two, seconds: 60)
            try await register.renew(one, dueFrom: 90, seconds: 60)
            try checkEqual(try await register.advance(one, to: 300, by: two, seconds: 60), false, "holding it")
            try await register.forget(one, by: two)
            try checkEqual(try await register.advance(one, to: 0, by: one, seconds: 0), true, "the node holding it")
            try await rest()
            try checkEqual(try await register.takeOver(by: two, seconds: 60), LapsedNode(node: one, dueFrom: 90), "a lapsed node")
        },
        ConformanceCase("what is forgotten is gone, and may come anew") { register in
            let (one, two) = (NodeID.random(), NodeID.random())
            try await register.renew(one, dueFrom: 100, seconds: 0)
            try await register.forget(one, by: one)
            try await rest()
            try checkEqual(try await register.takeOver(by: two, seconds: 60), nil, "a lapsed node")
            try await register.renew(one, dueFrom: 50, seconds: 0)
            try await rest()
            try checkEqual(try await register.takeOver(by: two, seconds: 60), LapsedNode(node: one, dueFrom: 50), "a lapsed node")
        },
    ]

    /// Until a lease of no time at all has ended for certain.
    private static func rest() async throws { try await Task.sleep(for: .milliseconds(5)) }
}
