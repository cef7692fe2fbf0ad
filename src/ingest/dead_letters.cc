#include "ingest/dead_letters.h"

#include <algorithm>

#include "base/bytes.h"

namespace freshet {
namespace {

// Keys: "l" number -> letter; "r" reason number -> nothing, an index; "m" -> next number and counts.
// Numbers are big-endian, so that keys are in order of number. docs/formats/dead_letters.md.
constexpr uint8_t kVersion = 1;
constexpr std::string_view kMeta = "m";

void append_big_endian(uint64_t number, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}
uint64_t read_big_endian(std::string_view bytes) {
  uint64_t number = 0;
  for (const char c : bytes.substr(0, 8)) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}
std::string letter_key(uint64_t number) {
  std::string key = "l";
  append_big_endian(number, key);
  return key;
}
std::string reason_key(RejectReason reason, uint64_t number) {
  std::string key = "r";
  key.push_back(static_cast<char>(reason));
  append_big_endian(number, key);
  return key;
}

std::string encode(const DeadLetter& letter) {
  Writer out;
  out.u8(kVersion);
  out.u8(static_cast<uint8_t>(letter.reason));
  out.u8(letter.truncated ? 1 : 0);
  out.varint(letter.attempts);
  out.varint(letter.index);
  out.varint(letter.line);
  out.zigzag(letter.time_ms);
  for (const std::string* text : {&letter.field, &letter.expected, &letter.got, &letter.door, &letter.kind,
                                  &letter.source, &letter.raw, &letter.body})
    out.str(*text);
  return out.take();
}

Result<DeadLetter> decode(uint64_t number, std::string_view bytes) {
  Reader in(bytes);
  DeadLetter letter;
  letter.number = number;
  const uint8_t version = in.u8();
  const uint8_t reason = in.u8();
  letter.reason = static_cast<RejectReason>(reason);
  letter.truncated = in.u8() != 0;
  letter.attempts = static_cast<uint32_t>(in.varint());
  letter.index = in.varint();
  letter.line = in.varint();
  letter.time_ms = in.zigzag();
  for (std::string* text : {&letter.field, &letter.expected, &letter.got, &letter.door, &letter.kind,
                            &letter.source, &letter.raw, &letter.body})
    *text = in.str();
  if (version != kVersion || reason >= kReasonCount || !in.ok() || !in.done())
    return corrupt("dead letter " + std::to_string(number) + ": not what this version wrote");
  return letter;
}

// ---- secrets

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// One past the quoted text that begins at `at`, or the end.
size_t after_quotes(std::string_view text, size_t at) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

// One past the value that begins at `at`: quoted, bracketed, or up to the next separator.
size_t after_value(std::string_view text, size_t at) {
  if (at >= text.size()) return at;
  if (text[at] == '"' || text[at] == '\'') return after_quotes(text, at);
  if (text[at] != '{' && text[at] != '[') return std::min(text.find_first_of(",;&}]\r\n", at), text.size());
  size_t depth = 0;
  while (at < text.size()) {
    if (text[at] == '"') {
      at = after_quotes(text, at);
      continue;
    }
    if (text[at] == '{' || text[at] == '[') ++depth;
    if ((text[at] == '}' || text[at] == ']') && --depth == 0) return at + 1;
    ++at;
  }
  return at;
}

}  // namespace

bool is_secret_name(std::string_view name) {
  std::string folded;
  for (const char c : name.substr(0, 64)) {
    if (c == '_' || c == '-' || c == ' ' || c == '.') continue;
    folded.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  }
  for (const std::string_view whole : {"token", "pwd", "pin", "cvv", "cvc", "iban", "auth", "bearer"})
    if (folded == whole) return true;
  for (const std::string_view part :
       {"password", "passwd", "secret", "apikey", "accesstoken", "authtoken", "refreshtoken", "authorization",
        "cookie", "cardnumber", "creditcard", "privatekey"})
    if (folded.find(part) != std::string::npos) return true;
  return false;
}

std::string without_secrets(std::string_view raw) {
  std::string out;
  size_t copied = 0;
  for (size_t at = 0; at < raw.size();) {
    if (!is_name_char(raw[at])) {
      ++at;
      continue;
    }
    const size_t begin = at;
    while (at < raw.size() && is_name_char(raw[at])) ++at;
    const std::string_view name = raw.substr(begin, at - begin);
    size_t value = at;
    if (value < raw.size() && (raw[value] == '"' || raw[value] == '\'')) ++value;
    while (value < raw.size() && (raw[value] == ' ' || raw[value] == '\t')) ++value;
    if (value >= raw.size() || (raw[value] != ':' && raw[value] != '=') || !is_secret_name(name)) continue;
    ++value;
    while (value < raw.size() && (raw[value] == ' ' || raw[value] == '\t')) ++value;
    const bool bare = raw[begin == 0 ? 0 : begin - 1] != '"' && (value >= raw.size() || raw[value] != '"');
    out.append(raw, copied, value - copied).append(bare ? "***" : "\"***\"");
    at = copied = after_value(raw, value);
  }
  return out.append(raw, copied, std::string_view::npos);
}

// ---- the store

DeadLetters::DeadLetters(std::unique_ptr<KeyValueStore> store, DeadLetterOptions options)
    : store_(std::move(store)), options_(options) {}

Result<std::unique_ptr<DeadLetters>> DeadLetters::open(const std::string& folder,
                                                       const DeadLetterOptions& options) {
  TRY(std::unique_ptr<KeyValueStore> store, KeyValueStore::open(folder));
  std::unique_ptr<DeadLetters> letters(new DeadLetters(std::move(store), options));
  TRY_STATUS(letters->load());
  return letters;
}

Result<std::unique_ptr<DeadLetters>> DeadLetters::open_read_only(const std::string& folder) {
  TRY(std::unique_ptr<KeyValueStore> store,
      KeyValueStore::open(folder, {.create = false, .read_only = true}));
  std::unique_ptr<DeadLetters> letters(new DeadLetters(std::move(store), {}));
  TRY_STATUS(letters->load());
  return letters;
}

Status DeadLetters::load() {
  const Result<std::string> meta = store_->get(kMeta);
  if (!meta.ok()) return meta.error().code == Code::kNotFound ? Status() : Status(meta.error());
  Reader in(*meta);
  const uint8_t version = in.u8();
  next_ = in.u64();
  counts_.letters = in.u64();
  counts_.bytes = in.u64();
  counts_.dropped = in.u64();
  const uint64_t reasons = in.varint();
  for (uint64_t i = 0; i < std::min<uint64_t>(reasons, kReasonCount); ++i) counts_.by_reason[i] = in.u64();
  if (version != kVersion || reasons > kReasonCount || !in.ok() || !in.done())
    return corrupt("dead letters: the counts are not what this version wrote");
  return {};
}

void DeadLetters::add_meta(WriteBatch& batch) const {
  Writer out;
  out.u8(kVersion);
  out.u64(next_);
  out.u64(counts_.letters);
  out.u64(counts_.bytes);
  out.u64(counts_.dropped);
  out.varint(kReasonCount);
  for (const uint64_t count : counts_.by_reason) out.u64(count);
  batch.put(kMeta, out.bytes());
}

void DeadLetters::count(const DeadLetter& letter, size_t bytes, int sign) {
  const auto one = static_cast<uint64_t>(sign);  // Wraps for -1.
  counts_.letters += one;
  counts_.bytes += one * bytes;
  counts_.by_reason[static_cast<size_t>(letter.reason)] += one;
}

// Drops the oldest letters of the most numerous reasons until so many more fit.
Status DeadLetters::make_room(uint64_t letters, uint64_t bytes) {
  const auto full = [&] {
    return counts_.letters > 0 &&
           (counts_.letters + letters > options_.letters_max || counts_.bytes + bytes > options_.bytes_max);
  };
  while (full()) {
    const auto* const most = std::max_element(std::begin(counts_.by_reason), std::end(counts_.by_reason));
    const auto reason = static_cast<RejectReason>(most - counts_.by_reason);
    uint64_t& oldest = oldest_[static_cast<size_t>(reason)];
    std::vector<uint64_t> numbers;
    // A hundredth at a time: dropping is cheap by the slab.
    const size_t slab = std::max<size_t>(1, options_.letters_max / 100);
    TRY_STATUS(store_->scan(reason_key(reason, oldest), reason_key(reason, UINT64_MAX),
                            [&](std::string_view key, std::string_view) {
                              numbers.push_back(read_big_endian(key.substr(2)));
                              return numbers.size() < slab;
                            }));
    if (numbers.empty()) return corrupt("dead letters: the counts do not agree with the letters");
    WriteBatch batch;
    for (const uint64_t number : numbers) {
      TRY(const std::string value, store_->get(letter_key(number)));
      TRY(const DeadLetter letter, decode(number, value));
      count(letter, value.size(), -1);
      ++counts_.dropped;
      oldest = number + 1;
      batch.remove(letter_key(number));
      batch.remove(reason_key(letter.reason, number));
      if (!full()) break;
    }
    add_meta(batch);
    TRY_STATUS(store_->write(batch));
  }
  return {};
}

Status DeadLetters::put(std::vector<DeadLetter>& letters) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> values;
  uint64_t bytes = 0;
  for (DeadLetter& letter : letters) {
    letter.raw = without_secrets(letter.raw);
    letter.body = without_secrets(letter.body);
    if (is_secret_name(letter.field)) letter.got = "***";
    if (letter.raw.size() > options_.raw_bytes_max) {
      letter.raw.resize(options_.raw_bytes_max);
      letter.truncated = true;
    }
    if (letter.body.size() > options_.raw_bytes_max) {
      letter.body.clear();
      letter.truncated = true;
    }
    values.push_back(encode(letter));
    bytes += values.back().size();
  }
  TRY_STATUS(make_room(letters.size(), bytes));
  WriteBatch batch;
  const DeadLetterCounts before = counts_;
  const uint64_t next_before = next_;
  for (size_t i = 0; i < letters.size(); ++i) {
    letters[i].number = next_++;
    // More at once than there is room for: the first of them are the oldest.
    if (letters.size() - i > options_.letters_max) {
      ++counts_.dropped;
      continue;
    }
    count(letters[i], values[i].size(), 1);
    batch.put(letter_key(letters[i].number), values[i]);
    batch.put(reason_key(letters[i].reason, letters[i].number), {});
  }
  add_meta(batch);
  Status written = store_->write(batch);
  if (!written.ok()) {
    counts_ = before;
    next_ = next_before;
  }
  return written;
}

