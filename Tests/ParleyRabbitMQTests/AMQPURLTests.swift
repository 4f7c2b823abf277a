import ParleyRabbitMQ
import Testing

struct AMQPURLTests {
    @Test func `what a URL leaves out has the usual values`() throws {
        #expect(try AMQPURL("amqp://broker") == AMQPURL(host: "broker"))
        #expect(try AMQPURL("AMQP://broker:5673/") == AMQPURL(host: "broker", port: 5673))
        #expect(try AMQPURL("amqp://u:p@broker/chat") == AMQPURL(host: "broker", user: "u", password: "p", virtualHost: "chat"))
        #expect(try AMQPURL("amqp://[::1]:5672") == AMQPURL(host: "::1"))
    }

    @Test func `an encrypted connection has its own port, and the authorities of a file`() throws {
        let usual = "/etc/ssl/certs/ca-certificates.crt"
        #expect(try AMQPURL("amqps://broker") == AMQPURL(host: "broker", port: 5671, authorities: usual))
        let url = try AMQPURL("amqps://u:p@broker/chat?cacertfile=/etc/own%20ca.pem")
        let own = "/etc/own ca.pem"
        #expect(url == AMQPURL(host: "broker", port: 5671, user: "u", password: "p", virtualHost: "chat", authorities: own))
        #expect("\(url)" == "amqps://broker:5671/chat")
    }

    @Test func `user, password and virtual host are percent-decoded`() throws {
        let url = try AMQPURL("amqp://a%40b:p%3A%2F%F0%9F%92%A9@broker/%2Fchat%20one")
        #expect(url == AMQPURL(host: "broker", user: "a@b", password: "p:/💩", virtualHost: "/chat one"))
    }

    @Test(arguments: [
        "secret", "http://u:secret@h", "amqps://u:secret@h?cacertfile=", "amqps://u:secret@h?cacertfile=/a&x=secret", "amqp://",
        "amqp://u:secret@", "amqp://secret@h", "amqp://:secret@h",
        "amqp://u:secret%@h", "amqp://u:secret%zz@h", "amqp://u:secret%00@h", "amqp://u:secret@h:0", "amqp://u:secret@h:70000",
        "amqp://u:secret@h:x", "amqp://u:secret@[::1", "amqp://u:secret@h/a/b", "amqp://u:secret@h/%4", "amqp://u:secret@h?x=1",
        "amqp://u:secret@h?cacertfile=/a", "amqp://u:secret@h#x",
    ])
    func `a bad URL is refused with a sentence that repeats nothing of it`(text: String) {
        let error = #expect(throws: AMQPURLError.self) { try AMQPURL(text) }
        let sentence = error.map { "\($0)" } ?? ""
        #expect(sentence.hasPrefix("the RabbitMQ URL ") && !sentence.contains("secret"))
    }

    @Test func `a description holds neither user nor password`() throws {
        let url = try AMQPURL("amqp://somebody:secret@broker/chat")
        #expect("\(url)" == "amqp://broker:5672/chat" && String(reflecting: url) == "amqp://broker:5672/chat")
        var dumped = ""
        dump(RabbitMQConfiguration(url: url), to: &dumped)
        #expect(dumped.contains("broker") && !dumped.contains("secret") && !dumped.contains("somebody"))
    }
}
