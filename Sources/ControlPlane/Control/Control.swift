internal import ArgumentParser
internal import AuditLog
internal import ControlPlaneApp
internal import Foundation
internal import Operations

/// The `aihub-control` program. Settings are environment variables that begin with `AIHUB_CONTROL_`.
@main
struct Control: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aihub-control", abstract: "The control plane of the gateway.",
        discussion: "Settings are environment variables under AIHUB_CONTROL_; docs/configuration.md lists them.",
        subcommands: [Serve.self, Migrate.self, Load.self, AdminToken.self, Audit.self, InitSecrets.self, Secrets.self])

    static func settings() throws -> ControlSettings {
        do {
            return try ControlSettings(environment: ProcessInfo.processInfo.environment)
        } catch {
            FileHandle.standardError.write(Data("aihub-control: \(error)\n".utf8))
            throw ExitCode(64)
        }
    }
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves the admin API, publishes configuration and ingests usage into the ledger.")

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let settings = try Control.settings()
        LogFormat.bootstrap(level: settings.logLevel)
        try await ControlApp(settings: settings).run()
    }
}

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Brings the database schema up to date.")

    func run() async throws {
        let ran = try Commands(settings: try Control.settings()).migrate()
        print(ran.isEmpty ? "schema is up to date" : ran.map { "ran \($0)" }.joined(separator: "\n"))
    }
}

struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Loads providers, models, prices, deployments and aliases from a YAML file.")

    @Argument(help: "The files, in order.") var files: [String]

    func run() async throws {
        let commands = Commands(settings: try Control.settings())
        for file in files { try commands.load(path: file, environment: ProcessInfo.processInfo.environment) }
    }
}

struct AdminToken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Creates a new admin token when the old one is lost.")

    @Flag(help: "Replace the current token.") var reset = false

    func run() async throws {
        guard reset else { throw ValidationError("pass --reset: the current token then stops working at once") }
        guard let token = try await Commands(settings: try Control.settings()).resetAdminToken() else { return }
        print(token)
    }
}

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The audit log.", subcommands: [Verify.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verifies the seals of the audit log; exits with status 1 if one does not match.")

        @Option(help: "A seal from the control plane's log that must be in the chain.") var head: String?

        func run() async throws {
            let report = try Commands(settings: try Control.settings()).verifyAudit(head: head)
            print(report.lines.joined(separator: "\n"))
            if !report.isIntact { throw ExitCode(1) }
        }
    }
}

struct InitSecrets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init-secrets",
        abstract: "Creates pepper, seal key, KEK and audit key in a folder; existing files stay.")

    @Argument(help: "The folder.") var folder: String

    func run() async throws {
        for name in ["pepper", "seal-key", "kek", "audit-key"] { try PrivateFile.makeSecret(at: "\(folder)/\(name)") }
    }
}
