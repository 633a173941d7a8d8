internal import GatewayModel
internal import JSONScan

/// How much a request may hold of what can be repeated in it. One more is refused with a 400 that names the member and the bound.
/// `Bounds` has the bytes of the whole body; what it costs to read a body of that size is linear in it whatever it holds, and
/// these bounds keep what is built out of it small, too.
///
/// No bound is under twice the largest value known of real clients: docs/request-shape.md has the table.
enum RequestShape {
    /// Messages of a chat; messages and items of a Responses `input`.
    static let messagesMax = 10_000
    static let itemsMax = 20_000
    /// Content parts, or blocks, of one message.
    static let partsMax = 4_096
    /// Tool calls of one message.
    static let callsMax = 1_024
    static let toolsMax = 2_048
    /// Members of all objects in the tools, or in the answer's schema: properties and keywords alike.
    static let schemaMembersMax = 65_536
    /// `$ref`s in the same.
    static let referencesMax = 8_192
    /// The name of a tool, in a definition or a call.
    static let toolNameBytesMax = 512
    /// The `name` of a message's author.
    static let authorNameBytesMax = 1_024
    /// The id of a tool call. Bridges carry signed thoughts in it, which are kilobytes long.
    static let callIDBytesMax = 64 << 10

    static func tooMany(_ param: String, _ max: Int, _ what: String) -> GatewayError {
        InferenceRequest.invalid(param, "\(param) must hold at most \(max) \(what).")
    }

    /// - Parameter text: a string as it is spelt: a byte of it may take six.
    static func check(_ param: @autoclosure () -> String, _ text: JSONView?, bytesMax: Int) throws(GatewayError) {
        guard let text, text.content.count > bytesMax, JSONString.utf8(text.content).count > bytesMax else { return }
        throw InferenceRequest.invalid(param(), "\(param()) must be at most \(bytesMax) bytes long.")
    }

    /// Tools of any form: how many there are, their names, and their schemas.
    static func check(tools: JSONView, _ param: String) throws(GatewayError) {
        for (at, tool) in tools.elements.enumerated() {
            guard at < toolsMax else { throw tooMany(param, toolsMax, "tools") }
            // Most are smaller than that, names and all.
            guard tool.range.count > toolNameBytesMax else { continue }
            let function = tool["function"]
            let name = function?["name"] ?? tool["name"]
            try check("\(param)[\(at)].\(function == nil ? "" : "function.")name", name, bytesMax: toolNameBytesMax)
        }
        try check(schemas: tools, param)
    }

    /// The shortest spelling of a member, and of a reference.
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
