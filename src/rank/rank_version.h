// A version of what the ranker serves: the words of its parts (rank/served_part.h), as they travel.
//
//   frame    a full frame (publish/delta.h) of an image with one table a part: a row for each word that is
//            not 0, its key the word's number, its eight codes the word's bytes. What version stores keep
//   bundle   the same for the log: name, size and gaps to words that are not 0, part by part. In chunks of
//            hexadecimal text that fit an event, with the hash of the whole (chunk_events)
//
// Both give back exactly the words. Threads: pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "event/event.h"
#include "fold/fold.h"
#include "publish/delta.h"

namespace freshet {

constexpr std::string_view kRankModel = "ranker";

struct VersionPart {
  std::string name;
  std::vector<uint64_t> words;
};

// What a ranker expects of a part.
struct PartShape {
  std::string_view name;
  size_t words = 0;
};

struct RankVersion {
  uint64_t number = 0;
  Offset offset = 0;  // Of the log, by which it was found to be good.
  TimeMs time_ms = 0;
  std::map<std::string, std::string> facts;
  std::vector<VersionPart> parts;
};

Result<std::string> version_frame(const RankVersion& version);
// kCorrupt, kInvalid: what is wrong; the frame of another model is one that is. Words are made only when the
// parts are those of `shape`, here and below: a few bytes may name very many. No shape: of any ranker.
Result<std::vector<VersionPart>> parts_of(std::string_view frame, std::span<const PartShape> shape = {});

std::string bundle_of(const std::vector<VersionPart>& parts);
Result<std::vector<VersionPart>> read_bundle(std::string_view bytes, std::span<const PartShape> shape = {});
// kInvalid: names what is not as expected.
Status check_shape(std::span<const PartShape> given, std::span<const PartShape> expected);

// The events that make a bundle live: "model-part" as many as it takes, then "model-promote".
constexpr size_t kChunkBytes = 400u << 10;
constexpr size_t kBundleBytesMax = size_t{30} << 20;
std::vector<Event> promote_events(const std::string& bundle, std::string_view label, std::string_view by,
                                  size_t chunk_bytes = kChunkBytes);

// What has come of a bundle, chunk by chunk. Applied only whole. Threads: one.
class BundleParts {
 public:
  // False: out of order, of another bundle, or not a chunk; what came before is dropped then.
  bool add(const Event& event);
  // The whole, if it is; what came is dropped in any case.
  Result<std::string> take();
  size_t bytes() const { return bytes_.size(); }
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  std::string bytes_;
  uint64_t hash_ = 0, next_ = 0, count_ = 0;
};

// How far the weights of two versions are apart.
struct WeightsApart {
  double greatest = 0, rms = 0;
  size_t changed = 0;
};
WeightsApart weights_apart(const std::vector<VersionPart>& a, const std::vector<VersionPart>& b);

}  // namespace freshet
