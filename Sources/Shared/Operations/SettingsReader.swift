/// Reads settings from environment variables and collects all errors, so that one start reports every bad key.
package struct SettingsReader {
    private let environment: [String: String]
    let prefix: String
    private var known: Set<String> = []
    /// One sentence per bad key.
    package private(set) var problems: [String] = []

    /// - Parameter prefix: the common prefix of this process's keys, such as `AIHUB_WORKER_`. Any unknown key with this
    ///   prefix is reported.
    package init(_ environment: [String: String], prefix: String) {
        self.environment = environment
        self.prefix = prefix
    }

    /// The value of `prefix` + `key`, or the default when it is unset or empty.
    package mutating func text(_ key: String, default fallback: String) -> String {
        optionalText(key) ?? fallback
    }

    /// The value of `prefix` + `key`; reports an error and returns "" when it is unset or empty.
    package mutating func requiredText(_ key: String) -> String {
        guard let value = optionalText(key) else {
            problems.append("\(prefix)\(key) is required")
            return ""
        }
        return value
    }

    /// The value of `prefix` + `key`; `nil` when it is unset or empty.
    package mutating func optionalText(_ key: String) -> String? {
        known.insert(prefix + key)
        guard let value = environment[prefix + key], !value.isEmpty else { return nil }
        return value
    }

    /// The value as a whole number; reports an error and returns the default when it is not one in `range`.
    package mutating func integer(_ key: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
        guard let text = optionalText(key) else { return fallback }
        guard let value = Int(text), range.contains(value) else {
            problems.append(
                "\(prefix)\(key)=\(text): expected a whole number from \(range.lowerBound) to \(range.upperBound)")
            return fallback
        }
        return value
    }

    /// The value as `parse` reads it; reports an error and returns the default when `parse` returns `nil`.
    ///
    /// - Parameter expected: completes "expected …" in the error.
    package mutating func value<T>(_ key: String, default fallback: T, _ expected: String, _ parse: (String) -> T?) -> T
    {
        guard let text = optionalText(key) else { return fallback }
        guard let value = parse(text) else {
            problems.append("\(prefix)\(key)\(Self.shown(text, of: key)): expected \(expected)")
            return fallback
        }
        return value
    }

    /// Hides the value of a URL, which may contain a password, since errors go to the log.
    private static func shown(_ text: String, of key: String) -> String {
        key.hasSuffix("URL") ? " (its value is not shown)" : "=\(text)"
    }

    /// Reports the violation of a rule that spans several keys.
    package mutating func report(_ problem: String) { problems.append(problem) }

    /// Throws if there was any error, or an unknown key with the prefix.
    package mutating func finish() throws(SettingsError) {
        for key in environment.keys.sorted() where key.hasPrefix(prefix) && !known.contains(key) {
            problems.append("\(key) is not a setting of this program")
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
    }
}

/// All errors in the settings of a process, which then exits with status 64 (`EX_USAGE`).
package struct SettingsError: Error, CustomStringConvertible {
    package let problems: [String]
    package var description: String { problems.joined(separator: "\n") }
}
