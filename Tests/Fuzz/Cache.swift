import GatewayModel
import JSONScan
import ResponseCache

/// Properties of the response cache.
///
/// A JSON body has one digest, however it is split; a value in the cache Redis decodes to one answer or none; and an
/// answer of any shape can be judged.
func fuzzCache(_ input: FuzzInput) {
    let whole = digest([input.rest])
    require(digest(input.pieces) == whole, "another cutting gives another digest")
    if (try? JSONScanner.members(of: input.rest)) != nil { require(whole != nil, "a good body has no digest") }
    for operation in Operation.allCases { _ = CacheEligibility.mayStore(input.rest, operation, choices: 1) }
    _ = CacheEligibility.mayStore(events: input.rest, choices: 1)
    _ = CacheControl(String(decoding: input.rest, as: UTF8.self))
    readBack(input.rest)
}

private func digest(_ pieces: [[UInt8]]) -> [UInt8]? {
    var made = CanonicalDigest()
    for piece in pieces { made.feed(piece) }
    return made.finish()
}

private let secrets = CacheSecrets(secret: [1, 2, 3])
private let key = secrets.key(org: "org", .chat, body: [], definition: [])

/// The stand-in for the cipher opens anything; a decoded answer must survive encoding and decoding.
private func readBack(_ bytes: [UInt8]) {
    let sealed = [UInt8](repeating: 0, count: 12) + bytes + [UInt8](repeating: 0, count: 16)
    guard let answer = secrets.open(sealed, for: key) else { return }
    let again = secrets.seal(answer, for: key).flatMap { secrets.open($0, for: key) }
    require(again == answer, "an answer changes when it is kept")
    _ = answer.isFresh(at: .max, ageMsMax: 0)
    _ = answer.isFresh(at: .min, ageMsMax: .max)
}
