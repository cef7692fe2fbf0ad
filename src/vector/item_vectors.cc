#include "vector/item_vectors.h"

#include <algorithm>

#include "base/hash.h"
#include "event/vector_attribute.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 1;
constexpr uint32_t kRing = 4096;            // Chosen items that negatives are drawn from...
constexpr float kUniform = 0.5f;            // ...with this share from all items instead.
constexpr double kMemory = 1 - 1.0 / 2048;  // Of the measure of confidence, a lesson.
constexpr double kDoubt = 32;               // Lessons without gain that it begins with.
constexpr uint64_t kTeachAll = 4096;        // Clicks that each teach at first...
constexpr uint64_t kTeachOneIn = 8;         // ...and one in so many in the long run.
constexpr uint32_t kShelfSample = 32;
constexpr uint32_t kShelfNegatives = 4;
constexpr float kShelfWeight = 0.5f;

float weight_of(EventType type) {
  switch (type) {
    case EventType::kPurchase:
      return 2;
    case EventType::kAddToCart:
    case EventType::kWishlist:
      return 1.5f;
    default:
      return 1;
  }
}

uint32_t dim_of(const ItemVectorsConfig& config) {
  return config.pretrained != nullptr ? config.pretrained->dim() : config.encoder.dim;
}

}  // namespace

struct ItemVectors::Supplied {
  Supplied(uint32_t dim, const ItemVectorsConfig& config)
      : set({.dim = dim, .type = config.supplied_rows}), nearest(set, config.nearest) {}
  VectorSet set;
  Nearest nearest;
};

ItemVectors::ItemVectors(const Moment& moment, const Catalog& catalog, const SearchTrail& trail,
                         ItemVectorsConfig config)
    : moment_(moment),
      catalog_(catalog),
      trail_(trail),
      config_(config),
      learned_(config.encoder),
      text_({.dim = dim_of(config)}),
      text_nearest_(text_, config.nearest),
      sampler_(catalog.config().items_max + 1, kRing, kUniform) {}

ItemVectors::~ItemVectors() {
  delete supplied_.load();
}

const TextEncoder& ItemVectors::encoder() const {
  return config_.pretrained != nullptr ? *config_.pretrained : learned_;
}

std::string ItemVectors::text_of(const ItemRecord& record, bool title_only) const {
  std::string text = record.title;
  if (title_only) return text;
  for (const uint32_t facet : record.facets) {
    const std::string_view name = catalog_.facet_name(facet);
    const size_t colon = name.find(':');
    if (colon == std::string_view::npos) continue;
    const size_t leaf = name.rfind(" > ");
    text.push_back(' ');
    text.append(name.substr(leaf == std::string_view::npos ? colon + 1 : leaf + 3));
  }
  return text;
}

// The most specific category and the brand.
std::string ItemVectors::shelf_of(const ItemRecord& record) const {
  std::string text;
  bool category = false;
  for (const uint32_t facet : record.facets) {
    const std::string_view name = catalog_.facet_name(facet);
    const bool is_category = name.starts_with("category:");
    if (is_category && category) continue;
    category = category || is_category;
    const size_t leaf = name.rfind(" > "), colon = name.find(':');
    text.append(name.substr(leaf != std::string_view::npos ? leaf + 3 : colon + 1)).push_back(' ');
  }
  return text;
}

void ItemVectors::apply(Offset, const Event& event) {
  if (moment_.skip) return;
  switch (event.type) {
    case EventType::kItemUpsert:
    case EventType::kItemUpdate:
    case EventType::kItemDelete: {
      const ItemSlot slot = catalog_.find(event.item);
      if (slot != kNoItem) change(slot);
      break;
    }
    case EventType::kCatalogSwap:
      for (ItemSlot slot = 0; slot < catalog_.slots(); ++slot)
        if (catalog_.item(slot) != nullptr) change(slot);
      break;
    default:
      if (!is_positive_action(event.type) || moment_.item == kNoItem || trail_.query().empty()) return;
      click_lesson(trail_.query(), moment_.item, weight_of(event.type));
  }
  publish();
}

