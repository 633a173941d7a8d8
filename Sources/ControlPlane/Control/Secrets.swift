internal import ArgumentParser
internal import ControlPlaneApp
internal import Foundation
internal import PlaneContract
internal import Rotation

struct Secrets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replaces secrets while the gateway runs.", subcommands: [Rotate.self, DropPepper.self, Status.self])

    /// Unbuffered, so that a reader of the output sees each step as soon as it is done.
    static let report: @Sendable (String) -> Void = { FileHandle.standardOutput.write(Data(($0 + "\n").utf8)) }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Replaces a secret step by step; run it again to continue. docs/secrets.md has the steps."
        )

        @Argument(help: "\(SecretName.allCases.map(\.rawValue).joined(separator: ", ")).") var name: SecretName
        @Option(help: "The longest each step waits for workers and control planes, in seconds.") var wait = 60

        func run() async throws {
            try await Secrets.run(wait) { try await $0.rotate(name) }
        }
    }

    struct DropPepper: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes all peppers but the one in use, once no key needs them.")

        @Flag(help: "Even if keys need them: those keys never work again.") var keysStopWorking = false
        @Option(help: "The longest it waits for control planes, in seconds.") var wait = 60

        func run() async throws {
            try await Secrets.run(wait) { try await $0.dropPeppers(keysStop: keysStopWorking) }
        }
    }

    static func run(_ wait: Int, _ body: (SecretRotation) async throws -> Void) async throws {
        let settings = try Control.settings()
        do {
            try await body(SecretRotation(settings: settings.rotation, waitSeconds: wait, report: report))
        } catch {
            FileHandle.standardError.write(Data("aihub-control: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the versions in the files and in each live worker and control plane.")

        func run() async throws {
            let rotation = SecretRotation(
                settings: try Control.settings().rotation, waitSeconds: 0, report: Secrets.report)
            for line in try await rotation.status() { Secrets.report(line) }
        }
    }
}

extension SecretName: ExpressibleByArgument {}
