/// Finds what somebody probably meant to write.
enum NearestMatch {
    /// `did you mean …?`, or the list of what there is.
    static func hint(for word: String, among candidates: [String], noun: String) -> String {
        if let nearest = nearest(to: word, among: candidates) {
            return "did you mean `\(nearest)`?"
        }
        guard !candidates.isEmpty else { return "there is no \(noun) to name" }
        return "known: " + candidates.prefix(12).joined(separator: ", ") + (candidates.count > 12 ? ", …" : "")
    }

    /// The candidate that a slip or two turn into `word`, if there is one.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        let word = word.lowercased()
        guard word.utf8.count <= 64 else { return nil }
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(Array(word.utf8), Array(candidate.lowercased().utf8))
            let allowed = max(1, min(word.utf8.count, candidate.utf8.count) / 3)
            if distance <= allowed, distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.candidate
    }

    /// How many bytes must be inserted, deleted, replaced or swapped with their neighbour.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for i in left.indices {
            var row = [i + 1]
            for j in right.indices {
                var cost = min(last[j + 1], row[j]) + 1
                cost = min(cost, last[j] + (left[i] == right[j] ? 0 : 1))
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
