internal import GatewayModel

/// Serialized header fields: `name: value` lines, each ended by CRLF, names in lower case.
///
/// Values are the gateway's own text or have passed a strict parser, so none contains CR or LF.
package struct HeaderBlock: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init(reserving count: Int = 0) { bytes.reserveCapacity(count) }

    package mutating func add(_ name: StaticString, _ value: String) {
        begin(name)
        bytes.append(text: value)
        bytes.append("\r\n")
    }

    package mutating func add(_ name: StaticString, _ value: Int64, unit: StaticString = "") {
        begin(name)
        bytes.append(decimal: value)
        bytes.append(unit)
        bytes.append("\r\n")
    }

    /// Appends complete, already serialized lines.
    package mutating func add(_ lines: [UInt8]) { bytes += lines }

    private mutating func begin(_ name: StaticString) {
        bytes.append(name)
        bytes.append(": ")
    }

    /// The fields as pairs, for tests and logs.
    package var fields: [(name: String, value: String)] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), String(parts[1].dropFirst())) : nil
        }
    }

    package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
}
