import ArgumentParser
import PlaneContract
import Testing

@testable import Control

/// What the command line of `aihub-control` is parsed into.
@Suite struct CommandLineTests {
    private func parse<Command: ParsableCommand>(_ words: String..., as _: Command.Type) throws -> Command {
        try #require(try Control.parseAsRoot(words) as? Command)
    }

    private func refusal(_ words: String...) throws -> String {
        let error = try #require(throws: (any Error).self) { _ = try Control.parseAsRoot(words) }
        #expect(Control.exitCode(for: error) == .validationFailure)
        return Control.message(for: error)
    }

    @Test("serve takes no options: settings are environment variables")
    func serve() throws {
        _ = try parse("serve", as: Serve.self)
        #expect(try refusal("serve", "--port", "1").contains("--port"))
    }

    @Test("load takes one file or several, in their order, and not none")
    func load() throws {
        #expect(try parse("load", "b.yaml", "a.yaml", as: Load.self).files == ["b.yaml", "a.yaml"])
        #expect(try refusal("load").contains("<files>"))
    }

    @Test("the admin token is replaced only when asked to")
    func adminToken() throws {
        #expect(try parse("admin-token", as: AdminToken.self).reset == false)
        #expect(try parse("admin-token", "--reset", as: AdminToken.self).reset)
    }

    @Test("without --reset the admin token is not touched")
    func adminTokenWithoutReset() async throws {
        let command = try parse("admin-token", as: AdminToken.self)
        await #expect(throws: ValidationError.self) { try await command.run() }
    }

    @Test("audit verify takes a seal that must be in the chain")
    func auditVerify() throws {
        #expect(try parse("audit", "verify", as: Audit.Verify.self).head == nil)
        #expect(try parse("audit", "verify", "--head", "ab12", as: Audit.Verify.self).head == "ab12")
        #expect(try refusal("audit", "verify", "--head").contains("--head"))
    }

    @Test("every secret can be rotated by its file's name", arguments: SecretName.allCases)
    func rotate(name: SecretName) throws {
        let command = try parse("secrets", "rotate", name.rawValue, as: Secrets.Rotate.self)
        #expect(command.name == name)
        #expect(command.wait == 60)
    }

    @Test("the wait is in seconds, and other secrets are refused")
    func rotateBounds() throws {
        #expect(try parse("secrets", "rotate", "kek", "--wait", "5", as: Secrets.Rotate.self).wait == 5)
        #expect(try refusal("secrets", "rotate", "kek", "--wait", "soon").contains("soon"))
        #expect(try refusal("secrets", "rotate", "password").contains("password"))
        #expect(try refusal("secrets", "rotate").contains("<name>"))
    }

    @Test("peppers that keys need are dropped only when told that those keys stop working")
    func dropPepper() throws {
        #expect(try parse("secrets", "drop-pepper", as: Secrets.DropPepper.self).keysStopWorking == false)
        #expect(try parse("secrets", "drop-pepper", "--keys-stop-working", as: Secrets.DropPepper.self).keysStopWorking)
    }

    @Test("an unknown command is refused")
    func unknown() throws { #expect(try refusal("start").contains("start")) }
}
