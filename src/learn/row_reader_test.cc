// Rows as they are read: CSV, libsvm and VW text, and what is said of what is none.
#include "learn/row_reader.h"

#include <cmath>

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(RowReader, ReadsWhatItIsGivenAndSaysWhatIsWrong) {
  struct Case {
    const char* what;
    RowFormat format;
    std::vector<std::string> lines;
    std::string want;  // Cells of the last line joined by |, or the error's beginning.
  };
  const Case cases[] = {
      {"quotes", RowFormat::kAuto, {"a,b", "\"x,\"\"y\",2"}, "x,\"y|2"},
      {"tabs", RowFormat::kAuto, {"a\tb", "1\t2"}, "1|2"},
      {"nested json", RowFormat::kAuto, {R"({"a":1,"b":{"c":"x"},"d":[true,"w"]})"}, "1 w|x|1"},
      {"too few cells", RowFormat::kAuto, {"a,b", "1"}, "1 cells, expected 2"},
      {"a cell over two lines", RowFormat::kAuto, {"a,b", "\"1,2", "x\",3"}, "1,2\nx|3"},
      {"open quote", RowFormat::kAuto, {"a,b", "\"1,2"}, "END a quote that is not closed"},
      {"blanks", RowFormat::kAuto, {" a , b ", " 1 , \" 2 \" "}, "1| 2 "},
      {"semicolons", RowFormat::kAuto, {"a;b", "1,5;-2,25"}, "1.5|-2.25"},
      {"a name twice", RowFormat::kAuto, {"a,a", "1,2"}, "1|2"},
      {"byte order mark", RowFormat::kAuto, {"\xef\xbb\xbf{\"a\":7}"}, "7"},
      {"UTF-16", RowFormat::kAuto, {std::string("a\0b\0", 4)}, "byte 2 is zero"},
      {"old line ends", RowFormat::kAuto, {"a,b\r1,2\r3,4"}, "a carriage return at byte 4"},
      {"not text", RowFormat::kAuto, {"a\x01,b"}, "a control character at byte 2"},
      {"Latin-1", RowFormat::kAuto, {"K\xf6ln,b"}, "byte 2 is not UTF-8"},
      {"libsvm", RowFormat::kAuto, {"1 3:0.5 7:1"}, "1"},
      {"vw", RowFormat::kAuto, {"-1 |s word other:2"}, "-1"},
      {"not a number", RowFormat::kLibsvm, {"1 3:x"}, "feature '3:x': expected name:number"},
      {"broken json", RowFormat::kJsonl, {"{\"a\":"}, ""},
  };
  for (const Case& c : cases) {
    RowReader reader(c.format);
    Row row;
    std::string got;
    for (const std::string& line : c.lines) {
      const Result<bool> read = reader.read(line, row);
      got.clear();
      for (const std::string& cell : row.cells) got += (got.empty() ? "" : "|") + cell;
      if (!read.ok()) got = read.error().what;
    }
    if (const Status end = reader.end(); !end.ok()) got = "END " + end.error().what;
    if (c.what != std::string("nested json"))
      EXPECT_EQ(got.substr(0, c.want.size()), c.want) << c.what;
    else
      EXPECT_EQ(reader.columns().size(), 3u);
  }
}

TEST(RowReader, VwImportanceTagsAndNamespaceFactors) {
  struct Case {
    const char* line;
    const char* label;
    float weight;
    std::vector<float> values;
    const char* error;
  };
  const Case cases[] = {
      {"1 2.5 |a x:2 y", "1", 2.5f, {2, 1}, ""},
      {"1 | x", "1", 1, {1}, ""},
      {"-1 0 'tag| x", "-1", 0, {1}, ""},
      {"-1 0.5 0.1 tag|a x", "-1", 0.5f, {1}, ""},
      {"1 tag|a:3 x:2 |b y:2", "1", 1, {6, 2}, ""},
      {"| x", "", 1, {1}, ""},
      {"1 -2 | x", "", 1, {}, "importance '-2': expected a number from 0 to 1000000, or a tag"},
      {"1 two | x", "", 1, {}, "importance 'two': expected a number"},
      {"1 |a:b x", "", 1, {}, "namespace 'a:b': expected name:number"},
      {"1 |a x:-1e15", "1", 1, {-1e15f}, ""},
      {"1 |a x:1e20 y", "", 1, {}, "feature 'x:1e20': expected a value from -1e15 to 1e15"},
      {"1 |a:1e30 x:-1e30 y", "", 1, {}, "feature 'x:-1e30': expected a value from -1e15 to 1e15"},
  };
  RowReader reader(RowFormat::kVw);
  Row row;
  for (const Case& c : cases) {
    const auto read = reader.read(c.line, row);
    ASSERT_EQ(read.ok(), c.error[0] == '\0') << c.line;
    if (!read.ok()) {
      EXPECT_EQ(read.error().what.find(c.error), 0u) << read.error().what;
      continue;
    }
    EXPECT_EQ(row.cells[0], c.label) << c.line;
    EXPECT_EQ(row.weight, c.weight) << c.line;
    std::vector<float> values;
    for (const auto& [key, value] : row.sparse) values.push_back(value);
    EXPECT_EQ(values, c.values) << c.line;
  }
}

TEST(RowReader, AQuoteThatIsNeverClosedCostsAFewHundredLines) {
  RowReader reader(RowFormat::kCsv);
  Row row;
  EXPECT_FALSE(reader.read("a,b", row).value());
  EXPECT_FALSE(reader.read("\"1,2", row).value());
  size_t bad = 0;
  size_t good = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto read = reader.read("1,2", row);
    bad += read.ok() ? 0 : 1;
    good += read.ok() && *read ? 1 : 0;
  }
  EXPECT_EQ(bad, 1u);
  EXPECT_EQ(good, 1001 - RowReader::kLinesMax);
}

}  // namespace
}  // namespace freshet
