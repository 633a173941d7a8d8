import Admission
import GatewayModel
import Redis

/// Any cutting of what Redis sends gives the same replies, and the limiter's answers can be read out of all of them.
func fuzzRESP(_ input: FuzzInput) {
    let whole = read([input.rest])
    let parts = read(input.pieces)
    require(whole.isBroken == parts.isBroken, "another cutting gives another verdict")
    // What came in one piece with the bytes that break the connection is lost with it.
    let isSame = whole.isBroken ? parts.replies.starts(with: whole.replies) : whole.replies == parts.replies
    require(isSame, "another cutting gives other replies")
    for reply in whole.replies { judge(reply) }
}

private struct Outcome: Equatable {
    var replies: [RESPValue] = []
    var isBroken = false
}

private func read(_ pieces: [[UInt8]]) -> Outcome {
    var reader = RESPReader(replyBytesMax: 1 << 20)
    var outcome = Outcome()
    do {
        for piece in pieces {
            try piece.withUnsafeBytes { try reader.feed($0) }
            while let reply = try reader.next() { outcome.replies.append(reply) }
        }
    } catch { outcome.isBroken = true }
    return outcome
}

/// What a worker does with the reply to an admit and to a look at a key's counters.
private func judge(_ reply: RESPValue) {
    let items = reply.array ?? []
    if case .refused(let error) = AdmitVerdict(reply: items.map { $0.string ?? "" }) {
        require(!error.message.isEmpty, "a refusal without words")
    }
    let head = items.prefix { $0.array == nil }.map { $0.string ?? "" }
    _ = PeekVerdict(head: head, scopes: items.compactMap { $0.array?.map { $0.string ?? "" } })
}
