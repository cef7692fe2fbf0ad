#include "settings/settings.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace freshet {
namespace {

bool parse_number(std::string_view text, uint64_t& number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && stop == text.data() + text.size();
}

using Versions = std::vector<std::shared_ptr<const SettingsVersion>>;

auto find_version(const Versions& versions, uint64_t number) {
  return std::find_if(versions.begin(), versions.end(), [&](const auto& v) { return v->number == number; });
}

// Keeps the newest; the published one and the one before it stay in any case.
void forget_oldest(SettingsBook& book) {
  const auto kept = [&](const auto& version) { return version == book.published || version == book.before; };
  while (book.versions.size() > SettingsLimits::kVersions) {
    const auto oldest = std::find_if_not(book.versions.begin(), book.versions.end(), kept);
    if (oldest == book.versions.end()) return;
    book.versions.erase(oldest);
  }
}

bool stage(const Event& event, TimeMs now, SettingsBook& book) {
  auto settings = parse_settings(event.value);
  if (!settings.ok()) return false;
  auto version = std::make_shared<SettingsVersion>();
  version->number = book.next++;
  version->settings = std::move(settings).value();
  version->staged_ms = now;
  version->by = event.source;
  version->note = event.surface;
  book.versions.push_back(std::move(version));
  forget_oldest(book);
  return true;
}

bool publish_version(const Event& event, TimeMs now, SettingsBook& book) {
  uint64_t number = 0;
  if (!parse_number(event.value, number)) return false;
  if (number == book.published->number) return false;
  auto next = std::make_shared<SettingsVersion>();
  if (number == 0) {
    next->published_ms = now;
  } else {
    const auto at = find_version(book.versions, number);
    if (at == book.versions.end()) return false;
    *next = **at;
    next->published_ms = now;
    book.versions[static_cast<size_t>(at - book.versions.begin())] = next;
  }
  book.before = std::exchange(book.published, std::move(next));
  return true;
}

bool discard(const Event& event, SettingsBook& book) {
  uint64_t number = 0;
  if (!parse_number(event.value, number)) return false;
  const auto at = find_version(book.versions, number);
  if (at == book.versions.end() || (*at)->published_ms != 0) return false;
  book.versions.erase(at);
  return true;
}

// Adds them, or replaces those of their ids.
bool put_synonyms(Result<std::vector<Synonym>> given, std::vector<Synonym>& all) {
  if (!given.ok()) return false;
  for (Synonym& synonym : *given) all.push_back(std::move(synonym));
  std::stable_sort(all.begin(), all.end(), [](const Synonym& a, const Synonym& b) { return a.id < b.id; });
  size_t kept = 0;  // Of each id the last.
  for (size_t i = 0; i < all.size(); ++i) {
    if (i + 1 < all.size() && all[i].id == all[i + 1].id) continue;
    if (kept != i) all[kept] = std::move(all[i]);
    ++kept;
  }
  all.resize(kept);
  return kept <= SettingsLimits::kSynonyms;
}

Result<std::vector<Synonym>> parse_one_synonym(std::string_view text) {
  TRY(Synonym synonym, parse_synonym(text));
  return std::vector<Synonym>{std::move(synonym)};
}

bool change_synonyms(const Event& event, SettingsBook& book) {
  auto next = std::make_shared<std::vector<Synonym>>(*book.synonyms);
  if (event.name == "synonym-put") {
    if (!put_synonyms(parse_one_synonym(event.value), *next)) return false;
  } else if (event.name == "synonyms-put") {
    if (!put_synonyms(parse_synonyms(event.value), *next)) return false;
  } else if (event.name == "synonym-delete") {
    if (std::erase_if(*next, [&](const Synonym& one) { return one.id == event.value; }) == 0) return false;
  } else if (event.name == "synonyms-clear") {
    if (next->empty()) return false;
    next->clear();
  } else {
    return false;
  }
  book.synonyms = std::move(next);
  ++book.synonyms_revision;
  return true;
}

void save(const SettingsVersion& version, Writer& out) {
  out.varint(version.number);
  out.str(settings_json(version.settings));
  out.i64(version.staged_ms);
  out.i64(version.published_ms);
  out.str(version.by);
  out.str(version.note);
}

std::shared_ptr<const SettingsVersion> load_version(Reader& in) {
  auto version = std::make_shared<SettingsVersion>();
  version->number = in.varint();
  auto settings = parse_settings(in.str());
  if (!settings.ok()) return nullptr;
  version->settings = std::move(settings).value();
  version->staged_ms = in.i64();
  version->published_ms = in.i64();
  version->by = in.str();
  version->note = in.str();
  return in.ok() ? version : nullptr;
}

}  // namespace

