internal import GatewayModel
internal import JSONScan

extension [UInt8] {
    /// Appends members of `object` in the order of `names`, comma-separated and as spelled; skips absent and null ones.
    mutating func append(members names: [StaticString], of object: JSONView) {
        var isFirst = true
        for name in names {
            guard let value = object[name], !value.isNull else { continue }
            if !isFirst { append(",") }
            isFirst = false
            append("\"")
            append(name)
            append("\":")
            append(contentsOf: value.raw)
        }
    }

    /// Appends the value's JSON as a JSON string; a string is copied as it is.
    mutating func append(asText value: JSONView) {
        if value.kind == .string { return append(contentsOf: value.raw) }
        append("\"")
        for byte in value.raw {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            // Line breaks and tabs may stand between JSON tokens, but must be escaped inside a string.
            case 0x0a: append("\\n")
            case 0x0d: append("\\r")
            case 0x09: append("\\t")
            default: append(byte)
            }
        }
        append("\"")
    }
}
