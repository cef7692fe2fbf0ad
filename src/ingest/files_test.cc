// Files through the door: formats, columns, conditions, times, compression, and what a bad row becomes.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "ingest/compression.h"
#include "ingest/ingest.h"
#include "ingest/time_text.h"
#include "log/mem_log.h"

namespace freshet {
namespace {

struct Outcome {
  std::vector<Event> events;
  IngestResult result;
  std::string error;
};

Outcome import(std::string_view text, const FileOptions& options,
               CleanerConfig config = CleanerConfig::history()) {
  Ingest ingest(std::move(config), nullptr);
  VectorSink sink;
  Outcome out;
  const Status status = ingest.import_text(text, options, {.door = "file:test"}, sink, out.result);
  if (!status.ok()) out.error = status.error().what;
  out.events = std::move(sink.events);
  return out;
}

FileOptions with_map(std::string_view map) {
  FileOptions options;
  options.map = parse_map(map).value();
  return options;
}
FileOptions without_header(std::string_view map, char delimiter) {
  FileOptions options = with_map(map);
  options.header = false;
  options.delimiter = delimiter;
  return options;
}

std::string brief(const Outcome& out) {
  std::string text;
  for (const Event& e : out.events) {
    text += std::string(event_type_name(e.type)) + " " + e.user + "/" + e.session + " " + e.item + " @" +
            std::to_string(e.time_ms) + "\n";
  }
  for (const Rejection& error : out.result.errors) text += error.message() + "\n";
  return text + out.error;
}

TEST(Files, FormatsColumnsAndHeaders) {
  FileOptions typed = with_map("user=visitorid,item=itemid,type=event,time=timestamp,order=transactionid");
  FileOptions rated = with_map("user=1,item=2,rating=3,time=4");
  rated.header = false;
  rated.set = parse_map("type=rating").value();
  FileOptions numbers = with_map("type=kind,user=u,item=i");
  numbers.types = parse_types("1=view,2=purchase").value();
  FileOptions set = with_map("item=i");
  set.set = parse_map("type=click,user=nobody,source=old").value();
  const struct {
    const char* what;
    FileOptions options;
    const char* text;
    const char* want;
  } rows[] = {
      {"a map, types with their synonyms, milliseconds", typed,
       "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n"
       "1433224214164,992329,addtocart,248676,\n1433222276276,599528,transaction,356475,4000",
       "view 257597/ 355908 @1433221332117\nadd-to-cart 992329/ 248676 @1433224214164\n"
       "purchase 599528/ 356475 @1433222276276\n"},
      {"names of the header speak for themselves; windows line ends; a byte order mark; an empty line",
       {},
       "\xef\xbb\xbftimestamp,UserId,item_id,colour\r\n1433221332,u,i,red\r\n\r\n1433221333,v,j,blue\r\n",
       "view u/ i @1433221332000\nview v/ j @1433221333000\n"},
      {"columns by number", rated, "1,10,4.5,978300760\n2,20,3,978300761\n",
       "rating 1/ 10 @978300760000\nrating 2/ 20 @978300761000\n"},
      {"tabs, no clock: a second each", with_map("user=u,item=i"), "u\ti\na\tb\nc\td\n",
       "view a/ b @1577836801000\nview c/ d @1577836802000\n"},
      {"semicolons", with_map("user=u,item=i"), "u;i;n\na;b;1,5\n", "view a/ b @1577836801000\n"},
      {"quotes", with_map("user=u,item=i,session=s"),
       "u,i,s\n\"a\",\"b,\"\"c\"\"\",x\n\"two\nlines\",b,\"\"\n",
       "view a/x b,\"c\" @1577836801000\n"
       "line 3: user: expected no control character, got two lines (control_character)\n"},
      {"a list of items in one column", with_map("session=session,items=items"),
       "session\tend_ts\titems\n1\t0\t1 2 1\n2\t0\t3\n",
       "view /1 1 @1577836801000\nview /1 2 @1577836802000\nview /1 1 @1577836803000\nview /2 3 "
       "@1577836804000\n"},
      {"all columns from the second on", without_header("user=1,items=2-", ' '), "1 5 6\n2 7\n",
       "view 1/ 5 @1577836801000\nview 1/ 6 @1577836802000\nview 2/ 7 @1577836803000\n"},
      {"runs of spaces", without_header("user=1,item=2", ' '), "1   5 \n 2 7\n",
       "view 1/ 5 @1577836801000\nview 2/ 7 @1577836802000\n"},
      {"types by number", numbers, "kind,u,i\n1,a,b\n2,a,b\n3,a,b\n",
       "view a/ b @1577836801000\npurchase a/ b @1577836802000\nline 4: type: expected one of item-upsert, "},
      {"constants", set, "i\na\n", "click nobody/ a @1577836801000\n"},
      {"rows of another width", with_map("user=u,item=i"), "u,i,x\na,b\na,b,c\na,b,c,d\n",
       "view a/ b @1577836801000\nline 2: expected 3 columns as in the header, got 2 (columns)\n"
       "line 4: expected 3 columns as in the header, got 4 (columns)\n"},
      {"a quote that does not close costs its line", with_map("user=u,item=i"), "u,i\na,\"b\nc,d\n",
       "view c/ d @1577836801000\nline 2: expected a closing quote (malformed)\n"},
      {"text behind a quote", with_map("user=u,item=i"), "u,i\na,\"b\"c\nc,d\n",
       "view c/ d @1577836801000\nline 2: column 2: expected a delimiter after a closing quote "
       "(malformed)\n"},
      {"bad cells", with_map("user=u,item=i,price=p,time=t"),
       "u,i,p,t\na,b,NaN,1433221332\na,b,x,1433221332\na,,2,1433221332\na,b,1,soon\na,b,1,\na,b,1,0\n",
       "view a/ b @1433221332000\nline 3: price: expected a number, got x (type)\n"
       "line 4: item: expected an item for view (missing)\n"
       "line 5: time: expected a time in seconds since 1970 like the first of this file (--time-unit names "
       "another "
       "unit), got soon (time)\n"
       "line 6: time: expected a time (missing)\nline 7: time: expected a time (missing)\n"},
      {"a file's first good time tells its unit, and another unit is not mistaken for it",
       with_map("user=u,item=i,time=t"),
       "u,i,t\na,b,soon\na,b,1433221332117\na,b,1433221332\na,b,2015-06-02\na,b,1433221333000\n",
       "view a/ b @1433221332117\nview a/ b @1433221333000\n"
       "line 2: time: expected a time: seconds, ms, us or ns since 1970, or ISO 8601, got soon (time)\n"
       "line 4: time: expected a time in ms since 1970 like the first of this file (--time-unit names "
       "another "
       "unit), got 1433221332 (time)\n"
       "line 5: time: expected a time in ms since 1970 like the first of this file (--time-unit names "
       "another "
       "unit), got 2015-06-02 (time)\n"},
      {"JSON lines with other names", with_map("user=who,item=what"),
       "{\"who\":\"u\",\"what\":1,\"time\":1433221332}\n{\"who\":\"u\"\n{\"who\":\"u\",\"what\":\"b\"}",
       "view u/ 1 @1433221332000\nview u/ b @1433221333000\nline 2: byte 10: expected ',' or '}' "
       "(malformed)\n"},
      {"JSON lines of our own",
       {},
       "{\"type\":\"click\",\"user\":\"u\",\"item\":\"i\",\"time\":5}",
       "click u/ i @5000\n"},
  };
  for (const auto& row : rows) {
    const std::string got = brief(import(row.text, row.options));
    EXPECT_EQ(got.substr(0, std::string(row.want).size()), row.want) << row.what << "\n" << got;
  }
}

TEST(Files, WhatCannotBeReadIsSaid) {
  FileOptions numberless = with_map("user=u,item=2");
  numberless.header = false;
  FileOptions bad_set = with_map("user=u,item=i");
  bad_set.set = parse_map("type=dance").value();
  FileOptions bad_where = with_map("user=u,item=i");
  bad_where.where = {parse_condition("item~[").value()};
  const struct {
    FileOptions options;
    const char* text;
    const char* want;
  } rows[] = {
      {with_map("user=visitor,item=i"), "u,i\n1,2\n",
       "--map user=visitor: no column \"visitor\"; the header has u, i"},
      {with_map("user=u,item=9"), "u,i\n1,2\n", "--map item=9: column 9 of 2"},
      {numberless, "1,2\n", "a file without header has columns by number, from 1"},
      {{}, "a,b\n1,2\n", "no column of the header (a, b) is named like a field"},
      {bad_set, "u,i\n1,2\n", "--set type=dance: expected one of"},
      {bad_where, "u,i\n1,2\n", "--where item~[: not an expression"},
      {{}, "\xff\xfe\x31\x00", "is UTF-16; expected UTF-8"},
      {{}, "PK\x03\x04zip", "is a zip archive"},
  };
  for (const auto& row : rows) {
    const Outcome out = import(row.text, row.options);
    EXPECT_NE(out.error.find(row.want), std::string::npos) << row.want << "\n" << out.error;
    EXPECT_EQ(out.events.size(), 0u);
  }
}

TEST(Files, JsonLaidOutInAnyWay) {
  const std::string a = R"({"type": "view", "user": "u", "item": "a, ]} \" [", "time": 1577836801000})";
  const std::string b = R"({"type":"view","user":"u","item":"b","time":1577836802000,"x":{"y":[1,{"z":2}]}})";
  const std::string spread = "{\n  \"type\": \"view\",\n  \"user\": \"u\",\n  \"item\": \"s\"\n}";
  const std::string view_a = "view u/ a, ]} \" [ @1577836801000\n", view_b = "view u/ b @1577836802000\n";
  const std::string view_s = "view u/ s @1577836801000\n";
  const std::string padding(3 << 20, ' '), deep(2000, '[');
  const struct {
    std::string text, want;
  } rows[] = {
      {"[" + a + "," + b + "]", view_a + view_b},
      {"\xef\xbb\xbf\r\n [\r\n" + a + " ,\n\t" + b + "\n]\n", view_a + view_b},
      {"[" + padding + a + padding + "," + padding + b + padding + "]" + padding, view_a + view_b},
      {"[]", ""},
      {" [ ]\n", ""},
      {"{\"events\": [" + a + "," + b + "]}", view_a + view_b},
      {"{\n\"events\" :\n [" + spread + "\n] }\n", view_s},
      {spread + "\n" + spread, view_s + "view u/ s @1577836802000\n"},
      {spread + "\n}", view_s + "line 6: expected an object after value 1 of the array"},
      {"[" + spread + ",\n{\"type\": \"view\",\n\"user\": }\n," + b + "]",
       view_s + view_b +
           "line 6: byte 25: expected a value: an object, array, string, number, true, false or "
           "null"},
      {"[1, \"x\", null," + b + "]", view_b},
      {"[" + a + " " + b + "]", view_a + "line 1: expected ',' or ']' after value 1 of the array"},
      {"[" + a + ",\n]", view_a + "line 2: expected a value after value 1 of the array"},
      {"[" + a + "\n",
       view_a + "line 2: expected ']' before the end of the file, after value 1 of the array"},
      {"[" + a + ",{\"type\":", view_a + "line 1: expected the end of the value that begins in line 1,"},
      {"[" + a + "]\n" + b, view_a + "line 2: expected nothing more behind the array,"},
      {"{\"events\":[" + a + "],\"more\":1}", view_a + "line 1: expected '}' behind the array"},
      {"[{\"type\":\"" + padding + "\"}," + b + "]",
       view_b + "line 1: expected an object of at most 1048576 bytes"},
      {"[" + deep, "line 1: expected the end of the value that begins in line 1,"},
  };
  for (const auto& row : rows) {
    const Outcome out = import(row.text, {});
    const std::string got = brief(out), shown = row.text.substr(0, 200);
    EXPECT_EQ(row.want.empty() ? got : got.substr(0, row.want.size()), row.want) << shown << "\n" << got;
  }
}

