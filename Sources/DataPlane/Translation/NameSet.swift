internal import JSONScan

/// Names of JSON members, indexed by length: a look-up compares two or three of them.
struct NameSet: Sendable {
    private let byLength: [[StaticString]]

    init(_ names: [StaticString]) {
        var byLength: [[StaticString]] = []
        for name in names {
            while byLength.count <= name.utf8CodeUnitCount { byLength.append([]) }
            byLength[name.utf8CodeUnitCount].append(name)
        }
        self.byLength = byLength
    }

    func contains(_ name: StaticString) -> Bool {
        contains(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// - Parameter name: the bytes between the quotes, possibly with escapes.
    func contains(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        if name.count < byLength.count {
            for known in byLength[name.count] where JSONString.equals(name, known) { return true }
        }
        guard name.contains(0x5c) else { return false }
        return byLength.contains { $0.contains { JSONString.equals(name, $0) } }
    }
}
