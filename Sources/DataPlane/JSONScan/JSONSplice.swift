/// Cuts and inserts members of a validated object without touching any other byte: unknown fields, number spelling and
/// key order pass through.
package struct JSONSplice: Sendable {
    private let bytes: [UInt8]
    private let members: [JSONMember]
    private var replaced: [String: [UInt8]] = [:]
    private var removed: Set<String> = []
    private var appended: [(name: String, value: [UInt8])] = []

    /// - Parameter members: what `JSONScanner.members(of: bytes)` returned.
    package init(_ bytes: [UInt8], _ members: [JSONMember]) {
        self.bytes = bytes
        self.members = members
    }

    /// Gives a member a new value, given as JSON; adds it at the end when it is absent.
    package mutating func set(_ name: String, json: String) {
        if members.contains(where: { $0.name == name }) {
            replaced[name] = Array(json.utf8)
        } else {
            appended.append((name, Array(json.utf8)))
        }
    }

    package mutating func remove(_ name: String) {
        if members.contains(where: { $0.name == name }) { removed.insert(name) }
    }

    package func result() -> [UInt8] {
        if removed.isEmpty, appended.isEmpty { return replacedOnly() }
        var out: [UInt8] = [UInt8(ascii: "{")]
        out.reserveCapacity(bytes.count + 64)
        func separate() { if out.count > 1 { out.append(UInt8(ascii: ",")) } }
        for member in members where !removed.contains(member.name) {
            separate()
            if let value = replaced[member.name] {
                out += bytes[member.whole.lowerBound..<member.value.lowerBound]
                out += value
            } else {
                out += bytes[member.whole]
            }
        }
        for (name, value) in appended {
            separate()
            out += "\"\(name)\":".utf8
            out += value
        }
        out.append(UInt8(ascii: "}"))
        return out
    }

    private func replacedOnly() -> [UInt8] {
        guard !replaced.isEmpty else { return bytes }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + 64)
        var at = 0
        for member in members {
            guard let value = replaced[member.name] else { continue }
            out += bytes[at..<member.value.lowerBound]
            out += value
            at = member.value.upperBound
        }
        return out + bytes[at...]
    }
}
