#include "publish/delta.h"

#include <cmath>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "publish/publisher.h"
#include "publish/range_coder.h"

namespace freshet {
namespace {

constexpr uint64_t kModel = 77;

std::vector<ImageTable> two_tables() {
  return {{.name = "rows", .dim = 16, .step = 1.0f / 64}, {.name = "dense", .dim = 5, .step = 1.0f / 256}};
}

std::string bytes_of(const Image& image) {
  Writer out;
  save_image(image, out);
  return out.take();
}

// What is trained, as a map.
class MapTrained final : public Trained {
 public:
  std::map<uint64_t, std::vector<float>> rows[2];

  std::vector<ImageTable> tables() const override { return two_tables(); }
  const std::vector<uint64_t>& changed(size_t table) const override { return changed_[table]; }
  void forget_changed() override {
    for (auto& each : changed_) each.clear();
  }
  bool read(size_t table, uint64_t key, float* out) const override {
    const auto found = rows[table].find(key);
    if (found == rows[table].end()) return false;
    std::copy(found->second.begin(), found->second.end(), out);
    return true;
  }
  void put(size_t table, uint64_t key, std::vector<float> weights) {
    rows[table][key] = std::move(weights);
    changed_[table].push_back(key);
  }
  // Some steps of training: rows move, come and go.
  void step(Draw& draw) {
    for (int i = 0; i < 12; ++i) {
      const size_t table = draw.below(2);
      const uint64_t key = draw.below(150);
      auto& row = rows[table][key];
      row.resize(two_tables()[table].dim);
      const double size = draw.below(40) == 0 ? 4 : 0.2;
      for (float& w : row) w += static_cast<float>((draw.uniform() - 0.5) * size);
      changed_[table].push_back(key);
      if (draw.below(20) == 0) {
        rows[table].erase(draw.below(150));
      }
    }
  }

 private:
  std::vector<uint64_t> changed_[2];
};

struct Chain {
  explicit Chain(uint64_t seed) : draw(seed), publisher({.model = "m", .removal_parts = 2}, two_tables()) {}
  std::string next() {
    trained.step(draw);
    EXPECT_TRUE(publisher.collect(trained).ok());
    auto image = publisher.candidate(trained, 1);
    EXPECT_TRUE(image.ok());
    return publisher.publish(*image, trained);
  }
  Draw draw;
  MapTrained trained;
  Publisher publisher;
};

TEST(RangeCoder, WhatGoesInComesOut) {
  RangeEncoder out;
  BitContext a, b;
  NumberContext numbers;
  Draw draw(1);
  for (int i = 0; i < 5000; ++i) {
    out.bit(draw.below(30) == 0, a);
    out.bit(draw.below(2) == 0, b);
    encode_number(out, draw.next() >> (2 + i % 61), numbers);
    out.raw(draw.next(), 64);
  }
  const std::string bytes = out.take();
  RangeDecoder in(bytes);
  BitContext c, d;
  NumberContext others;
  Draw again(1);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(in.bit(c), again.below(30) == 0);
    ASSERT_EQ(in.bit(d), again.below(2) == 0);
    ASSERT_EQ(decode_number(in, others), again.next() >> (2 + i % 61));
    ASSERT_EQ(in.raw(64), again.next());
  }
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.done());
}

TEST(Image, ReadsWhatWasTrainedToHalfAStep) {
  Chain chain(3);
  for (int i = 0; i < 200; ++i) chain.next();
  const Image& served = *chain.publisher.served();
  for (size_t table = 0; table < 2; ++table) {
    EXPECT_GT(served.rows(table), 60u);
    for (const auto& [key, weights] : chain.trained.rows[table]) {
      std::vector<float> out(weights.size());
      served.gather(table, {&key, 1}, out.data());
      const uint32_t row = served.find(table, key);
      const float step =
          std::ldexp(two_tables()[table].step, row == Image::kNone ? 0 : served.shift(table, row));
      for (size_t d = 0; d < out.size(); ++d) EXPECT_NEAR(out[d], weights[d], 0.7501f * step);
    }
  }
}

