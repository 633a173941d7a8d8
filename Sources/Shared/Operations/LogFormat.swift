internal import Foundation
internal import Glibc
package import Logging

/// Logs to standard error, one line per event: time, level, message, metadata. Messages are constant.
package enum LogFormat {
    /// Installs the format for all loggers of the process; call it once, before the first logger is made.
    package static func bootstrap(level: Logger.Level) {
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, level: level)
        }
    }
}

private struct LineLogHandler: LogHandler {
    let label: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var facts = metadata
        if let more = event.metadata { facts.merge(more) { $1 } }
        let tail = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.plain("\($0.value)"))" }.joined()
        let line = "\(Date().ISO8601Format()) \(event.level) \(label): \(event.message)\(tail)\n"
        // write(2) instead of FileHandle, which traps when the disk is full or the pipe closed: better to lose a line.
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// A value on one line, with control characters escaped, so that no value can forge a log line.
    private static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0 == " " || $0 == "\"" || $0.value == 0x7f })
        else {
            return text
        }
        return text.debugDescription
    }
}
