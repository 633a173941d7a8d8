/// A seal as it is stored, with the audit row it names.
package struct StoredSeal: Sendable {
    package var number: Int64
    package var auditID: Int64
    /// The name of the key it was made under.
    package var key: String
    package var seal: String
    /// `nil` when the audit log has no such row.
    package var row: AuditRow?

    /// - Parameter row: the audit row with this id; `nil` when there is none.
    package init(number: Int64, auditID: Int64, key: String, seal: String, row: AuditRow?) {
        self.number = number
        self.auditID = auditID
        self.key = key
        self.seal = seal
        self.row = row
    }
}

/// Follows a chain of seals from its start.
package struct ChainWalk: Sendable {
    /// The last seal that matched its predecessor and its row.
    package private(set) var head = AuditChain.Head.none
    private let chain: AuditChain

    package init(_ chain: AuditChain) { self.chain = chain }

    /// - Parameter next: the stored seal with the next higher number.
    /// - Returns: why it does not match, for the operator; `nil` when it does.
    package mutating func follow(_ next: StoredSeal) -> String? {
        let (number, id) = (next.number, next.auditID)
        guard number == head.number + 1 else {
            return "seal \(head.number + 1) was removed: the next one, of row \(id), has number \(number)"
        }
        guard let row = next.row else { return "row \(id) was removed: it has a seal (\(number))" }
        guard let expected = chain.seal(row, after: head, key: next.key) else {
            return "row \(id) has a seal (\(number)) under a key that is not in the audit key file: \(next.key)"
        }
        guard expected.seal == next.seal else {
            return "row \(id) was changed or inserted: it does not match its seal (\(number))"
        }
        head = expected
        return nil
    }
}
