/// Removes and sets members of a validated object without touching any other byte.
///
/// Unknown members, number formats and key order are preserved.
package struct JSONSplice: Sendable {
    private let bytes: [UInt8]
    private let members: [JSONMember]
    /// By index of the member.
    private var changes: [Int: Change] = [:]
    private var appended: [(name: StaticString, value: [UInt8])] = []

    private enum Change {
        case removed
        case value([UInt8])

        var isRemoval: Bool { if case .removed = self { true } else { false } }
    }

    /// - Parameter members: the result of `JSONScanner.members(of: bytes)`.
    package init(_ bytes: [UInt8], _ members: [JSONMember]) {
        self.bytes = bytes
        self.members = members
    }

    private func index(of name: StaticString) -> Int? {
        bytes.withUnsafeBufferPointer { buffer in
            members.firstIndex { JSONString.equals(UnsafeBufferPointer(rebasing: buffer[$0.name]), name) }
        }
    }

    /// Sets a member to a JSON value, appending it if it is absent. The last change to a member of the object wins.
    package mutating func set(_ name: StaticString, json: [UInt8]) {
        guard let at = index(of: name) else { return appended.append((name, json)) }
        changes[at] = .value(json)
    }

    /// Removes a member, if the object has it. A value set for an absent name is not removed.
    package mutating func remove(_ name: StaticString) {
        if let at = index(of: name) { changes[at] = .removed }
    }

    /// Sets the member at an index of the member list to a JSON value.
    package mutating func set(at index: Int, json: [UInt8]) { changes[index] = .value(json) }

    /// Removes the member at an index of the member list.
    package mutating func remove(at index: Int) { changes[index] = .removed }

    /// The edited object. Members keep their order; those that were added come last.
    package func result() -> [UInt8] {
        if changes.isEmpty, appended.isEmpty { return bytes }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + 64 + appended.reduce(0) { $0 + $1.value.count + 40 })
        if appended.isEmpty, !changes.values.contains(where: \.isRemoval) {
            replaceInPlace(&out)
        } else {
            rebuild(&out)
        }
        return out
    }

    private func replaceInPlace(_ out: inout [UInt8]) {
        var at = 0
        for (index, change) in changes.sorted(by: { $0.key < $1.key }) {
            let member = members[index]
            out += bytes[at..<member.value.lowerBound]
            if case .value(let value) = change { out += value }
            at = member.value.upperBound
        }
        out += bytes[at...]
    }

    private func rebuild(_ out: inout [UInt8]) {
        out.append(UInt8(ascii: "{"))
        func separate() { if out.count > 1 { out.append(UInt8(ascii: ",")) } }
        for (at, member) in members.enumerated() {
            switch changes[at] {
            case .removed: continue
            case .value(let value):
                separate()
                out += bytes[member.whole.lowerBound..<member.value.lowerBound]
                out += value
            case nil:
                separate()
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
