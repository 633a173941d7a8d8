internal import GatewayModel
package import LimitScripts

/// Writes one call of a limiter function in RESP form (`FCALL function <keys> keys… arguments…`) straight into a
/// buffer.
///
/// Runs twice per request, so it avoids the array of strings that `redisFormatCommandArgv` would need.
package enum CommandWriter {
    /// Appends the head of a call. Exactly `keys` keys and then `arguments` arguments must be added.
    package static func begin(
        _ function: LimitLibrary.Function, keys: Int, arguments: Int, to out: inout [UInt8]
    ) {
        out.append("*")
        out.append(decimal: Int64(3 + keys + arguments))
        out.append("\r\n$5\r\nFCALL\r\n")
        add(function.rawValue, to: &out)
        add(Int64(keys), to: &out)
    }

    /// Appends one key or argument as a bulk string, in UTF-8.
    package static func add(_ text: String, to out: inout [UInt8]) {
        var text = text
        text.withUTF8 { bytes in
            out.append("$")
            out.append(decimal: Int64(bytes.count))
            out.append("\r\n")
            out.append(contentsOf: bytes)
            out.append("\r\n")
        }
    }

    /// Appends one argument as a bulk string; any bytes are allowed.
    package static func add(_ bytes: [UInt8], to out: inout [UInt8]) {
        out.append("$")
        out.append(decimal: Int64(bytes.count))
        out.append("\r\n")
        out.append(contentsOf: bytes)
        out.append("\r\n")
    }

    /// Appends one argument as a bulk string of decimal digits.
    package static func add(_ number: Int64, to out: inout [UInt8]) {
        var digits = number < 0 ? 2 : 1
        var rest = number / 10
        while rest != 0 {
            digits += 1
            rest /= 10
        }
        out.append("$")
        out.append(decimal: Int64(digits))
        out.append("\r\n")
        out.append(decimal: number)
        out.append("\r\n")
    }

    /// The arguments in RESP form, encoded once for many commands.
    static func encoded(_ words: [String]) -> [UInt8] {
        var out: [UInt8] = []
        for word in words { out += "$\(word.utf8.count)\r\n\(word)\r\n".utf8 }
        return out
    }
}
