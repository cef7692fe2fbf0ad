// How fast the event log takes and gives events, beside RocksDB doing the same work.
//
//   build/release/bench/log_append [directory] [seconds a row]
//
// Events of about 200 bytes (a view with all usual fields). Each row runs for a while on an empty directory.
// "ack" is the time from before append() until commit() returned. The RocksDB rows put key = offset, value =
// the same record, one WriteBatch per batch, write-ahead log on; sync rows set WriteOptions::sync.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <rocksdb/db.h>

#include "base/text_table.h"
#include "env/clock.h"
#include "env/log.h"
#include "event/codec.h"
#include "log/file_log.h"

namespace freshet {
namespace {

Event sample_event(uint64_t n) {
  Event event;
  event.type = EventType::kView;
  event.time_ms = event.received_ms = 1700000000000 + static_cast<TimeMs>(n);
  event.id = "b7e1f0c2-6d1f-4a57-9a0f-" + std::to_string(100000000000 + n);
  event.source = "web";
  event.user = "shopper-" + std::to_string(n % 99991);
  event.session = "session-" + std::to_string(1000000 + n / 7);
  event.item = "item-" + std::to_string(n % 50021);
  event.surface = "search";
  event.query = "stainless steel kettle 1.7 l";
  event.query_id = "q-" + std::to_string(10000000 + n / 20);
  event.region = "DE";
  event.price = 39.9;
  return event;
}

struct Outcome {
  uint64_t events = 0;
  double seconds = 0;
  std::vector<double> ack_ms;
};

double seconds_since(uint64_t begun_ns) {
  return static_cast<double>(monotonic_ns() - begun_ns) * 1e-9;
}

double percentile(std::vector<double>& values, double p) {
  if (values.empty()) return kNoNumber;
  const size_t at = std::min(values.size() - 1, static_cast<size_t>(p * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
  return values[at];
}

// `threads` clients append batches of `size` for `seconds`; write(n, batch) appends and acknowledges.
template <class Write>
Outcome run_clients(int threads, double seconds, Write write) {
  std::vector<Outcome> outcomes(static_cast<size_t>(threads));
  std::vector<std::thread> clients;
  const uint64_t begun = monotonic_ns();
  for (Outcome& outcome : outcomes) {
    clients.emplace_back([&outcome, &write, seconds, begun] {
      while (seconds_since(begun) < seconds) {
        const uint64_t start = monotonic_ns();
        outcome.events += write();
        outcome.ack_ms.push_back(seconds_since(start) * 1e3);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  Outcome total;
  total.seconds = seconds_since(begun);
  for (Outcome& outcome : outcomes) {
    total.events += outcome.events;
    total.ack_ms.insert(total.ack_ms.end(), outcome.ack_ms.begin(), outcome.ack_ms.end());
  }
  return total;
}

struct Case {
  int threads;
  size_t batch;
  bool sync;
};

EventBatch sample_batch(size_t size) {
  EventBatch batch;
  for (uint64_t n = 0; n < size; ++n) batch.add(sample_event(n));
  return batch;
}

Outcome bench_file_log(const std::string& dir, const Case& c, double seconds) {
  FileLogOptions options;
  options.durability = c.sync ? Durability::kSync : Durability::kNone;
  auto log = FileLog::open(real_files(), dir, options).value();
  const EventBatch batch = sample_batch(c.batch);
  return run_clients(c.threads, seconds, [&] {
    const Offset at = log->append(batch).value();
    CHECK(log->commit(at + batch.count()).ok());
    return batch.count();
  });
}

Outcome bench_rocksdb(const std::string& dir, const Case& c, double seconds) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.IncreaseParallelism(2);
  rocksdb::DB* opened = nullptr;
  CHECK(rocksdb::DB::Open(options, dir, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::vector<std::string> records;
  for (uint64_t n = 0; n < c.batch; ++n) {
    Writer out;
    encode_event(sample_event(n), out);
    records.push_back(out.take());
  }
  std::atomic<uint64_t> end{0};
  rocksdb::WriteOptions write;
  write.sync = c.sync;
  return run_clients(c.threads, seconds, [&] {
    rocksdb::WriteBatch batch;
    uint64_t at = end.fetch_add(c.batch);
    for (const std::string& record : records) {
      const uint64_t key = __builtin_bswap64(at++);
      batch.Put(rocksdb::Slice(reinterpret_cast<const char*>(&key), sizeof(key)), record);
    }
    CHECK(db->Write(write, &batch).ok());
    return records.size();
  });
}

Outcome bench_read(const std::string& dir, double seconds, bool decode) {
  auto log = FileLog::open(real_files(), dir).value();
  const EventBatch batch = sample_batch(1000);
  while (log->end() < 1000000) CHECK(log->append(batch).ok());
  Outcome outcome;
  const uint64_t begun = monotonic_ns();
  Event event;
  while (seconds_since(begun) < seconds) {
    auto cursor = log->read(0).value();
    while (cursor->next().value()) {
      if (decode) CHECK(cursor->decode(event).ok());
      ++outcome.events;
    }
  }
  outcome.seconds = seconds_since(begun);
  return outcome;
}

void add_row(TextTable& table, const std::string& what, Outcome outcome) {
  table.row({what, format_count(static_cast<uint64_t>(static_cast<double>(outcome.events) / outcome.seconds)),
             format_number(percentile(outcome.ack_ms, 0.5), 2),
             format_number(percentile(outcome.ack_ms, 0.99), 2)});
}

std::string describe_case(const Case& c) {
  return std::to_string(c.threads) + (c.threads == 1 ? " client" : " clients") + ", batches of " +
         std::to_string(c.batch) + (c.sync ? ", sync" : ", none");
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  using namespace freshet;
  set_log_level(LogLevel::kWarn);
  const std::string root = std::string(argc > 1 ? argv[1] : "/tmp") + "/freshet-bench-log";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 2;
  const Case cases[] = {{1, 1000, false}, {1, 100, false}, {1, 1000, true},
                        {1, 100, true},   {8, 100, true},  {32, 100, true}};
  TextTable table({"", "events/s", "ack p50 ms", "ack p99 ms"});
  Writer record;
  encode_event(sample_event(0), record);
  const auto fresh = [&] {
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root);
    return root + "/db";
  };
  for (const Case& c : cases) {
    add_row(table, "segment files, " + describe_case(c), bench_file_log(fresh(), c, seconds));
    add_row(table, "RocksDB,       " + describe_case(c), bench_rocksdb(fresh(), c, seconds));
  }
  add_row(table, "segment files, read and check", bench_read(fresh(), seconds, false));
  add_row(table, "segment files, read, check and decode", bench_read(root + "/db", seconds, true));
  std::filesystem::remove_all(root);
  std::printf("events of %zu bytes\n%s", record.size(), table.text().c_str());
  return 0;
}
