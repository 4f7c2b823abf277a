public import ParleyCore
import ParleyModel

/// Which nodes run, in PostgreSQL. Leases go by its clock.
public struct PostgresNodeRegister: NodeRegister {
    private let database: PostgresDatabase

    /// Over a database that is migrated.
    public init(_ database: PostgresDatabase) {
        self.database = database
    }

    private static let renew = PostgresStatement(
        "node.renew",
        """
        INSERT INTO node_checkpoints (node_id, due_from, leased_by, leased_until)
        VALUES ($1, $2, $1, clock_timestamp() + $3 * interval '1 millisecond')
        ON CONFLICT (node_id) DO UPDATE
        SET due_from = excluded.due_from, leased_by = excluded.leased_by, leased_until = excluded.leased_until
        """)

    public func renew(_ node: NodeID, dueFrom: Int64, seconds: Double) async throws(StoreError) {
        _ = try await database.run { connection throws(PostgresFailure) in
            try connection.write(Self.renew(.node(node), .second(dueFrom), .milliseconds(seconds))).changed
        }
    }

    /// Nodes that look at the same moment take different entries.
    private static let takeOver = PostgresStatement(
        "node.take_over",
        """
        UPDATE node_checkpoints SET leased_by = $1, leased_until = clock_timestamp() + $2 * interval '1 millisecond'
        WHERE node_id = (
            SELECT node_id FROM node_checkpoints WHERE leased_until < clock_timestamp() AND node_id <> $1
            ORDER BY leased_until LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        RETURNING node_id, due_from
        """)

    public func takeOver(by holder: NodeID, seconds: Double) async throws(StoreError) -> LapsedNode? {
        try await database.run { connection throws(PostgresFailure) in
            guard let row = try connection.write(Self.takeOver(.node(holder), .milliseconds(seconds))).first else { return nil }
            guard let node = NodeID(try row.text(0)) else { throw .damaged("node_id is not ten hex digits") }
            return LapsedNode(node: node, dueFrom: try row.timestamp(1).milliseconds / 1000)
        }
    }

    private static let advance = PostgresStatement(
        "node.advance",
        """
        UPDATE node_checkpoints
        SET due_from = greatest(due_from, $2), leased_until = clock_timestamp() + $4 * interval '1 millisecond'
        WHERE node_id = $1 AND leased_by = $3
        """)

    public func advance(_ node: NodeID, to dueFrom: Int64, by holder: NodeID, seconds: Double) async throws(StoreError) -> Bool {
        try await database.run { connection throws(PostgresFailure) in
            let call = Self.advance(.node(node), .second(dueFrom), .node(holder), .milliseconds(seconds))
            return try connection.write(call).changed > 0
        }
    }

    private static let forget = PostgresStatement("node.forget", "DELETE FROM node_checkpoints WHERE node_id = $1 AND leased_by = $2")

    public func forget(_ node: NodeID, by holder: NodeID) async throws(StoreError) {
        _ = try await database.run { connection throws(PostgresFailure) in
            try connection.write(Self.forget(.node(node), .node(holder))).changed
        }
    }
}

extension PostgresValue {
    fileprivate static func node(_ node: NodeID) -> Self { .text(node.description) }
    fileprivate static func second(_ second: Int64) -> Self { .timestamp(Timestamp(milliseconds: second * 1000)) }
    fileprivate static func milliseconds(_ seconds: Double) -> Self { .int64(Int64(seconds * 1000)) }
}
