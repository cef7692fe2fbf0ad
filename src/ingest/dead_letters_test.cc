// What is refused is kept, bounded, without secrets, and can be fixed and sent again.
#include "ingest/dead_letters.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "ingest/ingest.h"

namespace freshet {
namespace {

constexpr TimeMs kNow = 1767323045000;

class DeadLettersTest : public ::testing::Test {
 protected:
  DeadLettersTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "/freshet_letters_" + info->name();
    std::filesystem::remove_all(folder_);
  }
  ~DeadLettersTest() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<DeadLetters> open(const DeadLetterOptions& options = {}) {
    auto letters = DeadLetters::open(folder_, options);
    EXPECT_TRUE(letters.ok()) << letters.error().what;
    return std::move(letters).value();
  }
  static std::vector<DeadLetter> all(const DeadLetters& letters, const RejectReason* reason = nullptr) {
    std::vector<DeadLetter> found;
    EXPECT_TRUE(letters
                    .list(0, reason,
                          [&](const DeadLetter& letter) {
                            found.push_back(letter);
                            return true;
                          })
                    .ok());
    return found;
  }
  static DeadLetter letter(RejectReason reason, std::string raw) {
    DeadLetter letter;
    letter.reason = reason;
    letter.raw = std::move(raw);
    letter.kind = "event";
    return letter;
  }
  std::string folder_;
};

TEST_F(DeadLettersTest, RefusedListedCountedFixedAndReplayed) {
  auto letters = open();
  Ingest ingest(CleanerConfig::live(), letters.get());
  VectorSink sink;
  const Door door{.door = "http", .source = "web", .now_ms = kNow};
  const std::string body = R"([{"type":"view","user":"u"},
    {"type":"view","user":"u","item":"a","price":-5}, {"type":"view","user":"u","item":"good"}])";
  ASSERT_EQ(ingest.events(body, door, sink)->accepted, 1u);

  std::vector<DeadLetter> kept = all(*letters);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].raw, R"({"type":"view","user":"u"})");
  EXPECT_EQ(kept[0].reason, RejectReason::kMissing);
  EXPECT_EQ(kept[0].field, "item");
  EXPECT_EQ(kept[0].door, "http");
  EXPECT_EQ(kept[0].time_ms, kNow);
  EXPECT_EQ(kept[1].index, 1u);
  EXPECT_EQ(kept[1].got, "-5");
  const auto missing = RejectReason::kMissing;
  EXPECT_EQ(all(*letters, &missing).size(), 1u);
  EXPECT_EQ(letters->counts().by_reason[static_cast<size_t>(RejectReason::kRange)], 1u);

  // Not fixed: it stays, and says so.
  auto again = ingest.replay(kept[0].number, kNow, sink);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->rejected, 1u);
  EXPECT_EQ(letters->get(kept[0].number)->attempts, 1u);
  EXPECT_EQ(letters->counts().letters, 2u) << "a refused replay is no second letter";
  // Fixed badly, then well.
  ASSERT_TRUE(letters->fix(kept[0].number, "{oops").ok());
  again = ingest.replay(kept[0].number, kNow, sink);
  EXPECT_FALSE(again.ok());
  EXPECT_EQ(letters->get(kept[0].number)->reason, RejectReason::kMalformed);
  ASSERT_TRUE(letters->fix(kept[0].number, R"({"type":"view","user":"u","item":"fixed"})").ok());
  again = ingest.replay(kept[0].number, kNow, sink);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->accepted, 1u);
  ASSERT_EQ(sink.events.size(), 2u);
  EXPECT_EQ(sink.events[1].item, "fixed");
  EXPECT_EQ(sink.events[1].source, "web");
  EXPECT_EQ(letters->get(kept[0].number).error().code, Code::kNotFound);
  EXPECT_EQ(letters->counts().letters, 1u);
  EXPECT_EQ(letters->remove_all(nullptr).value(), 1u);
  EXPECT_EQ(letters->counts().bytes, 0u);
}

