import CRabbitMQ
import ParleyCore
public import ParleyEngines

/// Looks at a RabbitMQ for `parley doctor`.
public enum RabbitMQExamination {
    /// The first with quorum queues that let go of a message only when the queue it goes to has it.
    private static let oldest = [3, 10]

    /// It blocks: not for tasks and event loops. Queues that are missing are not made; those that are there are declared, which
    /// changes nothing and shows whether they have the right arguments. What cannot be asked is a finding.
    public static func findings(_ configuration: RabbitMQConfiguration) -> [EngineFinding] {
        do throws(RabbitMQFailure) {
            let link = try RabbitMQLink(configuration, newQueues: NewQueues())
            var findings = [version(link)]
            findings += try queues(link, RabbitMQTopology(queueName: configuration.queueName), configuration)
            if let reason = link.blockedReason {
                let advice = "free memory or disk of the broker: until then it takes no jobs, and notifications wait"
                findings.append(EngineFinding("publishing is blocked: \(reason)", .bad(advice: advice)))
            }
            return findings
        } catch {
            return [EngineFinding("cannot be asked: \(error.description)", .bad(advice: "see to the broker and to amqp.url"))]
        }
    }

    private static func version(_ link: RabbitMQLink) -> EngineFinding {
        let version = link.serverVersion ?? "of no version"
        return EngineFinding("answers, version \(version)", isVersion(version, atLeast: oldest), orElse: "use RabbitMQ 3.10 or later")
    }

    /// A queue with other arguments closes the channel: each is tried on a connection that is still whole.
    private static func queues(
        _ link: RabbitMQLink, _ topology: RabbitMQTopology, _ configuration: RabbitMQConfiguration
    ) throws(RabbitMQFailure) -> [EngineFinding] {
        var link = link
        var missing: [String] = []
        var wrong: [EngineFinding] = []
        for queue in topology.all {
            guard try link.exists(queue) else {
                missing.append(queue.name)
                continue
            }
            do throws(RabbitMQFailure) {
                try link.declare(queue)
            } catch {
                let advice = "delete the queue, once it is empty, or give its messages to another one; Parley makes it anew"
                wrong.append(EngineFinding("queue \(queue.name) is not as it must be: \(error.description)", .bad(advice: advice)))
                link = try RabbitMQLink(configuration, newQueues: NewQueues())
            }
        }
        if !wrong.isEmpty { return wrong }
        guard missing.isEmpty else {
            return [EngineFinding("\(missing.count) queues are not there yet", .doubtful(advice: "parley serve makes them at its start"))]
        }
        return [EngineFinding("all \(topology.all.count) queues are there, with the right arguments")]
    }
}