Result<DeadLetter> DeadLetters::get(uint64_t number) const {
  const Result<std::string> value = store_->get(letter_key(number));
  if (value.ok()) return decode(number, *value);
  if (value.error().code != Code::kNotFound) return value.error();
  return not_found("dead letter " + std::to_string(number) + ": there is none");
}

Status DeadLetters::list(uint64_t from, const RejectReason* reason,
                         const std::function<bool(const DeadLetter&)>& visit) const {
  Status failed;
  const auto show = [&](uint64_t number, std::string_view value) {
    const Result<DeadLetter> letter = decode(number, value);
    if (!letter.ok()) failed = letter.error();
    return letter.ok() && visit(*letter);
  };
  Status scanned;
  if (reason == nullptr) {
    scanned = store_->scan(letter_key(from), "m", [&](std::string_view key, std::string_view value) {
      return show(read_big_endian(key.substr(1)), value);
    });
  } else {
    scanned = store_->scan(reason_key(*reason, from), reason_key(*reason, UINT64_MAX),
                           [&](std::string_view key, std::string_view) {
                             const uint64_t number = read_big_endian(key.substr(2));
                             const Result<std::string> value = store_->get(letter_key(number));
                             if (!value.ok()) return true;  // Removed meanwhile.
                             return show(number, *value);
                           });
  }
  return scanned.ok() ? failed : scanned;
}

