import Foundation
import NIOSSL
import ParleyModel
import ParleyProcesses
import Testing

@testable import ParleyClient

private let openssl = "/usr/bin/openssl"

/// Over TLS, with a certificate made for the occasion.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: openssl), "there is no openssl"), .timeLimit(.minutes(1)))
struct TLSTests {
    @Test func `a certificate that is trusted and has the host's name is taken`() async throws {
        let (server, configuration) = try await prepare()
        let client = try ParleyClient(configuration)
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            let socket = try #require(await sockets.next())
            try await socket.accept()
            socket.say(.message(message(1)))
            var events = client.events.makeAsyncIterator()
            #expect(await events.nextNumber() == 1)
        }
    }

    @Test(arguments: [false, true])
    func `one that is not trusted, or has another name, is refused`(isTrusted: Bool) async throws {
        var (server, configuration) = try await prepare()
        if isTrusted { configuration.url = "https://127.0.0.1:\(server.port)" } else { configuration.tls.trustRoots = .default }
        let client = try ParleyClient(configuration)
        try await withRunning(client) {
            for await state in client.states {
                guard case .waiting(_, let reason) = state else { continue }
                #expect(reason.lowercased().contains("certificate"))
                break
            }
        }
    }

    private func prepare() async throws -> (FakeServer, ParleyClient.Configuration) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "parley-tls-\(UInt64.random(in: .min ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let key = folder.appending(path: "key.pem").path(percentEncoded: false)
        let certificate = folder.appending(path: "certificate.pem").path(percentEncoded: false)
        try makeCertificate(key, certificate)
        let chain = try NIOSSLCertificate.fromPEMFile(certificate)
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))))
        let server = try await FakeServer.start(tls: context)
        var configuration = ParleyClient.Configuration.quick("https://localhost:\(server.port)")
        configuration.tls.trustRoots = .certificates(chain)
        return (server, configuration)
    }

    private func makeCertificate(_ key: String, _ certificate: String) throws {
        let arguments = [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ]
        _ = try Program(openssl, arguments).runToEnd()
    }
}
