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
  for (const char* name :
       {"live", "newest", "good", "imported-1", "imported-x", "12", "a/b", "good-one", "white space", ""})
    EXPECT_FALSE(store.pin(2, name).ok()) << name;
  EXPECT_FALSE(store.pin(9, "x").ok());
  ASSERT_TRUE(store.unpin(1).ok());
  EXPECT_TRUE(store.pin(2, "good-one").ok());
}

TEST_F(VersionStoreTest, WhatIsImportedIsNotCountedAndGoesWithItsName) {
  VersionStore store = open(3);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store.save(next_frame(), {}).ok());
  const std::string bytes = *store.export_bytes(1);
  for (uint64_t i = 0; i < 5; ++i) ASSERT_EQ(*store.import_pinned(bytes), VersionStore::kImported + i);
  EXPECT_EQ(*store.number_of("imported-5"), VersionStore::kImported + 4);
  EXPECT_EQ(*store.number_of("newest"), 3u);
  ASSERT_TRUE(store.unpin(VersionStore::kImported + 2).ok());
  EXPECT_FALSE(store.number_of("imported-3").ok());
  ASSERT_EQ(*store.save(next_frame(), {}), 4u);
  std::vector<uint64_t> own;
  const auto numbers = store.numbers();
  for (const uint64_t number : *numbers)
    if (number < VersionStore::kImported) own.push_back(number);
  EXPECT_EQ(own, (std::vector<uint64_t>{4, 3, 2}));
  EXPECT_EQ(numbers->size(), 7u);
}

// Names of before imported-N was refused to others: the import takes another number, and leaves nothing else.
TEST_F(VersionStoreTest, ImportsBesideANameThatIsTaken) {
  VersionStore store = open();
  ASSERT_TRUE(store.save(next_frame(), {}).ok());
  ASSERT_TRUE(write_file_atomically(real_files(), dir_, "00000000000000000001.name", "imported-1").ok());
  EXPECT_EQ(*store.import_pinned(*store.export_bytes(1)), VersionStore::kImported + 1);
  EXPECT_EQ(*store.number_of("imported-1"), 1u);
  EXPECT_EQ(store.numbers()->size(), 2u);
}

TEST_F(VersionStoreTest, CleansWhatWasLeftHalfDone) {
  VersionStore store = open();
  ASSERT_TRUE(store.save(next_frame(), {}).ok());
  ASSERT_TRUE(store.import_pinned(*store.export_bytes(1)).ok());
  const auto put = [&](const char* name) {
    ASSERT_TRUE(write_file_atomically(real_files(), dir_, name, "x").ok());
  };
  put("00000000000000000002.name.tmp");
  put("00000000000000000003.name");
  put("00000000001000000007.name");
  put("00000000001000000008.version");
  put("notes.txt");
  ASSERT_TRUE(store.clean().ok());
  EXPECT_EQ(*real_files().list(dir_),
            (std::vector<std::string>{"00000000000000000001.version", "00000000001000000000.name",
                                      "00000000001000000000.version", "live", "notes.txt"}));
}

TEST_F(VersionStoreTest, ListsWhatIsDamaged) {
  VersionStore store = open();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store.save(next_frame(), {}).ok());
  ASSERT_TRUE(store.pin(2, "spring").ok());
  std::filesystem::resize_file(dir_ + "/00000000000000000002.version", 40);
  const auto list = store.list();
  ASSERT_EQ(list->size(), 3u);
  EXPECT_TRUE((*list)[0].damage.empty());
  EXPECT_EQ((*list)[1].number, 2u);
  EXPECT_EQ((*list)[1].name, "spring");
  EXPECT_NE((*list)[1].damage.find("00000000000000000002.version: the checksum"), std::string::npos);
  EXPECT_FALSE(store.find("spring").ok());
  EXPECT_TRUE(store.unpin(*store.number_of("spring")).ok());
  ASSERT_TRUE(write_file_atomically(real_files(), dir_, "live", "three\n").ok());
  EXPECT_NE(store.list().error().what.find("/live: expected a number"), std::string::npos);
}

TEST_F(VersionStoreTest, RefusesVersionsOfAnotherModel) {
  VersionStore store = open();
  ASSERT_TRUE(store.save(next_frame(), {}).ok());
  Publisher other({.model = "other"}, trained_.tables());
  ASSERT_TRUE(other.collect(trained_).ok());
  const auto image = other.candidate(trained_, 1);
  other.publish(*image, trained_);
  VersionStore elsewhere = *VersionStore::open(real_files(), dir_ + "/other");
  ASSERT_TRUE(elsewhere.save(other.full(), {}).ok());
  EXPECT_FALSE(store.import_bytes(*elsewhere.export_bytes(1)).ok());
  EXPECT_EQ(store.numbers()->size(), 1u);
}

}  // namespace
}  // namespace freshet
