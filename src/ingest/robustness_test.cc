// Whatever comes in, the door answers: random changes to valid inputs, by a fixed seed.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "event/codec.h"
#include "ingest/compression.h"
#include "ingest/ingest.h"
#include "ingest/internal/json_text.h"
#include "text/normalize.h"

namespace freshet {
namespace {

constexpr TimeMs kNow = 1767323045000;

// FRESHET_FUZZ_ROUNDS=100 looks a hundred times as long, at other changes.
uint64_t rounds(uint64_t seeds) {
  const char* const times = std::getenv("FRESHET_FUZZ_ROUNDS");
  return seeds * (times == nullptr ? 1 : std::max<uint64_t>(1, std::strtoull(times, nullptr, 10)));
}

const std::string kBodies[] = {
    R"([{"type":"view","user":"u","item":"i","time":1767323040,"attributes":{"a":{"b":[1,2.5,"x",null,true]}}},
        {"type":"purchase","user":"u","order_id":"o","items":[{"item":"a","price":2.5,"quantity":3},"b"]}])",
    R"({"events":[{"type":"impression","user":"u","items":["a",{"item":"b","propensity":0.5}],"query_id":"q"}]})",
    "{\"type\":\"search\",\"session\":\"s\",\"query\":\"e\\u0301t\\u00e9 \\ud83d\\uded2\"}\n"
    "{\"type\":\"rating\",\"user\":\"u\",\"item\":\"\xc3\xa9\",\"rating\":4.5e0,\"time\":\"2026-01-02T03:04:"
    "05Z\"}\n",
    R"({"type":"item-upsert","item":"i","title":"Kettle \"big\"","size":{"w":1,"h":-2e-3},"tags":["a","b"]})",
};
const std::string kTable =
    "user,item,type,time,price,note\nu1,i1,view,1433221332,1.5,plain\n\"u,2\",\"i "
    "\"\"2\"\"\",addtocart,1433221333,,\"two\n"
    "lines\"\nu3,i3,purchase,2015-06-02T05:02:12Z,7,\xc3\xa9\n";

// A few random edits: flipped, removed, doubled, swapped and inserted bytes, biased to what grammars care
// for.
std::string mutated(const std::string& text, Draw& draw) {
  static constexpr char kSharp[] = "{}[]\",:\\\n\r\t 0123456789eE+-.unltrfas\x00\xff\xed\x80";
  std::string out = text;
  for (uint64_t edits = 1 + draw.below(3); edits > 0 && !out.empty(); --edits) {
    const size_t at = draw.below(out.size());
    const char sharp = kSharp[draw.below(sizeof(kSharp) - 1)];
    switch (draw.below(6)) {
      case 0:
        out[at] = static_cast<char>(draw.next());
        break;
      case 1:
        out.erase(at, 1 + draw.below(8));
        break;
      case 2:
        out.insert(at, 1, sharp);
        break;
      case 3:
        out.insert(at, out.substr(draw.below(out.size()), draw.below(40)));
        break;
      case 4:
        out[at] = sharp;
        break;
      default:
        out.resize(at);
    }
  }
  return out;
}

// What was taken can stand in the log.
void check_taken(const VectorSink& sink) {
  for (const Event& event : sink.events) {
    Writer out;
    encode_event(event, out);
    Event back;
    ASSERT_TRUE(decode_event(out.bytes(), back).ok());
    ASSERT_TRUE(back == event);
    for (const std::string* text : {&event.id, &event.user, &event.item, &event.session, &event.query}) {
      ASSERT_TRUE(is_utf8(*text));
      ASSERT_FALSE(has_control(*text));
      ASSERT_LE(text->size(), 1024u);
    }
    ASSERT_NE(event.time_ms, kNoTime);
    ASSERT_FALSE(event.id.empty());
  }
}

void check_result(const IngestResult& result) {
  uint64_t by_reason = 0;
  for (const uint64_t count : result.reasons) by_reason += count;
  ASSERT_EQ(by_reason, result.rejected);
  for (const Rejection& error : result.errors) {
    ASSERT_FALSE(error.message().empty());
    ASSERT_TRUE(is_utf8(error.got)) << error.message();
    ASSERT_LE(error.got.size(), 70u);
  }
}

