// Saving and loading of trainer.h; docs/formats/learned_model.md has the format.
#include <algorithm>

#include "base/hash.h"
#include "learn/trainer.h"

namespace freshet {
namespace {

constexpr uint32_t kFormat = 0x394c5246;  // "FRL9"

void save_sample(const Sample& sample, Writer& out) {
  const auto array = [&](const auto& values) {
    out.varint(values.size());
    for (const auto& value : values) out.raw(value);
  };
  array(sample.dense);
  array(sample.scaled);
  array(sample.keys);
  array(sample.features);
  array(sample.scores);
  out.varint(sample.crosses);
  out.u64(sample.row);
  out.f32(sample.weight);
}

void load_sample(Reader& in, Sample& sample) {
  const auto array = [&](auto& values) {
    const uint64_t count = in.varint();
    if (count > in.remaining()) return in.fail();
    values.resize(count);
    for (auto& value : values) value = in.raw<std::decay_t<decltype(value)>>();
  };
  array(sample.dense);
  array(sample.scaled);
  array(sample.keys);
  array(sample.features);
  array(sample.scores);
  sample.crosses = in.varint();
  sample.row = in.u64();
  sample.weight = in.f32();
}

}  // namespace

// Of rows that wait, where it is not 1. Nothing is written when it is 1 everywhere.
void Trainer::save_importance(Writer& out) const {
  const auto counts = [](const auto& each) { return each.second.sample.importance != 1; };
  const auto odd = static_cast<uint64_t>(std::count_if(waiting_.begin(), waiting_.end(), counts));
  if (odd == 0) return;
  out.varint(odd);
  for (const auto& each : waiting_) {
    if (!counts(each)) continue;
    out.f64(each.first.first);
    out.u64(each.first.second);
    out.f32(each.second.sample.importance);
  }
}

void Trainer::load_importance(Reader& in) {
  if (!in.ok() || in.done()) return;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const double at = in.f64();
    const auto found = waiting_.find({at, in.u64()});
    const float importance = in.f32();
    if (found == waiting_.end() || !(importance >= 0)) return in.fail();
    found->second.sample.importance = importance;
  }
}

std::string Trainer::save(const RowReader& reader) const {
  Writer out;
  out.u32(kFormat);
  out.u8(static_cast<uint8_t>(config_.encoder.task));
  out.str(learner_name());
  out.u8(static_cast<uint8_t>(reader.format()));
  out.varint(reader.columns().size());
  for (const std::string& name : reader.columns()) out.str(name);
  labels_.save(out);
  encoder_.save(out);
  learner_->save(out);
  if (delays_) delays_->save(out);
  judged_.save(out);
  loss_.save(out);
  out.u64(rise_.said());
  out.u64(rows_);
  out.u64(drifts_);
  for (const uint64_t each : {given_, taken_, late_ones_, decide_at_}) out.u64(each);
  arrivals_.save(out);
  out.varint(waiting_.size());
  for (const auto& [at, waiting] : waiting_) {
    out.f64(at.first);
    out.u64(at.second);
    out.f64(waiting.label);
    out.f64(waiting.time);
    for (const float each : {waiting.p, waiting.expected, waiting.excess}) out.f32(each);
    out.u32(waiting.stage);
    out.f64(waiting.look_at);
    out.f64(waiting.label_at);
    out.u8(waiting.settled ? 1 : 0);
    out.f32(waiting.loss);
    save_sample(waiting.sample, out);
  }
  save_importance(out);
  out.u64(hash_bytes(out.bytes()));
  return out.take();
}

Status Trainer::load(std::string_view bytes, RowReader& reader) {
  TRY_STATUS(check(config_));
  if (bytes.size() < 16) return corrupt("model: " + std::to_string(bytes.size()) + " bytes, cut short");
  Reader sum(bytes.substr(bytes.size() - 8));
  bytes.remove_suffix(8);
  if (sum.u64() != hash_bytes(bytes))
    return corrupt("model: the checksum does not fit: damaged or cut short");
  Reader in(bytes);
  const uint32_t magic = in.u32();
  // Three letters, then the digit of the version.
  if (magic << 8 == kFormat << 8 && magic < kFormat)
    return invalid(std::string("model: of an older version (FRL") + static_cast<char>(magic >> 24) +
                   "; this one writes FRL9): learn it again from its rows");
  if (magic != kFormat) return invalid("model: not a model of freshet learn, or of another version");
  if (in.u8() != static_cast<uint8_t>(config_.encoder.task)) return invalid("model: is of another --task");
  if (const std::string_view name = in.str(); name != learner_name())
    return invalid("model: its learner is " + std::string(name) + ", --learner says " + learner_name());
  const uint8_t format = in.u8();
  std::vector<std::string> names;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) names.emplace_back(in.str());
  reader.set_columns(names, static_cast<RowFormat>(std::min<uint8_t>(format, 6)));
  labels_.load(in);
  encoder_.load(in, reader);
  if (!in.ok()) return corrupt("model: its features cannot be read");
  make_learner();
  learner_->load(in);
  TRY_STATUS(status());
  if (delays_) delays_->load(in);
  judged_.load(in);
  loss_.load(in);
  rise_.set_said(in.u64());
  rows_ = in.u64();
  drifts_ = in.u64();
  for (uint64_t* each : {&given_, &taken_, &late_ones_, &decide_at_}) *each = in.u64();
  arrivals_.load(in);
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const double at = in.f64();
    const uint64_t row = in.u64();
    Waiting& waiting = waiting_[{at, row}];
    waiting.label = in.f64();
    waiting.time = in.f64();
    for (float* each : {&waiting.p, &waiting.expected, &waiting.excess}) *each = in.f32();
    waiting.stage = in.u32();
    waiting.look_at = in.f64();
    waiting.label_at = in.f64();
    waiting.settled = in.u8() != 0;
    waiting.loss = in.f32();
    if (delays_ && waiting.stage < std::size(DelayModel::kStages)) looks_[{waiting.look_at, row}] = at;
    load_sample(in, waiting.sample);
    waiting.sample.time = waiting.time;
    waiting_bytes_ += waiting.bytes();
  }
  load_importance(in);
  if (!in.ok() || !in.done()) return corrupt("model: cannot be read to its end");
  return {};
}

}  // namespace freshet
