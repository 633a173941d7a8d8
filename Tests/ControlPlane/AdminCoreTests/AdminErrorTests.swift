import AdminCore
import Testing

@Suite struct AdminErrorTests {
    private static let all: [AdminError] = [
        .unauthorized, .tooManyWrongTokens(retrySeconds: 30), .notFound("The key 'k'"), .invalid("No.", param: "name"),
        .conflict("Taken."), .unavailable, .stateUnavailable,
    ]

    @Test("each error has a type of its own, and a sentence")
    func types() {
        #expect(Set(Self.all.map(\.type)).count == Self.all.count)
        for error in Self.all { #expect(error.message.hasSuffix(".")) }
    }

    @Test("whose fault it is decides the status: the caller's is below 500, and what may pass later is 503")
    func statuses() { #expect(Self.all.map(\.status) == [401, 429, 404, 422, 409, 503, 503]) }

    @Test("a message names what it is about and when to come back")
    func messages() {
        #expect(AdminError.notFound("The key 'k'").message == "The key 'k' does not exist.")
        #expect(AdminError.tooManyWrongTokens(retrySeconds: 30).message.contains("30 s"))
        #expect(AdminError.invalid("No.", param: "name").message == "No.")
    }
}

@Suite struct ChangeTests {
    @Test(
        "a member that is absent keeps the value, null removes it, a value replaces it", arguments: [nil, 1] as [Int?])
    func applied(old: Int?) {
        #expect(Change<Int>.unchanged.applied(to: old) == old)
        #expect(Change<Int>.set(nil).applied(to: old) == nil)
        #expect(Change<Int>.set(2).applied(to: old) == 2)
    }

    @Test("an edit changes nothing unless told")
    func edit() {
        let edit = Edit()
        #expect(edit.expiresAt == .unchanged && edit.allowedModels == .unchanged && edit.changedLimits.isEmpty)
        #expect(edit.outagePolicy == .unchanged && edit.cacheSeconds == .unchanged && edit.status == nil)
    }
}
