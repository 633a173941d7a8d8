import Foundation
import JSONScan

/// Properties of the JSON scanner.
///
/// What it accepts is JSON for other parsers too, its ranges are exact, no name is duplicated, and a splice changes
/// what it names and no other byte.
func fuzzJSON(_ input: FuzzInput) {
    let body = input.rest
    guard let choice = input.bytes.first, let members = try? JSONScanner.members(of: body) else { return }
    checkRanges(body, members)
    checkSplice(body, members, choice)
    checkFoundation(body)
}

private func text(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] { Array(JSONString.unescaped(bytes).utf8) }

private func name(_ member: JSONMember, in body: [UInt8]) -> [UInt8] {
    body.withJSON { text(UnsafeBufferPointer(rebasing: $0[member.name])) }
}

private func checkRanges(_ body: [UInt8], _ members: [JSONMember]) {
    var end = 0
    for member in members {
        require(member.whole.lowerBound > end || end == 0, "members overlap")
        require(body[member.whole.lowerBound] == UInt8(ascii: "\""), "a member begins without a quote")
        let alone = Array("{\"x\":".utf8) + body[member.value] + Array("}".utf8)
        require((try? JSONScanner.members(of: alone).count) == 1, "a value is no value on its own")
        end = member.whole.upperBound
    }
    guard let first = body.firstIndex(of: UInt8(ascii: "{")), let last = body.lastIndex(of: UInt8(ascii: "}")) else {
        return require(false, "an object without braces")
    }
    body.withJSON { bytes in
        let whole = JSONView(bytes, first..<(last + 1))
        var seen = whole.members
        for member in members {
            let (name, value) = seen.next() ?? (UnsafeBufferPointer(rebasing: bytes[..<0]), whole)
            require(value.range == member.value, "the view sees another value")
            require(name.elementsEqual(bytes[member.name]), "the view sees another name")
        }
        require(seen.next() == nil, "the view sees more members")
        visit(whole, depth: 1)
    }
}

/// Visits everything a view can reach.
private func visit(_ view: JSONView, depth: Int) {
    require(depth <= JSONScanner.depthMax + 1, "deeper than the scanner allows")
    _ = (view.bool, view.integer, view.double, view.string, view.isNull, view.hasText, view["role"]?.kind)
    for element in view.elements {
        require(view.range.contains(element.range.lowerBound), "an element outside of its array")
        visit(element, depth: depth + 1)
    }
    var names: Set<[UInt8]> = []
    var members = view.members
    while let (name, value) = members.next() {
        require(names.insert(text(name)).inserted, "a name twice")
        visit(value, depth: depth + 1)
    }
}

private func checkSplice(_ body: [UInt8], _ members: [JSONMember], _ choice: UInt8) {
    var splice = JSONSplice(body, members)
    var expected = members.map { (name($0, in: body), Array(body[$0.value])) }
    func set(_ name: StaticString, _ json: String) {
        splice.set(name, json: Array(json.utf8))
        let key = Array("\(name)".utf8)
        if let at = expected.firstIndex(where: { $0.0 == key }) {
            expected[at].1 = Array(json.utf8)
        } else {
            expected.append((key, Array(json.utf8)))
        }
    }
    if choice & 1 != 0 { set("model", #""other""#) }
    if choice & 2 != 0 { set("n", "[1, {}]") }
    if choice & 4 != 0 {
        splice.remove("usage")
        expected.removeAll { $0.0 == Array("usage".utf8) }
    }
    if choice & 8 != 0 { splice.remove("absent member") }
    let result = splice.result()
    guard let found = try? JSONScanner.members(of: result) else { return require(false, "a splice is no JSON") }
    require(found.map { name($0, in: result) } == expected.map(\.0), "a splice has other members")
    for (member, value) in zip(found, expected) {
        require(Array(result[member.value]) == value.1, "a splice changed a value")
    }
}

/// Foundation refuses numbers its types cannot hold; anything else it refuses should not be sent on either.
private func checkFoundation(_ body: [UInt8]) {
    let hasNumber = body.contains { $0 >= 0x30 && $0 <= 0x39 }
    guard !hasNumber else { return }
    require((try? JSONSerialization.jsonObject(with: Data(body))) != nil, "Foundation refuses what was accepted")
}