TEST(Image, BytesThereAndBack) {
  Chain chain(4);
  for (int i = 0; i < 100; ++i) chain.next();
  const std::string bytes = bytes_of(*chain.publisher.served());
  Reader in(bytes);
  auto loaded = load_image(in);
  ASSERT_TRUE(loaded.ok());
  EXPECT_TRUE(bytes_of(**loaded) == bytes);
  EXPECT_EQ((*loaded)->hash(), chain.publisher.served()->hash());
  for (size_t cut = 0; cut < bytes.size(); cut += 37) {
    Reader shorter(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(load_image(shorter).ok()) << cut;
  }
}

// An edit never changes what an image says that somebody holds.
TEST(Image, StaysAsItIs) {
  Chain chain(5);
  for (int i = 0; i < 20; ++i) chain.next();
  const auto held = chain.publisher.served();
  const std::string before = bytes_of(*held);
  for (int i = 0; i < 100; ++i) chain.next();
  EXPECT_TRUE(bytes_of(*held) == before);
  EXPECT_FALSE(bytes_of(*chain.publisher.served()) == before);
}

TEST(Replica, FollowsAndRollsBack) {
  Chain chain(6);
  Replica replica(chain.publisher.model());
  EXPECT_TRUE(replica.needs_base());
  ASSERT_TRUE(replica.take(chain.publisher.full()).ok());
  std::shared_ptr<const Image> good;
  for (int i = 0; i < 300; ++i) {
    std::string frame = chain.next();
    if (i == 100) good = chain.publisher.served();
    ASSERT_TRUE(replica.take(frame).ok());
    if (i % 90 == 89) {
      ASSERT_TRUE(replica.take(chain.publisher.roll_back(good ? good : chain.publisher.served())).ok());
    }
    ASSERT_TRUE(bytes_of(*replica.image()) == bytes_of(*chain.publisher.served())) << i;
  }
  EXPECT_EQ(replica.version(), chain.publisher.version());
  EXPECT_EQ(replica.refused(), 0u);
}

TEST(Replica, SaysWhatIsWrong) {
  Chain chain(7);
  Replica replica(chain.publisher.model());
  const std::string base = chain.publisher.full();
  const std::string first = chain.next();
  const std::string second = chain.next();
  EXPECT_NE(replica.take(first).error().what.find("no base yet"), std::string::npos);
  ASSERT_TRUE(replica.take(base).ok());
  EXPECT_NE(replica.take(second).error().what.find("deltas are missing"), std::string::npos);
  EXPECT_TRUE(replica.needs_base());
  ASSERT_TRUE(replica.take(first).ok());
  EXPECT_NE(replica.take(first).error().what.find("was there before"), std::string::npos);
  std::string flipped = second;
  flipped[70] = static_cast<char>(flipped[70] ^ 4);
  EXPECT_NE(replica.take(flipped).error().what.find("checksum"), std::string::npos);
  EXPECT_NE(replica.take(second.substr(0, 30)).error().what.find("cut short"), std::string::npos);
  Replica other(kModel);
  EXPECT_NE(other.take(base).error().what.find("of model"), std::string::npos);
  chain.publisher.new_base();
  EXPECT_NE(replica.take(chain.next()).error().what.find("for base"), std::string::npos);
  ASSERT_TRUE(replica.take(chain.publisher.full()).ok());
  EXPECT_NE(replica.take(base).error().what.find("older"), std::string::npos);
  Chain twin(8);  // The same model and numbers, other weights.
  twin.next();
  twin.next();
  twin.publisher.new_base();
  EXPECT_NE(replica.take(twin.next()).error().what.find("there before"), std::string::npos);
  EXPECT_NE(replica.take(twin.next()).error().what.find("another image"), std::string::npos);
}

// A payload that is wrong under a right checksum: what a broken sender would send.
TEST(Replica, RefusesWhatDoesNotMakeTheImageNamed) {
  Chain chain(9);
  for (int i = 0; i < 5; ++i) chain.next();
  const std::string base = chain.publisher.full();
  const std::string before = bytes_of(*chain.publisher.served());
  const std::string frame = chain.next();
  const std::string after = bytes_of(*chain.publisher.served());
  for (size_t bit = FrameHeader::kBytes * 8; bit + 64 < frame.size() * 8; ++bit) {
    std::string wrong = frame.substr(0, frame.size() - 8);
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << (bit % 8)));
    Writer sum;
    sum.u64(hash_bytes(wrong));
    Replica replica(chain.publisher.model());
    ASSERT_TRUE(replica.take(base).ok());
    const bool taken = replica.take(wrong + sum.bytes()).ok();
    ASSERT_TRUE(bytes_of(*replica.image()) == (taken ? after : before)) << bit;
    ASSERT_TRUE(!taken || bit + 64 + 40 > frame.size() * 8)
        << bit;  // Only the coder's last bits say nothing.
  }
}

