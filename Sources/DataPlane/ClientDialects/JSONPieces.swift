internal import GatewayModel
internal import JSONScan

extension [UInt8] {
    /// Members of `object` by name and in that order, comma-separated, as they are spelt; what is absent or null is left out.
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

    /// The JSON of a value as a JSON string; text stays as it is.
    mutating func append(asText value: JSONView) {
        if value.kind == .string { return append(contentsOf: value.raw) }
        append("\"")
        for byte in value.raw {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            // Between the tokens of JSON there may be line breaks and tabs, inside a string only their escapes.
            case 0x0a: append("\\n")
            case 0x0d: append("\\r")
            case 0x09: append("\\t")
            default: append(byte)
            }
        }
        append("\"")
    }
}
