import AuditLog
import KeyMaterial
import Testing

/// What an attacker without the key may do to the audit log and its seals, and what the operator is told.
@Suite struct ChainWalkTests {
    private static func keys(_ bytes: UInt8...) -> AuditKeys {
        AuditKeys(
            SecretFile(
                versions: bytes.enumerated().map {
                    SecretFile.Version(number: $0.offset + 1, bytes: Array(repeating: $0.element, count: 32))
                }))
    }

    private static func row(_ id: Int64, _ action: String = "update") -> AuditRow {
        AuditRow(id: id, values: ["00", "admin", "gw_cp", action, "api_key", "key_\(id)", nil, "{}"])
    }

    /// Seals of rows in the order of sealing, which is not that of ids.
    private static func chain(_ keys: AuditKeys, key: AuditKeys.Key? = nil, of ids: [Int64] = [11, 13, 12, 14]) throws
        -> [StoredSeal]
    {
        var head = AuditChain.Head.none
        return try ids.map { id in
            let name = (key ?? keys.newest).name
            head = try #require(AuditChain(keys: keys).seal(row(id), after: head, key: name))
            return StoredSeal(number: head.number, auditID: id, key: name, seal: head.seal, row: row(id))
        }
    }

    private let keys = keys(1)

    /// The first fault, and the number of the last seal that matched.
    private func walk(_ seals: [StoredSeal], keys: AuditKeys? = nil) -> (fault: String?, head: Int64) {
        var walk = ChainWalk(AuditChain(keys: keys ?? self.keys))
        for seal in seals {
            if let fault = walk.follow(seal) { return (fault, walk.head.number) }
        }
        return (nil, walk.head.number)
    }

    @Test("an intact chain matches to its end")
    func intact() throws {
        let seals = try Self.chain(keys)
        #expect(walk(seals) == (nil, 4))
        #expect(seals.last?.seal.count == 64)
    }

    @Test("no rows, no fault") func empty() { #expect(walk([]) == (nil, 0)) }

    @Test("a row whose text was changed", arguments: 0..<4)
    func changed(at: Int) throws {
        var seals = try Self.chain(keys)
        let id = seals[at].auditID
        seals[at].row = Self.row(id, "delete")
        let found = walk(seals)
        #expect(found.fault == "row \(id) was changed or inserted: it does not match its seal (\(at + 1))")
        #expect(found.head == Int64(at))
    }

    @Test("a row that was removed while its seal stayed")
    func removedRow() throws {
        var seals = try Self.chain(keys)
        seals[1].row = nil
        #expect(walk(seals).fault == "row 13 was removed: it has a seal (2)")
    }

    @Test("a row that was removed with its seal")
    func removedBoth() throws {
        var seals = try Self.chain(keys)
        seals.remove(at: 1)
        #expect(walk(seals).fault == "seal 2 was removed: the next one, of row 12, has number 3")
    }

    @Test("a removal that renumbers the seals behind it")
    func renumbered() throws {
        var seals = try Self.chain(keys)
        seals.remove(at: 1)
        for at in 1..<seals.count { seals[at].number -= 1 }
        #expect(walk(seals).fault?.hasPrefix("row 12 was changed or inserted") == true)
    }

    @Test("two rows that changed places")
    func swapped() throws {
        var seals = try Self.chain(keys)
        (seals[1].row, seals[2].row) = (seals[2].row, seals[1].row)
        #expect(walk(seals).fault?.hasPrefix("row 13 was changed or inserted") == true)
    }

    @Test("a chain that was made anew under a key of the attacker's")
    func forged() throws {
        let own = Self.keys(66)
        #expect(walk(try Self.chain(own)).fault?.contains("under a key that is not in the audit key file") == true)
        // The same under the name of the real key.
        let renamed = try Self.chain(own).map { seal in
            StoredSeal(
                number: seal.number, auditID: seal.auditID, key: keys.newest.name, seal: seal.seal, row: seal.row)
        }
        #expect(walk(renamed).fault?.hasPrefix("row 11 was changed or inserted") == true)
    }

    @Test("a seal copied from another place of the chain")
    func copied() throws {
        var seals = try Self.chain(keys)
        seals[3].seal = seals[2].seal
        #expect(walk(seals).fault?.hasPrefix("row 14 was changed or inserted") == true)
    }

    @Test("an older key still verifies what it sealed, as long as the file holds it")
    func rotatedKey() throws {
        let both = Self.keys(1, 2)
        var seals = try Self.chain(keys)
        let head = AuditChain.Head(number: 4, seal: seals[3].seal)
        let next = try #require(AuditChain(keys: both).seal(Self.row(15), after: head, key: both.newest.name))
        seals.append(
            StoredSeal(number: 5, auditID: 15, key: both.newest.name, seal: next.seal, row: Self.row(15)))
        #expect(walk(seals, keys: both) == (nil, 5))
        #expect(walk(seals).fault?.contains("row 15 has a seal (5) under a key that is not in") == true)
    }
}
