import JSONScan
import Testing

@Suite struct JSONTextTests {
    private func value<R>(_ json: String, _ body: (JSONView) -> R) throws -> R {
        let bytes = Array(#"{"a":\#(json)}"#.utf8)
        let members = try JSONScanner.members(of: bytes)
        return bytes.withJSON { body(JSONView($0, members[0].value)) }
    }

    @Test("two spellings of a text are one key; texts that differ in their bytes are two")
    func keys() throws {
        #expect(try value(#""\u0061b""#) { $0.key } == value(#""ab""#) { $0.key })
        #expect(try value(#""\ud83d\ude00\n""#) { $0.key } == TextKey("😀\n"))
        // Canonically equivalent: `String` considers them equal.
        #expect("e\u{301}" == "é")
        #expect(TextKey("e\u{301}") != TextKey("é"))
        #expect(try value("5") { $0.key } == nil)
    }

    @Test(
        "strings are read whatever their spelling",
        arguments: [
            (#""""#, ""), (#""a""#, "a"), (#""\u0041\u00e9\u20ac\ud83d\ude00""#, "Aé€😀"),
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (#""é\u00E9é""#, "ééé"), (#""\u0000x""#, "\0x"),
        ])
    func strings(json: String, text: String) throws {
        #expect(try value(json) { $0.string.map { Array($0.utf8) } } == Array(text.utf8))
    }

    @Test(
        "numbers are read as the standard library reads them",
        arguments: [
            "0", "-0", "-0.0", "1", "-1.5", "0.1", "123456789012345678", "9007199254740992", "9007199254740993",
            "0.30000000000000004",
            "1e22", "1e23", "1.5e-5", "-2.5E+3", "1e-22", "1e-23", "5e-324", "1.7976931348623157e308", "0.000001",
            "1e+0", "1e-0",
            "-0.006929283495992422", "0.0069292834959924225", "4.9e-07", "3.4028235e38", "1e007", "0e999",
        ])
    func numbers(json: String) throws {
        #expect(try value(json) { $0.double?.bitPattern } == Double(json)?.bitPattern)
    }

    @Test("random numbers, too")
    func random() throws {
        var seed: UInt64 = 42
        for _ in 0..<20_000 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let number = Double(Int64(bitPattern: seed) >> 12) / [1, 1e3, 1e9, 1e15, 1e20][Int(seed >> 8 % 5)]
            #expect(try value("\(number)") { $0.double } == number)
        }
    }

    @Test("members are counted at any depth, by what their names mean")
    func members() throws {
        let json = #"{"$ref":"$ref","b":[{"\u0024ref" : "x"},"$ref",["c",{"d":{}}]],"e":":","f":"\":"}"#
        #expect(try value(json) { $0.countMembers(named: "$ref") } == (all: 6, named: 2))
        #expect(try value(#""$ref""#) { $0.countMembers(named: "$ref") } == (all: 0, named: 0))
    }

    @Test("a splice changes as many members as it likes")
    func splice() throws {
        let names = (0..<200).map { "m\($0)" }
        let bytes = Array("{\(names.map { "\"\($0)\":1" }.joined(separator: ","))}".utf8)
        var splice = JSONSplice(bytes, try JSONScanner.members(of: bytes))
        for at in stride(from: 1, to: 200, by: 2) { splice.remove(at: at) }
        splice.set("m0", json: Array("2".utf8))
        splice.set("m1", json: Array("3".utf8))
        splice.set("m2", json: Array("4".utf8))
        splice.remove("m2")
        let kept = ["\"m0\":2", "\"m1\":3"] + stride(from: 4, to: 200, by: 2).map { "\"m\($0)\":1" }
        #expect(String(decoding: splice.result(), as: UTF8.self) == "{\(kept.joined(separator: ","))}")
    }
}
