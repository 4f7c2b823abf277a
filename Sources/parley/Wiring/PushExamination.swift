import Foundation
import ParleyEngines
import ParleyPushServices
import ParleyWebPush

/// What `parley doctor` says of the keys of push services: whether they can be read, whether they fit what is set beside them, and
/// whether they are kept from others. It asks no push service, and makes no key.
struct PushExamination {
    let settings: Settings

    /// What there is to say of each service that is configured, under its name.
    func findings() async -> [(name: String, findings: [EngineFinding])] {
        guard settings.text("push.provider") != "none" else { return [] }
        var all: [(name: String, findings: [EngineFinding])] = []
        if let path = settings.optional("push.apns.key_file") { all.append(("APNs", apns(path))) }
        if let path = settings.optional("push.fcm.service_account_file") { all.append(("FCM", fcm(path))) }
        if let findings = webPush() { all.append(("Web Push", findings)) }
        if let findings = await trustedCertificates() { all.append(("Trusted certificates of push services", findings)) }
        return all
    }

    private func apns(_ path: String) -> [EngineFinding] {
        Self.examine(path, advice: "see docs/PUSH.md, APNs") { () throws(Failure) in
            let configuration = try PushServices.apns(settings, path)
            var findings = [
                EngineFinding(
                    "the key can be read; key id \(configuration.keyID), team id \(configuration.teamID), topic \(configuration.topic), "
                        + "sent to \(configuration.url)")
            ]
            if let named = Self.keyID(inNameOf: path), named != configuration.keyID {
                findings.append(
                    EngineFinding(
                        "the file is named for the key id \(named), but push.apns.key_id is \(configuration.keyID)",
                        .doubtful(
                            advice: "Apple names the file AuthKey_ and the key id; with the wrong one it answers InvalidProviderToken")))
            }
            if configuration.keyID == configuration.teamID {
                findings.append(
                    EngineFinding(
                        "push.apns.key_id and push.apns.team_id are the same",
                        .doubtful(advice: "the team id stands under Membership details, the key id in the name of the key's file")))
            }
            return findings
        }
    }

    /// As Apple names the file: `AuthKey_ABC1234567.p8`.
    private static func keyID(inNameOf path: String) -> String? {
        let name = URL(filePath: path).lastPathComponent
        guard name.hasPrefix("AuthKey_"), name.hasSuffix(".p8") else { return nil }
        let id = name.dropFirst("AuthKey_".count).dropLast(".p8".count)
        return id.utf8.count == 10 ? String(id) : nil
    }

    private func fcm(_ path: String) -> [EngineFinding] {
        Self.examine(path, advice: "see docs/PUSH.md, FCM") { () throws(Failure) in
            let account = try PushServices.fcm(settings, path).account
            let fact = EngineFinding("the key can be read; project \(account.projectID), account \(account.email)")
            guard let project = Self.project(ofAccount: account.email), project != account.projectID else { return [fact] }
            return [
                fact,
                EngineFinding(
                    "the account belongs to the project \(project), but its file names the project \(account.projectID)",
                    .doubtful(advice: "take the file as the console gives it, or give the account a role in \(account.projectID)")),
            ]
        }
    }

    /// Of an account that a project has made; Google's own accounts are named otherwise.
    private static func project(ofAccount email: String) -> String? {
        let domain = ".iam.gserviceaccount.com"
        guard let at = email.firstIndex(of: "@"), email.hasSuffix(domain) else { return nil }
        return String(email[email.index(after: at)...].dropLast(domain.count))
    }

    /// Nil where nothing is sent to browsers.
    private func webPush() -> [EngineFinding]? {
        let path: String
        if let set = settings.optional("push.webpush.key_file") {
            path = set
        } else {
            guard !settings.isCluster else { return nil }
            path = settings.text("data") + "/" + VAPIDKeyFile.name
            guard FileManager.default.fileExists(atPath: path) else {
                return [EngineFinding("there is no key yet; parley serve will make one in the data folder")]
            }
        }
        return Self.examine(path, advice: "see docs/WEBPUSH.md") {
            () throws(Failure) in
            let key: VAPIDKey
            do { key = try VAPIDKeyFile.read(path) } catch { throw Failure("\(error)") }
            var findings = [EngineFinding("the key can be read; its public half is \(key.publicKey)")]
            if try WebPushWiring.contact(settings) == nil {
                findings.append(
                    EngineFinding(
                        "push.webpush.contact is not set",
                        .doubtful(advice: "Apple's push service refuses notifications without one; set a mailto: or https: address")))
            }
            return findings
        }
    }

    private func trustedCertificates() async -> [EngineFinding]? {
        guard let path = settings.optional("push.trusted_certificates_file") else { return nil }
        do throws(Failure) {
            let client = try PushServices.client(PushServiceLimits(), try PushServices.trustRoots(settings))
            await client.close()
            return [EngineFinding("\(path) can be read")]
        } catch {
            return [EngineFinding(Self.fact(error), .bad(advice: "name a PEM file with certificates, or take the setting away"))]
        }
    }

    // MARK: A file

    private static func examine(
        _ path: String, advice: String, _ body: () throws(Failure) -> [EngineFinding]
    ) -> [EngineFinding] {
        do throws(Failure) {
            return try body() + permissions(of: path)
        } catch {
            return [EngineFinding(fact(error), .bad(advice: advice))] + permissions(of: path)
        }
    }

    /// Sentences of failures end with a full stop.
    private static func fact(_ failure: Failure) -> String {
        failure.description.hasSuffix(".") ? String(failure.description.dropLast()) : failure.description
    }

    /// A group may read: secrets are often handed to a service that way.
    private static func permissions(of path: String) -> [EngineFinding] {
        let file = URL(filePath: path).resolvingSymlinksInPath().path
        guard let mode = (try? FileManager.default.attributesOfItem(atPath: file))?[.posixPermissions] as? Int else { return [] }
        let said =
            mode & 0o022 != 0 ? "others than its owner may write" : mode & 0o004 != 0 ? "every user of this machine may read" : nil
        guard let said else { return [] }
        return [
            EngineFinding(
                "\(said) \(path) (mode \(String(mode, radix: 8)))",
                .doubtful(advice: "whoever has the key can send to all your users: chmod 600 \(path)"))
        ]
    }
}
