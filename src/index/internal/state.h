// What a SearchIndex is made of, and who may touch it.
//
// The fold thread appends to the newest head and chains a new one to it when it is full. The worker turns
// full heads into segments, merges segments of like size, and publishes what is there as a View. A reader
// takes the view, searches its segments, then its heads along their chain; so an item changed in the meantime
// is found in a head at the latest (the head is written before the item's version changes).
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/epoch.h"
#include "index/internal/head.h"
#include "index/internal/item_table.h"
#include "index/internal/segment_search.h"

namespace freshet::index {

struct View {
  std::vector<const Segment*> segments;  // The largest first.
  Head* heads = nullptr;                 // The oldest that is not in a segment.
};

}  // namespace freshet::index

namespace freshet {

struct SearchIndex::State {
  using Record = index::Record;

  explicit State(const SearchIndexConfig& config);
  ~State();

  const SearchIndexConfig config;

  // Fold thread writes, any thread reads.
  index::Dictionary dictionary;
  index::ItemTable table;
  std::atomic<uint32_t> items{0};
  std::atomic<uint64_t> removals{0};  // Items changed or removed after they had been indexed.
  std::array<std::atomic<uint64_t>, kSearchFields> length_sum{};
  std::array<std::atomic<uint32_t>, kSearchFields> length_items{};

  // Worker writes, any thread reads.
  std::atomic<const index::View*> view;

  // Fold thread only.
  index::RecordMaker maker;
  std::vector<index::NumberedToken> tokens;
  index::Head* head;  // The newest.
  uint32_t version = 0;
  size_t record_bytes = 0;
  RetireList retired;

  // Worker only (the fold thread itself when there is none).
  index::SegmentBuilder builder;
  RetireList replaced;

  // Under `mutex`.
  std::mutex mutex;
  std::condition_variable wake, idle;
  Scoring scoring;  // For the segments to be built.
  bool stop = false, busy = false, everything = false;
  uint64_t full_heads = 0, heads_done = 0, merges = 0;
  std::thread worker;

  index::Statistics statistics() const;
  void account(const Record& record, int sign);
  void put(uint32_t slot, const Record* next);
  void add_tokens(std::span<const FieldText> fields, std::array<uint32_t, kSearchFields>& lengths);
  void append(uint32_t slot, const Record& record);
  void next_head(uint32_t postings);
  void wait_idle();
  void top_once(const index::Query& query, uint32_t k, std::vector<Hit>& out) const;

  void work();
  void run_worker();
  bool seal_one();
  bool merge_some(bool all);
  index::Segment* build(std::vector<index::SegmentItem>& chosen, uint64_t removals_before);
  void publish(const index::View* next);
  double alive_share(const index::Segment& segment) const;
};

}  // namespace freshet
