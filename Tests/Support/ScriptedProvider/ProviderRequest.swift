import Foundation

/// The parts of a request's body that determine the answer and its price.
struct ProviderRequest: Decodable {
    struct Options: Decodable { var include_usage: Bool? }

    /// A prompt or an input in its four forms, as texts; a list of token IDs counts as one text, its IDs.
    struct Texts: Decodable {
        let all: [String]

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                all = [text]
            } else if let texts = try? value.decode([String].self) {
                all = texts
            } else if let ids = try? value.decode([Int].self) {
                all = [Self.text(of: ids)]
            } else {
                all = try value.decode([[Int]].self).map(Self.text)
            }
        }

        private static func text(of ids: [Int]) -> String { ids.map(String.init).joined(separator: " ") }
    }

    var model: String
    var stream: Bool?
    var stream_options: Options?
    var max_tokens: Int?
    var max_completion_tokens: Int?
    var n: Int?
    var best_of: Int?
    var prompt: Texts?
    var input: Texts?
    var dimensions: Int?
    var encoding_format: String?
}

extension ProviderRequest {
    /// The caller's token limit for one choice.
    var outputLimit: Int? { max_completion_tokens ?? max_tokens }
}
