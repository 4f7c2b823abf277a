/// A statement that is prepared once a connection, under its name. Values are bound, never part of the text.
struct PostgresStatement {
    /// Unique among all statements of the module.
    let name: String
    let sql: String

    init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }

    func callAsFunction(_ parameters: PostgresValue...) -> PostgresCall { PostgresCall(statement: self, parameters: parameters) }
}

/// A statement with its parameters.
struct PostgresCall {
    let statement: PostgresStatement
    let parameters: [PostgresValue]
}
