#include "settings/documents.h"

#include <gtest/gtest.h>

#include "settings/settings.h"

namespace freshet {
namespace {

class DocumentsFold : public testing::Test {
 protected:
  void apply(const Event& event) {
    moment_.skip = false;
    moment_.time_ms += 1000;
    documents_.apply(0, event);
  }
  void put(std::vector<Document> all) {
    for (const Event& event : put_documents_events("rules", all, "admin")) apply(event);
  }
  std::string shown() {
    std::string out;
    for (const auto& one : documents_.find("rules")->documents) out += one->id + "=" + one->json + ";";
    return out;
  }
  static std::string saved(const Documents& documents) {
    Writer out;
    documents.save(out);
    return out.take();
  }

  Moment moment_;
  Documents documents_{moment_};
};

TEST_F(DocumentsFold, PutsReplacesDeletesAndClears) {
  EXPECT_EQ(shown(), "");
  put({{"b", "2"}, {"a", R"({"x": [1, null]})"}});
  EXPECT_EQ(shown(), R"(a={"x": [1, null]};b=2;)");
  const uint64_t revision = documents_.find("rules")->revision;
  put({{"b", "3"}});
  EXPECT_EQ(shown(), R"(a={"x": [1, null]};b=3;)");
  EXPECT_GT(documents_.find("rules")->revision, revision);
  EXPECT_EQ(documents_.find("rules")->find("b")->created_ms, 1000);
  EXPECT_EQ(documents_.find("rules")->find("b")->updated_ms, 2000);
  apply(delete_documents_event("rules", {"a", "nobody"}, "admin"));
  EXPECT_EQ(shown(), "b=3;");
  apply(clear_documents_event("rules", "admin"));
  EXPECT_EQ(shown(), "");
  EXPECT_EQ(documents_.find("other")->documents.size(), 0u);
}

TEST_F(DocumentsFold, WhatIsWrongChangesNothing) {
  put({{"a", "1"}});
  const std::string before = saved(documents_);
  const std::pair<const char*, const char*> rows[] = {
      {"documents-put", "{"},
      {"documents-put", R"({"collection": "rules"})"},
      {"documents-put", R"({"collection": "rules", "documents": [{"id": 3, "value": 1}]})"},
      {"documents-delete", R"({"collection": "rules", "ids": ["b"]})"},
      {"documents-clear", R"({"collection": "empty"})"},
      {"documents-other", R"({"collection": "rules"})"},
  };
  for (const auto& [action, value] : rows) {
    apply(settings_event(action, value, "admin"));
    EXPECT_EQ(saved(documents_), before) << action << " " << value;
  }
}

TEST_F(DocumentsFold, ManyBecomeSeveralEventsAndSurviveASnapshot) {
  std::vector<Document> all;
  for (int i = 0; i < 100; ++i) all.push_back({"id" + std::to_string(i), '"' + std::string(5000, 'x') + '"'});
  EXPECT_GT(put_documents_events("rules", all, "admin").size(), 1u);
  put(all);
  EXPECT_EQ(documents_.find("rules")->documents.size(), 100u);
  Documents again(moment_);
  const std::string bytes = saved(documents_);
  Reader in(bytes);
  ASSERT_TRUE(again.load(in).ok());
  EXPECT_EQ(saved(again), bytes);
  Reader cut(std::string_view(bytes).substr(0, bytes.size() - 3));
  EXPECT_FALSE(again.load(cut).ok());
  EXPECT_EQ(saved(again), bytes);
}

TEST(Documents, LimitsAreNamed) {
  EXPECT_TRUE(check_documents({{"a", "{}"}}).ok());
  EXPECT_FALSE(check_documents({{"", "{}"}}).ok());
  EXPECT_FALSE(check_documents({{std::string(257, 'x'), "{}"}}).ok());
  EXPECT_FALSE(check_documents({{"a", "{"}}).ok());
  EXPECT_FALSE(check_documents({{"a", '"' + std::string(DocumentLimits::kJsonBytes, 'x') + '"'}}).ok());
}

}  // namespace
}  // namespace freshet