// 10,000 faults on the way: whatever a replica shows is what the publisher served under that version.
TEST(Replica, TenThousandFaults) {
  Draw draw(2026);
  size_t faults = 0;
  size_t wrong = 0;
  size_t healed = 0;
  size_t kinds[7] = {};
  for (uint64_t round = 0; faults < 10'000; ++round) {
    Chain chain(100 + round);
    Chain stranger(5000 + round);  // The same model name, other weights: never the same image.
    stranger.trained.put(0, 1000 + round, std::vector<float>(16, 1.0f));
    stranger.next();
    Replica replica(chain.publisher.model());
    std::map<uint64_t, std::string> served = {{0, bytes_of(*chain.publisher.served())}};
    std::vector<std::string> sent;
    ASSERT_TRUE(replica.take(chain.publisher.full()).ok());
    for (int i = 0; i < 60; ++i) {
      if (draw.below(20) == 0) chain.publisher.new_base();
      std::string frame = chain.next();
      const std::string foreign = stranger.next();
      served[chain.publisher.version()] = bytes_of(*chain.publisher.served());
      sent.push_back(frame);
      std::vector<std::string> arrives = {frame};
      const uint64_t fault = draw.below(8);
      if (fault < 7) ++faults, ++kinds[fault];
      if (fault == 0) arrives.clear();                                                 // dropped
      if (fault == 1) arrives.push_back(frame);                                        // doubled
      if (fault == 2) arrives.insert(arrives.begin(), sent[draw.below(sent.size())]);  // an old one, late
      if (fault == 3) {                                                                // one bit
        const uint64_t bit = draw.below(frame.size() * 8);
        arrives[0][bit / 8] = static_cast<char>(arrives[0][bit / 8] ^ (1 << bit % 8));
      }
      if (fault == 4) arrives[0].resize(draw.below(frame.size()));  // cut short
      if (fault == 5) arrives.insert(arrives.begin(), foreign);     // of another base
      if (fault == 6) {                                             // in the other order
        const std::string next = chain.next();
        served[chain.publisher.version()] = bytes_of(*chain.publisher.served());
        sent.push_back(next);
        arrives.insert(arrives.begin(), next);
      }
      for (const std::string& each : arrives) {
        (void)replica.take(each).ok();
        if (bytes_of(*replica.image()) != served[replica.version()]) ++wrong;
      }
      if (replica.needs_base() && draw.below(3) == 0) {
        ASSERT_TRUE(replica.take(chain.publisher.full()).ok());
        ++healed;
        if (bytes_of(*replica.image()) != bytes_of(*chain.publisher.served())) ++wrong;
      }
    }
    ASSERT_TRUE(replica.take(chain.publisher.full()).ok());
    ASSERT_TRUE(bytes_of(*replica.image()) == bytes_of(*chain.publisher.served()));
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(healed, 1000u);
  for (const size_t kind : kinds) EXPECT_GT(kind, 1000u);
}

TEST(Replica, ReadersSeeOneImageWhole) {
  Chain chain(11);
  Replica replica(chain.publisher.model());
  ASSERT_TRUE(replica.take(chain.publisher.full()).ok());
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> seen{0};
  std::thread reader([&] {
    while (!stop.load() || seen.load() == 0) {
      const EpochGuard guard;
      const Image* image = replica.view();
      const uint64_t hash = image->hash();
      std::vector<float> out(16);
      for (uint64_t key = 0; key < 150; ++key) image->gather(0, {&key, 1}, out.data());
      if (image->hash() == hash) seen.fetch_add(1);
    }
  });
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(replica.take(chain.next()).ok());
  stop.store(true);
  reader.join();
  EXPECT_GT(seen.load(), 0u);
}

TEST(Publisher, FusionGoesPartOfTheWayAndArrives) {
  MapTrained trained;
  Publisher publisher({.model = "m"}, two_tables());
  trained.put(0, 1, std::vector<float>(16, 1.0f));
  float weights[16];
  const uint64_t key = 1;
  float last = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(publisher.collect(trained).ok());
    auto image = publisher.candidate(trained, 0.25f);
    ASSERT_TRUE(image.ok());
    publisher.publish(*image, trained);
    publisher.served()->gather(0, {&key, 1}, weights);
    if (i == 0) {
      EXPECT_EQ(weights[0], 0.25f);
    }
    EXPECT_GE(weights[0], last);
    last = weights[0];
  }
  EXPECT_NEAR(last, 1.0f, 0.04f);
}

