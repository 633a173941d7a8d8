/// Parses how long a provider asks to wait when it says so in text instead of a header.
enum WaitHint {
    private static let phrases = ["try again in ", "retry in ", "retry after ", "wait "]

    /// Milliseconds from "Please try again in 1.5s", "retry in 6m0s", "retry after 10 seconds".
    static func milliseconds(in text: String) -> Int64? {
        let lowered = text.lowercased()
        for phrase in phrases {
            var rest = lowered[...]
            while let match = rest.firstRange(of: phrase) {
                rest = rest[match.upperBound...]
                if let wait = duration(rest) { return wait }
            }
        }
        return nil
    }

    /// Milliseconds of the duration a text starts with: numbers with units, as in `26.4s`, `1h2m3s`, `10 seconds`.
    static func duration(_ text: Substring) -> Int64? {
        var total = 0.0
        var found = false
        var rest = text
        while let (part, after) = part(rest) {
            total += part
            found = true
            rest = after
        }
        return found && total < 1e12 ? Int64(total.rounded(.up)) : nil
    }

    private static func part(_ text: Substring) -> (milliseconds: Double, rest: Substring)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        guard digits.count <= 12, let number = Double(digits.hasSuffix(".") ? digits.dropLast() : digits) else {
            return nil
        }
        let rest = text.dropFirst(digits.count).drop { $0 == " " }
        let unit = rest.prefix { $0.isLetter }
        guard let scale = scale(of: unit) else { return nil }
        return (number * scale, rest.dropFirst(unit.count))
    }

    private static func scale(of unit: Substring) -> Double? {
        switch unit {
        case "ms", "milliseconds": 1
        case "s", "sec", "second", "seconds": 1_000
        case "m", "min", "minute", "minutes": 60_000
        case "h", "hour", "hours": 3_600_000
        default: nil
        }
    }
}
