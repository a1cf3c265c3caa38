import Foundation
import Glibc

/// What a process has used up to now, as the kernel counts it.
struct ProcessReading: Sendable {
    var cpuMicroseconds: Int64 = 0
    /// Handed to the file system for writing.
    var writtenBytes: Int64 = 0
    var residentBytes: Int64 = 0
    /// The most it has ever been.
    var mostResidentBytes: Int64 = 0

    init(cpuMicroseconds: Int64) { self.cpuMicroseconds = cpuMicroseconds }

    /// Zeros for a process that is gone.
    init(pid: pid_t) {
        let ticks = Int64(sysconf(Int32(_SC_CLK_TCK)))
        let statistics = Self.text("/proc/\(pid)/stat")
        // The name in parentheses may hold anything; after it come state, parent, …: user and system time are 12 and 13.
        if let end = statistics.lastIndex(of: ")") {
            let fields = statistics[statistics.index(after: end)...].split(separator: " ")
            if fields.count > 21, let user = Int64(fields[11]), let system = Int64(fields[12]),
                let pages = Int64(fields[21])
            {
                cpuMicroseconds = (user + system) * 1_000_000 / ticks
                residentBytes = pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
            }
        }
        for line in Self.text("/proc/\(pid)/io").split(separator: "\n") where line.hasPrefix("write_bytes: ") {
            writtenBytes = Int64(line.dropFirst("write_bytes: ".count)) ?? 0
        }
        for line in Self.text("/proc/\(pid)/status").split(separator: "\n") where line.hasPrefix("VmHWM:") {
            let kilobytes = line.dropFirst("VmHWM:".count).split(whereSeparator: \.isWhitespace).first
            mostResidentBytes = (kilobytes.flatMap { Int64($0) } ?? 0) * 1024
        }
    }

    private static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}

/// All processes of a turn, and the worker's database.
struct SiteReading: Sendable {
    var processes: [BenchProcess: ProcessReading] = [:]
    var commits: Int64 = 0
    var checkpoints: Int64 = 0

    init() {}

    init(pids: [BenchProcess: pid_t], database: String) {
        processes = pids.mapValues { ProcessReading(pid: $0) }
        // In the wal-index SQLite counts transactions (iChange, https://www.sqlite.org/walformat.html#wal_index_header),
        // in the log's header how often it has begun from the front.
        commits = Self.number(at: 8, of: database + "-shm", isBigEndian: false)
        checkpoints = Self.number(at: 12, of: database + "-wal", isBigEndian: true)
    }

    private static func number(at offset: UInt64, of path: String, isBigEndian: Bool) -> Int64 {
        guard let file = FileHandle(forReadingAtPath: path) else { return 0 }
        defer { try? file.close() }
        guard (try? file.seek(toOffset: offset)) != nil, let data = try? file.read(upToCount: 4), data.count == 4 else {
            return 0
        }
        let number = data.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
        return Int64(isBigEndian ? UInt32(bigEndian: number) : UInt32(littleEndian: number))
    }
}