TEST_F(DeadLettersTest, ARowOfATableIsReplayedAsTheEventItStandsFor) {
  auto letters = open();
  Ingest ingest(CleanerConfig::history(), letters.get());
  VectorSink sink;
  IngestResult result;
  FileOptions options;
  options.map = parse_map("user=u,item=i,price=p,time=t").value();
  options.set = parse_map("type=click").value();
  ASSERT_TRUE(ingest
                  .import_text("u,i,p,t\na,b,cheap,1433221332\na,\"c\",-1,1433221333\nshort\n", options,
                               {.door = "file:x.csv"}, sink, result)
                  .ok());
  ASSERT_EQ(result.rejected, 3u);
  const std::vector<DeadLetter> kept = all(*letters);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].raw, "a,b,cheap,1433221332");
  EXPECT_EQ(kept[0].line, 2u);
  EXPECT_EQ(kept[0].body,
            R"({"type": "click", "user": "a", "item": "b", "price": "cheap", "time": "1433221332"})");
  EXPECT_EQ(kept[1].reason, RejectReason::kRange);
  EXPECT_EQ(kept[2].reason, RejectReason::kColumns);
  std::string fixed = kept[0].body;
  fixed.replace(fixed.find("cheap"), 5, "7");
  ASSERT_TRUE(letters->fix(kept[0].number, fixed).ok());
  ASSERT_EQ(ingest.replay(kept[0].number, kNow, sink)->accepted, 1u);
  fixed = kept[1].body;
  fixed.replace(fixed.find("-1"), 2, "8");
  ASSERT_TRUE(letters->fix(kept[1].number, fixed).ok());
  ASSERT_EQ(ingest.replay(kept[1].number, kNow, sink)->accepted, 1u) << fixed;
  EXPECT_EQ(sink.events[0].price, 7);
  EXPECT_EQ(sink.events[0].time_ms, 1433221332000);
  EXPECT_EQ(sink.events[1].item, "c");
  EXPECT_EQ(sink.events[1].time_ms, 1433221333000);
  EXPECT_EQ(sink.events[1].type, EventType::kClick);
}

TEST_F(DeadLettersTest, ItemsAreReplayedAsItems) {
  auto letters = open();
  Ingest ingest(CleanerConfig::live(), letters.get());
  VectorSink sink;
  const Door door{.door = "http", .source = "shop", .now_ms = kNow};
  ASSERT_TRUE(ingest.items(R"({"title":"Pan"})", ItemChange::kUpdate, door, sink).ok());
  const std::vector<DeadLetter> kept = all(*letters);
  ASSERT_EQ(kept.size(), 1u);
  ASSERT_TRUE(letters->fix(kept[0].number, R"({"id":"p","title":"Pan"})").ok());
  ASSERT_EQ(ingest.replay(kept[0].number, kNow, sink)->accepted, 1u);
  EXPECT_EQ(sink.events[0].type, EventType::kItemUpdate);
  EXPECT_EQ(sink.events[0].item, "p");
}

TEST_F(DeadLettersTest, BoundedByDroppingTheOldestOfTheMostNumerousReason) {
  auto letters = open({.letters_max = 100});
  std::vector<DeadLetter> rare = {letter(RejectReason::kRange, "rare")};
  ASSERT_TRUE(letters->put(rare).ok());
  for (int round = 0; round < 30; ++round) {
    std::vector<DeadLetter> noisy;
    for (int i = 0; i < 10; ++i)
      noisy.push_back(letter(RejectReason::kQuota, std::to_string(round * 10 + i)));
    ASSERT_TRUE(letters->put(noisy).ok());
    ASSERT_LE(letters->counts().letters, 100u);
  }
  std::vector<DeadLetter> kept = all(*letters);
  ASSERT_EQ(kept.size(), letters->counts().letters);
  EXPECT_EQ(kept.front().raw, "rare");
  EXPECT_EQ(kept.back().raw, "299");
  EXPECT_EQ(kept[1].raw, std::to_string(300 - (kept.size() - 1))) << "the newest stay";
  EXPECT_EQ(letters->counts().dropped, 301 - kept.size());
  // More in one batch than there is room for.
  std::vector<DeadLetter> flood;
  for (int i = 0; i < 250; ++i) flood.push_back(letter(RejectReason::kType, "f" + std::to_string(i)));
  ASSERT_TRUE(letters->put(flood).ok());
  EXPECT_LE(letters->counts().letters, 100u);
  EXPECT_EQ(all(*letters).back().raw, "f249");
}

