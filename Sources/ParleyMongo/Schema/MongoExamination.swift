import CMongoC
public import ParleyCore
public import ParleyEngines

/// Looks at a MongoDB for `parley doctor`. Changes nothing.
public struct MongoExamination: Sendable {
    private static let oldest = [5, 0]
    private static let actions = ["find", "insert", "update", "createIndex", "listIndexes"]

    private let database: MongoDatabase

    public init(_ database: MongoDatabase) {
        self.database = database
    }

    /// Throws when the engine cannot be asked at all.
    public func findings() async throws(StoreError) -> [EngineFinding] {
        var findings = try await database.run { connection throws(StoreError) in
            let hello = try connection.command(BSON { $0.set("hello", int32: 1) })
            var findings = [try Self.version(connection)]
            findings += Self.set(hello)
            findings += try Self.privileges(connection)
            return findings
        }
        let missing = try await MongoSchema(database).missing()
        let fact = missing.isEmpty ? "all indexes are there" : "indexes are missing: \(missing.joined(separator: ", "))"
        findings.append(EngineFinding(fact, missing.isEmpty, orElse: "run parley migrate; parley serve does it at its start"))
        return findings
    }

    private static func version(_ connection: MongoConnection) throws(StoreError) -> EngineFinding {
        let version = try connection.command(BSON { $0.set("buildInfo", int32: 1) }).optionalText("version") ?? "of no version"
        return EngineFinding("answers, version \(version)", isVersion(version, atLeast: oldest), orElse: "use MongoDB 5.0 or later")
    }

    private static func set(_ hello: BSON) -> [EngineFinding] {
        if hello.optionalText("msg") == "isdbgrid" {
            return [EngineFinding("is a router of a sharded cluster")]
        }
        guard let name = hello.optionalText("setName") else {
            let advice =
                "majority writes and sessions need a replica set, of one member at least: start mongod with --replSet, then initiate it"
            return [EngineFinding("is not a member of a replica set", .bad(advice: advice))]
        }
        let members = max(1, hello.texts("hosts").count)
        let isPrimary = hello.optionalFlag("isWritablePrimary") ?? false
        return [
            EngineFinding(
                "replica set \(name) has a primary", isPrimary,
                orElse: "the members must elect one: see rs.status(), and name all of them in the URL"),
            EngineFinding(
                "\(members) member\(members == 1 ? "" : "s") with data; writes wait for a majority and its journal",
                members >= 3 ? .good : .doubtful(advice: "with three members the loss of any one stops nothing")),
        ]
    }

    /// Nothing is said where logins are not required.
    private static func privileges(_ connection: MongoConnection) throws(StoreError) -> [EngineFinding] {
        let status = try connection.command(
            BSON {
                $0.set("connectionStatus", int32: 1)
                $0.set("showPrivileges", true)
            })
        guard let info = status.document("authInfo") else { return [] }
        if info.documents("authenticatedUsers").isEmpty {
            return [EngineFinding("asks for no login", .doubtful(advice: "switch authorization on, unless nobody else can reach it"))]
        }
        let granted = info.documents("authenticatedUserPrivileges").filter { privilege in
            guard let resource = privilege.document("resource") else { return false }
            if resource.optionalFlag("anyResource") == true { return true }
            let (name, collection) = (resource.optionalText("db") ?? "", resource.optionalText("collection") ?? "")
            return ["", connection.databaseName].contains(name) && ["", MessageDocument.collection].contains(collection)
        }
        let actions = Set(granted.flatMap { $0.texts("actions") })
        let missing = Self.actions.filter { !actions.contains($0) && !actions.contains("anyAction") }
        let fact = "may do what is needed in database \(connection.databaseName)"
        if missing.isEmpty { return [EngineFinding(fact)] }
        return [
            EngineFinding(
                "may not \(missing.joined(separator: ", ")) in database \(connection.databaseName)",
                .bad(advice: "grant the user the role readWrite on that database"))
        ]
    }
}

extension BSON {
    /// The texts of an array; none when there is no such field.
    fileprivate func texts(_ name: String) -> [String] {
        // An array's elements are named by their places.
        guard let array = array(name) else { return [] }
        var texts: [String] = []
        while let text = array.optionalText("\(texts.count)") { texts.append(text) }
        return texts
    }
}
