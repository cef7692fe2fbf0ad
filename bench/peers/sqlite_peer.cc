// SQLite FTS5 in memory, optimised into one segment.
#include <sqlite3.h>

#include "peer.h"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string directory = argv[1];
  const auto texts = peer::read_lines(directory + "/corpus.txt");
  const auto queries = peer::read_queries(directory + "/queries.txt");
  sqlite3* db = nullptr;
  sqlite3_open(":memory:", &db);
  const auto run = [&](const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      std::fprintf(stderr, "%s\n", sqlite3_errmsg(db));
  };
  const double start = peer::cpu_us();
  run("CREATE VIRTUAL TABLE t USING fts5(text, content='', tokenize='ascii')");
  run("BEGIN");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO t(rowid, text) VALUES(?, ?)", -1, &insert, nullptr);
  for (size_t i = 0; i < texts.size(); ++i) {
    sqlite3_bind_int64(insert, 1, static_cast<int64_t>(i + 1));
    sqlite3_bind_text(insert, 2, texts[i].data(), static_cast<int>(texts[i].size()), SQLITE_STATIC);
    sqlite3_step(insert);
    sqlite3_reset(insert);
  }
  run("COMMIT");
  std::printf("index %.3f\n", (peer::cpu_us() - start) / 1e6);
  run("INSERT INTO t(t) VALUES('optimize')");
  sqlite3_stmt* select = nullptr;
  sqlite3_prepare_v2(db, "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT 10", -1, &select, nullptr);
  peer::measure(queries, std::atof(argv[2]), [&](const peer::Query& query) {
    const std::string match = peer::join(query.words, query.mode == "OR" ? " OR " : " ");
    sqlite3_bind_text(select, 1, match.data(), static_cast<int>(match.size()), SQLITE_STATIC);
    while (sqlite3_step(select) == SQLITE_ROW) {
    }
    sqlite3_reset(select);
  });
  return 0;
}
