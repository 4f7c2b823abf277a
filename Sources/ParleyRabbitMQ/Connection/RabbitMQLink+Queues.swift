import CRabbitMQ

extension RabbitMQLink {
    /// Declares the queue unless this connection has done so already. Fails when it exists with other properties.
    func declare(_ queue: RabbitMQQueue) throws(RabbitMQFailure) {
        guard !declared.contains(queue.name) else { return }
        let isNew = try count(of: queue) == nil
        withAMQPBytes(queue.name) { name in
            withAMQPTable(queue.arguments.map { ($0.name, $0.value.value) }) { arguments in
                _ = amqp_queue_declare(state, Self.work, name, 0, 1, 0, 0, arguments)
            }
        }
        try checkReply("declare the queue \(queue.name)")
        declared.insert(queue.name)
        if isNew { newQueues.add(queue.name) }
    }

    /// Messages of a queue that are not in anybody's hands; 0 for one that does not exist.
    func messageCount(of queue: RabbitMQQueue) throws(RabbitMQFailure) -> Int64 {
        try count(of: queue) ?? 0
    }

    func exists(_ queue: RabbitMQQueue) throws(RabbitMQFailure) -> Bool { try count(of: queue) != nil }

    /// As the broker said when the connection began.
    var serverVersion: String? {
        guard let properties = amqp_get_server_properties(state) else { return nil }
        let table = properties.pointee
        for place in 0..<Int(table.num_entries) where table.entries[place].key.text == "version" {
            return table.entries[place].value.value.bytes.text
        }
        return nil
    }

    /// Nil for a queue that does not exist.
    private func count(of queue: RabbitMQQueue) throws(RabbitMQFailure) -> Int64? {
        let answer = withAMQPBytes(queue.name) { name in
            amqp_queue_declare(state, Self.counting, name, 1, 0, 0, 0, amqp_table_t(num_entries: 0, entries: nil))
        }
        if let answer { return Int64(answer.pointee.message_count) }
        let reply = amqp_get_rpc_reply(state)
        let notFound = 404
        guard RabbitMQFailure.channelCloseCode(reply) == notFound else {
            throw failed(RabbitMQFailure("count the messages of \(queue.name)", reply))
        }
        var closed = amqp_channel_close_ok_t()
        try check(amqp_send_method(state, Self.counting, parley_channel_close_ok, &closed), "close a channel")
        try open(Self.counting)
        return nil
    }
}
