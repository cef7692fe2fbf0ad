// Frames: how served parameters travel to replicas, edge nodes and files. docs/formats/parameters.md.
//
//   full    a whole image: a base, with which a chain begins or a replica is healed
//   delta   the rows that differ from the image before: number, key of a new row, codes as differences
//
// A frame names its model, the base its chain began with, its number in the chain, its rows, the hash of the
// image it belongs on and of the one it makes, and ends with a checksum. A Replica applies a delta only to
// exactly the image it was made from, and shows the new one only when its hash is the one the frame names:
// whatever is dropped, doubled, reordered, changed or foreign is refused, the image stays, and take() of a
// full frame heals it. Threads: Replica: one writer; view() from any thread, without waiting (base/epoch.h).
#pragma once

#include <atomic>

#include "base/epoch.h"
#include "publish/image.h"

namespace freshet {

enum class FrameKind : uint8_t { kFull, kDelta };

struct FrameHeader {
  static constexpr size_t kBytes = 60;
  FrameKind kind = FrameKind::kFull;
  uint64_t model = 0;     // Hash of the model's name.
  uint64_t base = 0;      // The version its chain began with.
  uint64_t sequence = 0;  // Deltas since then, this one included. Version = base + sequence.
  uint64_t before = 0;    // Hash of the image it belongs on; full: 0.
  uint64_t after = 0;     // Hash of the image it makes.
  uint32_t rows = 0;      // Added, changed and removed; full: all.
  uint32_t payload = 0;   // Bytes.
  uint64_t version() const { return base + sequence; }
};

// Rows of `to` that differ from `from` (the same tables).
std::string encode_delta(FrameHeader header, const Image& from, const Image& to);
std::string encode_full(FrameHeader header, const Image& image);

// Checks magic, format, size and checksum. kCorrupt says what is wrong.
Result<FrameHeader> read_header(std::string_view frame);

class Replica {
 public:
  explicit Replica(uint64_t model) : model_(model) {}
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // Applies a frame or refuses it: kCorrupt: damaged. kInvalid: whole, but not for here: another model,
  // another base, a gap, one that was there before. After a refusal that needs_base() the next full frame
  // heals it.
  Status take(std::string_view frame);
  // Something was lost, or nothing has come yet: ask the publisher for a full frame.
  bool needs_base() const { return needs_base_; }
  uint64_t version() const { return base_ + sequence_; }
  uint64_t refused() const { return refused_; }

  // What to answer from; stays as it is while the caller's EpochGuard lives. Null: nothing has come yet.
  const Image* view() const {
    const Holder* holder = shown_.load(std::memory_order_acquire);
    return holder == nullptr ? nullptr : holder->image.get();
  }
  std::shared_ptr<const Image> image() const { return image_; }  // Writer's thread.

 private:
  struct Holder {
    std::shared_ptr<const Image> image;
  };
  Status take_full(const FrameHeader& header, std::string_view payload);
  Status take_delta(const FrameHeader& header, std::string_view payload);
  void show(std::shared_ptr<const Image> image);

  const uint64_t model_;
  uint64_t base_ = 0, sequence_ = 0, refused_ = 0;
  bool needs_base_ = true;
  std::shared_ptr<const Image> image_;
  std::atomic<const Holder*> shown_{nullptr};
  RetireList retired_;
};

}  // namespace freshet