TEST(Files, ConditionsKeepRows) {
  const char* const text =
      "invoice,stock,quantity,price,country\n1,85123a,6,2.5,UK\nC2,85123A,-6,2.5,UK\n3,POST,1,18,France\n"
      "4,71053,1,0,UK\n5,22752,2,7.65,France\n";
  const FileOptions base = with_map("order=invoice,item=stock,quantity=quantity,price=price");
  const struct {
    std::vector<const char*> where;
    const char* items;  // After --upper item.
    const char* errors;
  } rows[] = {
      {{}, "85123A POST 71053 22752 ", "range"},  // -6 pieces are no purchase.
      {{"quantity>0", "price>0", "order!~^C", "item~^[0-9]{5}[A-Za-z]*$"}, "85123A 22752 ", ""},
      {{"item~A$"}, "85123A ", "range"},  // Upper case comes first.
      {{"item!~[A-Z]"}, "71053 22752 ", ""},
      {{"country=France"}, "POST 22752 ", ""},
      {{"country!=France", "quantity >= 1"}, "85123A 71053 ", ""},
      {{"price<=2.5", "price!=0", "quantity>0"}, "85123A ", ""},
      {{"price<2.50"}, "71053 ", ""},
      {{"stock=POST"}, "POST ", ""},
  };
  for (const auto& row : rows) {
    FileOptions options = base;
    options.set = parse_map("type=purchase").value();
    options.upper = {"item"};
    for (const char* condition : row.where) options.where.push_back(parse_condition(condition).value());
    const Outcome out = import(text, options);
    std::string items;
    for (const Event& event : out.events) items += event.item + " ";
    EXPECT_EQ(items, row.items) << brief(out);
    EXPECT_EQ(out.result.errors.empty() ? "" : reason_name(out.result.errors[0].reason), row.errors);
    EXPECT_EQ(out.result.received, 5u);
    EXPECT_EQ(out.result.filtered + out.result.accepted + out.result.rejected, 5u);
  }
  // The same on JSON lines.
  FileOptions lines;
  lines.where = {parse_condition("price>1").value(), parse_condition("colour=RED").value()};
  lines.upper = {"item"};
  const Outcome out = import(
      "{\"type\":\"view\",\"item\":\"a\",\"price\":2,\"colour\":\"RED\"}\n"
      "{\"type\":\"view\",\"item\":\"b\",\"price\":1,\"colour\":\"RED\"}\n"
      "{\"type\":\"view\",\"item\":\"c\",\"price\":2,\"colour\":\"blue\"}\n",
      lines);
  ASSERT_EQ(out.events.size(), 1u) << brief(out);
  EXPECT_EQ(out.events[0].item, "A");
  EXPECT_EQ(out.result.filtered, 2u);
}

