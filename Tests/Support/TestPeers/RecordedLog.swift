package import Logging

/// A log that a test can read.
package struct RecordedLog: Sendable {
    private let lines = Notes<String>()

    package init() {}

    /// `level: message key=value…`, keys in order.
    package var all: [String] { lines.all }

    package var logger: Logger { Logger(label: "test") { [lines] _ in Handler(lines: lines) } }

    private struct Handler: LogHandler {
        let lines: Notes<String>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let facts = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            lines.add("\(event.level): \(event.message)\(facts)")
        }
    }
}
