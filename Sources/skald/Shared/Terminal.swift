import Foundation
import Glibc
import SagaCore

/// Standard output or standard error. Colours and progress only where a person looks at it (`NO_COLOR` respected).
struct Terminal: Sendable {
    static let standardOutput = Terminal(descriptor: STDOUT_FILENO)
    static let standardError = Terminal(descriptor: STDERR_FILENO)

    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    let isInteractive: Bool
    private let hasColours: Bool
    private let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
        let environment = ProcessInfo.processInfo.environment
        isInteractive = isatty(descriptor) == 1
        hasColours = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    func style(_ text: String, _ style: Style) -> String {
        hasColours ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }

    func line(_ text: String = "") { write(text + "\n") }

    func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                bytes = bytes.dropFirst(count)
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
            } else if errno != EINTR {
                return giveUp(errno)
            }
        }
    }

    /// Output that does not arrive must not look complete; where only messages are lost the work goes on.
    private func giveUp(_ error: Int32) {
        guard descriptor == STDOUT_FILENO else { return }
        // Who closes the pipe has read enough.
        if error != EPIPE {
            Self.standardError.line("error: cannot write the output: \(String(cString: strerror(error)))")
        }
        exit(CommandFailure.Kind.refused.rawValue)
    }

    /// Help is wrapped to the terminal's width, and in a very narrow terminal its library traps.
    static func widenForHelp() {
        var size = winsize()
        let reported = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : 0
        let columns = ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) }
        if let width = columns ?? (reported > 0 ? reported : nil), width < 40 { setenv("COLUMNS", "40", 1) }
    }

    func json(_ value: JSONValue) { line(value.text.escapedAsJSON) }
    func prettyJSON(_ value: JSONValue) { line(value.prettyText.escapedAsJSON) }
}

extension String {
    /// JSON text in which nothing can steer a terminal: what JSON lets pass is written as `\u009b`, which means the same.
    var escapedAsJSON: String {
        func isSafe(_ scalar: Unicode.Scalar) -> Bool {
            if scalar.isASCII { return scalar.value != 0x7F }
            return String(scalar).escapedForTerminal.unicodeScalars.count == 1
        }
        guard unicodeScalars.contains(where: { !isSafe($0) }) else { return self }
        var escaped = ""
        for scalar in unicodeScalars {
            if isSafe(scalar) {
                escaped.unicodeScalars.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return escaped
    }
}

/// A progress bar on standard error, drawn only where that is a terminal.
struct ProgressBar {
    private let total: Int
    private let label: String
    private var lastDrawn = -1

    init(_ label: String, of total: Int) {
        self.label = label
        self.total = max(total, 1)
    }

    mutating func show(_ done: Int) {
        let terminal = Terminal.standardError
        let permille = min(done, total) * 1000 / total
        guard terminal.isInteractive, permille != lastDrawn else { return }
        lastDrawn = permille
        let filled = permille * 30 / 1000
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
        terminal.write("\r\(label) \(bar) \(done)/\(total)")
    }

    /// Takes the bar away again.
    func clear() {
        if Terminal.standardError.isInteractive { Terminal.standardError.write("\r\u{1b}[K") }
    }
}

/// Columns of text, as wide as they need to be.
struct TextTable {
    private var rows: [[String]]

    init(header: [String]) { rows = [header] }

    mutating func add(_ row: [String]) { rows.append(row) }

    func lines() -> [String] {
        lines(paint: { text, _ in text }, style: { _, _ in nil })
    }

    /// - Parameter style: of the cell in this line (the header is line 0) and column.
    func lines(
        paint: (String, Terminal.Style) -> String, style: (_ line: Int, _ column: Int) -> Terminal.Style?
    ) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.enumerated().map { number, row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += style(number, column).map { paint(cell, $0) } ?? cell
                if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
