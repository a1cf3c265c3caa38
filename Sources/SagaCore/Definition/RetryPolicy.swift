/// How often, how long and how far apart a command is repeated until it is settled.
///
/// Actions before the pivot have a budget of `attempts`; pivots, retriable steps and compensations one of
/// `durationMilliseconds`, so that an outage of a participant does not use it up.
package struct RetryPolicy: Sendable, Hashable {
    package enum Jitter: String, Sendable, Hashable, CaseIterable {
        /// Uniform between nothing and the limit, so that sagas that failed together do not come back together.
        case full
        /// Always the limit.
        case none
    }

    package static let defaultAttempts = 5
    package static let defaultBackoffMilliseconds: Int64 = 200
    package static let defaultDurationMilliseconds: Int64 = 24 * 3_600_000
    /// For actions before the pivot.
    package static let defaultMaximumForAttempts: Int64 = 30_000
    /// For pivots, retriable steps and compensations.
    package static let defaultMaximumForDuration: Int64 = 300_000

    package let attempts: Int
    package let backoffMilliseconds: Int64
    package let maximumBackoffMilliseconds: Int64
    package let durationMilliseconds: Int64
    package let jitter: Jitter

    package init(
        attempts: Int = RetryPolicy.defaultAttempts,
        backoffMilliseconds: Int64 = RetryPolicy.defaultBackoffMilliseconds,
        maximumBackoffMilliseconds: Int64 = RetryPolicy.defaultMaximumForAttempts,
        durationMilliseconds: Int64 = RetryPolicy.defaultDurationMilliseconds,
        jitter: Jitter = .full
    ) {
        precondition(attempts > 0 && backoffMilliseconds > 0)
        precondition(maximumBackoffMilliseconds > 0 && durationMilliseconds > 0)
        self.attempts = attempts
        self.backoffMilliseconds = backoffMilliseconds
        self.maximumBackoffMilliseconds = maximumBackoffMilliseconds
        self.durationMilliseconds = durationMilliseconds
        self.jitter = jitter
    }

    /// The pause after attempt `attempt` (counted from 1): uniform in (0, min(max, base·2ⁿ⁻¹)] with full jitter.
    package func backoff(afterAttempt attempt: Int, using random: inout SplitMix64) -> Int64 {
        let limit = backoffLimit(afterAttempt: attempt)
        switch jitter {
        case .none: return limit
        case .full: return Int64.random(in: 1...limit, using: &random)
        }
    }

    /// The longest pause after attempt `attempt`: min(max, base·2ⁿ⁻¹).
    package func backoffLimit(afterAttempt attempt: Int) -> Int64 {
        let doublings = max(0, attempt - 1)
        guard doublings < 62, backoffMilliseconds <= maximumBackoffMilliseconds >> Int64(doublings) else {
            return maximumBackoffMilliseconds
        }
        return backoffMilliseconds << Int64(doublings)
    }

    /// The longest time all attempts can take when each one runs into `timeoutMilliseconds`.
    package func worstCaseMilliseconds(timeoutMilliseconds: Int64) -> Int64 {
        var total = timeoutMilliseconds.saturatingMultiplied(by: Int64(attempts))
        for attempt in 1..<max(attempts, 1) {
            total = total.saturatingAdding(backoffLimit(afterAttempt: attempt))
        }
        return total
    }
}

extension Int64 {
    /// The sum, or the greatest number there is where it does not fit.
    func saturatingAdding(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// The product, or the greatest number there is where it does not fit.
    func saturatingMultiplied(by other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
