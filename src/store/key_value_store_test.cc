#include "store/key_value_store.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace freshet {
namespace {

class KeyValueStoreTest : public ::testing::Test {
 protected:
  KeyValueStoreTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "/freshet_store_" + info->name();
    std::filesystem::remove_all(folder_);
  }
  ~KeyValueStoreTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<KeyValueStore> open(const StoreOptions& options = {}) {
    auto store = KeyValueStore::open(folder_, options);
    EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().what);
    return store.ok() ? std::move(store).value() : nullptr;
  }
  static std::string keys(const KeyValueStore& store, std::string_view from, std::string_view to,
                          bool back = false) {
    std::string found;
    const auto visit = [&](std::string_view key, std::string_view) {
      found.append(key).push_back(' ');
      return true;
    };
    EXPECT_TRUE((back ? store.scan_back(from, to, visit) : store.scan(from, to, visit)).ok());
    return found;
  }

  std::string folder_;
};

TEST_F(KeyValueStoreTest, PutGetRemoveAndSurviveReopening) {
  {
    auto store = open();
    ASSERT_TRUE(store->put("a", std::string("zero\0byte", 9)).ok());
    ASSERT_TRUE(store->put("a", "1", WriteMode::kSync).ok());
    ASSERT_TRUE(store->put("b", "2").ok());
    ASSERT_TRUE(store->remove("b").ok());
    ASSERT_TRUE(store->remove("never there").ok());
    ASSERT_TRUE(store->sync().ok());
  }
  auto store = open();
  EXPECT_EQ(store->get("a").value(), "1");
  ASSERT_FALSE(store->get("b").ok());
  EXPECT_EQ(store->get("b").error().code, Code::kNotFound);
}

TEST_F(KeyValueStoreTest, ABatchIsAppliedInOrder) {
  auto store = open();
  WriteBatch batch;
  batch.put("x", "old");
  batch.remove("x");
  batch.put("y", "new");
  ASSERT_TRUE(store->write(batch).ok());
  EXPECT_FALSE(store->get("x").ok());
  EXPECT_EQ(store->get("y").value(), "new");
}

TEST_F(KeyValueStoreTest, ScansInOrderOfUnsignedBytesWithinBounds) {
  auto store = open();
  for (const char* key : {"b", "a", "c", "\xff", "ab"}) ASSERT_TRUE(store->put(key, key).ok());
  EXPECT_EQ(keys(*store, "", ""), "a ab b c \xff ");
  EXPECT_EQ(keys(*store, "ab", "c"), "ab b ");
  EXPECT_EQ(keys(*store, "", "", true), "\xff c b ab a ");
  EXPECT_EQ(keys(*store, "ab", "c", true), "b ab ");
  EXPECT_EQ(keys(*store, "ab", "bb", true), "b ab ");
  EXPECT_EQ(keys(*store, "d", "e"), "");
  int seen = 0;
  ASSERT_TRUE(store->scan("", "", [&](std::string_view, std::string_view) { return ++seen < 2; }).ok());
  EXPECT_EQ(seen, 2);
}

TEST_F(KeyValueStoreTest, OpeningIsAnswered) {
  auto missing = KeyValueStore::open(folder_, {.create = false});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  auto missing_read_only = KeyValueStore::open(folder_, {.create = false, .read_only = true});
  ASSERT_FALSE(missing_read_only.ok());
  EXPECT_EQ(missing_read_only.error().code, Code::kNotFound);

  auto store = open();
  ASSERT_TRUE(store->put("a", "1", WriteMode::kSync).ok());
  auto second = KeyValueStore::open(folder_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  auto beside = KeyValueStore::open(folder_, {.create = false, .read_only = true});
  ASSERT_TRUE(beside.ok());
  EXPECT_EQ((*beside)->get("a").value(), "1");
}

}  // namespace
}  // namespace freshet
