#include "settings/audit.h"

#include <gtest/gtest.h>

#include "settings/documents.h"
#include "settings/settings.h"

namespace freshet {
namespace {

class AuditFold : public testing::Test {
 protected:
  void apply(Event event) {
    moment_.skip = false;
    event.received_ms = 1000 * static_cast<TimeMs>(at_ + 1);
    audit_.apply(at_++, event);
  }
  static std::string line(const AuditEntry& one) {
    return std::to_string(one.offset) + " " + std::to_string(one.time_ms) + " " + one.by + " " + one.action +
           " " + one.what;
  }
  static std::string saved(const Audit& audit) {
    Writer out;
    audit.save(out);
    return out.take();
  }

  Moment moment_;
  Audit audit_{moment_};
  Offset at_ = 0;
};

TEST_F(AuditFold, EachChangeIsALine) {
  Event swap;
  swap.type = EventType::kCatalogSwap;
  swap.source = "ann";
  swap.catalogue = "next";
  Event drop = swap;
  drop.name = "discard";
  const std::pair<Event, std::string> rows[] = {
      {stage_event({}, "ann", "more typos"), "ann stage more typos"},
      {settings_event("publish", "3", "ann"), "ann publish version 3"},
      {settings_event("discard", "4", "ann"), "ann discard version 4"},
      {settings_event("synonym-put", R"({"id": "tv", "words": ["a", "b"]})", "bob"), "bob synonym-put tv"},
      {settings_event("synonyms-put", R"([{"id": "tv"}, {"id": "sofa"}])", "bob"),
       "bob synonyms-put tv, sofa"},
      {settings_event("synonym-delete", "tv", "bob"), "bob synonym-delete tv"},
      {settings_event("synonyms-clear", "", "bob"), "bob synonyms-clear "},
      {put_documents_events("rules", {{"sale", R"({"secret": 1})"}}, "ann")[0],
       "ann documents-put rules: sale"},
      {delete_documents_event("rules", {"1", "2", "3", "4", "5", "6", "7"}, "ann"),
       "ann documents-delete rules: 1, 2, 3, 4, 5 and 2 more"},
      {clear_documents_event("rules", ""), " documents-clear rules"},
      {swap, "ann catalogue-swap next"},
      {drop, "ann catalogue-discard next"},
      {settings_event("experiment-define", R"({"name": "typos", "variant": {}})", "ann"),
       "ann experiment-define typos"},
      {settings_event("experiment-start", "typos", "ann"), "ann experiment-start typos"},
      {settings_event("experiment-ship", "typos", "ann"), "ann experiment-ship typos"},
      {key_event("key-create", "storefront (read)", "ann"), "ann key-create storefront (read)"},
  };
  for (const auto& [event, wanted] : rows) {
    const Offset at = at_;
    apply(event);
    EXPECT_EQ(line(audit_.newest(1).at(0)),
              std::to_string(at) + " " + std::to_string(1000 * (at + 1)) + " " + wanted);
  }
  EXPECT_EQ(audit_.newest(100).size(), std::size(rows));
  EXPECT_EQ(audit_.newest(2, 3).at(0).offset, 2u);
}

TEST_F(AuditFold, WhatShoppersDoAndWhatCountsTwiceIsNoLine) {
  Event view;
  apply(view);
  moment_.skip = true;
  audit_.apply(9, settings_event("publish", "3", "ann"));
  EXPECT_TRUE(audit_.newest(10).empty());
}

TEST_F(AuditFold, IsBoundedCutBetweenCharactersAndSurvivesASnapshot) {
  std::string umlauts = "x";
  while (umlauts.size() < 2 * Audit::kWhatBytes) umlauts += "ä";
  apply(key_event("key-create", umlauts, "ann"));
  const std::string what = audit_.newest(1).at(0).what;
  EXPECT_LE(what.size(), Audit::kWhatBytes);
  EXPECT_TRUE(what.ends_with("ä…")) << what;
  for (size_t i = 0; i < Audit::kEntries + 5; ++i) apply(settings_event("publish", std::to_string(i), "ann"));
  EXPECT_EQ(audit_.newest(SIZE_MAX).size(), Audit::kEntries);
  EXPECT_EQ(audit_.newest(1).at(0).what, "version " + std::to_string(Audit::kEntries + 4));
  Audit again(moment_);
  const std::string bytes = saved(audit_);
  Reader in(bytes);
  ASSERT_TRUE(again.load(in).ok());
  EXPECT_EQ(saved(again), bytes);
  Reader cut(std::string_view(bytes).substr(0, bytes.size() - 3));
  EXPECT_FALSE(again.load(cut).ok());
}

}  // namespace
}  // namespace freshet
