import OrderServices
import SagaCore
import SagaStore

extension ChaosReport {
    /// One page that needs nothing else: it can be attached to a report as it is.
    var html: String {
        let verdict = violations.isEmpty ? "I1 to I7 hold" : "\(violations.count) violations"
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>skald chaos, seed \(scenario.seed): \(verdict)</title>
            <style>
            body { font: 15px/1.5 system-ui, sans-serif; max-width: 1120px; margin: 2em auto; padding: 0 1em; color: #222 }
            h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
            table { border-collapse: collapse } td, th { padding: .15em 1em .15em 0; text-align: left; vertical-align: top }
            td.n, th.n { text-align: right } .wrong { color: #b00020; font-weight: 600 } .right { color: #1a7f37 }
            pre { background: #f5f5f5; padding: .7em; overflow-x: auto; font-size: 12px } svg { width: 100%; height: auto }
            svg text { font: 11px system-ui, sans-serif; fill: #555 } .key { white-space: nowrap }
            </style></head><body>
            <h1>skald chaos, seed \(scenario.seed): <span class="\(violations.isEmpty ? "right" : "wrong")">\(verdict)</span></h1>
            <p>\(sagas.count) sagas and \(kills) processes killed in \(seconds(fed - began)), \
            \(seconds(rested - fed)) to come to rest. Began \(epoch.iso8601.escapedForHTML).</p>
            <h2>Faults over time</h2>
            \(timeline)
            <h2>Sagas ended and started, a second</h2>
            \(throughput)
            <h2>Sagas open and stuck</h2>
            \(openAndStuck)
            <h2>Checks</h2>
            \(checksTable)
            \(violationsSection)
            <h2>Figures</h2>
            \(figuresTable)
            \(notesSection)
            </body></html>

            """
    }

    // MARK: Drawings

    private var span: Double { Double(max(rested, 1)) }
    private static let width = 1080.0
    private static let left = 90.0

    private func x(_ at: Int64) -> Double { Self.left + Double(at) / span * (Self.width - Self.left) }

    private var timeline: String {
        let rowHeight = 22.0
        let height = rowHeight * Double(FaultTarget.allCases.count) + 24
        var drawing = ""
        for (row, target) in FaultTarget.allCases.enumerated() {
            let y = Double(row) * rowHeight
            drawing += #"<text x="0" y="\#((y + 15).short)">\#(target.rawValue)</text>"#
            drawing +=
                #"<line x1="\#(Self.left.short)" x2="\#(Self.width.short)" y1="\#((y + 20).short)" y2="\#((y + 20).short)" stroke="gainsboro"/>"#
            for entry in entries where entry.target == target {
                let width = max(x(entry.ended) - x(entry.began), 1.5)
                // Faults of connections below those of the process, since they overlap.
                let top = entry.kind.isForConnections ? y + 12 : y + 3
                let words = "\(entry.kind.rawValue) \(entry.text), \(entry.began.secondsText) s".escapedForHTML
                drawing += #"<rect x="\#(x(entry.began).short)" y="\#(top.short)" width="\#(width.short)" height="8" "#
                drawing += #"fill="\#(entry.kind.colour)"><title>\#(words)</title></rect>"#
            }
        }
        let kinds = Set(entries.map(\.kind)).sorted { $0.rawValue < $1.rawValue }
        return svg(height: height, drawing + axis(y: height - 8)) + legend(kinds.map { ($0.rawValue, $0.colour) })
    }

    private var throughput: String {
        let bucket = max(1000, rested / 300)
        let perSecond = { (counts: [Int]) in counts.map { Double($0) * 1000 / Double(bucket) } }
        let (ended, started) = (
            perSecond(endedPerBucket(milliseconds: bucket)), perSecond(startedPerBucket(milliseconds: bucket))
        )
        return chart([
            Series(name: "ended", colour: "#1a7f37", points: ended.points(bucket)),
            Series(name: "started", colour: "#9aa0a6", points: started.points(bucket)),
        ])
    }

    private var openAndStuck: String {
        chart([
            Series(name: "open", colour: "#1f6feb", points: samples.map { ($0.at, Double($0.open)) }),
            Series(
                name: "messages in the outbox", colour: "#9aa0a6", points: samples.map { ($0.at, Double($0.outbox)) }),
            Series(name: "stuck", colour: "#b00020", points: samples.map { ($0.at, Double($0.stuck)) }),
        ])
    }

    private struct Series {
        let name: String
        let colour: String
        let points: [(at: Int64, value: Double)]
    }

    private func chart(_ series: [Series]) -> String {
        let height = 180.0
        let base = height - 24
        let top = max(series.flatMap(\.points).map(\.value).max() ?? 0, 1)
        func y(_ value: Double) -> Double { base - value / top * (base - 10) }
        var drawing = #"<text x="0" y="16">\#(Int(top.rounded(.up)))</text><text x="0" y="\#(base.short)">0</text>"#
        for line in series.reversed() {
            let points = line.points.map { "\(x($0.at).short),\(y($0.value).short)" }.joined(separator: " ")
            drawing += #"<polyline fill="none" stroke="\#(line.colour)" stroke-width="1.5" points="\#(points)"/>"#
        }
        return svg(height: height, drawing + axis(y: height - 8)) + legend(series.map { ($0.name, $0.colour) })
    }

    /// A line of it breaks between two names only.
    private func legend(_ keys: [(name: String, colour: String)]) -> String {
        let keys = keys.map {
            #"<span class="key"><span style="color:\#($0.colour)">&#9632;</span> \#($0.name)</span>"#
        }
        return "<p>\(keys.joined(separator: " &nbsp; "))</p>"
    }

    private func axis(y: Double) -> String {
        let step = [10, 30, 60, 120, 300, 600, 3600].first { Int64($0) * 12_000 >= rested } ?? 7200
        var axis = ""
        for second in stride(from: 0, through: Int(rested / 1000), by: step) {
            axis += #"<text x="\#(x(Int64(second) * 1000).short)" y="\#(y.short)">\#(second) s</text>"#
        }
        return axis
    }

    private func svg(height: Double, _ drawing: String) -> String {
        #"<svg viewBox="0 0 \#(Self.width.short) \#(height.short)" role="img">\#(drawing)</svg>"#
    }

    // MARK: Tables

    private var checksTable: String {
        let others = Set(violations.map(\.rule)).subtracting(Self.rules.map(\.0)).sorted().map {
            ($0, "the fault's right result")
        }
        let rows = (Self.rules + others).map { rule, words in
            let count = violations(of: rule).count
            let verdict =
                count == 0
                ? #"<span class="right">holds</span>"# : #"<span class="wrong">wrong, \#(count) times</span>"#
            return "<tr><td>\(rule)</td><td>\(words)</td><td>\(verdict)</td></tr>"
        }
        return "<table>\(rows.joined())</table>"
    }

    private var violationsSection: String {
        guard !violations.isEmpty else { return "" }
        let items = violations.prefix(50).map { violation in
            let pasts = violation.sagas.compactMap { histories[$0] }.map {
                "<pre>\($0.joined(separator: "\n").escapedForHTML)</pre>"
            }
            return "<h3>\(violation.rule): \(violation.text.escapedForHTML)</h3>\(pasts.joined())"
        }
        let more = violations.count > 50 ? "<p>… and \(violations.count - 50) more</p>" : ""
        return "<h2>Violations</h2>\(items.joined())\(more)"
    }

    private var figuresTable: String {
        var rows = counts.map { ("sagas \($0.status.rawValue)", "\($0.count)") }
        rows += [
            ("starts asked for", "\(tally.asked)"), ("asked for again", "\(tally.repeats)"),
            ("refused since the key was another's", "\(tally.conflicts)"), ("sagas looked at twice", "\(pasts)"),
        ]
        rows += faultCounts.map { ("\($0.kind.rawValue): \($0.kind.explanation)", "\($0.count)") }
        rows += books.figures.map { ($0.name, "\($0.value)") }
        let lines = rows.map { "<tr><td>\($0.0.escapedForHTML)</td><td class=\"n\">\($0.1)</td></tr>" }
        return "<table>\(lines.joined())</table>"
    }

    private var notesSection: String {
        guard !notes.isEmpty else { return "" }
        return "<h2>Noticed</h2><pre>\(notes.joined(separator: "\n").escapedForHTML)</pre>"
    }
}

extension String {
    /// Text and attributes of a page.
    var escapedForHTML: String {
        var escaped = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0x7f: escaped += "\u{fffd}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension [Double] {
    fileprivate func points(_ milliseconds: Int64) -> [(at: Int64, value: Double)] {
        enumerated().map { (Int64($0) * milliseconds + milliseconds / 2, $1) }
    }
}

extension Double {
    /// With one decimal, as coordinates need.
    fileprivate var short: String { "\((self * 10).rounded() / 10)" }
}

extension Int64 {
    fileprivate var secondsText: String { "\(self / 1000).\(self % 1000 / 100)" }
}

extension FaultKind {
    fileprivate var colour: String {
        switch self {
        case .killWorker, .killInventory, .killPayment, .killLedger: "#b00020"
        case .killBroker: "#7b1fa2"
        case .crashPoint: "#e65100"
        case .restart, .restartBroker: "#f9a825"
        case .freeze: "#0288d1"
        case .diskFull: "#6d4c41"
        case .secondWorker: "#455a64"
        case .memoryAlarm: "#c2185b"
        case .deleteQueue: "#00796b"
        case .delay: "#90a4ae"
        case .blackhole: "#37474f"
        case .halfClose: "#9e9d24"
        case .reset: "#5e35b1"
        }
    }
}
