import SagaCore
import SagaStore

/// What is true around a saga now.
struct Surroundings {
    var unpublished = UnpublishedMessages(count: 0, since: nil)
    /// Its commands that are held back, since their participants do not answer.
    var held: Set<CommandID> = []
    var silent: [SilentParticipant] = []
    var isWorkerThere = true
    var isEmbedded = false
    var others: [SagaSummary] = []
    /// Repeated in every command that is printed for copying.
    var flags = ""
}
