internal import AdminCore
internal import FoundationEssentials
internal import Hummingbird
internal import HummingbirdCore

/// Reads the query parameters of a request and refuses unknown ones: a mistyped filter must not be silently ignored.
struct QueryReader {
    /// Values of one filter.
    private static let valuesMax = 100

    private let parameters: [String: [String]]

    /// - Parameters:
    ///   - allowed: names that may occur once.
    ///   - lists: names that may occur several times, as `name` or `name[]`.
    init(_ request: Request, allowed: Set<String>, lists: Set<String>) throws {
        var parameters: [String: [String]] = [:]
        for (rawName, value) in request.uri.queryParameters {
            // Hummingbird decodes values only.
            var name = String(rawName)
            for (code, bracket) in [("%5B", "["), ("%5b", "["), ("%5D", "]"), ("%5d", "]")] {
                name = name.replacing(code, with: bracket)
            }
            if name.hasSuffix("[]"), lists.contains(String(name.dropLast(2))) { name.removeLast(2) }
            guard allowed.contains(name) || lists.contains(name) else {
                throw AdminError.invalid(
                    "'\(name)' is not a parameter of this request. Valid parameters: \(allowed.union(lists).sorted().joined(separator: ", ")).",
                    param: name)
            }
            guard !value.utf8.contains(0) else {
                throw AdminError.invalid("'\(name)' must not contain a NUL character.", param: name)
            }
            parameters[name, default: []].append(String(value))
            let countMax = lists.contains(name) ? Self.valuesMax : 1
            guard parameters[name, default: []].count <= countMax else {
                throw AdminError.invalid("'\(name)' may occur at most \(countMax) times.", param: name)
            }
        }
        self.parameters = parameters
    }

    func text(_ name: String) -> String? { parameters[name]?.first }

    func list(_ name: String) -> [String] { parameters[name] ?? [] }

    /// One or several of the names of a closed list.
    func choices<Choice: RawRepresentable & CaseIterable>(_ name: String, of: Choice.Type) throws -> [Choice]
    where Choice.RawValue == String {
        var chosen: [Choice] = []
        for text in list(name) {
            guard let choice = Choice(rawValue: text) else {
                let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
                throw AdminError.invalid("'\(name)' must be one of: \(names).", param: name)
            }
            if !chosen.contains(where: { $0.rawValue == text }) { chosen.append(choice) }
        }
        return chosen
    }

    /// A time as RFC 3339 has it; whether there is such a day, the database says.
    func time(_ name: String) throws -> String? {
        guard let text = text(name) else { return nil }
        guard text.wholeMatch(of: Self.rfc3339) != nil else {
            throw AdminError.invalid(
                "'\(name)' must be a time as in RFC 3339, such as 2026-11-29T00:00:00Z.", param: name)
        }
        return text
    }

    private static var rfc3339: Regex<Substring> {
        #/(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})/#
    }

    func wholeNumber(_ name: String, in range: ClosedRange<Int>, default fallback: Int) throws -> Int {
        guard let text = text(name) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw AdminError.invalid(
                "'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound).", param: name)
        }
        return number
    }

    /// A UUID, in small letters.
    func id(_ name: String) throws -> String? {
        guard let text = text(name) else { return nil }
        guard let id = UUID(uuidString: text) else {
            throw AdminError.invalid("'\(name)' must be the id of a request.", param: name)
        }
        return id.uuidString.lowercased()
    }
}
