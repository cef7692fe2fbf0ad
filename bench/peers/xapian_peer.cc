// Xapian, glass in a temporary directory (argv[3]), compacted; BM25 with its own defaults.
#include <xapian.h>

#include "peer.h"

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string directory = argv[1], place = argv[3];
  const auto texts = peer::read_lines(directory + "/corpus.txt");
  const auto queries = peer::read_queries(directory + "/queries.txt");
  const double start = peer::cpu_us();
  {
    Xapian::WritableDatabase db(place + "/raw", Xapian::DB_CREATE_OR_OVERWRITE | Xapian::DB_NO_SYNC);
    Xapian::TermGenerator generator;
    for (const std::string& text : texts) {
      Xapian::Document document;
      generator.set_document(document);
      generator.index_text(text);
      db.add_document(document);
    }
    db.commit();
    std::printf("index %.3f\n", (peer::cpu_us() - start) / 1e6);
    db.compact(place + "/compact");
  }
  Xapian::Database db(place + "/compact");
  peer::measure(queries, std::atof(argv[2]), [&](const peer::Query& query) {
    Xapian::Enquire enquire(db);
    enquire.set_query(Xapian::Query(query.mode == "OR" ? Xapian::Query::OP_OR : Xapian::Query::OP_AND,
                                    query.words.begin(), query.words.end()));
    enquire.get_mset(0, 10);
  });
  return 0;
}
