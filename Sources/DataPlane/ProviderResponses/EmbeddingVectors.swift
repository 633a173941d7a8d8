internal import FoundationEssentials
internal import GatewayModel
internal import JSONScan

/// Converts the vectors of an embeddings response to the format the client asked for.
///
/// The formats are numbers, or base64 of little-endian IEEE 754 single precision (OpenAI API reference,
/// `encoding_format`). Official SDKs request base64 by default, and some misread a list of numbers.
package enum EmbeddingVectors {
    /// - Parameters:
    ///   - body: a validated JSON document.
    ///   - listRange: the range of its `data` array.
    /// - Returns: the document with each `data[].embedding` converted and everything else unchanged; `nil` when a
    ///   vector is in neither format, is empty, or has a value that does not fit single precision.
    package static func converted(_ body: [UInt8], listAt listRange: Range<Int>, toBase64: Bool) -> [UInt8]? {
        body.withJSON { bytes in
            var out: [UInt8] = []
            var copied = 0
            for item in JSONView(bytes, listRange).elements {
                guard let vector = item["embedding"], vector.hasText || !vector.isEmpty else { return nil }
                guard (vector.kind == .string) != toBase64 else { continue }
                guard let text = toBase64 ? base64(of: vector) : numbers(in: vector) else { return nil }
                out += bytes[copied..<vector.range.lowerBound]
                out += text
                copied = vector.range.upperBound
            }
            guard copied > 0 else { return body }
            out += bytes[copied...]
            return out
        }
    }

    /// Converts a list of numbers to quoted base64.
    private static func base64(of vector: JSONView) -> [UInt8]? {
        var data: [UInt8] = []
        for element in vector.elements {
            guard let number = element.double, abs(number) <= Double(Float.greatestFiniteMagnitude) else { return nil }
            withUnsafeBytes(of: Float(number).bitPattern.littleEndian) { data.append(contentsOf: $0) }
        }
        return Array("\"\(Data(data).base64EncodedString())\"".utf8)
    }

    /// Converts base64 to a list of numbers, each with the fewest digits that read back to it.
    private static func numbers(in vector: JSONView) -> [UInt8]? {
        guard let text = vector.string, let decoded = Data(base64Encoded: text), decoded.count % 4 == 0 else {
            return nil
        }
        let data = [UInt8](decoded)
        var out = Array("[".utf8)
        for at in stride(from: 0, to: data.count, by: 4) {
            let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[at + $1]) << (8 * UInt32($1)) }
            let number = Float(bitPattern: bits)
            guard number.isFinite else { return nil }
            if at > 0 { out.append(UInt8(ascii: ",")) }
            out.append(text: number.description)
        }
        out.append(UInt8(ascii: "]"))
        return out
    }
}
