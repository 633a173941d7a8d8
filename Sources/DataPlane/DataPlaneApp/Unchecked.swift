/// Carries what belongs to one loop through another thread and back to that loop, which alone may use it.
struct Unchecked<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
