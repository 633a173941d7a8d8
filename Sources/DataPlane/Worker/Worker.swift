internal import ArgumentParser
internal import DataPlaneApp
internal import Foundation
internal import Operations
internal import WorkerConfiguration

/// `aihub-worker`: serves `/v1`. All settings are environment variables under `AIHUB_WORKER_`.
@main
struct Worker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aihub-worker", abstract: "Serves the OpenAI-compatible API of the gateway.",
        discussion: "Settings are environment variables under AIHUB_WORKER_; docs/configuration.md lists them.",
        subcommands: [PrintJournal.self])

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let settings: WorkerSettings
        do {
            settings = try WorkerSettings(
                environment: ProcessInfo.processInfo.environment, cores: ProcessInfo.processInfo.activeProcessorCount)
        } catch {
            FileHandle.standardError.write(Data("aihub-worker: \(error)\n".utf8))
            throw ExitCode(64)
        }
        LogFormat.bootstrap(level: settings.logLevel)
        try await WorkerApp(settings: settings).run()
    }
}