void ItemVectors::change(ItemSlot slot) {
  const ItemRecord* record = catalog_.item(slot);
  if (record == nullptr || !record->listed || record->deleted) return remove(slot);
  const bool fresh = !sampler_.live(slot);
  if (fresh) sampler_.add(slot);
  if (config_.learn || config_.pretrained != nullptr) {
    if (fresh && config_.pretrained == nullptr) {
      learned_.count_words(text_of(*record, false));
      shelf_lesson(slot, *record);
    }
    refresh(slot);
  }
  supply(slot, *record);
}

void ItemVectors::remove(ItemSlot slot) {
  if (sampler_.live(slot)) sampler_.remove(slot);
  if (text_.has(slot)) text_nearest_.changed(slot, 2);
  text_.remove(slot);
  if (Supplied* supplied = supplied_.load(std::memory_order_relaxed); supplied != nullptr) {
    supplied->nearest.changed(slot, 2);
    supplied->set.remove(slot);
  }
}

void ItemVectors::evict(std::span<const ItemSlot> items) {
  for (const ItemSlot slot : items) remove(slot);
  publish();
}

void ItemVectors::publish() {
  text_.publish();
  text_nearest_.tick();
  if (Supplied* supplied = supplied_.load(std::memory_order_relaxed); supplied != nullptr) {
    supplied->set.publish();
    supplied->nearest.tick();
  }
}

void ItemVectors::refresh(ItemSlot slot) {
  const ItemRecord* record = catalog_.item(slot);
  if (record == nullptr || !sampler_.live(slot)) return;
  std::vector<float> vector(text_.dim());
  bool known;
  if (config_.pretrained != nullptr) {
    known = config_.pretrained->encode(text_of(*record, false), TextSide::kItem, vector);
  } else {
    TextFeatures features;
    learned_.features(text_of(*record, false), features);
    known = learned_.embed(features, vector);
  }
  if (!known) std::fill(vector.begin(), vector.end(), 0.0f);
  // How far it turns is only asked once there is a graph to mislead.
  const VectorSet::Query before = text_nearest_.watching() ? text_.query_of(slot) : VectorSet::Query();
  text_.set(slot, vector);
  if (!text_nearest_.watching()) return;
  text_.publish();
  text_nearest_.changed(slot, text_.chord(before, text_.query_of(slot)));
}

// Whatever was refused before may have the right dimension now: the set is always every listed item's vector
// of its dimension, as after load().
void ItemVectors::supply_all() {
  const uint64_t refused = refused_.load(std::memory_order_relaxed);
  loading_ = true;
  for (const uint32_t slot : sampler_.items())
    if (const ItemRecord* record = catalog_.item(slot); record != nullptr) supply(slot, *record);
  loading_ = false;
  refused_.store(refused, std::memory_order_relaxed);
}

void ItemVectors::supply(ItemSlot slot, const ItemRecord& record) {
  Supplied* supplied = supplied_.load(std::memory_order_relaxed);
  const Value* value = record.attribute(kVectorAttribute);
  if (value == nullptr) {
    if (supplied != nullptr && supplied->set.has(slot)) {
      supplied->nearest.changed(slot, 2);
      supplied->set.remove(slot);
    }
    return;
  }
  // Once the last one is gone, the next may have any dimension: the shop has another encoder.
  const bool open = supplied == nullptr || (supplied->set.rows() == 0 && !loading_);
  const uint32_t dim = open ? 0 : supplied->set.dim();
  const Result<std::vector<float>> vector = parse_vector(*value, kVectorAttribute, dim);
  if (!vector.ok()) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    if (supplied != nullptr) {
      supplied->nearest.changed(slot, 2);
      supplied->set.remove(slot);
    }
    return;
  }
  if (const auto given = static_cast<uint32_t>((*vector).size());
      supplied == nullptr || supplied->set.dim() != given) {
    Supplied* old = supplied;
    supplied = new Supplied(given, config_);
    supplied_.store(supplied, std::memory_order_release);
    retired_.retire(old);
    if (old != nullptr) supply_all();
  }
  supplied->nearest.changed(slot, 2);
  supplied->set.set(slot, *vector);
}

