#include "publish/version_store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "publish/publisher.h"

namespace freshet {
namespace {

class OneRow final : public Trained {
 public:
  float weight = 0;
  std::vector<ImageTable> tables() const override { return {{.name = "rows", .dim = 4}}; }
  const std::vector<uint64_t>& changed(size_t) const override { return keys_; }
  void forget_changed() override {}
  bool read(size_t, uint64_t key, float* out) const override {
    std::fill_n(out, 4, weight + static_cast<float>(key));
    return key < 3;
  }

 private:
  std::vector<uint64_t> keys_ = {0, 1, 2};
};

class VersionStoreTest : public testing::Test {
 protected:
  VersionStoreTest() {
    dir_ = testing::TempDir() + "versions_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(dir_);
  }
  std::string next_frame() {
    trained_.weight += 0.25f;
    EXPECT_TRUE(publisher_.collect(trained_).ok());
    const auto image = publisher_.candidate(trained_, 1);
    publisher_.publish(*image, trained_);
    return publisher_.full();
  }
  VersionStore open(size_t keep = 10) { return *VersionStore::open(real_files(), dir_, keep); }

  std::string dir_;
  OneRow trained_;
  Publisher publisher_{{.model = "m"}, trained_.tables()};
};

TEST_F(VersionStoreTest, KeepsTheNewestTheNamedAndTheLive) {
  VersionStore store = open(3);
  for (uint64_t i = 1; i <= 10; ++i) {
    ASSERT_EQ(*store.save(next_frame(), {{"offset", std::to_string(i * 100)}}), i);
    if (i == 4) {
      ASSERT_TRUE(store.pin(2, "spring").ok());
    }
  }
  std::vector<uint64_t> numbers;
  const auto list = store.list();
  for (const VersionInfo& info : *list) numbers.push_back(info.number);
  EXPECT_EQ(numbers, (std::vector<uint64_t>{10, 9, 8, 2}));
  EXPECT_EQ(store.find("spring")->number, 2u);
  EXPECT_EQ(store.find("live")->number, 10u);
  EXPECT_EQ(store.find("10")->facts.at("offset"), "1000");
  EXPECT_FALSE(store.find("5").ok());
}

TEST_F(VersionStoreTest, GoesBackAndForth) {
  VersionStore store = open();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(store.save(next_frame(), {}).ok());
  EXPECT_EQ(*store.roll_back(), 3u);
  EXPECT_EQ(store.find("live")->number, 3u);
  EXPECT_EQ(*store.roll_back(), 2u);
  ASSERT_TRUE(store.promote(4).ok());
  EXPECT_EQ(open().find("live")->number, 4u);
  EXPECT_EQ(*store.roll_back(), 2u);
  EXPECT_EQ(*store.roll_back(), 1u);
  EXPECT_FALSE(store.roll_back().ok());
}

TEST_F(VersionStoreTest, DiffsExportsAndImports) {
  VersionStore store = open();
  ASSERT_TRUE(store.save(next_frame(), {{"auc", "0.7"}, {"code", "a"}}).ok());
  ASSERT_TRUE(store.save(next_frame(), {{"auc", "0.8"}, {"code", "a"}}).ok());
  const auto found = store.diff(1, 2);
  ASSERT_TRUE(found.ok());
  const VersionDiff& diff = *found;
  EXPECT_FALSE(diff.equal);
  ASSERT_EQ(diff.tables.size(), 1u);
  EXPECT_EQ(diff.tables[0].changed, 3u);
  EXPECT_EQ(diff.tables[0].greatest, 0.25);
  EXPECT_EQ(diff.facts.size(), 1u);
  EXPECT_EQ(diff.facts.at("auc").second, "0.8");
  const std::string bytes = *store.export_bytes(1);
  EXPECT_EQ(*store.import_bytes(bytes), 3u);
  EXPECT_TRUE(store.diff(1, 3)->equal);
  EXPECT_EQ(store.find("live")->number, 2u);
  for (size_t at = 0; at < bytes.size(); at += 11) {
    std::string wrong = bytes;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    EXPECT_FALSE(store.import_bytes(wrong).ok()) << at;
    EXPECT_FALSE(store.import_bytes(bytes.substr(0, at)).ok()) << at;
  }
  EXPECT_EQ(store.list()->size(), 3u);
}

TEST_F(VersionStoreTest, RefusesNames) {
  VersionStore store = open();
  ASSERT_TRUE(store.save(next_frame(), {}).ok());
  ASSERT_TRUE(store.save(next_frame(), {}).ok());
  ASSERT_TRUE(store.pin(1, "good-one").ok());
  for (const char* name : {"live", "newest", "12", "a/b", "good-one", "white space"})
    EXPECT_FALSE(store.pin(2, name).ok()) << name;
  EXPECT_FALSE(store.pin(9, "x").ok());
  ASSERT_TRUE(store.pin(1, "").ok());
  EXPECT_TRUE(store.pin(2, "good-one").ok());
}

}  // namespace
}  // namespace freshet
