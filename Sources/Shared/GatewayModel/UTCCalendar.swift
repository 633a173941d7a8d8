/// UTC days and months as the limiter names them: the same arithmetic as `month_and_day` in common.lua, so that both
/// sides name a period alike. For instants from 1970 on.
package enum UTCCalendar {
    package static let dayMs: Int64 = 86_400_000

    /// Milliseconds until the next UTC midnight.
    package static func untilNextDay(nowMs: Int64) -> Int64 { dayMs - nowMs % dayMs }

    /// Milliseconds until the first of the next UTC month.
    package static func untilNextMonth(nowMs: Int64) -> Int64 {
        let (year, month, _) = date(ofDay: nowMs / dayMs)
        let next = month == 12 ? day(year: year + 1, month: 1, day: 1) : day(year: year, month: month + 1, day: 1)
        return next * dayMs - nowMs
    }

    /// `yyyymm/yyyymmdd`, the limiter's names of the periods at an instant.
    package static func periods(atMs now: Int64) -> String {
        let (year, month, day) = date(ofDay: now / dayMs)
        return "\(year * 100 + month)/\(year * 10_000 + month * 100 + day)"
    }

    /// The date of a number of days since 1970-01-01 (Howard Hinnant, `civil_from_days`).
    package static func date(ofDay days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// The number of days from 1970-01-01 to a date (`days_from_civil`).
    package static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
