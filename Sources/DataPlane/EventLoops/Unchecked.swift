/// Carries a value owned by one loop through another thread and back; only that loop may use it.
struct Unchecked<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
