import ClientDialects
import JSONScan

/// Whatever JSON object a caller sends, what comes out is refused or an object that everybody reads alike, and bounded.
func fuzzForeignChat(_ input: FuzzInput) {
    guard let members = try? JSONScanner.members(of: input.bytes),
        let form = try? ForeignChat.inOpenAIForm(input.bytes, members)
    else { return }
    require(
        form.count <= ForeignChat.growthFactor * input.bytes.count + ForeignChat.growthBytes,
        "\(form.count) bytes of \(input.bytes.count)")
    do throws(JSONFlaw) {
        _ = try JSONScanner.members(of: form)
    } catch .tooDeep {
        // What frames a value can be the level too many: the second reading refuses it.
    } catch {
        fatalError("\(error) in \(String(decoding: form, as: UTF8.self))")
    }
}
