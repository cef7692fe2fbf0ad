// A filter over the columns: 65,536 slots at a time, so that what is worked on stays in the nearest cache.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "column/internal/filter_node.h"

namespace freshet {
namespace {

using Node = Filter::Node;
constexpr uint32_t kWords = SlotSet::kChunkWords;
using Words = std::vector<uint64_t>;

// A node with what it needs looked up once: its column, the inverted lists of its values.
struct Plan {
  const Node* node = nullptr;
  const Column* column = nullptr;
  bool from_records = false;  // The columns do not hold all of this attribute.
  std::vector<const TextColumn::Value*> values;
  std::vector<uint32_t> slots;  // id IN (...): the items themselves
  std::vector<Plan> children;   // cheap ones first
  Words room;
};

class Evaluation {
 public:
  explicit Evaluation(const ColumnSet& columns) : columns_(columns) {}

  Plan prepare(const Node& node) const {
    Plan step;
    step.node = &node;
    step.room.resize(kWords);
    for (const auto& child : node.children) step.children.push_back(prepare(*child));
    std::stable_partition(step.children.begin(), step.children.end(),
                          [](const Plan& child) { return !slow(child); });
    switch (node.kind) {
      case Node::Kind::kOneOf:
      case Node::Kind::kRange:
      case Node::Kind::kExists:
        look_up(step);
        break;
      default:
        break;
    }
    return step;
  }

  // Sets in `out` (all zero before) the slots of chunk `number` that pass; only those in `within` matter.
  // False: there are none.
  bool run(Plan& step, uint32_t number, const uint64_t* within, uint64_t* out) const {
    switch (step.node->kind) {
      case Node::Kind::kAnd:
        return all(step, number, within, out);
      case Node::Kind::kOr: {
        bool some = false;
        for (Plan& child : step.children) {
          std::fill(step.room.begin(), step.room.end(), 0);
          if (!run(child, number, within, step.room.data())) continue;
          for (uint32_t w = 0; w < kWords; ++w) out[w] |= step.room[w];
          some = true;
        }
        return some;
      }
      case Node::Kind::kNot: {
        std::fill(step.room.begin(), step.room.end(), 0);
        run(step.children.front(), number, within, step.room.data());
        uint64_t seen = 0;
        for (uint32_t w = 0; w < kWords; ++w) seen |= out[w] = within[w] & ~step.room[w];
        return seen != 0;
      }
      case Node::Kind::kRadius:
      case Node::Kind::kBox:
        return place(step, number, within, out);
      default:
        return leaf(step, number, within, out);
    }
  }

 private:
  static bool slow(const Plan& step) {
    return step.from_records || step.node->kind == Node::Kind::kRadius ||
           step.node->kind == Node::Kind::kBox ||
           std::any_of(step.children.begin(), step.children.end(), slow);
  }

  void look_up(Plan& step) const {
    const Node& node = *step.node;
    if (node.name == "id") {
      step.from_records = node.kind != Node::Kind::kOneOf;
      for (const std::string& text : node.texts)
        if (const ItemSlot slot = columns_.catalog().find(text); slot != kNoItem) step.slots.push_back(slot);
      return;
    }
    step.column = columns_.find(node.name);
    if (step.column == nullptr) {
      step.from_records = !columns_.complete(node.name);
      return;
    }
    if (node.kind == Node::Kind::kExists) return;
    step.from_records = !step.column->whole.load(std::memory_order_relaxed);
    const TextColumn& texts = step.column->texts;
    if (node.kind == Node::Kind::kOneOf) {
      for (const std::string& text : node.texts)
        if (const uint32_t code = texts.find(text); code != TextColumn::kNone)
          if (const auto* value = texts.value(code)) step.values.push_back(value);
      return;
    }
    for (uint32_t code = 0; code < texts.codes(); ++code) {
      const auto* value = texts.value(code);
      if (value != nullptr && value->number >= node.low && value->number <= node.high)
        step.values.push_back(value);
    }
  }

  bool all(Plan& step, uint32_t number, const uint64_t* within, uint64_t* out) const {
    std::copy(within, within + kWords, out);
    for (Plan& child : step.children) {
      std::fill(step.room.begin(), step.room.end(), 0);
      if (!run(child, number, out, step.room.data())) {
        std::fill(out, out + kWords, 0);
        return false;
      }
      uint64_t seen = 0;
      for (uint32_t w = 0; w < kWords; ++w) seen |= out[w] &= step.room[w];
      if (seen == 0) return false;
    }
    return true;
  }

