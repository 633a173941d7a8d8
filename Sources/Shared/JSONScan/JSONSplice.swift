/// Cuts and inserts members of a validated object without touching any other byte: unknown fields, number spelling and
/// key order pass through.
package struct JSONSplice: Sendable {
    private let bytes: [UInt8]
    private let members: [JSONMember]
    /// By the place of the member; `nil` removes it.
    private var changes: [(at: Int, value: [UInt8]?)] = []
    private var appended: [(name: StaticString, value: [UInt8])] = []

    /// - Parameter members: what `JSONScanner.members(of: bytes)` returned.
    package init(_ bytes: [UInt8], _ members: [JSONMember]) {
        self.bytes = bytes
        self.members = members
    }

    private func place(of name: StaticString) -> Int? {
        bytes.withUnsafeBufferPointer { buffer in
            members.firstIndex { JSONString.equals(UnsafeBufferPointer(rebasing: buffer[$0.name]), name) }
        }
    }

    /// Gives a member a new value, given as JSON; adds it at the end when it is absent. The last word on a member counts.
    package mutating func set(_ name: StaticString, json: [UInt8]) {
        guard let at = place(of: name) else { return appended.append((name, json)) }
        change(at, to: json)
    }

    package mutating func remove(_ name: StaticString) {
        if let at = place(of: name) { change(at, to: nil) }
    }

    private mutating func change(_ at: Int, to value: [UInt8]?) {
        if let known = changes.firstIndex(where: { $0.at == at }) {
            changes[known].value = value
        } else {
            changes.append((at, value))
        }
    }

    /// Removes the member at a place in the list of members.
    package mutating func remove(at place: Int) { change(place, to: nil) }

    package func result() -> [UInt8] {
        if changes.isEmpty, appended.isEmpty { return bytes }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + 64 + appended.reduce(0) { $0 + $1.value.count + 40 })
        if appended.isEmpty, changes.allSatisfy({ $0.value != nil }) { replaceInPlace(&out) } else { rebuild(&out) }
        return out
    }

    private func replaceInPlace(_ out: inout [UInt8]) {
        var at = 0
        for change in changes.sorted(by: { $0.at < $1.at }) {
            let member = members[change.at]
            out += bytes[at..<member.value.lowerBound]
            out += change.value ?? []
            at = member.value.upperBound
        }
        out += bytes[at...]
    }

    private func rebuild(_ out: inout [UInt8]) {
        out.append(UInt8(ascii: "{"))
        func separate() { if out.count > 1 { out.append(UInt8(ascii: ",")) } }
        for (at, member) in members.enumerated() {
            let change = changes.first { $0.at == at }
            if change != nil, change?.value == nil { continue }
            separate()
            if let value = change?.value {
                out += bytes[member.whole.lowerBound..<member.value.lowerBound]
                out += value
            } else {
                out += bytes[member.whole]
            }
        }
        for (name, value) in appended {
            separate()
            out.append(UInt8(ascii: "\""))
            out.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
            out += [UInt8(ascii: "\""), UInt8(ascii: ":")]
            out += value
        }
        out.append(UInt8(ascii: "}"))
    }
}
