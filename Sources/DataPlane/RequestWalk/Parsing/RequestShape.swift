internal import GatewayModel
internal import JSONScan

/// Bounds on everything that can be repeated in a request. Exceeding one is a 400 that names the member and the bound.
///
/// `Bounds` limits the bytes of the whole body. Reading a body is linear in its size whatever it holds; these bounds
/// also keep the structures built from it small.
///
/// Every bound is at least twice the largest value known of real clients; docs/request-shape.md has the table.
enum RequestShape {
    /// Messages of a chat. `itemsMax` below bounds the items of a Responses `input`.
    static let messagesMax = 10_000
    static let itemsMax = 20_000
    /// Content parts, or blocks, of one message.
    static let partsMax = 4_096
    /// Tool calls of one message.
    static let callsMax = 1_024
    static let toolsMax = 2_048
    /// Members of all objects in the tools or in the response schema, properties and keywords alike.
    static let schemaMembersMax = 65_536
    /// `$ref`s in those schemas.
    static let referencesMax = 8_192
    /// The name of a tool, in a definition or a call.
    static let toolNameBytesMax = 512
    /// The `name` of a message's author.
    static let authorNameBytesMax = 1_024
    /// The ID of a tool call. Some bridges put signed reasoning into it, which is kilobytes long.
    static let callIDBytesMax = 64 << 10

    static func tooMany(_ param: String, _ max: Int, _ what: String) -> GatewayError {
        InferenceRequest.invalid(param, "\(param) must hold at most \(max) \(what).")
    }

    /// - Parameter text: the string as it is spelled in JSON, where one byte may take six.
    static func check(_ param: @autoclosure () -> String, _ text: JSONView?, bytesMax: Int) throws(GatewayError) {
        guard let text, text.content.count > bytesMax, JSONString.utf8(text.content).count > bytesMax else { return }
        throw InferenceRequest.invalid(param(), "\(param()) must be at most \(bytesMax) bytes long.")
    }

    /// Tools of any form: their number, names and schemas.
    static func check(tools: JSONView, _ param: String) throws(GatewayError) {
        for (at, tool) in tools.elements.enumerated() {
            guard at < toolsMax else { throw tooMany(param, toolsMax, "tools") }
            // Smaller tools cannot exceed the bounds, and most are smaller.
            guard tool.range.count > toolNameBytesMax else { continue }
            let function = tool["function"]
            let name = function?["name"] ?? tool["name"]
            try check("\(param)[\(at)].\(function == nil ? "" : "function.")name", name, bytesMax: toolNameBytesMax)
        }
        try check(schemas: tools, param)
    }

    /// The shortest spellings of a member and of a reference, in bytes: smaller schemas need no count.
    private static let memberBytesMin = 5
    private static let referenceBytesMin = 9

    static func check(schemas: JSONView, _ param: String) throws(GatewayError) {
        let bytes = schemas.range.count
        guard bytes > memberBytesMin * schemaMembersMax || bytes > referenceBytesMin * referencesMax else { return }
        let found = schemas.countMembers(named: "$ref")
        guard found.all <= schemaMembersMax else {
            throw tooMany(param, schemaMembersMax, "members in all its objects")
        }
        guard found.named <= referencesMax else { throw tooMany(param, referencesMax, "references ($ref)") }
    }
}