TEST(Files, OptionsAreChecked) {
  EXPECT_EQ(parse_map("user=a,items=2-").value()[1].column, "2-");
  for (const char* bad : {"user", "user=", "=a", "user=a,user=b"}) EXPECT_FALSE(parse_map(bad).ok()) << bad;
  for (const char* bad : {"item", "~a", "price>cheap", ""}) EXPECT_FALSE(parse_condition(bad).ok()) << bad;
  EXPECT_EQ(parse_condition("order!~^C").value().op, Condition::Op::kNoMatch);
  EXPECT_EQ(parse_condition("a>=5").value().op, Condition::Op::kGreaterEqual);
  EXPECT_EQ(parse_condition("a~b=c").value().value, "b=c");
  EXPECT_FALSE(parse_types("1=dance").ok());
  EXPECT_FALSE(parse_time_unit("fortnight").ok());
  EXPECT_FALSE(parse_file_format("xml").ok());
  for (const char* bad :
       {"price", "price=maybe", "currency=mean", "price=default:x", "item=reject", "time=default:x"})
    EXPECT_FALSE(parse_missing_policies(bad).ok()) << bad;
}

TEST(Files, ItemsFromATableBecomeTheCatalogue) {
  FileOptions options = with_map("item=sku");
  options.set = parse_map("type=item-upsert").value();
  const Outcome out = import(
      "sku,title,price,stock,active,code,note\nk1,\"Kettle, "
      "red\",20.5,3,true,00123,\nk2,Pan,9,,FALSE,7,n/a\n",
      options);
  ASSERT_EQ(out.events.size(), 2u) << brief(out);
  const std::vector<Attribute> want = {{"title", std::string("Kettle, red")},
                                       {"price", 20.5},
                                       {"stock", int64_t{3}},
                                       {"active", true},
                                       {"code", std::string("00123")}};
  EXPECT_EQ(out.events[0].item, "k1");
  EXPECT_EQ(out.events[0].attributes, want);
  EXPECT_EQ(out.events[1].attributes.size(), 4u);
}