TEST_F(DeadLettersTest, BoundedInBytesAndCutToTheLimitOfOne) {
  auto letters = open({.bytes_max = 50'000, .raw_bytes_max = 1000});
  for (int i = 0; i < 100; ++i) {
    std::vector<DeadLetter> big = {letter(RejectReason::kTooLong, std::string(5000, 'x'))};
    ASSERT_TRUE(letters->put(big).ok());
    ASSERT_LE(letters->counts().bytes, 50'000u);
  }
  const std::vector<DeadLetter> kept = all(*letters);
  EXPECT_GT(kept.size(), 40u);
  EXPECT_EQ(kept[0].raw.size(), 1000u);
  EXPECT_TRUE(kept[0].truncated);
  Ingest ingest(CleanerConfig::live(), letters.get());
  VectorSink sink;
  const auto cut = ingest.replay(kept[0].number, kNow, sink);
  ASSERT_FALSE(cut.ok());
  EXPECT_NE(cut.error().what.find("fix it first"), std::string::npos) << cut.error().what;
}

TEST_F(DeadLettersTest, SurviveReopeningAndCanBeReadBesideTheWriter) {
  uint64_t number = 0;
  {
    auto letters = open();
    std::vector<DeadLetter> some = {letter(RejectReason::kType, "one"), letter(RejectReason::kRange, "two")};
    ASSERT_TRUE(letters->put(some).ok());
    ASSERT_TRUE(letters->remove(some[0].number).ok());
    number = some[1].number;
  }
  auto letters = open();
  EXPECT_EQ(letters->counts().letters, 1u);
  EXPECT_EQ(letters->get(number)->raw, "two");
  std::vector<DeadLetter> more = {letter(RejectReason::kType, "three")};
  ASSERT_TRUE(letters->put(more).ok());
  EXPECT_GT(more[0].number, number) << "numbers are never used twice";
  auto beside = DeadLetters::open_read_only(folder_);
  ASSERT_TRUE(beside.ok()) << beside.error().what;
  EXPECT_EQ(all(**beside).size(), 2u);
  EXPECT_FALSE((*beside)->remove(number).ok());
}

TEST_F(DeadLettersTest, SecretsAreNotStored) {
  const struct {
    const char* raw;
    const char* want;
  } rows[] = {
      {R"({"user":"u","password":"hunter2","item":1})", R"({"user":"u","password":"***","item":1})"},
      {R"({"Api-Key" : "a\"b", "x":"y"})", R"({"Api-Key" : "***", "x":"y"})"},
      {R"({"card_number":4111111111111111,"cvv":123})", R"({"card_number":"***","cvv":"***"})"},
      {R"({"auth":{"token":"t","deep":["}"]},"b":2})", R"({"auth":"***","b":2})"},
      {R"({"usertoken":"u1","tokenizer":"x"})", R"({"usertoken":"u1","tokenizer":"x"})"},
      {"user=u&access_token=abc&item=3", "user=u&access_token=***&item=3"},
      {R"({"password":"never closed)", R"({"password":"***")"},
      {R"({"password":)", R"({"password":"***")"},
      {"password", "password"},
      {"", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(without_secrets(row.raw), row.want);

  auto letters = open();
  Ingest ingest(CleanerConfig::history(), letters.get());
  VectorSink sink;
  IngestResult result;
  FileOptions options;
  options.map = parse_map("user=u,item=i").value();
  ASSERT_TRUE(ingest.import_text("u,i,password\na,,hunter2\n", options, {}, sink, result).ok());
  const auto bad =
      ingest.events(R"({"type":"view","user":"u","item":"i","password":")" + std::string(70'000, 'h') + "\"}",
                    {.now_ms = kNow}, sink);
  ASSERT_EQ(bad->rejected, 1u);
  for (const DeadLetter& kept : all(*letters)) {
    EXPECT_EQ(kept.raw.find("hunter2"), std::string::npos);
    EXPECT_EQ((kept.body + kept.got).find("hunter2"), std::string::npos);
    EXPECT_EQ((kept.raw + kept.got).find("hhh"), std::string::npos);
  }
  EXPECT_EQ(letters->counts().letters, 2u);
}

}  // namespace
}  // namespace freshet
