import Admission
import Foundation
import GatewayModel
import Journal
import Logging
import Testing

@Suite struct JournalTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString)").path
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func record(_ id: String, _ kind: JournalRecord.Kind, cost: Int64 = 5) -> JournalRecord {
        let request = SettleRequest(
            id: id, scopes: ScopeSet(keyID: "key_1", orgID: "org_1"), target: .settled, cost: NanoUSD(cost), tokens: 7,
            event: Array("{\"id\":\"\(id)\"}".utf8), periods: "202611/20261126,202611/20261126", refundsRequest: true)
        return JournalRecord(kind, request, generation: "3", admittedMs: 77)
    }

    private func bytes(_ records: [JournalRecord]) -> [UInt8] {
        var out = JournalSegment.magic
        for record in records {
            out += [UInt8](repeating: 0, count: record.bytes)
            out.withUnsafeMutableBytes { bytes in
                if let base = bytes.baseAddress { record.write(to: base + bytes.count - record.bytes) }
            }
        }
        return out
    }

    private func read(_ bytes: [UInt8]) -> (records: [JournalRecord], damaged: Int) {
        bytes.withUnsafeBytes { JournalReader.records(in: $0) }
    }

    @Test("what is written is read, field by field")
    func roundTrip() throws {
        let back = try #require(read(bytes([record("a", .ended, cost: .max)])).records.first)
        #expect(back.kind == .ended && back.generation == "3" && back.admittedMs == 77)
        let (was, now) = (record("a", .ended, cost: .max).request, back.request)
        #expect(now.id == was.id && now.cost == was.cost && now.tokens == was.tokens && now.event == was.event)
        #expect(now.periods == was.periods && now.refundsRequest && !now.countsInMinute && now.target == .settled)
        #expect(now.scopes.keyID == "key_1" && now.scopes.orgID == "org_1")
    }

    @Test("the pool a request counts in is read, and a record of before there were pools has none")
    func pools() throws {
        var pooled = record("a", .ended)
        pooled.request.scopes = ScopeSet(keyID: "key_1", orgID: "org_1", pool: "free")
        let back = read(bytes([pooled, record("b", .ended)]))
        #expect(back.damaged == 0 && back.records.map(\.request.scopes.pool) == ["free", nil])
        #expect(back.records.map(\.request.event) == [pooled.request.event, record("b", .ended).request.event])
    }

    @Test(
        "how a unit is given back is read as it was written", arguments: [(false, false), (true, false), (true, true)])
    func units(givesBack: Bool, countsInMinute: Bool) throws {
        var written = record("a", .ended)
        written.request.refundsRequest = givesBack
        written.request.countsInMinute = countsInMinute
        let back = try #require(read(bytes([written])).records.first).request
        #expect(back.refundsRequest == givesBack && back.countsInMinute == countsInMinute)
    }

    @Test("cut at every byte, all whole records before the cut are read and nothing else")
    func torn() {
        let whole = bytes([record("a", .ended), record("b", .ended)])
        let firstEnds = JournalSegment.magic.count + record("a", .ended).bytes
        for end in 0..<whole.count {
            var torn = whole
            for at in end..<whole.count { torn[at] = 0 }
            let found = read(torn).records.map(\.request.id)
            #expect(found == ["a", "b"] || found == ["a"] && end < whole.count || found == [] && end < firstEnds)
        }
    }

    @Test("a flipped bit costs one record and is counted; those around it are read")
    func flipped() {
        let whole = bytes([record("a", .ended), record("b", .ended), record("c", .ended)])
        let width = record("a", .ended).bytes
        for at in JournalSegment.magic.count + width..<JournalSegment.magic.count + 2 * width - 8 {
            var damaged = whole
            damaged[at] ^= 1 << UInt8(at % 8)
            let (records, count) = read(damaged)
            let ids = records.map(\.request.id)
            // A record's padding is not part of it.
            #expect(ids == ["a", "c"] && count == 1 || ids == ["a", "b", "c"])
            #expect(records.allSatisfy { $0.request.cost == NanoUSD(5) })
        }
    }

    @Test("a worker that died leaves the last record of each request, and an end is never taken back")
    func adopted() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let dead = try JournalFolder(folder, boot: "dead", segmentBytes: 64 << 10, log: log)
        let journal = dead.journal("loop0")
        dead.start()
        journal.write(record("running", .running, cost: 1))
        journal.write(record("running", .running, cost: 2))
        journal.write(record("ended", .running))
        journal.write(record("ended", .ended, cost: 9))
        let next = try JournalFolder(folder, boot: "next", segmentBytes: 64 << 10, log: log)
        #expect(next.orphaned().next(9).isEmpty, "its owner lives")
        dead.stop(removing: false)
        let orphaned = next.orphaned()
        let found = Dictionary(uniqueKeysWithValues: orphaned.next(9).map { ($0.request.id, $0) })
        #expect(found["running"]?.kind == .running && found["running"]?.request.cost == NanoUSD(2))
        #expect(found["ended"]?.kind == .ended && found["ended"]?.request.cost == NanoUSD(9))
        #expect(FileManager.default.fileExists(atPath: folder + "/dead"))
        #expect(orphaned.next(9).isEmpty)
        #expect(!FileManager.default.fileExists(atPath: folder + "/dead"))
        next.stop(removing: true)
    }

    @Test("what is done with is not taken over, in whichever file that is said")
    func doneWith() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let dead = try JournalFolder(folder, boot: "dead", segmentBytes: 64 << 10, log: log)
        let journal = dead.journal("loop0")
        dead.start()
        let ids = (0..<2_500).map { "0192f3a4-0000-7000-8000-\(String(format: "%012d", $0))" }
        for id in ids {
            repeat { journal.write(record(id, .ended)) } while journal.isDegraded
        }
        journal.appendDone(Array(ids[0..<1_100]))
        dead.stop(removing: false)
        let next = try JournalFolder(folder, boot: "next", segmentBytes: 64 << 10, log: log)
        #expect(Set(all(next.orphaned(), 100)) == Set(ids[1_100...]))
        next.stop(removing: true)
    }

    /// The IDs of all inherited records, fetched `count` at a time.
    private func all(_ orphaned: OrphanedJournals, _ count: Int) -> [String] {
        var ids: [String] = []
        while true {
            let records = orphaned.next(count)
            guard !records.isEmpty else { return ids }
            ids += records.map(\.request.id)
        }
    }

    /// Writes the record, waiting for the keeper to provide a file if needed.
    private func write(_ record: JournalRecord, to journal: Journal) {
        repeat { journal.write(record) } while journal.isDegraded
    }

    /// Like `write`, for a "done" record, which a journal without a file drops.
    private func appendDone(_ id: String, in journal: Journal, of folder: JournalFolder) {
        let text = Array(id.utf8)
        repeat {
            journal.appendDone([id])
        } while !folder.records(of: journal.name).contains {
            $0.kind == .done && $0.request.event == text
        }
    }

    private func id(_ number: Int) -> String { "0192f3a4-0000-7000-8000-\(String(format: "%012d", number))" }

    @Test(
        "whatever files it is spread over, each request is handed out once, by its last word",
        arguments: [1, 7, 64, 10_000])
    func spread(idsMax: Int) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var expected: [String: Int64] = [:]
        for boot in 0..<3 {
            let dead = try JournalFolder(folder, boot: "dead\(boot)", segmentBytes: 4 << 10, log: log)
            let journals = [dead.journal("loop0"), dead.journal("loop1")]
            dead.start()
            for step in 0..<300 {
                let number = boot * 100 + Int.random(in: 0..<100)
                let journal = journals[number % 2]
                switch Int.random(in: 0..<6) {
                case 0 where expected[id(number)] != nil:
                    expected[id(number)] = nil
                    appendDone(id(number), in: journal, of: dead)
                    expected["gone \(number)"] = 0
                case 1 where expected["gone \(number)"] == nil:
                    write(record(id(number), .ended, cost: Int64(step)), to: journal)
                    expected[id(number)] = Int64(step)
                    expected["ended \(number)"] = 0
                case _ where expected["gone \(number)"] == nil && expected["ended \(number)"] == nil:
                    write(record(id(number), .running, cost: Int64(step)), to: journal)
                    expected[id(number)] = Int64(step)
                default: break
                }
            }
            dead.stop(removing: false)
        }
        let next = try JournalFolder(folder, boot: "next", segmentBytes: 64 << 10, log: log)
        let orphaned = next.orphaned(idsMax: idsMax)
        var found: [String: Int64] = [:]
        while true {
            let records = orphaned.next(5)
            guard !records.isEmpty else { break }
            #expect(records.count <= 5)
            for record in records {
                #expect(found.updateValue(record.request.cost.nano, forKey: record.request.id) == nil, "once")
            }
        }
        #expect(found == expected.filter { $0.key.hasPrefix("0192") })
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["next"])
        next.stop(removing: true)
    }

    @Test("a file goes when all of it was taken, not before, so that a death in the middle loses nothing")
    func interrupted() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let dead = try JournalFolder(folder, boot: "dead", segmentBytes: 4 << 10, log: log)
        let journal = dead.journal("loop0")
        dead.start()
        let ids = (0..<200).map { id($0) }
        for id in ids { write(record(id, .ended), to: journal) }
        dead.stop(removing: false)
        var taken: Set<String> = []
        for round in 1... {
            let next = try JournalFolder(folder, boot: "next\(round)", segmentBytes: 64 << 10, log: log)
            let orphaned = next.orphaned()
            // The successor that stops has not taken over the batch it was handed last.
            for _ in 0..<round { taken.formUnion(orphaned.next(7).map(\.request.id)) }
            let handed = orphaned.next(7).map(\.request.id)
            next.stop(removing: true)
            guard !handed.isEmpty else { break }
            #expect(FileManager.default.fileExists(atPath: folder + "/dead"))
        }
        #expect(taken == Set(ids))
        #expect(!FileManager.default.fileExists(atPath: folder + "/dead"))
    }

    @Test("files go from the oldest on, once nothing in them is owed")
    func retired() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let journals = try JournalFolder(folder, boot: "b", segmentBytes: 4 << 10, log: log)
        let journal = journals.journal("loop0")
        journals.start()
        var written = 0
        // Each write finds a spare file only if the keeper keeps up; the journal reports writes it cannot make.
        for _ in 0..<200 {
            repeat { journal.write(record("r\(written)", .ended)) } while journal.isDegraded
            written += 1
        }
        for at in 0..<written { journal.markDone("r\(at)") }
        journal.write(record("last", .ended))
        let deadline = ContinuousClock.now + .seconds(5)
        var files = Int.max
        while files > 3, ContinuousClock.now < deadline {
            files = try FileManager.default.contentsOfDirectory(atPath: folder + "/b").count { $0.hasSuffix(".j") }
        }
        #expect(files <= 3)
        journals.stop(removing: true)
    }
}