DeadLetterCounts DeadLetters::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

Status DeadLetters::replace(const DeadLetter& old, const DeadLetter& next) {
  WriteBatch batch;
  count(old, encode(old).size(), -1);
  const std::string value = encode(next);
  count(next, value.size(), 1);
  batch.remove(reason_key(old.reason, old.number));
  batch.put(letter_key(next.number), value);
  batch.put(reason_key(next.reason, next.number), {});
  // It may be older than what was looked at last under its new reason.
  uint64_t& oldest = oldest_[static_cast<size_t>(next.reason)];
  oldest = std::min(oldest, next.number);
  add_meta(batch);
  return store_->write(batch);
}

Status DeadLetters::fix(uint64_t number, const std::string& body) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (body.size() > options_.raw_bytes_max)
    return invalid("dead letter " + std::to_string(number) + ": expected at most " +
                   std::to_string(options_.raw_bytes_max) + " bytes, got " + std::to_string(body.size()));
  if (body.empty()) return invalid("dead letter " + std::to_string(number) + ": expected JSON, got nothing");
  TRY(const DeadLetter old, get(number));
  DeadLetter next = old;
  next.body = without_secrets(body);
  return replace(old, next);
}

Status DeadLetters::failed_again(uint64_t number, const Rejection& why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  TRY(const DeadLetter old, get(number));
  DeadLetter next = old;
  ++next.attempts;
  next.reason = why.reason;
  next.field = why.field;
  next.expected = why.expected;
  next.got = is_secret_name(why.field) ? "***" : why.got;
  return replace(old, next);
}

Status DeadLetters::remove(uint64_t number) {
  const std::lock_guard<std::mutex> lock(mutex_);
  TRY(const DeadLetter letter, get(number));
  WriteBatch batch;
  count(letter, encode(letter).size(), -1);
  batch.remove(letter_key(number));
  batch.remove(reason_key(letter.reason, number));
  add_meta(batch);
  return store_->write(batch);
}

Result<uint64_t> DeadLetters::remove_all(const RejectReason* reason) {
  uint64_t removed = 0;
  while (true) {
    std::vector<uint64_t> numbers;
    TRY_STATUS(list(0, reason, [&](const DeadLetter& letter) {
      numbers.push_back(letter.number);
      return numbers.size() < 1000;
    }));
    if (numbers.empty()) return removed;
    for (const uint64_t number : numbers) TRY_STATUS(remove(number));
    removed += numbers.size();
  }
}

}  // namespace freshet
