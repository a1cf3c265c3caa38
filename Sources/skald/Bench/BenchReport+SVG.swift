import Foundation
import SagaCore

extension BenchReport {
    /// Throughput of each system at each number of sagas in flight, as bars.
    func draw(into path: String) throws {
        let groups = throughput
        let windows = groups.map(\.window).reduce(into: [Int]()) { if !$0.contains($1) { $0.append($1) } }
        let most = max(1, groups.map(\.perSecond).max() ?? 1)
        let (height, bar, gap, left, top) = (260.0, 26.0, 30.0, 60.0, 30.0)
        var x = left + gap
        var parts: [String] = []
        for window in windows {
            let bars = groups.filter { $0.window == window }
            let middle = x + Double(bars.count) * bar / 2
            for item in bars {
                let tall = item.perSecond / most * height
                let y = top + height - tall
                let colour = Self.colours[item.system] ?? "#888"
                parts.append(
                    "<rect x='\(Int(x))' y='\(Int(y))' width='\(Int(bar - 3))' height='\(Int(tall))' fill='\(colour)'/>"
                )
                parts.append(
                    "<text x='\(Int(x + bar / 2))' y='\(Int(y - 4))' font-size='9' text-anchor='middle'>\(Int(item.perSecond))</text>"
                )
                x += bar
            }
            parts.append(
                "<text x='\(Int(middle))' y='\(Int(top + height + 18))' text-anchor='middle'>\(window) in flight</text>"
            )
            x += gap
        }
        var keyX = left
        for system in BenchSystem.allCases where groups.contains(where: { $0.system == system }) {
            let colour = Self.colours[system] ?? "#888"
            parts.append(
                "<rect x='\(Int(keyX))' y='\(Int(top + height + 34))' width='12' height='12' fill='\(colour)'/>")
            parts.append("<text x='\(Int(keyX + 17))' y='\(Int(top + height + 44))'>\(system.rawValue)</text>")
            keyX += 90
        }
        let svg = """
            <svg xmlns='http://www.w3.org/2000/svg' width='\(Int(max(x, 440)))' height='\(Int(top + height + 60))' \
            font-family='sans-serif' font-size='12'>
            <rect width='100%' height='100%' fill='white'/>
            <text x='\(Int(left))' y='16'>sagas completed a second</text>
            \(parts.joined(separator: "\n"))
            </svg>

            """
        do {
            try Data(svg.utf8).write(to: URL(fileURLWithPath: path))
        } catch {
            throw CommandFailure(.refused, "cannot write \(path.escapedForTerminal): \(error.localizedDescription)")
        }
    }

    private static let colours: [BenchSystem: String] = [
        .bare: "#9aa5b1", .worker: "#2f6fab", .filled: "#6b4ea8", .services: "#2e9e6b", .refused: "#c47a2c",
    ]
}
