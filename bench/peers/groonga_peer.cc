// Groonga, a database in a temporary directory (argv[3]), static index; its own scorer (term frequency).
#include <cstdlib>

#include <groonga.h>

#include "peer.h"

namespace {

grn_ctx ctx;

void send(const std::string& command) {
  grn_ctx_send(&ctx, command.data(), static_cast<unsigned>(command.size()), 0);
  char* out = nullptr;
  unsigned size = 0;
  int flags = 0;
  do grn_ctx_recv(&ctx, &out, &size, &flags);
  while ((flags & GRN_CTX_MORE) != 0);
  if (ctx.rc != GRN_SUCCESS) std::fprintf(stderr, "%.60s: %s\n", command.c_str(), ctx.errbuf);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string directory = argv[1];
  const auto texts = peer::read_lines(directory + "/corpus.txt");
  const auto queries = peer::read_queries(directory + "/queries.txt");
  grn_init();
  grn_ctx_init(&ctx, 0);
  grn_db_create(&ctx, (std::string(argv[3]) + "/groonga").c_str(), nullptr);
  const double start = peer::cpu_us();
  send("cache_limit 0");
  send("table_create Docs TABLE_NO_KEY");
  send("column_create Docs text COLUMN_SCALAR ShortText");
  send("table_create Terms TABLE_PAT_KEY ShortText --default_tokenizer TokenDelimit");
  for (size_t i = 0; i < texts.size();) {
    std::string load = "load --table Docs --values '[";
    for (const size_t end = std::min(texts.size(), i + 1000); i < end; ++i)
      load += (load.back() == '[' ? "{\"text\":\"" : ",{\"text\":\"") + texts[i] + "\"}";
    send(load + "]'");
  }
  send("column_create Terms text_index COLUMN_INDEX|WITH_POSITION Docs text");
  std::printf("index %.3f\n", (peer::cpu_us() - start) / 1e6);
  peer::measure(queries, std::atof(argv[2]), [&](const peer::Query& query) {
    send("select Docs --match_columns text --query \"" +
         peer::join(query.words, query.mode == "OR" ? " OR " : " ") +
         "\" --output_columns _id,_score --sort_keys -_score --limit 10");
  });
  std::fflush(stdout);
  std::_Exit(0);
}