// Fills candidates_: the chosen item first, then the drawn ones that are not it.
bool ItemVectors::draw_candidates(ItemSlot chosen, uint64_t key, bool titles) {
  const uint32_t count = titles ? kShelfNegatives : config_.negatives;
  if (!sampler_.live(chosen) || sampler_.live_items() < 2) return false;
  std::vector<uint32_t> items(count);
  std::vector<float> log_rates(count);
  sampler_.draw(key, items, log_rates);
  size_t n = 0;
  const auto take = [&](ItemSlot slot, float log_rate) {
    const ItemRecord* record = catalog_.item(slot);
    if (record == nullptr) return;
    if (n == candidates_.size()) candidates_.emplace_back();
    learned_.features(text_of(*record, titles), candidates_[n].text);
    candidates_[n].log_rate = log_rate;
    if (!candidates_[n].text.empty()) ++n;
  };
  take(chosen, sampler_.log_rate(chosen, count));
  if (n == 0) return false;
  for (uint32_t i = 0; i < count; ++i)
    if (items[i] != chosen) take(items[i], log_rates[i]);
  candidates_.resize(n);
  return n >= 2;
}

void ItemVectors::shelf_lesson(ItemSlot slot, const ItemRecord& record) {
  if (!config_.learn) return;
  if (sampler_.live_items() > config_.shelf_lessons &&
      mix64(record.key, config_.encoder.seed) % kShelfSample != 0)
    return;
  TextFeatures shelf;
  learned_.features(shelf_of(record), shelf);
  if (shelf.empty() || !draw_candidates(slot, mix64(moment_.key, 1), true)) return;
  learned_.learn(shelf, candidates_, kShelfWeight);
}

void ItemVectors::click_lesson(std::string_view query, ItemSlot slot, float weight) {
  if (!config_.learn || config_.pretrained != nullptr) return;
  const uint64_t lessons = lessons_.load(std::memory_order_relaxed);
  const uint64_t one_in = std::clamp<uint64_t>(lessons / kTeachAll, 1, kTeachOneIn);
  if (mix64(moment_.key, 3) % one_in != 0) {  // The sampler's rates still count every choice.
    if (sampler_.live(slot)) sampler_.target(slot);
    return;
  }
  TextFeatures features;
  learned_.features(query, features);
  if (features.empty() || !draw_candidates(slot, mix64(moment_.key, 2), false)) return;
  measure(learned_.learn(features, candidates_, weight), candidates_.size());
  sampler_.target(slot);
  lessons_.store(lessons + 1, std::memory_order_relaxed);
  refresh(slot);
  const uint32_t end = catalog_.slots();
  for (uint32_t i = 0; i < config_.refresh && end > 0; ++i) {
    cursor_ = cursor_ + 1 < end ? cursor_ + 1 : 0;
    refresh(cursor_);
  }
}

void ItemVectors::measure(float loss, size_t candidates) {
  const double chance = static_cast<double>(log_f32(static_cast<float>(candidates)));
  gain_sum_ = gain_sum_ * kMemory + (1 - static_cast<double>(loss) / chance);
  gain_count_ = gain_count_ * kMemory + 1;
  confidence_.store(std::clamp(gain_sum_ / (gain_count_ + kDoubt), 0.0, 1.0), std::memory_order_relaxed);
}

bool ItemVectors::near_text(std::string_view text, const SlotSet* filter, uint32_t k,
                            std::vector<VectorHit>& out) const {
  out.clear();
  std::vector<float> vector(text_.dim());
  if (text_.rows() == 0 || !encoder().encode(text, TextSide::kQuery, vector)) return false;
  text_nearest_.top(text_.prepare(vector), filter, k, out);
  return !out.empty();
}

