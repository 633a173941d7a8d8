internal import GatewayModel
internal import JSONScan

/// Readers for single values of a request; `null` counts as absent.
enum Field {
    static func flag(_ name: String, _ value: JSONView) throws(GatewayError) -> Bool {
        if value.isNull { return false }
        guard let flag = value.bool else { throw InferenceRequest.invalid(name, "\(name) must be true or false.") }
        return flag
    }

    static func whole(_ name: String, _ value: JSONView, _ range: ClosedRange<Int64>) throws(GatewayError) -> Int64? {
        if value.isNull { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw InferenceRequest.invalid(
                name, "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    static func real(_ name: String, _ value: JSONView, _ range: ClosedRange<Double>) throws(GatewayError) {
        if value.isNull { return }
        guard let number = value.double, range.contains(number) else {
            throw InferenceRequest.invalid(
                name, "\(name) must be a number from \(range.lowerBound) to \(range.upperBound).")
        }
    }
}
