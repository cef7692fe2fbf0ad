// A fold whose state tells at once when an event was missed, seen twice, or seen out of order.
#pragma once

#include <map>
#include <string>

#include "base/hash.h"
#include "fold/fold.h"

namespace freshet {

class ToyFold : public Fold {
 public:
  explicit ToyFold(std::string name = "toy", size_t padding = 0)
      : name_(std::move(name)), padding_(padding, 'x') {}

  std::string_view name() const override { return name_; }
  void apply(Offset at, const Event& event) override {
    chain_ = mix64(chain_, mix64(at, hash_bytes(event.id)));
    ++events_by_user_[event.user];
  }
  void save(Writer& out) const override {
    out.u64(chain_);
    out.varint(events_by_user_.size());
    for (const auto& [user, count] : events_by_user_) {
      out.str(user);
      out.varint(count);
    }
    out.str(padding_);
  }
  Status load(Reader& in) override {
    events_by_user_.clear();
    chain_ = in.u64();
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      const std::string user(in.str());
      events_by_user_[user] = in.varint();
    }
    in.str();
    if (!in.ok()) return corrupt("toy fold");
    return {};
  }
  size_t bytes() const override { return padding_.size(); }

 private:
  const std::string name_;
  const std::string padding_;
  uint64_t chain_ = 0;
  std::map<std::string, uint64_t> events_by_user_;
};

}  // namespace freshet
