public import ParleyCore
import ParleyModel

/// What ``ParleyCore/TokenRevocationStore`` promises.
public enum TokenRevocationConformance {
    public static let cases: [ConformanceCase<any TokenRevocationStore>] = [
        ConformanceCase("nothing was revoked of whom nothing was said") { store in
            try await store.revoke(.random(), before: Sample.start)
            try checkEqual(try await store.revokedBefore(of: .random()), nil, "the time")
        },
        ConformanceCase("the time only advances") { store in
            let user = Sample.users(1)[0]
            for (seconds, wanted) in [(10, 10), (5, 10), (20, 20)] as [(Double, Double)] {
                try await store.revoke(user, before: Sample.time(seconds))
                try checkEqual(try await store.revokedBefore(of: user), Sample.time(wanted), "the time")
            }
        },
    ]
}
