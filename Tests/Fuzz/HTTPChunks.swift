import HTTPCodec

/// However a chunked body is split, it decodes to the same bytes, and encoding them gives a body that decodes to them.
func fuzzHTTPChunks(_ input: FuzzInput) {
    let whole = decode([input.rest])
    require(decode(input.pieces) == whole, "another cutting gives another body")
    require(whole.used <= input.rest.count && whole.out.count <= whole.used, "more out than in")
    guard whole.isDone else { return }
    require(whole.out.count <= 1_000, "more than the bound")
    let size = Array(String(whole.out.count, radix: 16).utf8)
    let chunk = whole.out.isEmpty ? [] : size + crlf + whole.out + crlf
    let again = decode([chunk + Array("0".utf8) + crlf + crlf])
    require(again.isDone && again.out == whole.out, "a body does not decode to itself")
}

private let crlf: [UInt8] = [0x0d, 0x0a]

private struct Outcome: Equatable {
    var out: [UInt8] = []
    var used = 0
    var isDone = false
    var isRefused = false
}

private func decode(_ pieces: [[UInt8]]) -> Outcome {
    var body = ChunkedBody(bodyBytesMax: 1_000)
    var outcome = Outcome()
    for piece in pieces where !outcome.isDone {
        do { outcome.used += try piece.withUnsafeBytes { try body.decode($0, into: &outcome.out) } } catch {
            // What was decoded before the error depends on the split, and is discarded.
            return Outcome(isRefused: true)
        }
        outcome.isDone = body.isDone
    }
    return outcome
}
