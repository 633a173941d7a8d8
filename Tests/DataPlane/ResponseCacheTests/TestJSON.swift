import GatewayModel

/// A random document that can be serialised in many ways.
indirect enum TestJSON {
    case scalar(String)
    case array([TestJSON])
    case object([(String, TestJSON)])

    private static let names = [
        "", "a", "b", "ab", "role", "content", "é", "x y", "\\u0041", "\\\"", "{", "long".padded(400),
    ]
    private static let scalars = [
        "1", "1.0", "-0", "1e3", "true", "false", "null", "\"\"", "\"a\"", "\"\\\\\"", "\"\\\"}\"", "\"[,:]\"",
        "\"日本\"",
        "\"\("t".padded(255))\"", "\"\("u".padded(5_000))\"",
    ]

    init(_ random: inout SplitMix64, depth: Int) {
        switch depth == 0 ? 0 : Int.random(in: 0..<(depth == 4 ? 2 : 4), using: &random) + (depth == 4 ? 2 : 0) {
        case 2:
            self = .array((0..<Int.random(in: 1...5, using: &random)).map { _ in TestJSON(&random, depth: depth - 1) })
        case 3:
            let count = Int.random(in: 1...5, using: &random)
            let names = Self.names.shuffled(using: &random).prefix(count)
            self = .object(names.map { ($0, TestJSON(&random, depth: depth - 1)) })
        default: self = .scalar(Self.scalars.randomElement(using: &random) ?? "0")
        }
    }

    func text(_ random: inout SplitMix64, isShuffled: Bool) -> String {
        func space() -> String { isShuffled ? ["", "", " ", "\n", "\t \r\n"].randomElement(using: &random) ?? "" : "" }
        switch self {
        case .scalar(let text): return space() + text + space()
        case .array(let items):
            var parts: [String] = []
            for item in items { parts.append(item.text(&random, isShuffled: isShuffled)) }
            return space() + "[" + parts.joined(separator: ",") + "]" + space()
        case .object(let members):
            var parts: [String] = []
            for (name, value) in isShuffled ? members.shuffled(using: &random) : members {
                parts.append(space() + "\"\(name)\"" + space() + ":" + value.text(&random, isShuffled: isShuffled))
            }
            return space() + "{" + parts.joined(separator: ",") + space() + "}" + space()
        }
    }

    /// Descends along a random path and changes the value there.
    mutating func changeOneScalar(_ random: inout SplitMix64) {
        switch self {
        case .scalar(let text):
            self = .scalar(text.hasSuffix("\"") ? text.dropLast() + "!\"" : text == "7" ? "8" : "7")
        case .array(var items):
            items[Int.random(in: items.indices, using: &random)].changeOneScalar(&random)
            self = .array(items)
        case .object(var members):
            members[Int.random(in: members.indices, using: &random)].1.changeOneScalar(&random)
            self = .object(members)
        }
    }
}

extension String {
    fileprivate func padded(_ count: Int) -> String {
        self + String(repeating: "z", count: Swift.max(0, count - self.count))
    }
}