TEST(Files, UnitsOfTimeAreSeenByTheirSize) {
  const struct {
    const char* text;
    TimeUnit unit;
    TimeMs want;  // kNoTime: not a time.
  } rows[] = {
      {"1433221332", TimeUnit::kAuto, 1433221332000},
      {"1433221332.5", TimeUnit::kAuto, 1433221332500},
      {"1433221332117", TimeUnit::kAuto, 1433221332117},
      {"1433221332117999", TimeUnit::kAuto, 1433221332117},
      {"1433221332117999000", TimeUnit::kAuto, 1433221332117},
      {"-86400", TimeUnit::kAuto, -86400000},
      {"525600", TimeUnit::kMinutes, 525600 * kMinuteMs},
      {"1", TimeUnit::kDays, kDayMs},
      {"5", TimeUnit::kMillis, 5},
      {"-1", TimeUnit::kMicros, -1},
      {"2015-06-02T05:02:12.117Z", TimeUnit::kAuto, 1433221332117},
      {"2015-06-02 05:02:12", TimeUnit::kAuto, 1433221332000},
      {"2015-06-02 05:02:12 UTC", TimeUnit::kAuto, 1433221332000},
      {"2015-06-02T07:02:12.117999+02:00", TimeUnit::kAuto, 1433221332117},
      {"20150602T050212Z", TimeUnit::kAuto, 1433221332000},
      {"2015-06-02", TimeUnit::kAuto, 1433203200000},
      {"20150602", TimeUnit::kAuto, 1433203200000},
      {"20150602", TimeUnit::kSeconds, 20150602000},
      {"2000-02-29", TimeUnit::kIso, 951782400000},
      {"1999-12-31T24:00:00Z", TimeUnit::kIso, 946684800000},
      {"1900-02-29", TimeUnit::kIso, kNoTime},
      {"2015-13-02", TimeUnit::kIso, kNoTime},
      {"2015-06-02T25:00", TimeUnit::kIso, kNoTime},
      {"2015-06-02T05:02:12+1", TimeUnit::kIso, kNoTime},
      {"2015-06-02x", TimeUnit::kAuto, kNoTime},
      {"1433221332", TimeUnit::kIso, kNoTime},
      {"2015-06-02", TimeUnit::kSeconds, kNoTime},
      {"9223372036854775807", TimeUnit::kSeconds, kNoTime},
      {"nan", TimeUnit::kAuto, kNoTime},
      {"", TimeUnit::kAuto, kNoTime},
  };
  for (const auto& row : rows) {
    TimeMs time = kNoTime;
    EXPECT_EQ(time_from_text(row.text, row.unit, time), row.want != kNoTime) << row.text;
    EXPECT_EQ(time, row.want) << row.text;
  }
  for (const TimeMs time : {TimeMs{0}, TimeMs{-1}, TimeMs{951782399999}, TimeMs{253402300799999}}) {
    TimeMs back = kNoTime;
    EXPECT_TRUE(time_from_iso(iso_time(time), back)) << iso_time(time);
    EXPECT_EQ(back, time);
  }
}