TEST(Publisher, RefusesWhatIsNotFinite) {
  for (const float bad : {NAN, INFINITY, 1e38f}) {
    MapTrained trained;
    Publisher publisher({.model = "m"}, two_tables());
    trained.put(0, 9, std::vector<float>(16, bad));
    const Status collected = publisher.collect(trained);
    const auto image = publisher.candidate(trained, 1);
    EXPECT_FALSE(collected.ok() && image.ok()) << bad;
  }
}

// A few bytes that name rows far away, in one table or a little in each of many, ask for no memory.
TEST(Image, SmallBytesMakeNoLargeImage) {
  for (const size_t tables : {size_t{1}, size_t{24}})
    for (const uint64_t row : {uint64_t{1} << 29, uint64_t{1} << 22, uint64_t{1000}}) {
      Writer out;
      out.varint(tables);
      for (size_t table = 0; table < tables; ++table) {
        out.str("t" + std::to_string(table));
        out.varint(1);
        out.f32(1);
      }
      for (size_t table = 0; table < tables; ++table) {
        out.varint(1);
        out.varint(row);
        out.u64(7);
        out.u8(0);
        out.u8(1);
      }
      const std::string bytes = out.take();
      Reader in(bytes);
      EXPECT_EQ(load_image(in).ok(), row == 1000) << row;
    }
}

// Rows that leave and come, by the hundred thousand: numbers are given as a stack gives them, and in no time.
TEST(ImageEdit, GivesFreedRowsAgainTheLastFirst) {
  constexpr uint32_t kRows = 300'000;
  const auto made = Image::make({{.name = "t", .dim = 16, .step = 1}});
  ASSERT_TRUE(made.ok());
  ImageEdit edit(*made);
  for (uint32_t i = 0; i < kRows; ++i) ASSERT_TRUE(edit.add(0, i, i + 1));
  for (uint32_t i = 0; i + 1 < kRows; ++i) ASSERT_TRUE(edit.remove(0, i));
  EXPECT_EQ(edit.free_row(0), kRows - 2);
  for (uint32_t i = 0; i < kRows / 2; ++i)
    ASSERT_TRUE(edit.add(0, i, 2 * kRows + i));  // A replica: any of them.
  EXPECT_EQ(edit.free_row(0), kRows - 2);
  ASSERT_TRUE(edit.add(0, kRows + 9, 3 * kRows));
  EXPECT_EQ(edit.free_row(0), kRows) << "between the end and a row beyond it";
  ASSERT_TRUE(edit.remove(0, 5));
  EXPECT_EQ(edit.free_row(0), 5u);
  for (uint32_t i = 0; i < kRows / 2; ++i) ASSERT_TRUE(edit.add(0, edit.free_row(0), 4 * kRows + i));
  ImageEdit next(edit.take());
  EXPECT_EQ(next.free_row(0), kRows / 2) << "the least of them";
}

// Served weights come to the trained ones whatever the fusion, and then nothing is published any more.
TEST(Publisher, ArrivesAtAnyFusion) {
  for (const float fusion : {1.0f, 0.75f, 0.5f, 0.25f, 0.05f})
    for (const float steps : {1.0f, 1.9f, -2.9f, 40.0f}) {
      MapTrained trained;
      Publisher publisher({}, trained.tables());
      const auto publish = [&] {
        EXPECT_TRUE(publisher.collect(trained).ok());
        const auto image = publisher.candidate(trained, fusion);
        ASSERT_TRUE(image.ok());
        publisher.publish(*image, trained);
      };
      trained.put(0, 5, std::vector<float>(16, 0.25f));
      for (int i = 0; i < 80; ++i) publish();
      trained.put(0, 5, std::vector<float>(16, 0.25f + steps / 64));
      trained.put(0, 6, std::vector<float>(16, steps / 64));  // There was none.
      for (int i = 0; i < 150; ++i) publish();
      for (const uint64_t key : {uint64_t{5}, uint64_t{6}}) {
        float served[16];
        publisher.served()->gather(0, {&key, 1}, served);
        EXPECT_NEAR(served[3], trained.rows[0][key][3], 0.7501f / 64) << fusion << " " << steps << " " << key;
      }
      const uint64_t rows = publisher.totals().rows;
      for (int i = 0; i < 20; ++i) publish();
      EXPECT_EQ(publisher.totals().rows, rows) << fusion << " " << steps;
    }
}

}  // namespace
}  // namespace freshet
