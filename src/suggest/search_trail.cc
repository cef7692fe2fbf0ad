#include "suggest/search_trail.h"

#include "base/hash.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 1;

void forget(std::unordered_map<uint64_t, uint32_t>& map, uint64_t key, uint32_t place) {
  const auto found = map.find(key);
  if (found != map.end() && found->second == place) map.erase(found);
}

}  // namespace

SearchTrail::SearchTrail(const Moment& moment, SearchTrailConfig config) : moment_(moment), config_(config) {}

SearchTrail::Search* SearchTrail::find(const std::unordered_map<uint64_t, uint32_t>& map, uint64_t key) {
  if (key == 0) return nullptr;
  const auto found = map.find(key);
  if (found == map.end()) return nullptr;
  Search& search = ring_[found->second];
  const TimeMs age = moment_.time_ms - search.time_ms;
  return age > config_.window_ms || age < -config_.window_ms ? nullptr : &search;
}

void SearchTrail::put(Search search) {
  uint32_t place = at_;
  if (ring_.size() < config_.searches_max) {
    place = static_cast<uint32_t>(ring_.size());
    ring_.emplace_back();
  } else {
    forget(by_shopper_, ring_[place].shopper, place);
    forget(by_query_id_, ring_[place].query_id, place);
    at_ = (at_ + 1) % config_.searches_max;
  }
  if (search.shopper != 0) by_shopper_[search.shopper] = place;
  if (search.query_id != 0) by_query_id_[search.query_id] = place;
  ring_[place] = std::move(search);
}

void SearchTrail::apply(Offset, const Event& event) {
  query_.clear();
  before_.clear();
  before_acted_ = false;
  before_results_ = kNoNumber;
  shopper_ = 0;
  if (moment_.skip) return;
  const std::string& who = event.user.empty() ? event.session : event.user;
  if (!who.empty()) shopper_ = hash_bytes(who);
  const uint64_t query_id = event.query_id.empty() ? 0 : hash_bytes(event.query_id);
  if (event.type == EventType::kSearch) {
    fold_words(event.query, query_, config_.query_bytes_max);
    if (query_.empty()) return;
    if (const Search* last = find(by_shopper_, shopper_); last != nullptr && last->query != query_) {
      before_ = last->query;
      before_acted_ = last->acted;
      before_results_ = last->results;
    }
    put({shopper_, query_id, moment_.time_ms, event.result_count, false, query_});
    return;
  }
  if (!is_positive_action(event.type)) return;
  Search* search = find(by_query_id_, query_id);
  if (search == nullptr) search = find(by_shopper_, shopper_);
  if (!event.query.empty()) {
    fold_words(event.query, query_, config_.query_bytes_max);
    if (search != nullptr && search->query == query_) search->acted = true;
  } else if (search != nullptr) {
    query_ = search->query;
    search->acted = true;
  }
}

void SearchTrail::save(Writer& out) const {
  out.u32(kVersion);
  out.u32(static_cast<uint32_t>(ring_.size()));
  out.u32(at_);
  for (const Search& search : ring_) {
    out.u64(search.shopper);
    out.u64(search.query_id);
    out.i64(search.time_ms);
    out.f64(search.results);
    out.u8(search.acted);
    out.str(search.query);
  }
}

Status SearchTrail::load(Reader& in) {
  ring_.clear();
  by_shopper_.clear();
  by_query_id_.clear();
  const uint32_t version = in.u32();
  const uint32_t count = in.u32();
  at_ = in.u32();
  if (version != kVersion || count > config_.searches_max || (at_ != 0 && at_ >= count))
    return corrupt("search trail: not of this version, or larger than searches_max");
  ring_.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    Search& search = ring_[i];
    search.shopper = in.u64();
    search.query_id = in.u64();
    search.time_ms = in.i64();
    search.results = in.f64();
    search.acted = in.u8() != 0;
    search.query = in.str();
  }
  // The newest search of a shopper wins: from the oldest on.
  for (uint32_t n = 0; n < count; ++n) {
    const uint32_t place = (at_ + n) % count;
    if (ring_[place].shopper != 0) by_shopper_[ring_[place].shopper] = place;
    if (ring_[place].query_id != 0) by_query_id_[ring_[place].query_id] = place;
  }
  return in.ok() ? Status() : Status(corrupt("search trail: cut short"));
}

size_t SearchTrail::bytes() const {
  return ring_.capacity() * (sizeof(Search) + 24) + (by_shopper_.size() + by_query_id_.size()) * 32;
}

}  // namespace freshet
