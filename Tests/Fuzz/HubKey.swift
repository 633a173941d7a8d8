import GatewayModel
import KeyMaterial

/// Only a key's exact form is accepted, and no key with one character changed.
func fuzzHubKey(_ input: FuzzInput) {
    let bytes = input.bytes
    let text = String(decoding: bytes, as: UTF8.self)
    if let key = try? HubKey(parsing: text) {
        require(key.secret.reveal() == text && text.utf8.count == HubKey.length, "another text than the key's")
        require(text.utf8.allSatisfy { $0 < 0x80 }, "a key that is not ASCII")
    }
    checkChanged(bytes)
}

/// A key made from the input is accepted; the same key with one character changed is not.
private func checkChanged(_ bytes: [UInt8]) {
    let words = bytes.withUnsafeBytes { raw in
        (0..<4).map { at in raw.count >= 8 * at + 8 ? raw.loadUnaligned(fromByteOffset: 8 * at, as: UInt64.self) : 0 }
    }
    let key = HubKey(random: (words[0], words[1], words[2], words[3])).secret.reveal()
    require((try? HubKey(parsing: key)) != nil, "a fresh key is refused")
    guard let first = bytes.first, let last = bytes.last else { return }
    var changed = Array(key.utf8)
    let at = Int(first) % changed.count
    guard changed[at] != last else { return }
    changed[at] = last
    let text = String(decoding: changed, as: UTF8.self)
    require((try? HubKey(parsing: text)) == nil, "a mistyped key passes")
}
