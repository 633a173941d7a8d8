import Routing
import Testing

struct ModelFamilyTests {
    @Test(arguments: [
        ("gpt-4o-2024-08-06", "gpt-4o"), ("mistral-large-2512", "mistral-large-latest"), ("GPT-4.1", "gpt-4.1"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"), ("models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini-1.5-pro-002", "gemini-1.5-pro"), ("openai/gpt-oss-20b", "gpt-oss-20b"),
    ])
    func aDatedOrPrefixedNameIsTheSameModel(reported: String, declared: String) {
        #expect(ModelFamily.base(of: reported) == ModelFamily.base(of: declared))
    }

    @Test(arguments: [
        ("gpt-4o-mini-2024-07-18", "gpt-4o"), ("gpt-4.1-nano", "gpt-4.1"), ("claude-haiku-4-5", "claude-sonnet-4-5"),
        ("llama-3.1-8b-instant", "llama-3.3-70b-versatile"), ("claude-sonnet-4-6", "claude-sonnet-4-5"),
    ])
    func anotherNameIsAnotherModel(reported: String, declared: String) {
        #expect(ModelFamily.base(of: reported) != ModelFamily.base(of: declared))
    }

    @Test func aNameOfDatesAloneIsKept() { #expect(ModelFamily.base(of: "2024-10") == "2024") }
}
