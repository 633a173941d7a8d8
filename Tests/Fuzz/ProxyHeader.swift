import HTTPCodec

/// A PROXY header is accepted only when complete, and no byte beyond its end is consumed.
func fuzzProxyHeader(_ input: FuzzInput) {
    let bytes = input.bytes
    guard let (address, count) = parse(bytes) else { return }
    require(count <= bytes.count && count <= ProxyHeader.bytesMax, "took more than there is")
    if case .bytes(let raw) = address { require(raw.count == 4 || raw.count == 16, "an address of \(raw.count) bytes") }
    let exact = parse(Array(bytes[..<count]))
    require(exact?.address == address && exact?.count == count, "what follows changes the header")
    require(parse(Array(bytes[..<(count - 1)])) == nil, "taken before it was complete")
}

private func parse(_ bytes: [UInt8]) -> (address: ProxyHeader.Address, count: Int)? {
    bytes.withUnsafeBytes { raw in do throws(HTTPParseError) { return try ProxyHeader.parse(raw) } catch { return nil }
    }
}
