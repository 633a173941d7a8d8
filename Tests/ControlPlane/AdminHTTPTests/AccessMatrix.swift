import Foundation
import HTTPTypes
import Testing

/// The expected statuses of `Tests/EndToEnd/admin_access.csv`: who may do what. The end-to-end tests run the same file.
struct AccessMatrix: Sendable {
    /// One line: a request, whether it is about the caller's own org or another, and its status by role.
    struct Row: Sendable, CustomTestStringConvertible {
        let method: String
        let path: String
        let isOther: Bool
        let expected: [(role: String, status: Int)]
        let body: String

        var testDescription: String { "\(method) \(path) \(isOther ? "of another org" : "") \(body)" }

        private static func isID(_ part: Substring) -> Bool {
            part.hasPrefix("{") || Int(part) != nil || UUID(uuidString: String(part)) != nil
        }

        /// As `RoutePermissions.table` names it.
        var route: String {
            let parts = path.dropFirst().split(separator: "?")[0].split(separator: "/")
            return method + " "
                + parts.map { Self.isID($0) ? "{id}" : String($0) }.joined(separator: "/")
        }
    }

    static let rows: [Row] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../EndToEnd/admin_access.csv")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        let lines = text.split(separator: "\n")
        let roles = lines[0].split(separator: ",").dropFirst(3).dropLast()
        return lines.dropFirst().map { line in
            let cells = line.split(separator: ",", maxSplits: 3 + roles.count, omittingEmptySubsequences: false)
            return Row(
                method: String(cells[0]), path: String(cells[1]), isOther: cells[2] == "other",
                expected: zip(roles, cells.dropFirst(3)).map { (String($0), Int($1) ?? 0) },
                body: String(cells[3 + roles.count]))
        }
    }()
}

/// Two orgs, and a credential of every role: of the first org where the role belongs to one.
struct AccessScene {
    let port: AdminPort
    let own: String
    let other: String
    /// Tokens by the names of the file's columns.
    let tokens: [String: String]

    init() async throws {
        port = try await AdminPort()
        own = try await port.org("own")
        other = try await port.org("other")
        var tokens = ["token": port.token]
        for role in ["operator", "support"] { tokens[role] = try await port.adminKey(role, org: nil).secret }
        for role in ["owner", "admin", "developer", "billing", "viewer"] {
            tokens[role] = try await port.adminKey(role, org: own).secret
        }
        self.tokens = tokens
    }

    func token(_ role: String) throws -> String { try #require(tokens[role]) }

    /// New objects for the names in braces, so that one request does not change what the next one finds.
    func objects(_ row: AccessMatrix.Row) async throws -> [String: String] {
        let org = row.isOther ? other : own
        var objects = ["{org}": org, "{model}": "small"]
        if row.path.contains("{key}") { objects["{key}"] = try await port.key(org: org).id }
        for role in ["viewer", "owner", "operator"] where row.path.contains("{\(role)_key}") {
            objects["{\(role)_key}"] = try await port.adminKey(role, org: role == "operator" ? nil : org).id
        }
        return objects
    }

    /// Objects that do not exist, with ids of the same shape.
    func missing(_ objects: [String: String]) -> [String: String] {
        objects.mapValues { $0.contains("_") ? $0.prefix(4) + String(repeating: "0", count: $0.count - 4) : $0 }
    }

    func send(_ row: AccessMatrix.Row, _ objects: [String: String], as role: String) async throws -> AdminPort.Answer {
        func filled(_ text: String) -> String {
            objects.reduce(text) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
        }
        return try await port.send(
            try #require(HTTPRequest.Method(rawValue: row.method)), filled(row.path), filled(row.body),
            token: token(role))
    }
}
