#include "engine/model_versions.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace freshet {
namespace {

class ModelVersionsTest : public testing::Test {
 protected:
  ModelVersionsTest() {
    dir_ = testing::TempDir() + "models_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(dir_);
    auto opened = ModelVersions::open(real_files(), dir_, 3, "1.2.3");
    CHECK(opened.ok());
    versions_ = std::move(opened).value();
  }
  void reopen() {
    versions_.reset();
    auto opened = ModelVersions::open(real_files(), dir_, 3, "1.2.3");
    CHECK(opened.ok());
    versions_ = std::move(opened).value();
  }
  ~ModelVersionsTest() override {
    versions_.reset();
    std::filesystem::remove_all(dir_);
  }
  static RankVersion version(uint64_t number, uint64_t word) {
    RankVersion out{.number = number, .offset = 10 * number, .time_ms = 5, .facts = {}, .parts = {}};
    out.facts["offset"] = std::to_string(out.offset);
    out.parts = {{"weights", std::vector<uint64_t>(64)}, {"plain", {word, 2}}};
    out.parts[0].words[7] = word;
    return out;
  }
  void take(uint64_t number, uint64_t word) {
    versions_->take(version(number, word));
    versions_->settle();
  }
  std::vector<uint64_t> numbers() {
    std::vector<uint64_t> out;
    const auto all = versions_->list();
    EXPECT_TRUE(all.ok());
    for (const VersionInfo& info : *all) out.push_back(info.number);
    return out;
  }
  std::string dir_;
  std::unique_ptr<ModelVersions> versions_;
};

using Numbers = std::vector<uint64_t>;

TEST_F(ModelVersionsTest, KeepsTheNewestAndWhatIsPinned) {
  for (uint64_t n = 1; n <= 2; ++n) take(n, n);
  ASSERT_TRUE(versions_->pin(1, "first").ok());
  for (uint64_t n = 3; n <= 6; ++n) take(n, n);
  EXPECT_EQ(numbers(), (Numbers{6, 5, 4, 1}));
  const auto found = versions_->find("first");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->facts.at("code"), "1.2.3");
  EXPECT_EQ(found->facts.at("offset"), "10");
  const auto parts = versions_->parts(1);
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ((*parts)[0].words, version(1, 1).parts[0].words);
  EXPECT_EQ((*parts)[1].words, (Numbers{1, 2}));
}

TEST_F(ModelVersionsTest, TheSameAgainIsNotWrittenAgain) {
  take(4, 9);
  const auto before = versions_->export_bytes(4);
  RankVersion again = version(4, 9);
  again.facts["offset"] = "as if it were another";
  versions_->take(again);
  versions_->settle();
  EXPECT_EQ(*versions_->export_bytes(4), *before);
  take(4, 10);  // A fold that learned something else.
  EXPECT_NE(*versions_->export_bytes(4), *before);
  EXPECT_EQ(numbers(), Numbers{4});
}

TEST_F(ModelVersionsTest, ImportedOnesHaveNumbersOfTheirOwn) {
  take(4, 9);
  const auto number = versions_->import_bytes(*versions_->export_bytes(4));
  ASSERT_TRUE(number.ok());
  EXPECT_EQ(*number, ModelVersions::kImported);
  EXPECT_EQ(versions_->find("imported-1")->number, *number);
  const auto diff = versions_->diff(4, *number);
  ASSERT_TRUE(diff.ok());
  EXPECT_TRUE(diff->rows.equal);
  EXPECT_FALSE(versions_->import_bytes("no version").ok());
  for (uint64_t n = 5; n <= 8; ++n) take(n, n);
  EXPECT_EQ(numbers(), (Numbers{*number, 8, 7, 6}));
  EXPECT_EQ(versions_->find("newest")->number, 8u);
}

TEST_F(ModelVersionsTest, UnpinningMakesRoomForImports) {
  for (uint64_t n = 1; n <= 3; ++n) take(n, n);
  const std::string bytes = *versions_->export_bytes(1);
  for (size_t i = 0; i < ModelVersions::kImportedMax; ++i) ASSERT_TRUE(versions_->import_bytes(bytes).ok());
  EXPECT_EQ(versions_->import_bytes(bytes).error().code, Code::kExhausted);
  for (uint64_t i = 0; i < 12; ++i) ASSERT_TRUE(versions_->unpin(ModelVersions::kImported + i).ok());
  EXPECT_TRUE(versions_->import_bytes(bytes).ok());
  for (uint64_t n = 4; n <= 6; ++n) take(n, n);
  const Numbers all = numbers();
  EXPECT_EQ(Numbers(all.end() - 3, all.end()), (Numbers{6, 5, 4}));
}

// Another fold of the log, by other sizes: what was pinned before is what is pinned after.
TEST_F(ModelVersionsTest, WhatIsPinnedStaysAsItIs) {
  take(1, 1);
  take(2, 2);
  ASSERT_TRUE(versions_->pin(1, "before-upgrade").ok());
  const std::string before = *versions_->export_bytes(1);
  reopen();
  take(1, 7);
  take(2, 7);
  EXPECT_EQ(*versions_->export_bytes(1), before);
  EXPECT_EQ((*versions_->parts(2))[0].words[7], 7u);
  versions_->begin_again();  // Of the erased nothing may stay.
  take(1, 8);
  ASSERT_TRUE(versions_->end_again().ok());
  EXPECT_EQ((*versions_->parts(1))[0].words[7], 8u);
  EXPECT_EQ(versions_->find("before-upgrade")->number, 1u);
}

TEST_F(ModelVersionsTest, BeginsWithoutWhatWasLeftHalfDone) {
  take(1, 1);
  for (const char* name : {"live", "00000000000000000001.name.tmp", "00000000001000000000.version"})
    ASSERT_TRUE(write_file_atomically(real_files(), dir_, name, "1\n").ok());
  reopen();
  EXPECT_EQ(*real_files().list(dir_), std::vector<std::string>{"00000000000000000001.version"});
}

TEST_F(ModelVersionsTest, AfterAnErasureOnlyWhatWasMadeAgainStays) {
  for (uint64_t n = 1; n <= 3; ++n) take(n, n);
  ASSERT_TRUE(versions_->pin(1, "first").ok());
  const auto number = versions_->import_bytes(*versions_->export_bytes(3));
  ASSERT_TRUE(number.ok());
  versions_->begin_again();
  take(2, 2);
  ASSERT_TRUE(versions_->end_again().ok());
  EXPECT_EQ(numbers(), (Numbers{*number, 2}));
  EXPECT_FALSE(versions_->find("first").ok());
}

}  // namespace
}  // namespace freshet