TEST(Robustness, MutatedJsonIsTakenOrRefusedWithAReason) {
  CleanerConfig config = CleanerConfig::live();
  config.duplicate_window = 0;
  Ingest ingest(config, nullptr);
  uint64_t taken = 0, refused = 0;
  for (uint64_t seed = 0; seed < rounds(20'000); ++seed) {
    Draw draw(mix64(seed, 1));
    const std::string body = mutated(kBodies[draw.below(std::size(kBodies))], draw);
    VectorSink sink;
    const Door door{.door = "fuzz", .source = "web", .now_ms = kNow};
    const auto kind = static_cast<BodyKind>(draw.below(3));
    const Result<IngestResult> result = draw.below(4) == 0
                                            ? ingest.items(body, ItemChange::kUpsert, door, sink, kind)
                                            : ingest.events(body, door, sink, kind);
    check_taken(sink);
    if (!result.ok()) {
      ASSERT_FALSE(result.error().what.empty());
      ++refused;
      continue;
    }
    check_result(*result);
    ASSERT_EQ(result->accepted, sink.events.size());
    ASSERT_GT(result->accepted + result->rejected + (body.find_first_not_of(" \t\r\n[]") == body.npos), 0u)
        << body;
    taken += result->accepted;
    refused += result->rejected;
  }
  EXPECT_GT(taken, 2'000u);
  EXPECT_GT(refused, 2'000u);
}

TEST(Robustness, MutatedTablesToo) {
  CleanerConfig config = CleanerConfig::history();
  config.duplicate_window = 0;
  Ingest ingest(config, nullptr);
  uint64_t taken = 0, refused = 0;
  for (uint64_t seed = 0; seed < rounds(10'000); ++seed) {
    Draw draw(mix64(seed, 2));
    const std::string text = mutated(kTable, draw);
    FileOptions options;
    if (draw.below(2) == 0) options.delimiter = ",; \t"[draw.below(4)];
    if (draw.below(3) == 0) {
      options.header = false;
      options.map = parse_map("user=1,items=2-").value();
    }
    VectorSink sink;
    IngestResult result;
    const Status status = ingest.import_text(text, options, {}, sink, result);
    ASSERT_TRUE(status.ok() || !status.error().what.empty());
    check_taken(sink);
    check_result(result);
    taken += result.accepted;
    refused += result.rejected;
  }
  EXPECT_GT(taken, 2'000u);
  EXPECT_GT(refused, 2'000u);
}

TEST(Robustness, MutatedCompressionToo) {
  const std::string path = ::testing::TempDir() + "/freshet_fuzz_input";
  const std::string inputs[] = {gzip(kTable), zstd(kTable), gzip(kBodies[2]), zstd(kBodies[2])};
  Ingest ingest(CleanerConfig::history(), nullptr);
  for (uint64_t seed = 0; seed < rounds(700); ++seed) {
    Draw draw(mix64(seed, 3));
    const std::string bytes = mutated(inputs[draw.below(4)], draw);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    VectorSink sink;
    IngestResult result;
    const Status status = ingest.import_file(path, {}, {}, sink, result);
    ASSERT_TRUE(status.ok() || !status.error().what.empty());
    check_taken(sink);
    const Result<std::string> plain = gunzip(bytes, 10'000);
    ASSERT_TRUE(!plain.ok() || plain->size() <= 10'000u);
  }
  std::filesystem::remove(path);
}

TEST(Robustness, ExtremesAreAnswered) {
  Ingest ingest(CleanerConfig::live(), nullptr);
  const std::string head = R"({"type":"view","user":"u","item":"i","x":)";
  const std::string deep(200'000, '[');
  std::string nested = head;
  for (int i = 0; i < 5'000; ++i) nested += "{\"a\":";
  const std::string bodies[] = {
      head + deep + std::string(200'000, ']') + "}",
      deep,
      std::string(200'000, '{'),
      nested + "1" + std::string(5'000, '}') + "}",
      head + std::string(100'000, '9') + "}",
      head + "1e" + std::string(1'000, '9') + "}",
      head + "-0.0}",
      head + "18446744073709551615}",
      head + "18446744073709551616}",
      head + "-9223372036854775808}",
      head + R"("\udc00"})",
      head + "\"" + std::string(1, '\0') + "\"}",
      "[" + std::string(300'000, ','),
      "\"" + std::string(100'000, '\\'),
  };
  for (const std::string& body : bodies) {
    VectorSink sink;
    const Result<IngestResult> result = ingest.events(body, {.now_ms = kNow}, sink);
    if (result.ok()) {
      EXPECT_EQ(result->rejected + result->accepted, 1u);
      check_taken(sink);
    } else {
      EXPECT_LT(result.error().what.size(), 300u);
    }
  }
  JsonFault fault;
  EXPECT_TRUE(find_fault(deep, fault));
  EXPECT_FALSE(find_fault("[[[{\"a\":[]}]]]", fault));
}

TEST(Robustness, LongLinesAndBrokenQuotesCostOnlyThemselves) {
  CleanerConfig config = CleanerConfig::history();
  config.limits.line_bytes_max = 1000;
  const auto run = [&](const std::string& text) {
    Ingest ingest(config, nullptr);
    VectorSink sink;
    IngestResult result;
    FileOptions options;
    options.map = parse_map("user=u,item=i").value();
    const Status status = ingest.import_text(text, options, {}, sink, result);
    EXPECT_TRUE(status.ok()) << status.error().what;
    EXPECT_EQ(sink.events.size(), 2u);
    return result;
  };
  IngestResult result = run("u,i\na,b\n" + std::string(3'000'000, 'x') + "\nc,d\n");
  EXPECT_EQ(result.errors[0].message().substr(0, 58),
            "line 3: expected a line of at most 1000 bytes, got xxxxxxx");
  result = run("u,i\na,b\nx,\"" + std::string(2'000, 'y') + "\nc,d\n");
  EXPECT_EQ(result.rejected, 1u);
  // Quotes that open in every row.
  std::string text = "u,i\na,b\n";
  for (int i = 0; i < 20'000; ++i) text += "x,\"y\n";
  result = run(text + "\"c\",d\n");
  EXPECT_EQ(result.received, 10'002u) << "two of them make one wrong row";
}

}  // namespace
}  // namespace freshet
