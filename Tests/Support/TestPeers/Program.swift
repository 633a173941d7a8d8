internal import Foundation
internal import Glibc

/// A program of this build, run with these arguments and settings.
package final class Program: Sendable {
    private let process: Process
    private let output = Notes<UInt8>()

    /// - Parameter name: the program's, which lies beside the tests.
    package init(_ name: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        process = Process()
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.executableURL = tests.deletingLastPathComponent().appendingPathComponent(name)
        process.arguments = arguments
        process.environment = environment
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        pipe.fileHandleForReading.readabilityHandler = { [output] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            for byte in data { output.add(byte) }
        }
        try process.run()
    }

    /// All it has written so far.
    package var text: String { String(decoding: output.all, as: UTF8.self) }

    package func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits until it has ended; `nil` when it hangs, and is killed.
    package func exitStatus() async -> Int32? {
        let process = process
        guard await eventually({ !process.isRunning }) else {
            signal(SIGKILL)
            return nil
        }
        return process.terminationStatus
    }
}
