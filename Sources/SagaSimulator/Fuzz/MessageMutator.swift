import SagaBus
import SagaCore

/// Changes a valid message into one that nobody should have sent. The same seed makes the same changes.
///
/// What it does to bodies is in `MessageMutator+Body.swift`, to properties in `MessageMutator+Envelope.swift`.
struct MessageMutator {
    var random: SplitMix64

    init(random: SplitMix64) { self.random = random }

    /// Changes the message once to three times, and says how.
    mutating func mutate(_ message: inout Message) -> [String] {
        let count = [1, 1, 1, 1, 1, 1, 2, 2, 3][index(9)]
        return (0..<count).map { _ in
            index(5) < 3 ? mutateBody(&message.body) : mutateEnvelope(&message)
        }
    }

    mutating func index(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
    mutating func chance(_ one: Int) -> Bool { index(one) == 0 }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[index(elements.count)] }

    mutating func byte() -> UInt8 { UInt8.random(in: .min ... .max, using: &random) }

    /// Swaps one character, leaves one out or puts one in.
    mutating func misspelled(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        let place = index(scalars.count + 1)
        let letter = pick(Self.letters)
        switch index(3) {
        case 0 where place < scalars.count: scalars[place] = letter
        case 1 where place < scalars.count: scalars.remove(at: place)
        default: scalars.insert(letter, at: place)
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static let letters: [Unicode.Scalar] = [
        "0", "1", "9", "A", "z", "-", "/", ".", " ", "\0", "\n", "\u{1b}", "\u{7f}", "\u{e9}", "\u{202e}", "\u{fffd}",
        "\u{10ffff}",
    ]
}