Status ItemVectors::near_vector(std::span<const float> vector, const SlotSet* filter, uint32_t k,
                                std::vector<VectorHit>& out) const {
  out.clear();
  const Supplied* supplied = supplied_.load(std::memory_order_acquire);
  if (supplied == nullptr)
    return not_found("vector: no item has a vector yet (attribute " + std::string(kVectorAttribute) + ")");
  TRY_STATUS(check_vector(vector, "vector", supplied->set.dim()));
  supplied->nearest.top(supplied->set.prepare(vector), filter, k, out);
  return {};
}

bool ItemVectors::near_item(ItemSlot item, const SlotSet* filter, uint32_t k,
                            std::vector<VectorHit>& out) const {
  out.clear();
  const Supplied* supplied = supplied_.load(std::memory_order_acquire);
  const bool own = supplied != nullptr && supplied->set.has(item);
  const VectorSet& set = own ? supplied->set : text_;
  const VectorSet::Query query = set.query_of(item);
  if (query.bytes.empty()) return false;
  (own ? supplied->nearest : text_nearest_).top(query, filter, k + 1, out);
  std::erase_if(out, [item](const VectorHit& hit) { return hit.slot == item; });
  if (out.size() > k) out.resize(k);
  return !out.empty();
}

uint32_t ItemVectors::wanted_dim() const {
  const EpochGuard guard;
  const Supplied* supplied = supplied_.load(std::memory_order_acquire);
  return supplied == nullptr || supplied->set.rows() == 0 ? 0 : supplied->set.dim();
}

VectorsStatus ItemVectors::status() const {
  const EpochGuard guard;
  VectorsStatus status;
  status.lessons = lessons_.load(std::memory_order_relaxed);
  status.text_rows = text_.rows();
  status.text_nearest = text_nearest_.status();
  status.supplied_refused = refused_.load(std::memory_order_relaxed);
  if (const Supplied* supplied = supplied_.load(std::memory_order_acquire); supplied != nullptr) {
    status.supplied_rows = supplied->set.rows();
    status.supplied_dim = supplied->set.dim();
    status.supplied_nearest = supplied->nearest.status();
  }
  return status;
}

void ItemVectors::save(Writer& out) const {
  out.u32(kVersion);
  learned_.save(out);
  text_.save(out);
  sampler_.save(out);
  const Supplied* supplied = supplied_.load(std::memory_order_relaxed);
  out.u32(supplied == nullptr ? 0 : supplied->set.dim());
  out.u32(cursor_);
  out.f64(gain_sum_);
  out.f64(gain_count_);
  out.u64(lessons_.load(std::memory_order_relaxed));
  out.u64(refused_.load(std::memory_order_relaxed));
}

Status ItemVectors::load(Reader& in) {
  if (in.u32() != kVersion) return corrupt("vectors: another version");
  TRY_STATUS(learned_.load(in));
  TRY_STATUS(text_.load(in));
  if (!sampler_.load(in)) return corrupt("vectors: the sampler's items");
  const uint32_t dim = in.u32();
  cursor_ = in.u32();
  gain_sum_ = in.f64();
  gain_count_ = in.f64();
  lessons_.store(in.u64(), std::memory_order_relaxed);
  const uint64_t refused = in.u64();
  if (!in.ok() || dim > kVectorDimMax) return corrupt("vectors: cut short");
  confidence_.store(std::clamp(gain_sum_ / (gain_count_ + kDoubt), 0.0, 1.0), std::memory_order_relaxed);
  delete supplied_.exchange(dim == 0 ? nullptr : new Supplied(dim, config_));  // Before any reader.
  refused_.store(refused, std::memory_order_relaxed);
  if (dim != 0) supply_all();
  for (uint32_t slot = 0; slot < text_.slots(); ++slot) text_nearest_.changed(slot, 2);
  publish();
  return {};
}

size_t ItemVectors::bytes() const {
  const Supplied* supplied = supplied_.load(std::memory_order_relaxed);
  return learned_.bytes() + text_.bytes() + text_nearest_.bytes() + sampler_.bytes() +
         (supplied == nullptr ? 0 : supplied->set.bytes() + supplied->nearest.bytes());
}

}  // namespace freshet
