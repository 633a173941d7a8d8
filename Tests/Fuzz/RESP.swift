import Admission
import GatewayModel
import Redis

/// However Redis's output is split, the replies are the same, and each can be decoded as a limiter's answer.
func fuzzRESP(_ input: FuzzInput) {
    let whole = read([input.rest])
    let parts = read(input.pieces)
    require(whole.isBroken == parts.isBroken, "another cutting gives another verdict")
    // Replies that came in one piece with the bytes that break the connection are lost with it.
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

/// Decodes the reply as a worker does after an admit and after reading a key's counters.
private func judge(_ reply: RESPValue) {
    let items = reply.array ?? []
    if case .refused(let error) = AdmitVerdict(reply: items.map { $0.string ?? "" }) {
        require(!error.message.isEmpty, "a refusal without words")
    }
    let head = items.prefix { $0.array == nil }.map { $0.string ?? "" }
    _ = PeekVerdict(head: head, scopes: items.compactMap { $0.array?.map { $0.string ?? "" } })
}