  bool leaf(Plan& step, uint32_t number, const uint64_t* within, uint64_t* out) const {
    const Node& node = *step.node;
    if (step.from_records)
      return each(number, within, out, [&](ItemSlot slot) {
        const ItemRecord* item = columns_.catalog().item(slot);
        return item != nullptr && passes_node(node, *item, columns_.catalog(), {});
      });
    bool some = false;
    for (const ItemSlot slot : step.slots) {
      if (slot / SlotSet::kChunkSlots != number) continue;
      out[slot % SlotSet::kChunkSlots / 64] |= uint64_t{1} << (slot % 64);
      some = true;
    }
    if (step.column == nullptr) return some;
    if (node.kind == Node::Kind::kExists) return step.column->present.or_into(number, out);
    for (const auto* value : step.values) some |= value->slots.or_into(number, out);
    if (step.column->numbers.size() == 0) return some;
    if (node.kind == Node::Kind::kRange) return some | range(step, number, within, node.low, node.high, out);
    for (const double want : node.numbers)
      if (has_number(want)) some |= range(step, number, within, want, want, out);
    return some;
  }

  static bool range(const Plan& step, uint32_t number, const uint64_t* within, double low, double high,
                    uint64_t* out) {
    return step.column->numbers.range_into(number, low, high, out, within);
  }

  // The box around the circle from the two columns, then the exact distance of what is in it.
  bool place(Plan& step, uint32_t number, const uint64_t* within, uint64_t* out) const {
    double south, west, north, east;
    bounds(*step.node, south, west, north, east);
    Words& rows = step.room;
    std::fill(rows.begin(), rows.end(), 0);
    if (!columns_.latitude().range_into(number, south, north, rows.data())) return false;
    const NumberColumn& longitude = columns_.longitude();
    Words both(kWords);
    if (west <= east) {
      longitude.range_into(number, west, east, both.data());
    } else {
      longitude.range_into(number, west, 180, both.data());
      longitude.range_into(number, -180, east, both.data());
    }
    for (uint32_t w = 0; w < kWords; ++w) both[w] &= rows[w] & within[w];
    return each(number, both.data(), out, [&](ItemSlot slot) {
      return place_matches(*step.node, columns_.latitude().value(slot), longitude.value(slot));
    });
  }

  static void bounds(const Node& node, double& south, double& west, double& north, double& east) {
    if (node.kind == Node::Kind::kBox) {
      south = node.place[0], west = node.place[1], north = node.place[2], east = node.place[3];
      return;
    }
    constexpr double kDegree = 180 / std::numbers::pi, kSlack = 1e-6;
    const double angle = node.place[2] / 6371008.8;  // radians
    south = node.place[0] - angle * kDegree - kSlack;
    north = node.place[0] + angle * kDegree + kSlack;
    west = -180, east = 180;
    if (south <= -90 || north >= 90) return;  // A pole is inside: every longitude.
    const double wide =
        std::asin(std::min(1.0, std::sin(angle) / std::cos(node.place[0] / kDegree))) * kDegree + kSlack;
    west = node.place[1] - wide;
    east = node.place[1] + wide;
    if (west < -180) west += 360;
    if (east > 180) east -= 360;
  }

  template <class Test>
  bool each(uint32_t number, const uint64_t* within, uint64_t* out, Test&& test) const {
    bool some = false;
    for (uint32_t w = 0; w < kWords; ++w)
      for (uint64_t bits = within[w]; bits != 0; bits &= bits - 1) {
        const auto bit = static_cast<uint32_t>(std::countr_zero(bits));
        if (!test(number * SlotSet::kChunkSlots + 64 * w + bit)) continue;
        out[w] |= uint64_t{1} << bit;
        some = true;
      }
    return some;
  }

  const ColumnSet& columns_;
};

}  // namespace

SlotSet Filter::evaluate(const ColumnSet& columns, const SlotSet* within) const {
  SlotSet::Builder builder;
  const Evaluation evaluation(columns);
  Plan root;
  if (root_ != nullptr) root = evaluation.prepare(*root_);
  Words items(kWords), out(kWords);
  size_t next = 0;  // Of the chunks of `within`.
  for (uint32_t number = 0; number < columns.chunks(); ++number) {
    std::fill(items.begin(), items.end(), 0);
    if (within == nullptr) {
      columns.items().or_into(number, items.data());
    } else {
      while (next < within->chunks() && within->chunk(next).number < number) ++next;
      if (next == within->chunks()) break;
      const SlotSet::Chunk asked = within->chunk(next);
      if (asked.number != number) continue;
      if (asked.words != nullptr) {
        std::copy(asked.words, asked.words + kWords, items.begin());
      } else {
        for (uint32_t i = 0; i < asked.size; ++i)
          items[asked.values[i] / 64] |= uint64_t{1} << (asked.values[i] % 64);
      }
      if (!columns.items().and_into(number, items.data())) continue;
    }
    if (root_ == nullptr) {
      builder.add_chunk(number, items.data());
      continue;
    }
    std::fill(out.begin(), out.end(), 0);
    if (!evaluation.run(root, number, items.data(), out.data())) continue;
    for (uint32_t w = 0; w < kWords; ++w) out[w] &= items[w];
    builder.add_chunk(number, out.data());
  }
  return builder.take();
}

}  // namespace freshet
