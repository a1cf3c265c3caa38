#ifndef SKALD_CSQLITE_SHIM_H
#define SKALD_CSQLITE_SHIM_H

#include <sqlite3.h>

/* Swift does not import functions with `...`. */
static inline int skald_sqlite_keep_no_memory_statistics(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

#endif
