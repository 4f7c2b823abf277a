import ParleyRabbitMQ
import ParleyTesting

extension RabbitMQServer {
    var url: AMQPURL {
        AMQPURL(host: "127.0.0.1", port: port, user: Self.user, password: Self.password, virtualHost: Self.virtualHost)
    }
    var configuration: RabbitMQConfiguration { RabbitMQConfiguration(url: url) }
}
