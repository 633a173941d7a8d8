package import KeyMaterial

/// The chain of seals over the audit log.
///
/// Each seal is an HMAC over the previous seal, its own number and key name, and an audit row. Someone who can write to
/// the database but lacks the key cannot make a seal, so any row they change, remove or insert is detected.
///
/// The chain follows the order of sealing, not of ids: a transaction gets its row's id when it writes but may commit
/// minutes later, after rows with higher ids have been sealed for good.
package struct AuditChain: Sendable {
    /// The newest seal of a chain.
    package struct Head: Sendable, Equatable {
        package var number: Int64
        /// 64 hexadecimal characters.
        package var seal: String

        package init(number: Int64, seal: String) {
            self.number = number
            self.seal = seal
        }

        /// Before the first seal.
        package static let none = Head(number: 0, seal: "")
    }

    let keys: AuditKeys

    package init(keys: AuditKeys) { self.keys = keys }

    /// - Returns: `nil` when the key file has no key of this name.
    package func seal(_ row: AuditRow, after head: Head, key name: String) -> Head? {
        guard let key = keys.key(named: name) else { return nil }
        let number = head.number + 1
        let before = AuditRow.canonicalText(of: [head.seal, String(number), name])
        return Head(number: number, seal: key.seal(before + row.canonicalText))
    }
}
