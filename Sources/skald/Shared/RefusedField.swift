import SagaBus
import SagaCore

extension Answer {
    /// A refusal in one line, where a field is named as the command line names it, not as it travels in a message.
    var refusalText: String {
        let path = body["path"]?.string ?? ""
        let parts = [body["code"]?.string ?? "REFUSED", Self.options[path] ?? path, body["message"]?.string ?? ""]
        return parts.filter { !$0.isEmpty }.joined(separator: ": ")
    }

    private static let options = [
        // The message itself says which definition, verb, saga or dead letter is meant.
        "type": "", "saga": "", "deadLetter": "", "message_id": "--request-id",
        "headers.skald-version": "--version", "headers.skald-again": "--again", "step": "--step",
        "reason": "--reason", "as": "--as", "output": "--output", "expect": "--expect",
    ]
}