TEST(Files, RowsOfOneFileSentAgainCountOnce) {
  Ingest ingest(CleanerConfig::history(), nullptr);
  const FileOptions options = with_map("user=u,item=i");
  const std::string text = "u,i\na,b\na,b\n";
  IngestResult result;
  VectorSink sink;
  ASSERT_TRUE(ingest.import_text(text, options, {}, sink, result).ok());
  EXPECT_EQ(result.accepted, 2u) << "the same line twice is two events";
  ASSERT_TRUE(ingest.import_text(text + "c,d\n", options, {}, sink, result).ok());
  EXPECT_EQ(result.accepted, 3u) << "the file has grown by one";
  EXPECT_EQ(result.duplicates, 2u);
}

class FilesOnDisk : public ::testing::Test {
 protected:
  FilesOnDisk() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "/freshet_files_" + info->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~FilesOnDisk() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view bytes) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  static std::string many_rows(int rows) {
    std::string text = "user,item,time\n";
    for (int i = 0; i < rows; ++i)
      text += "u" + std::to_string(i % 97) + ",i" + std::to_string(i % 1009) + "," +
              std::to_string(1433221332 + i) + "\n";
    return text;
  }
  std::string folder_;
};

TEST_F(FilesOnDisk, PlainGzipAndZstdAreTheSameEventsOnTheLog) {
  constexpr int kRows = 60'000;  // More than a read block.
  const std::string text = many_rows(kRows);
  const size_t half = text.find('\n', text.size() / 2) + 1;
  const struct {
    const char* name;
    std::string bytes;
  } files[] = {{"plain.csv", text},
               {"packed.csv.gz", gzip(text)},
               {"members.csv.gz", gzip(text.substr(0, half)) + gzip(text.substr(half))},
               {"packed.csv.zst", zstd(text)},
               {"frames.csv.zst", zstd(text.substr(0, half)) + zstd(text.substr(half))},
               {"no-name", zstd(text)}};
  for (const auto& file : files) {
    MemLog log;
    LogSink sink(log);
    Ingest ingest(CleanerConfig::history(), nullptr);
    IngestResult result;
    FileProgress last;
    const std::string path = write(file.name, file.bytes);
    const Status status =
        ingest.import_file(path, {}, {.door = "file"}, sink, result, [&](const FileProgress& now) {
          EXPECT_GE(now.bytes_read, last.bytes_read);
          EXPECT_LE(now.bytes_read, now.bytes_total);
          last = now;
        });
    ASSERT_TRUE(status.ok()) << status.error().what;
    EXPECT_EQ(result.accepted, static_cast<uint64_t>(kRows)) << file.name;
    EXPECT_EQ(last.events, static_cast<uint64_t>(kRows));
    EXPECT_EQ(last.bytes_read, file.bytes.size());
    EXPECT_EQ(log.end(), static_cast<Offset>(kRows));
    EXPECT_EQ(sink.end(), static_cast<Offset>(kRows));
    auto cursor = log.read(kRows - 1);
    ASSERT_TRUE(cursor.ok());
    Event event;
    ASSERT_TRUE((*cursor)->next().value());
    ASSERT_TRUE((*cursor)->decode(event).ok());
    EXPECT_EQ(event.item, "i" + std::to_string((kRows - 1) % 1009));
    EXPECT_EQ(event.time_ms, (1433221332 + kRows - 1) * TimeMs{1000});
    EXPECT_EQ(event.source, "import");
  }
}

