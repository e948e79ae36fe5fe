// Answers a query a line of standard input from the database /data/products.db: the beginning of a name.
#include <stdio.h>
#include <string.h>

#include "sqlite3.h"

static int fail(sqlite3 *db, const char *what) {
    fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
    return 1;
}

int main(void) {
    sqlite3 *db;
    sqlite3_stmt *query;
    if (sqlite3_open_v2("/data/products.db", &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) return fail(db, "open");
    // The whole schema and the pages that queries begin with are read here.
    if (sqlite3_exec(db, "PRAGMA integrity_check; SELECT count(*), avg(price) FROM products", NULL, NULL, NULL) != SQLITE_OK)
        return fail(db, "check");
    const char *text =
        "SELECT count(*), min(p.price), s.city FROM products p JOIN shops s ON s.id = p.shop "
        "WHERE p.name >= ?1 AND p.name < ?1 || 'zzz'";
    if (sqlite3_prepare_v2(db, text, -1, &query, NULL) != SQLITE_OK) return fail(db, "prepare");
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        sqlite3_bind_text(query, 1, line, -1, SQLITE_TRANSIENT);
        while (sqlite3_step(query) == SQLITE_ROW)
            printf("%s: %d products, the cheapest for %d in %s\n", line, sqlite3_column_int(query, 0),
                   sqlite3_column_int(query, 1), sqlite3_column_int(query, 0) ? (const char *)sqlite3_column_text(query, 2) : "no city");
        sqlite3_reset(query);
    }
    sqlite3_finalize(query);
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
