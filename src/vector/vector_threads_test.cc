// Readers while one thread writes: what an answer must hold whatever happens beside it. To be run under the
// thread sanitizer; the numbers are small enough for that.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "vector/item_vectors.h"
#include "vector/nearest.h"

namespace freshet {
namespace {

constexpr uint32_t kDim = 32;

std::vector<float> row_of(uint64_t key, uint32_t dim = kDim) {
  Draw centre(mix64(key, 1) % 30), own(mix64(key, 2));
  std::vector<float> row(dim);
  for (float& x : row)
    x = static_cast<float>(centre.uniform()) - 0.5f + 0.5f * (static_cast<float>(own.uniform()) - 0.5f);
  return row;
}

class Readers {
 public:
  template <class Read>
  Readers(int count, Read read) {
    for (int i = 0; i < count; ++i)
      threads_.emplace_back([this, read, i] {
        for (uint64_t turn = 0; !stop_.load(); ++turn) {
          const EpochGuard guard;
          read(mix64(turn, static_cast<uint64_t>(i)));
          reads_.fetch_add(1);
        }
      });
  }
  ~Readers() { stop(); }
  void stop() {
    stop_.store(true);
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  void wait_for(uint64_t reads) const {
    while (reads_.load() < reads) std::this_thread::yield();
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> reads_{0};
  std::vector<std::thread> threads_;
};

// Row 7 never changes and is what every query asks for: it must always be the first answer.
TEST(VectorThreads, AnswersHoldWhileRowsChangeAndTheSetGrows) {
  for (const RowType type : {RowType::kInt8, RowType::kBf16}) {
    VectorSet set({.dim = kDim, .type = type});
    const std::vector<float> fixed = row_of(7);
    set.set(7, fixed);
    set.publish();
    std::atomic<uint64_t> wrong{0};
    Readers readers(3, [&](uint64_t key) {
      std::vector<VectorHit> hits;
      SlotSet filter = SlotSet::range(0, 1 + key % 5000);
      filter.add(7);
      set.top(set.prepare(fixed), key % 2 == 0 ? nullptr : &filter, 1 + key % 20, hits);
      bool right = !hits.empty() && hits[0].slot == 7 && std::is_sorted(hits.begin(), hits.end(), better);
      for (const VectorHit& hit : hits) right = right && (key % 2 == 0 || filter.contains(hit.slot));
      wrong.fetch_add(!right);
    });
    for (uint64_t round = 0; round < 4000; ++round) {
      const auto slot = static_cast<uint32_t>(8 + mix64(round, 3) % (100 + round));
      if (round % 7 == 0) {
        set.remove(slot);
      } else {
        set.set(slot, row_of(1000 + round));
      }
      set.publish();
    }
    readers.wait_for(200);
    readers.stop();
    EXPECT_EQ(wrong.load(), 0u);
  }
}

TEST(VectorThreads, ListsAreMadeSwappedAndChangedBesideReaders) {
  VectorSet set({.dim = kDim});
  Nearest nearest(set, {.rows_min = 1500, .list_rows = 32, .recall = 0.7, .sample_every = 2});
  const std::vector<float> fixed = row_of(7);
  set.set(7, fixed);
  set.publish();
  std::atomic<uint64_t> wrong{0};
  Readers readers(2, [&](uint64_t key) {
    std::vector<VectorHit> hits;
    const SlotSet most = SlotSet::range(0, 100'000);
    nearest.top(set.prepare(fixed), key % 2 == 0 ? nullptr : &most, 10, hits);
    wrong.fetch_add(hits.empty() || hits[0].slot != 7);
    for (size_t i = 1; i < hits.size(); ++i) wrong.fetch_add(!better(hits[i - 1], hits[i]));
    nearest.status();
  });
  const auto change = [&](uint64_t round, uint32_t among) {
    const auto slot = static_cast<uint32_t>(8 + mix64(round, 5) % among);
    if (round % 9 == 0) {
      set.remove(slot);
    } else {
      set.set(slot, row_of(1000 + round));
    }
    set.publish();
    nearest.changed(slot, 2);
    nearest.tick();
  };
  uint64_t round = 0;
  while (round < 4000) change(round++, 3000);
  nearest.settle();
  EXPECT_GT(nearest.status().listed_rows, 1000u);
  while (round < 9000) change(round++, 6000);  // Twice the rows: made anew meanwhile.
  nearest.settle();
  readers.wait_for(100);
  readers.stop();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(nearest.status().listed_rows, set.rows());
}

TEST(VectorThreads, ItemVectorsAreAskedWhileTheFoldLearns) {
  Moment moment;
  Catalog catalog(moment, {.items_max = 3000});
  SearchTrail trail(moment);
  ItemVectors vectors(moment, catalog, trail, {.nearest = {.rows_min = 300, .list_rows = 16}});
  catalog.on_evict([&](std::span<const ItemSlot> items) { vectors.evict(items); });
  Readers readers(3, [&](uint64_t key) {
    std::vector<VectorHit> hits;
    vectors.near_text("grey sofa " + std::to_string(key % 9), nullptr, 10, hits);
    const Status found = vectors.near_vector(row_of(key, 8), nullptr, 5, hits);
    EXPECT_TRUE(found.ok() || found.error().code != Code::kCorrupt);
    vectors.near_item(static_cast<ItemSlot>(key % 3000), nullptr, 5, hits);
    vectors.status();
    vectors.wanted_dim();
  });
  Offset offset = 0;
  const auto apply = [&](const Event& event) {
    moment.skip = false;
    moment.key = mix64(offset, 7);
    moment.time_ms = moment.now_ms = static_cast<TimeMs>(offset) * 1000;
    moment.item = kNoItem;
    for (Fold* fold : std::initializer_list<Fold*>{&catalog, &trail, &vectors}) fold->apply(offset, event);
    ++offset;
  };
  for (uint64_t round = 0; round < 1500; ++round) {
    Event item;
    item.type = round % 11 == 10 ? EventType::kItemDelete : EventType::kItemUpsert;
    item.item = "i" + std::to_string(mix64(round, 1) % 4000);
    std::string vector;
    const uint32_t dim = round < 700 ? 8 : 9;  // The set empties before a new dimension is taken; most stay.
    for (const float x : row_of(round, dim)) vector += std::to_string(x) + " ";
    item.attributes = {{"_vector", vector}, {"title", "grey sofa " + std::to_string(round % 40)}};
    if (item.type == EventType::kItemDelete) item.attributes.clear();
    apply(item);
    if (round % 3 != 0) continue;
    Event search;
    search.type = EventType::kSearch;
    search.user = "u";
    search.query = "couch " + std::to_string(round % 5);
    apply(search);
    Event click;
    click.type = EventType::kClick;
    click.user = "u";
    click.item = "i" + std::to_string(mix64(round / 2, 1) % 4000);
    apply(click);
  }
  readers.wait_for(100);
  readers.stop();
  EXPECT_GT(vectors.status().lessons, 100u);
}

}  // namespace
}  // namespace freshet
