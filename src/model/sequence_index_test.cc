// The approximate index over the sequence model's items, against full scans.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "model/sequence_model.h"

namespace freshet {
namespace {

SequenceOptions small_options() {
  SequenceOptions o;
  o.dim = 32;
  o.rows_max = 512;
  o.negatives = 32;
  o.batch = 4;
  o.ring = 64;
  o.context_max = 12;
  o.history_max = 60;
  return o;
}

SequenceStep step(uint32_t item, uint8_t type = 8, uint8_t gap = 3, bool first = false) {
  return {item, type, gap, first, 0};
}

std::string saved(const SequenceModel& model) {
  Writer out;
  model.save(out);
  return out.take();
}

// Aisles of 20 items, walked in order, 4000 items in all: enough for an index of many lists.
void teach_aisles(SequenceModel& model, uint64_t from, uint64_t to) {
  for (uint64_t i = from; i < to; ++i) {
    Draw draw(mix64(i));
    const uint32_t aisle = static_cast<uint32_t>(draw.below(200)) * 20;
    const uint32_t at = static_cast<uint32_t>(draw.below(20));
    const uint32_t second = aisle + (at + 1) % 20, target = aisle + (at + 2) % 20;
    const std::vector<SequenceStep> steps = {step(aisle + at), step(second)};
    for (uint32_t item : {aisle + at, second, target}) model.add(item, mix64(item), {&aisle, 1});
    if (model.learn({steps, false}, target, mix64(i, 7))) model.publish();
    if (i % 997 == 0) model.remove(aisle + 3);
  }
}

SequenceOptions indexed_options() {
  SequenceOptions options = small_options();
  options.rows_max = 4000;
  options.batch = 16;
  options.negatives = 64;
  options.exact_rows_max = 1500;  // The index comes into being on the way.
  return options;
}

TEST(SequenceIndex, TheIndexFindsWhatAScanFinds) {
  SequenceModel model(indexed_options());
  uint64_t at = 0;
  for (int phase = 0; phase < 6; ++phase) {  // Vectors move between the phases; the index follows.
    teach_aisles(model, at, at + 5000);
    at += 5000;
    model.publish();
    const SequenceModel::View view = model.view();
    size_t same = 0, wanted = 0;
    for (uint32_t q = 0; q < 100; ++q) {
      const std::vector<SequenceStep> steps = {step(q * 37 % 4000)};
      const SequenceQuery query = view.encode({steps, false});
      const std::vector<ScoredItem> exact = view.top_exact(query, 20), found = view.top(query, 20, {}, false);
      for (const ScoredItem& s : found) {  // The index's own copies of the rows are those of the table.
        float log_p = 0;
        view.score(query, {&s.item, 1}, {&log_p, 1});
        ASSERT_EQ(s.log_p, log_p) << s.item;
      }
      wanted += exact.size();
      // The fold's own copy reads the lists where they are.
      const SequenceModel::View own = model.own_view();
      const std::vector<ScoredItem> again = own.top(own.encode({steps, false}), 20, {}, false);
      ASSERT_EQ(again.size(), found.size());
      for (size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(again[i].item, found[i].item) << i;
        ASSERT_EQ(again[i].log_p, found[i].log_p) << i;
      }
      for (const ScoredItem& e : exact)
        same +=
            std::any_of(found.begin(), found.end(), [&](const ScoredItem& f) { return f.item == e.item; });
      const auto odd = [](uint32_t item) { return item % 2 == 1; };
      EXPECT_EQ(view.top(query, 60, odd).size(), query.empty() ? 0u : 60u)
          << "a filter must not leave too few";
    }
    EXPECT_GT(static_cast<double>(same) / static_cast<double>(wanted), 0.85) << "phase " << phase;
  }
  EXPECT_GT(model.index_recall(), 0.9);
  EXPECT_GT(model.index_probes(), 0u);
}

// Vectors of items that nobody has met are noise: the lists of an index say little of what is near.
TEST(SequenceIndex, TheIndexWorksHarderUntilItFindsEnough) {
  SequenceOptions options = indexed_options();
  options.rows_max = 30'000;
  SequenceModel model(options);
  for (uint32_t item = 0; item < 30'000; ++item) model.add(item, mix64(item), {});
  teach_aisles(model, 0, 1000);
  model.publish();
  const SequenceModel::View view = model.view();
  const auto ask = [&](uint32_t from, uint32_t to) {
    for (uint32_t q = from; q < to; ++q) {
      const std::vector<SequenceStep> steps = {step(q * 37 % 4000)};
      (void)view.top(view.encode({steps, false}), 20);
    }
  };
  ask(0, 8);
  EXPECT_LT(model.index_recall(), 0.9) << "too easy to test anything";
  const uint32_t begun = model.index_probes();
  ask(8, 800);
  EXPECT_GT(model.index_recall(), 0.97);
  EXPECT_GT(model.index_probes(), begun);
}

TEST(SequenceIndex, TheIndexIsSavedToo) {
  SequenceModel whole(indexed_options()), first(indexed_options()), second(indexed_options());
  teach_aisles(whole, 0, 9000);
  teach_aisles(first, 0, 6001);
  const std::string bytes = saved(first);
  Reader in(bytes);
  ASSERT_TRUE(second.load(in).ok());
  EXPECT_TRUE(saved(second) == bytes);
  teach_aisles(second, 6001, 9000);
  EXPECT_TRUE(saved(whole) == saved(second));
  whole.publish();
  second.publish();
  const std::vector<SequenceStep> steps = {step(40), step(41)};
  const SequenceModel::View a = whole.view(), b = second.view();
  const std::vector<ScoredItem> x = a.top(a.encode({steps, false}), 30, {}, false);
  const std::vector<ScoredItem> y = b.top(b.encode({steps, false}), 30, {}, false);
  ASSERT_EQ(x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(x[i].item, y[i].item) << i;
}

// Where few of many slots are live, the lists are read in place of the rows, with the same result.
TEST(SequenceIndex, FewLiveItemsAmongManySlotsAreFoundThroughTheLists) {
  SequenceOptions options = small_options();
  options.rows_max = 1 << 16;
  options.exact_rows_max = 1000;
  SequenceModel model(options);
  for (uint32_t n = 0; n < 900; ++n) model.add(n * 70, n);
  const std::vector<SequenceStep> steps = {step(70), step(700)};
  for (uint64_t n = 0; n < 200; ++n)
    if (model.learn({steps, false}, static_cast<uint32_t>(mix64(n) % 900) * 70, n)) model.publish();
  EXPECT_GT(model.index_probes(), 0u);
  const SequenceModel::View view = model.view();
  const SequenceQuery query = view.encode({steps, false});
  for (const bool adaptive : {false, true}) {
    const auto found = view.top(query, 50, {}, adaptive), exact = view.top_exact(query, 50);
    ASSERT_EQ(found.size(), exact.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].item, exact[i].item) << i;
  }
}

}  // namespace
}  // namespace freshet
