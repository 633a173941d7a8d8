import ClientDialects
import JSONScan

/// Any JSON object a caller sends is refused or becomes an unambiguous object of bounded size.
func fuzzForeignChat(_ input: FuzzInput) {
    guard let members = try? JSONScanner.members(of: input.bytes),
        let form = try? ForeignChat.inOpenAIForm(input.bytes, members)
    else { return }
    require(
        form.count <= ForeignChat.growthFactor * input.bytes.count + ForeignChat.growthBytes,
        "\(form.count) bytes of \(input.bytes.count)")
    do throws(JSONError) {
        _ = try JSONScanner.members(of: form)
    } catch .tooDeep {
        // Wrapping a value can add the one level too many: the second scan refuses it.
    } catch {
        fatalError("\(error) in \(String(decoding: form, as: UTF8.self))")
    }
}
