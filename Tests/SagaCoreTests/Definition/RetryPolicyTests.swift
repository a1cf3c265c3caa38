import SagaCore
import Testing

@Suite("Retry policies (rule 24)")
struct RetryPolicyTests {
    private let policy = RetryPolicy(attempts: 7, backoffMilliseconds: 200, maximumBackoffMilliseconds: 5_000)

    @Test func theLimitDoublesUpToTheMaximum() {
        #expect((1...7).map(policy.backoffLimit) == [200, 400, 800, 1_600, 3_200, 5_000, 5_000])
    }

    @Test(arguments: [1, 2, 5, 6, 100])
    func fullJitterIsUniformAboveNothingUpToTheLimit(attempt: Int) {
        var random = SplitMix64(seed: 4711)
        let limit = policy.backoffLimit(afterAttempt: attempt)
        let draws = (0..<4_000).map { _ in policy.backoff(afterAttempt: attempt, using: &random) }
        #expect(draws.allSatisfy { $0 > 0 && $0 <= limit })
        let mean = Double(draws.reduce(0, +)) / Double(draws.count)
        #expect(abs(mean - Double(limit) / 2) < Double(limit) * 0.03)
        #expect(draws.contains { $0 * 20 < limit } && draws.contains { $0 * 20 > limit * 19 })
    }

    @Test func theSameSeedGivesTheSamePauses() {
        var (one, other) = (SplitMix64(seed: 7), SplitMix64(seed: 7))
        for attempt in 1...50 {
            #expect(
                policy.backoff(afterAttempt: attempt, using: &one)
                    == policy.backoff(afterAttempt: attempt, using: &other))
        }
    }

    @Test func withoutJitterThePauseIsTheLimit() {
        let policy = RetryPolicy(backoffMilliseconds: 100, maximumBackoffMilliseconds: 350, jitter: .none)
        var random = SplitMix64(seed: 1)
        #expect((1...4).map { policy.backoff(afterAttempt: $0, using: &random) } == [100, 200, 350, 350])
    }

    @Test(arguments: [1, 62, 63, 64, 65, 1_000_000, Int.max])
    func nothingOverflows(attempt: Int) {
        let year: Int64 = 365 * 86_400_000
        let policy = RetryPolicy(attempts: 100, backoffMilliseconds: year, maximumBackoffMilliseconds: .max)
        var random = SplitMix64(seed: 1)
        #expect(policy.backoff(afterAttempt: attempt, using: &random) > 0)
        #expect(policy.worstCaseMilliseconds(timeoutMilliseconds: year) == .max)
    }

    @Test func theWorstCaseIsAllTimeoutsAndAllPausesBetweenThem() {
        let pauses: Int64 = 200 + 400 + 800 + 1_600 + 3_200 + 5_000
        #expect(policy.worstCaseMilliseconds(timeoutMilliseconds: 1_000) == 7_000 + pauses)
        let once = RetryPolicy(attempts: 1)
        #expect(once.worstCaseMilliseconds(timeoutMilliseconds: 1_000) == 1_000)
    }
}
