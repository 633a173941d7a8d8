/// A binary heap of elements with a due time.
///
/// Elements are never removed early: an owner that no longer needs one ignores it when it is due.
struct DeadlineHeap<Element> {
    private var items: [(atMs: Int64, element: Element)] = []

    var nextMs: Int64 { items.first?.atMs ?? .max }

    mutating func push(_ element: Element, at atMs: Int64) {
        items.append((atMs, element))
        var child = items.count - 1
        while child > 0, items[child].atMs < items[(child - 1) / 2].atMs {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The earliest element, if its time is no later than `nowMs`.
    mutating func pop(dueBy nowMs: Int64) -> Element? {
        guard nextMs <= nowMs else { return nil }
        items.swapAt(0, items.count - 1)
        let first = items.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < items.count && items[child].atMs < items[least].atMs { least = child }
            guard least != parent else { return first.element }
            items.swapAt(parent, least)
            parent = least
        }
    }
}
