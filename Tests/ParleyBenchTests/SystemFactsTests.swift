import Testing

@testable import ParleyBench

struct SystemFactsTests {
    @Test func `processor time is found whatever the program's name holds`() {
        let stat = "42 (a ) name) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 4 0 100 1000 200"
        #expect(ProcessUsage.processorSeconds(stat: stat) == 2)
        #expect(ProcessUsage.processorSeconds(stat: "") == 0)
    }

    @Test func `the machine's time is that of all processors, without idling and waiting`() {
        let stat = "cpu  100 20 30 9999 888 5 45 7 3 2\ncpu0 50 10 15 5000 400 2 20 3 1 1\n"
        #expect(MachineUsage.processorSeconds(stat: stat) == 2)
        #expect(MachineUsage.processorSeconds(stat: "") == 0)
    }

    @Test func `an engine's time is that of all its processes, and of no others`() {
        func stat(_ ticks: Int) -> String { "42 (a) S 1 42 42 0 -1 4194560 100 0 0 0 \(ticks) 0 0 0 20 0 4 0 100 1000 200" }
        var before = EngineUsage()
        before.add(comm: "postgres\n", stat: stat(100))
        var after = EngineUsage()
        after.add(comm: "postgres\n", stat: stat(300))
        after.add(comm: "postgres\n", stat: stat(50))
        after.add(comm: "mongod\n", stat: stat(100))
        after.add(comm: "mongodump\n", stat: stat(900))
        #expect(after.since(before).processorSeconds == [.postgresql: 2.5, .mongodb: 1])
        #expect(before.since(after).processorSeconds == [.postgresql: 0])
    }

    @Test func `memory is read from its line`() {
        let status = "Name:\tparley\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n"
        #expect(ProcessUsage.bytes("VmRSS:", in: status) == 1_048_576)
        #expect(ProcessUsage.bytes("VmHWM:", in: status) == 2_097_152)
        #expect(ProcessUsage.bytes("VmSwap:", in: status) == 0)
    }

    @Test func `pages of TCP buffers are found in the statistics`() {
        let statistics = "sockets: used 45\nTCP: inuse 8 orphan 0 tw 161 alloc 8 mem 892\nUDP: inuse 0 mem 3\n"
        #expect(SocketMemory.tcpBufferBytes(statistics) == 892 * 4096)
        #expect(SocketMemory.tcpBufferBytes("") == 0)
        #expect(SocketMemory.tcpBufferBytes("TCP: inuse 8 mem") == 0)
    }

    @Test func `memory of a socket is growth shared by all sockets`() {
        let before = SocketMemory(serverBytes: 1000, kernelBytes: 500)
        let after = SocketMemory(serverBytes: 5000, kernelBytes: 900)
        #expect(after.perSocket(since: before, sockets: 4) == SocketMemory(serverBytes: 1000, kernelBytes: 100))
    }

    @Test func `the file system is that of the nearest mount`() {
        let mounts = "overlay / overlay rw 0 0\ntmpfs /var/tmp tmpfs rw 0 0\n/dev/sda1 /var ext4 rw 0 0\n"
        #expect(MachineFacts.fileSystem(of: "/var/tmp", mounts: mounts) == "tmpfs")
        #expect(MachineFacts.fileSystem(of: "/var/tmporary", mounts: mounts) == "ext4")
        #expect(MachineFacts.fileSystem(of: "/home", mounts: mounts) == "overlay")
    }
}
