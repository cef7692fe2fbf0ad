// The real model under replay: the folds of engine/shop_state.h, which are the server's, in memory or with
// log and snapshot in a data directory.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/shop_state.h"
#include "eval/replay_model.h"
#include "fold/snapshot_store.h"
#include "log/file_log.h"

namespace freshet {

class ShopModel final : public ReplayModel {
 public:
  // `data_dir` empty: in memory. Else log/ and snapshots/ there: the state begins where it stood (newest
  // snapshot and the log's tail), events are appended before they are folded, and close() writes a snapshot.
  static Result<std::unique_ptr<ShopModel>> open(const StateConfig& config, const std::string& data_dir = "");
  ~ShopModel() override;

  Status apply(const Event& event) override;
  Sequence before(const Event& event) const override;
  ItemSlot find(std::string_view item) const override { return state_->catalog().find(item); }
  std::string_view item_id(ItemSlot slot) const override;
  TimeMs now_ms() const override { return state_->entry().now_ms(); }
  const Answerer& live() const override;
  std::span<const std::string_view> source_names() const override { return Recommender::source_names(); }
  std::string save_learned() const override;
  Result<std::unique_ptr<Answerer>> open_copy(std::string_view learned) const override;
  uint64_t state_hash() const override { return state_->hash(); }
  // A copy as of `learned`, or when that is empty a recommender that knows nothing, which is then taught; it
  // knows the items of now.
  Result<std::unique_ptr<Answerer>> open_taught(std::string_view learned,
                                                const std::function<void(Recommender&)>& teach) const;

  // Makes the log durable and writes the snapshot. In memory: nothing to do.
  Status close();

  ShopState& state() { return *state_; }
  Offset folded() const { return next_; }  // Events folded, those of earlier runs included.
  size_t bytes() const;                    // Held by the folds.

 private:
  ShopModel() = default;
  Status recover(const std::string& data_dir);
  Status flush();

  StateConfig config_;
  std::unique_ptr<ShopState> state_;
  std::unique_ptr<Answerer> live_;
  std::unique_ptr<FileLog> log_;  // null: in memory
  std::unique_ptr<SnapshotStore> snapshots_;
  EventBatch batch_;
  Offset next_ = 0;
};

}  // namespace freshet
