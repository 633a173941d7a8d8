import Foundation
import Synchronization

/// What the provider charges per request ID sent by the gateway: the tests' ground truth of money.
final class Bill: Sendable {
    struct Entry: Codable, Sendable {
        var id: String
        var model: String
        /// How often this ID was received: more than once means a request was sent twice.
        var received = 1
        var input = 0
        var cached = 0
        var output = 0
        var reasoning = 0
        var images = 0
        /// Whether the answer was sent to its end.
        var complete = false
        var status = 200
        var stream = false
        var body: String
    }

    static let entriesMax = 1_000_000
    private let entries = Mutex<[String: Entry]>([:])

    func received(id: String, model: String, stream: Bool, body: String) {
        entries.withLock { entries in
            guard entries.count < Self.entriesMax else { return }
            entries[id, default: Entry(id: id, model: model, received: 0, stream: stream, body: body)].received += 1
        }
    }

    func change(_ id: String, _ body: (inout Entry) -> Void) {
        entries.withLock { entries in
            guard var entry = entries[id] else { return }
            body(&entry)
            entries[id] = entry
        }
    }

    func clear() { entries.withLock { $0.removeAll() } }

    var json: Data {
        let all = entries.withLock { Array($0.values) }
        return (try? JSONEncoder().encode(all)) ?? Data("[]".utf8)
    }
}