std::shared_ptr<const SettingsVersion> SettingsBook::version(uint64_t number) const {
  if (published->number == number) return published;
  const auto at = find_version(versions, number);
  if (at != versions.end()) return *at;
  return number == 0 ? std::make_shared<const SettingsVersion>() : nullptr;
}

Settings::Settings(const Moment& moment) : moment_(moment) {
  auto first = std::make_unique<SettingsBook>();
  first->published = std::make_shared<const SettingsVersion>();
  first->synonyms = std::make_shared<const std::vector<Synonym>>();
  book_.store(first.release(), std::memory_order_release);
}

Settings::~Settings() {
  delete book_.load();
}

void Settings::apply(Offset, const Event& event) {
  if (moment_.skip || event.type != EventType::kSettings) return;
  auto next = std::make_unique<SettingsBook>(book());
  if (!change(event, *next)) return;
  if (before_change_) before_change_();
  publish(next.release());
}

bool Settings::change(const Event& event, SettingsBook& next) const {
  if (event.name == "stage") return stage(event, moment_.time_ms, next);
  if (event.name == "publish") return publish_version(event, moment_.time_ms, next);
  if (event.name == "discard") return discard(event, next);
  return change_synonyms(event, next);
}

void Settings::publish(SettingsBook* next) {
  const SettingsBook* old = book_.load(std::memory_order_relaxed);
  book_.store(next, std::memory_order_release);
  if (on_change_) on_change_(*old, *next);
  retired_.retire(old);
}

void Settings::save(Writer& out) const {
  const SettingsBook& all = book();
  out.varint(all.next);
  out.varint(all.synonyms_revision);
  freshet::save(*all.published, out);
  out.u8(all.before == nullptr ? 0 : 1);
  if (all.before != nullptr) freshet::save(*all.before, out);
  out.varint(all.versions.size());
  for (const auto& version : all.versions) freshet::save(*version, out);
  out.varint(all.synonyms->size());
  for (const Synonym& synonym : *all.synonyms) out.str(synonym_json(synonym));
}

Status Settings::load(Reader& in) {
  auto next = std::make_unique<SettingsBook>();
  const Error bad = corrupt("settings section: ends too early or is malformed");
  next->next = in.varint();
  next->synonyms_revision = in.varint();
  next->published = load_version(in);
  if (next->published == nullptr) return bad;
  if (in.u8() != 0 && (next->before = load_version(in)) == nullptr) return bad;
  const uint64_t versions = in.varint();
  for (uint64_t i = 0; i < versions; ++i) {
    next->versions.push_back(load_version(in));
    if (next->versions.back() == nullptr) return bad;
  }
  // Published versions are one object in the list and outside it.
  const auto share = [&](std::shared_ptr<const SettingsVersion>& one) {
    if (one == nullptr) return;
    const auto at = find_version(next->versions, one->number);
    if (at != next->versions.end() && (*at)->published_ms == one->published_ms) one = *at;
  };
  share(next->published);
  share(next->before);
  auto synonyms = std::make_shared<std::vector<Synonym>>();
  const uint64_t count = in.varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    auto synonym = parse_synonym(in.str());
    if (!synonym.ok()) return bad;
    synonyms->push_back(std::move(synonym).value());
  }
  if (!in.ok()) return bad;
  next->synonyms = std::move(synonyms);
  publish(next.release());
  return {};
}

size_t Settings::bytes() const {
  const SettingsBook& all = book();
  size_t bytes = sizeof(SettingsBook) + all.versions.size() * (sizeof(SettingsVersion) + 512);
  for (const Synonym& synonym : *all.synonyms) {
    bytes += sizeof(Synonym);
    for (const std::string& word : synonym.words) bytes += sizeof(std::string) + word.capacity();
  }
  return bytes;
}

Event settings_event(std::string_view action, std::string value, std::string_view by) {
  Event event;
  event.type = EventType::kSettings;
  event.name = action;
  event.value = std::move(value);
  event.source = by.empty() ? "freshet" : by;
  return event;
}

Event stage_event(const SearchSettings& settings, std::string_view by, std::string_view note) {
  Event event = settings_event("stage", settings_json(settings), by);
  event.surface = note;
  return event;
}

}  // namespace freshet
