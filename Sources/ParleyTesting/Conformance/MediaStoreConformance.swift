import ParleyCore
import ParleyModel

/// What ``ParleyCore/MediaStore`` promises.
public enum MediaStoreConformance {
    public static let cases: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("every part of a medium comes back") { stores in
            let owner = Sample.users(1)[0]
            let media = [
                Media(
                    id: .random(), ownerID: owner, kind: .video, name: "Ünïcode 🎥 'film'.mp4", size: .max, contentType: "video/mp4",
                    url: "https://media.example/a?b=c&d=%20#e", width: 3840, height: 2160, durationMilliseconds: 3_600_000,
                    createdAt: Sample.time(0.123)),
                Media(
                    id: .random(), ownerID: owner, kind: .document, name: "", size: 0, contentType: "application/pdf", url: "x:y",
                    width: nil, height: nil, durationMilliseconds: nil, createdAt: Sample.start),
                Sample.media(owner: owner, kind: .audio), Sample.media(owner: owner, kind: .image),
            ]
            for medium in media { try await stores.media.register(medium) }
            let found = try await stores.media.media(media.map(\.id))
            try checkEqual(found, Dictionary(uniqueKeysWithValues: media.map { ($0.id, $0) }), "the media")
        },
        ConformanceCase("unknown ids are left out") { stores in
            let medium = Sample.media(owner: .random())
            try await stores.media.register(medium)
            try checkEqual(
                try await stores.media.media([.random(), medium.id, .random(), medium.id]), [medium.id: medium], "the media")
            try checkEqual(try await stores.media.media([.random()]), [:], "the media of unknown ids")
            try checkEqual(try await stores.media.media([]), [:], "the media of no ids")
        },
        ConformanceCase("many media are found at once") { stores in
            let media = (0..<300).map { Sample.media(owner: .random(), name: "\($0)") }
            for medium in media { try await stores.media.register(medium) }
            try checkEqual(try await stores.media.media(media.map(\.id)).count, 300, "media found")
        },
        ConformanceCase("a medium was sent where a message shows it, to those who take part there") { stores in
            let users = Sample.users(3)
            let (one, other) = (Sample.media(owner: users[0]), Sample.media(owner: users[0]))
            for medium in [one, other] { try await stores.media.register(medium) }
            let conversation = try await stores.group(Array(users[..<2]))
            _ = try await stores.group(users)
            for user in users {
                try checkEqual(
                    try await stores.media.wasSent(one.id, whereParticipates: user), false, "whether it was sent before any message"
                )
            }
            try await stores.send(
                Sample.draft(in: conversation, from: users[0], type: .image, mediaIDs: [Sample.media(owner: users[0]).id, one.id]))
            for (user, wasSent) in zip(users, [true, true, false]) {
                try checkEqual(try await stores.media.wasSent(one.id, whereParticipates: user), wasSent, "whether it was sent")
                try checkEqual(
                    try await stores.media.wasSent(other.id, whereParticipates: user), false, "whether the other one was sent")
            }
        },
        ConformanceCase("who joins sees what was sent before, and who is removed does not any more (P7)") { stores in
            let users = Sample.users(3)
            let medium = Sample.media(owner: users[0])
            try await stores.media.register(medium)
            let conversation = try await stores.group(Array(users[..<2]))
            try await stores.send(Sample.draft(in: conversation, from: users[0], type: .image, mediaIDs: [medium.id]))
            _ = try await stores.conversations.setRole(
                of: users[2], in: conversation, to: .member, maxParticipants: 10, joinedAt: Sample.start)
            try checkEqual(
                try await stores.media.wasSent(medium.id, whereParticipates: users[2]), true, "whether the new one sees it")
            _ = try await stores.conversations.remove(users[1], from: conversation)
            try checkEqual(
                try await stores.media.wasSent(medium.id, whereParticipates: users[1]), false, "whether the removed one sees it")
        },
        ConformanceCase("a medium sent in several conversations is seen in each") { stores in
            let users = Sample.users(4)
            let medium = Sample.media(owner: users[0])
            try await stores.media.register(medium)
            for other in users[1...2] {
                let conversation = try await stores.group([users[0], other])
                for _ in 0..<2 {
                    try await stores.send(Sample.draft(in: conversation, from: users[0], type: .image, mediaIDs: [medium.id]))
                }
            }
            for (user, wasSent) in zip(users, [true, true, true, false]) {
                try checkEqual(try await stores.media.wasSent(medium.id, whereParticipates: user), wasSent, "whether it was sent")
            }
        },
    ]
}
