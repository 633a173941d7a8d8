/// Properties of every walk, whatever events occur in whatever order.
///
/// Each has a checker and at least one planted bug that the checker must find.
enum WalkProperty: String, CaseIterable, Sendable {
    // The caller.
    /// Callers get exactly one complete answer unless they disconnect, and the walk ends once.
    case everyCallerIsAnswered
    /// While the walk runs, something is due: the rest of the body, a reply to a question, or an attempt within its
    /// deadlines.
    case everyWaitIsBounded
    /// Nothing is written, set or started after the answer's end, after the caller disconnected, or after the walk
    /// finished.
    case nothingAfterTheEnd
    /// 200 only after a provider's first real event, a whole answer, or a silence bridged with `: ping`.
    case statusWaitsForTheProvider
    /// A provider's 401, 402, 403 or 404 concerns the operator and never becomes the caller's status; nor does a
    /// redirect.
    case providerFaultsStayInside
    /// `model` is the name the answering provider reports, else its deployment's name for it; never the requested name.
    case modelIsHonest
    /// The events of the current attempt reach the caller completely, in order and once; those of other attempts do
    /// not.
    case relaysEachEventOnce
    case usageOnlyWhenAsked
    /// A stream ends with one `[DONE]`, also after an error, and nothing follows it.
    case streamsEndWithDone
    /// A stream without a finish reason from its provider ends with an error.
    case cutStreamsSaySo

    // Attempts.
    case oneAttemptAtATime
    case threeAttemptsAtMost
    /// No attempt runs once the request is settled or finished.
    case noAttemptOutlivesTheRequest
    case noFallbackAfterData
    /// A request that may have been received is not sent again.
    case nothingIsSentTwice
    /// A deployment is retried at most once, and only after its own error status.
    case onlyWhatDidNothingIsAskedAgain
    /// The health table gets exactly one report per attempt, however it ended.
    case everyAttemptIsToldOf
    /// Pause and resume alternate, and name a running attempt.
    case pausesBalance
    case timersAreCancelled
    /// A provider that is paused because the caller reads slowly does not count as silent.
    case slowReadersBlameNobody

    // Admission.
    case onlyLiveKeysAreAdmitted
    /// A body that is incomplete or over its bound is never admitted.
    case onlyWholeBodiesAreAdmitted
    case onlyTheAdmittedAreDispatched
    /// An unwanted body is read up to a bound; then the answer is sent.
    case noBodyIsReadWithoutEnd

    // The cache.
    /// A cached answer is given only to requests that the limiter admits.
    case answersAtHandNeedAdmission
    /// A cached answer reaches the caller byte for byte, and no provider is called.
    case answersAtHandAreExact
    case noEngineIsAskedForAnswersAtHand
    /// A cached answer costs nothing, is recorded as saved money, and counts only in the minute.
    case answersAtHandAreFree
    /// A stored answer is what the caller got, complete and without an error.
    case onlyWholeAnswersAreKept

    // Money.
    case settledOnce
    /// Only an admitted request is settled; an admit without an answer is cancelled at no cost.
    case onlyTheAdmittedSettle
    /// A hold that may exist without the walk knowing is closed.
    case noHoldIsForgotten
    /// The charge is at least what the providers may bill, whatever ended the answer.
    case chargeCoversTheBill
    /// The charge is exactly what the provider reported, if it ended its answer.
    case chargeIsTheReportedUsage
    case chargeStaysWithinTheHold
    /// A request that no provider can bill costs nothing, and gives its unit of the limits back unless the caller was
    /// at fault.
    case nothingBilledCostsNothing
    case costShownIsTheCharge
    /// The recorded event says how the request went: outcome, status, attempts.
    case ledgerTellsWhatHappened
}

/// A violated property, and how.
struct WalkFlaw: CustomStringConvertible {
    let property: WalkProperty
    let what: String

    var description: String { "\(property): \(what)" }
}
