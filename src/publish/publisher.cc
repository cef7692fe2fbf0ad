#include "publish/publisher.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"

namespace freshet {
namespace {

std::shared_ptr<const Image> empty_image(std::vector<ImageTable> tables) {
  auto made = Image::make(std::move(tables));
  CHECK(made.ok());
  return *made;
}

int8_t next_code(int8_t code, float towards) {
  return static_cast<int8_t>(std::clamp(code + (towards > 0 ? 1 : -1), -127, 127));
}

}  // namespace

Publisher::Publisher(const PublisherConfig& config, std::vector<ImageTable> tables)
    : config_(config),
      model_(hash_bytes(config.model)),
      served_(empty_image(std::move(tables))),
      in_hand_(served_->tables().size()) {}

Status Publisher::collect(Trained& trained) {
  for (size_t table = 0; table < in_hand_.size(); ++table) {
    std::vector<uint64_t> keys = trained.changed(table);
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    const size_t dim = served_->tables()[table].dim;
    trained_.resize(dim);
    for (const uint64_t key : keys) {
      if (trained.read(table, key, trained_.data()))
        for (const float w : trained_)
          if (!std::isfinite(w))
            return invalid("parameters: table " + served_->tables()[table].name + ", key " +
                           std::to_string(key) + ": a weight is not finite");
      in_hand_[table].insert(key);
    }
    totals_.raw_rows += keys.size();
    totals_.raw_bytes += keys.size() * dim * sizeof(float);
  }
  trained.forget_changed();
  return {};
}

Result<std::shared_ptr<const Image>> Publisher::candidate(const Trained& trained, float fusion) {
  ImageEdit edit(served_);
  std::vector<int8_t> codes;
  for (size_t table = 0; table < in_hand_.size(); ++table) {
    const ImageTable& shape = served_->tables()[table];
    trained_.resize(shape.dim);
    before_.resize(shape.dim);
    codes.resize(shape.dim);
    for (const uint64_t key : in_hand_[table]) {
      uint32_t row = edit.now().find(table, key);
      if (!trained.read(table, key, trained_.data())) {
        if (row != Image::kNone) edit.remove(table, row);
        continue;
      }
      edit.now().read(table, row, before_.data());
      uint8_t shift = row == Image::kNone ? 0 : edit.now().shift(table, row);
      away_.resize(shape.dim);
      for (size_t d = 0; d < shape.dim; ++d) {
        away_[d] = trained_[d] - before_[d];
        trained_[d] = before_[d] + fusion * away_[d];
      }
      const uint8_t shift_before = shift;
      if (!quantize_row(trained_, shape.step, shift, codes.data()))
        return invalid("parameters: table " + shape.name + ", key " + std::to_string(key) +
                       ": a weight is not finite or far too large");
      const float step = std::ldexp(shape.step, shift);
      bool moved = shift != shift_before;
      if (shift == shift_before) {
        const int8_t* old = row == Image::kNone ? nullptr : edit.now().codes(table, row);
        for (size_t d = 0; d < shape.dim; ++d) {
          const int8_t was = old == nullptr ? int8_t{0} : old[d];
          const float apart = std::fabs(away_[d]);
          if (old != nullptr && apart < config_.still * step)
            codes[d] = was;
          else if (codes[d] == was && fusion > 0 && apart > std::max(config_.still, 0.5f) * step)
            codes[d] = next_code(was, away_[d]);
          moved = moved || codes[d] != was;
        }
      }
      if (!moved) continue;
      if (row == Image::kNone) {
        row = edit.free_row(table);
        if (!edit.add(table, row, key)) return exhausted("parameters: table " + shape.name + " is full");
      }
      edit.set(table, row, shift, codes.data());
    }
    const uint32_t end = served_->rows_end(table);
    const uint32_t part = static_cast<uint32_t>(totals_.candidates % config_.removal_parts);
    for (uint32_t row = part; row < end; row += config_.removal_parts)
      if (edit.now().used(table, row) && !trained.read(table, edit.now().key(table, row), trained_.data()))
        edit.remove(table, row);
  }
  ++totals_.candidates;
  return edit.take();
}

bool Publisher::near(const Image& image, size_t table, uint64_t key, const Trained& trained) const {
  const ImageTable& shape = image.tables()[table];
  trained_.resize(shape.dim);
  before_.resize(shape.dim);
  const uint32_t row = image.find(table, key);
  if (!trained.read(table, key, trained_.data())) return row == Image::kNone;
  image.read(table, row, before_.data());
  const float step = std::ldexp(shape.step, row == Image::kNone ? 0 : image.shift(table, row));
  for (size_t d = 0; d < shape.dim; ++d)
    if (!(std::fabs(trained_[d] - before_[d]) <= config_.still * step)) return false;
  return true;
}

FrameHeader Publisher::header(uint64_t sequence) const {
  FrameHeader header;
  header.model = model_;
  header.base = base_;
  header.sequence = sequence;
  return header;
}

std::string Publisher::serve(std::shared_ptr<const Image> image) {
  std::string delta = encode_delta(header(++sequence_), *served_, *image);
  served_ = std::move(image);
  ++totals_.deltas;
  totals_.bytes += delta.size();
  return delta;
}

std::string Publisher::publish(std::shared_ptr<const Image> image, const Trained& trained) {
  for (size_t table = 0; table < in_hand_.size(); ++table)
    std::erase_if(in_hand_[table], [&](uint64_t key) { return near(*image, table, key, trained); });
  std::string delta = serve(std::move(image));
  const auto header = read_header(delta);
  totals_.rows += header->rows;
  return delta;
}

std::string Publisher::roll_back(std::shared_ptr<const Image> image) {
  for (size_t table = 0; table < in_hand_.size(); ++table)
    for (const Image* each : {served_.get(), image.get()})
      for (uint32_t row = 0; row < each->rows_end(table); ++row) {
        if (row % Image::kPageRows == 0 && served_->same_page(*image, table, row)) {
          row += Image::kPageRows - 1;
          continue;
        }
        if (each->used(table, row)) in_hand_[table].insert(each->key(table, row));
      }
  return serve(std::move(image));
}

std::string Publisher::full() const {
  return encode_full(header(sequence_), *served_);
}

void Publisher::new_base() {
  base_ = version();
  sequence_ = 0;
}

}  // namespace freshet
