import NIOCore
import ParleyModel

/// Sends over the server: some sockets take turns with the `send` command.
final class CommandSource: MessageSource {
    private let senders: [SocketReceiver]
    private let command: SendCommand
    private var numbers: CountingNumbers
    private var turn = 0

    init(_ senders: [SocketReceiver], _ command: SendCommand, numbers: CountingNumbers) {
        self.senders = senders
        self.command = command
        self.numbers = numbers
    }

    /// What one sender sends of a burst leaves in one write.
    func send(_ count: Int) {
        let parts = min(count, senders.count)
        for part in 0..<parts {
            var buffer = ByteBuffer()
            for _ in 0..<count / parts + (part < count % parts ? 1 : 0) { command.write(number: numbers.take(), into: &buffer) }
            senders[(turn + part) % senders.count].write(buffer)
        }
        turn += parts
    }
}

/// Sends over the bare writer: the bytes of the events themselves.
final class FrameSource: MessageSource {
    private let control: any Channel
    private let frame: MessageFrame
    private var number: Int64

    init(_ control: any Channel, _ frame: MessageFrame, after number: Int64) {
        self.control = control
        self.frame = frame
        self.number = number
    }

    func send(_ count: Int) {
        var buffer = ByteBuffer()
        for _ in 0..<count {
            number += 1
            frame.write(number: number, into: &buffer)
        }
        control.writeAndFlush(buffer, promise: nil)
    }
}
