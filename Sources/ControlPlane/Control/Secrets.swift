internal import ArgumentParser
internal import ControlPlaneApp
internal import Foundation
internal import PlaneContract

struct Secrets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replaces secrets while the gateway runs.", subcommands: [Rotate.self, DropPepper.self, Status.self])

    /// Unbuffered, so that a reader of the output sees each step as soon as it is done.
    static let say: @Sendable (String) -> Void = { FileHandle.standardOutput.write(Data(($0 + "\n").utf8)) }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Replaces a secret step by step; run again it goes on from where it was. docs/secrets.md has the steps."
        )

        @Argument(help: "\(SecretName.allCases.map(\.rawValue).joined(separator: ", ")).") var name: SecretName
        @Option(help: "For how many seconds each step waits for workers and control planes.") var wait = 60

        func run() async throws {
            try await Secrets.run(wait) { try await $0.rotate(name) }
        }
    }

    struct DropPepper: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leaves the pepper in use alone, once no key needs an older one.")

        @Flag(help: "Although there are such keys: they never work again.") var keysStopWorking = false
        @Option(help: "For how many seconds it waits for control planes.") var wait = 60

        func run() async throws {
            try await Secrets.run(wait) { try await $0.dropPeppers(keysStop: keysStopWorking) }
        }
    }

    static func run(_ wait: Int, _ body: (SecretRotation) async throws -> Void) async throws {
        let settings = try Control.settings()
        do {
            try await body(SecretRotation(settings: settings, waitSeconds: wait, say: say))
        } catch {
            FileHandle.standardError.write(Data("aihub-control: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows which versions the files hold, and which each worker and control plane that lives.")

        func run() async throws {
            let rotation = SecretRotation(settings: try Control.settings(), waitSeconds: 0, say: Secrets.say)
            for line in try await rotation.status() { Secrets.say(line) }
        }
    }
}

extension SecretName: ExpressibleByArgument {}
