internal import AdminCore
internal import FoundationEssentials
internal import GatewayModel
internal import JSONScan
internal import PlaneContract

/// A JSON value of a request body, which keeps absent, null and present members apart.
enum JSONInput: Decodable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([JSONInput])
    case object([String: JSONInput])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONInput].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONInput].self))
        }
    }
}

/// Reads the members of a request body and refuses unknown ones: a mistyped limit must not be silently ignored.
struct BodyReader {
    private let members: [String: JSONInput]

    /// - Parameter mayBeEmpty: accept an empty body as an empty object.
    init(_ data: Data, allowed: Set<String>, mayBeEmpty: Bool = false) throws {
        if mayBeEmpty, data.isEmpty {
            try self.init([:], allowed: allowed, path: "")
            return
        }
        try self.init(try Self.members(of: data), allowed: allowed, path: "")
    }

    /// The members of a JSON object, of which none occurs twice.
    static func members(of data: Data) throws -> [String: JSONInput] {
        try validateMembers(of: data)
        guard let input = try? JSONDecoder().decode(JSONInput.self, from: data), case .object(let members) = input
        else {
            throw AdminError.invalid("The body must be a JSON object.", param: nil)
        }
        return members
    }

    /// Refuses duplicate members: a proxy in front might have read the other one.
    private static func validateMembers(of data: Data) throws {
        do throws(JSONError) {
            _ = try JSONScanner.members(of: Array(data))
        } catch {
            switch error {
            case .duplicateKey(let name, _):
                throw AdminError.invalid("'\(name)' occurs twice.", param: name)
            case .tooDeep: throw AdminError.invalid("The body is nested too deeply.", param: nil)
            default: throw AdminError.invalid("The body must be a JSON object.", param: nil)
            }
        }
    }

    private init(_ members: [String: JSONInput], allowed: Set<String>, path: String) throws {
        if let unknown = members.keys.filter({ !allowed.contains($0) }).min() {
            throw AdminError.invalid(
                "'\(path + unknown)' is not a member of this request. Valid members: \(allowed.sorted().joined(separator: ", ")).",
                param: path + unknown)
        }
        self.members = members
    }

    func text(_ name: String) throws -> String? {
        switch members[name] {
        case nil: return nil
        case .text(let value):
            // PostgreSQL text cannot hold NUL, and libpq would truncate the value there.
            guard !value.utf8.contains(0) else {
                throw AdminError.invalid("'\(name)' must not contain a NUL character.", param: name)
            }
            return value
        default: throw AdminError.invalid("'\(name)' must be a string.", param: name)
        }
    }

    func requiredText(_ name: String) throws -> String {
        guard let value = try text(name) else { throw AdminError.invalid("'\(name)' is required.", param: name) }
        return value
    }

    func integer(_ name: String, in range: ClosedRange<Int64>, default fallback: Int64) throws -> Int64 {
        switch members[name] {
        case nil: return fallback
        case .integer(let value) where range.contains(value): return value
        default:
            throw AdminError.invalid(
                "'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound).", param: name)
        }
    }

    func flag(_ name: String) throws -> Bool {
        switch members[name] {
        case nil: return false
        case .bool(let value): return value
        default: throw AdminError.invalid("'\(name)' must be true or false.", param: name)
        }
    }

    func integerChange(_ name: String, in range: ClosedRange<Int64>) throws -> Change<Int64> {
        switch members[name] {
        case nil: return .unchanged
        case .null: return .set(nil)
        case .integer(let value) where range.contains(value): return .set(value)
        default:
            throw AdminError.invalid(
                "'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound), or null.",
                param: name)
        }
    }

    func textChange(_ name: String) throws -> Change<String> {
        if case .null = members[name] { return .set(nil) }
        return try text(name).map { .set($0) } ?? .unchanged
    }

    func listChange(_ name: String) throws -> Change<[String]> {
        switch members[name] {
        case nil: return .unchanged
        case .null: return .set(nil)
        case .list(let items):
            return .set(
                try items.map { item in
                    guard case .text(let value) = item else {
                        throw AdminError.invalid("'\(name)' must be a list of names.", param: name)
                    }
                    return value
                })
        default: throw AdminError.invalid("'\(name)' must be a list of names or null.", param: name)
        }
    }

    /// The limits in the body and their names. Limits not named stay as they are; null removes one.
    func limits() throws -> (limits: ScopeLimits, changedLimits: Set<String>) {
        var limits = ScopeLimits()
        guard case .object(let members)? = self.members["limits"] else {
            if self.members["limits"] == nil { return (limits, []) }
            throw AdminError.invalid("'limits' must be an object.", param: "limits")
        }
        let reader = try BodyReader(members, allowed: Self.limitNames, path: "limits.")
        limits.requestsPerMinute = try reader.count("requests_per_minute")
        limits.tokensPerMinute = try reader.count("tokens_per_minute")
        limits.concurrentRequests = try reader.count("concurrent_requests")
        limits.requestsPerDay = try reader.count("requests_per_day")
        limits.requestsPerMonth = try reader.count("requests_per_month")
        limits.perDay = try reader.money("usd_per_day")
        limits.perMonth = try reader.money("usd_per_month")
        return (limits, Set(members.keys))
    }

    private static let limitNames: Set<String> = [
        "requests_per_minute", "tokens_per_minute", "concurrent_requests", "requests_per_day", "requests_per_month",
        "usd_per_day", "usd_per_month",
    ]

    private func count(_ name: String) throws -> Int64? {
        switch members[name] {
        case nil, .null: return nil
        case .integer(let value) where value >= 1: return value
        default:
            throw AdminError.invalid(
                "'limits.\(name)' must be a whole number of at least 1, or null.", param: "limits.\(name)")
        }
    }

    private func money(_ name: String) throws -> NanoUSD? {
        switch members[name] {
        case nil, .null: return nil
        case .text(let text):
            if let amount = NanoUSD(decimalUSD: text), amount <= NanoUSD.limitMax { return amount }
            fallthrough
        default:
            throw AdminError.invalid(
                "'limits.\(name)' must be null or a decimal string such as \"12.50\": at most 9,000,000, with at most nine decimals.",
                param: "limits.\(name)")
        }
    }
}
