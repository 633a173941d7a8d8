internal import KeyMaterial
internal import Postgres

/// The chain of seals: each is an HMAC over the one before, its own number and key, and a row of the audit log. Whoever can write to the
/// database but does not have the key can make no seal, and so can neither change a row, take one out nor put one in unseen.
///
/// The order of the chain is that of sealing. Ids would not do: a transaction takes its row's id when it writes and may commit minutes
/// later, when rows with higher ids are sealed and cannot be sealed again.
struct AuditChain: Sendable {
    struct Head: Sendable, Equatable {
        var number: Int64
        var seal: String

        /// Before the first seal.
        static let none = Head(number: 0, seal: "")
    }

    let keys: AuditKeys

    /// - Returns: `nil` when the key is not in this file.
    func seal(_ row: AuditRow, after head: Head, key name: String) -> Head? {
        guard let key = keys.key(named: name) else { return nil }
        let number = head.number + 1
        let before = AuditRow.canonicalText(of: [head.seal, String(number), name])
        return Head(number: number, seal: key.seal(before + row.canonicalText))
    }
}
