import InboundFormats
import JSONScan

/// Any JSON object a caller sends is refused or becomes an unambiguous object of bounded size.
func fuzzInboundChat(_ input: FuzzInput) {
    guard let members = try? JSONScanner.members(of: input.bytes),
        let form = try? InboundChat.convert(input.bytes, members)
    else { return }
    require(
        form.count <= InboundChat.growthFactor * input.bytes.count + InboundChat.growthBytes,
        "\(form.count) bytes of \(input.bytes.count)")
    do throws(JSONError) {
        _ = try JSONScanner.members(of: form)
    } catch .tooDeep {
        // Wrapping a value can add the one level too many: the second scan refuses it.
    } catch {
        fatalError("\(error) in \(String(decoding: form, as: UTF8.self))")
    }
}