TEST_F(FilesOnDisk, DamageInTheMiddleLeavesWhatCameBefore) {
  std::string packed = gzip(many_rows(60'000));
  std::string damaged = packed;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  const std::string frame = zstd(many_rows(60'000));
  const struct {
    const char* name;
    std::string bytes;
    const char* want;
  } files[] = {{"cut.gz", packed.substr(0, packed.size() / 2), "damaged gzip before byte"},
               {"flipped.gz", damaged, "damaged gzip before byte"},
               {"cut.zst", frame.substr(0, frame.size() / 2), "damaged zstd before byte"}};
  for (const auto& file : files) {
    Ingest ingest(CleanerConfig::history(), nullptr);
    VectorSink sink;
    IngestResult result;
    const Status status = ingest.import_file(write(file.name, file.bytes), {}, {}, sink, result);
    ASSERT_FALSE(status.ok()) << file.name;
    EXPECT_EQ(status.error().code, Code::kCorrupt);
    EXPECT_NE(status.error().what.find(file.want), std::string::npos) << status.error().what;
    EXPECT_EQ(result.accepted, sink.events.size());
    EXPECT_GT(result.accepted, 1000u) << file.name;
    EXPECT_LT(result.accepted, 60'000u) << file.name;
  }
  Ingest ingest(CleanerConfig::history(), nullptr);
  VectorSink sink;
  IngestResult result;
  const Status missing = ingest.import_file(folder_ + "/none.csv", {}, {}, sink, result);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_FALSE(ingest.import_file(folder_, {}, {}, sink, result).ok());
}

TEST(Gunzip, IsBoundedAndSaysWhatIsWrong) {
  const std::string text(100'000, 'x');
  const std::string packed = gzip(text);
  EXPECT_EQ(gunzip(packed, text.size()).value(), text);
  EXPECT_EQ(gunzip(packed + gzip("tail"), 200'000).value(), text + "tail");
  EXPECT_EQ(gunzip(gzip(""), 10).value(), "");
  const auto big = gunzip(packed, text.size() - 1);
  ASSERT_FALSE(big.ok());
  EXPECT_EQ(big.error().code, Code::kExhausted);
  const auto bomb = gunzip(gzip(std::string(64 << 20, '\0')), 1 << 20);
  ASSERT_FALSE(bomb.ok());
  EXPECT_EQ(bomb.error().code, Code::kExhausted);
  for (size_t cut = 0; cut < packed.size(); ++cut) {
    const auto short_one = gunzip(packed.substr(0, cut), 200'000);
    ASSERT_FALSE(short_one.ok()) << cut;
    EXPECT_EQ(short_one.error().code, Code::kInvalid);
  }
  EXPECT_FALSE(gunzip("hello, not gzip", 100).ok());
}

}  // namespace
}  // namespace freshet
