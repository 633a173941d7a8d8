/// What holds in every walk, whatever happens in whatever order. Each has a checker and at least one planted bug that the
/// checker must find.
enum WalkProperty: String, CaseIterable, Sendable {
    // The caller.
    /// He gets one complete answer unless he left, and the walk ends once.
    case everyCallerIsAnswered
    /// While the walk goes on, something is due: the rest of the body, an answer that was asked for, or an attempt within
    /// its deadlines.
    case everyWaitIsBounded
    /// Nothing is written, set or started after the answer's end, after he left, or after the walk finished.
    case nothingAfterTheEnd
    /// 200 only behind the first real event of a provider, a whole answer, or a silence bridged with `: ping`.
    case statusWaitsForTheProvider
    /// A provider's 401, 402, 403 or 404 concerns the operator and is never shown as the caller's; nor is a redirect.
    case providerFaultsStayInside
    /// `model` is what the engine that answers calls itself, else its deployment's name for it; never the name asked for.
    case modelIsHonest
    /// What the engine in charge says reaches the caller whole, in order and once; what others say does not.
    case relaysEachEventOnce
    case usageOnlyWhenAsked
    /// A stream ends with one `[DONE]`, also behind an error, and with nothing behind it.
    case streamsEndWithDone
    /// A stream whose engine gave no finish reason ends with an error.
    case cutStreamsSaySo

    // Attempts.
    case oneAttemptAtATime
    case threeAttemptsAtMost
    /// No attempt runs when the request is settled or finished.
    case noAttemptOutlivesTheRequest
    case noFallbackAfterData
    /// A request that may have been received is not sent again.
    case nothingIsSentTwice
    /// A deployment is asked a second time at most, and only behind an error status of its own.
    case onlyWhatDidNothingIsAskedAgain
    /// Of every attempt its deployment's health is told once, however it ended.
    case everyAttemptIsToldOf
    /// Pause and resume alternate, and name an attempt that runs.
    case pausesBalance
    case timersAreCancelled
    /// An engine that is paused because the caller reads slowly is not held to be silent.
    case slowReadersBlameNobody

    // Admission.
    case onlyLiveKeysAreAdmitted
    /// A body that is not complete or over its bound is never admitted.
    case onlyWholeBodiesAreAdmitted
    case onlyTheAdmittedAreDispatched
    /// A body nobody wants is read up to a bound; then the answer is given.
    case noBodyIsReadWithoutEnd

    // The cache.
    /// An answer at hand is given to nobody the limiter does not let in.
    case answersAtHandNeedAdmission
    /// It reaches the caller byte for byte, and no engine is asked then.
    case answersAtHandAreExact
    case noEngineIsAskedForAnswersAtHand
    /// It costs nothing, is filed as saved money, and counts in the minute alone.
    case answersAtHandAreFree
    /// What is kept is what the caller got, whole and without an error.
    case onlyWholeAnswersAreKept

    // Money.
    case settledOnce
    /// Only an admitted request is settled; an admit that nobody answered is cancelled, for nothing.
    case onlyTheAdmittedSettle
    /// A hold that may stand without anybody knowing is closed.
    case noHoldIsForgotten
    /// At least what the providers may bill, whatever ended the answer.
    case chargeCoversTheBill
    /// Exactly what the provider reported, where it ended its answer.
    case chargeIsTheReportedUsage
    case chargeStaysWithinTheHold
    /// What no provider can bill costs nothing, and gives its unit of the limits back unless the caller was at fault.
    case nothingBilledCostsNothing
    case costShownIsTheCharge
    /// The event filed says how the request went: outcome, status, attempts.
    case ledgerTellsWhatHappened
}

/// A property that did not hold, and how.
struct WalkFlaw: CustomStringConvertible {
    let property: WalkProperty
    let what: String

    var description: String { "\(property): \(what)" }
}
