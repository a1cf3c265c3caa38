import GRDB

extension Error {
    /// The file cannot be worked with now, or at all: full, locked, damaged, or the device fails. Nothing to do with
    /// what was asked of it, and it may get better by itself.
    package var isStorageTrouble: Bool {
        guard let error = self as? DatabaseError else { return false }
        switch error.resultCode {
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL, .SQLITE_CANTOPEN,
            .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_NOMEM, .SQLITE_INTERRUPT, .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return true
        default:
            return false
        }
    }

    /// What a person should know of it, in one line; nil if it is no storage trouble.
    package var storageTroubleInWords: String? {
        guard isStorageTrouble, let error = self as? DatabaseError else { return nil }
        let detail = error.message.map { " (\($0))" } ?? ""
        switch error.resultCode {
        case .SQLITE_FULL: return "the disk is full: nothing was changed"
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL:
            return "another process keeps the database locked\(detail): try again"
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY:
            return "the database cannot be opened for this\(detail): is its directory read-only, or another user's?"
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return
                "the database is damaged\(detail): stop what writes it, keep a copy of its directory, restore a backup"
        default: return "the database cannot be used now\(detail)"
        }
    }
}
