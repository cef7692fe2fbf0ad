#include "eval/shop_model.h"

#include "env/file.h"

namespace freshet {
namespace {

constexpr size_t kBatchEvents = 1000;

// The catalogue as a copy may know it: items that came after its publication are not there. (Sources propose
// what the catalogue has, so a copy that saw newer items would rank what nothing was ever learned of.)
class FactsThen final : public ItemFacts {
 public:
  FactsThen(const ItemFacts& now, uint32_t slots) : now_(now), slots_(slots) {}
  uint32_t slots() const override { return slots_; }
  std::span<const uint32_t> facets(ItemSlot item) const override {
    return item < slots_ ? now_.facets(item) : std::span<const uint32_t>();
  }
  uint64_t key(ItemSlot item) const override { return now_.key(item); }
  bool before(ItemSlot a, ItemSlot b) const override { return now_.before(a, b); }

 private:
  const ItemFacts& now_;
  const uint32_t slots_;
};

class RecommenderView final : public Answerer {
 public:
  explicit RecommenderView(const Recommender& recommender) : recommender_(recommender) {}
  RecommenderView(std::unique_ptr<ItemFacts> facts, std::unique_ptr<Recommender> owned)
      : facts_(std::move(facts)), owned_(std::move(owned)), recommender_(*owned_) {}
  std::vector<Recommended> recommend(const RecommendQuery& query) const override {
    return recommender_.recommend(query);
  }
  Inspection inspect(const RecommendQuery& query, ItemSlot target) const override {
    return recommender_.inspect(query, target);
  }

 private:
  const std::unique_ptr<ItemFacts> facts_;  // Outlives the recommender that reads it.
  const std::unique_ptr<Recommender> owned_;
  const Recommender& recommender_;
};

}  // namespace

Result<std::unique_ptr<ShopModel>> ShopModel::open(const StateConfig& config, const std::string& data_dir) {
  std::unique_ptr<ShopModel> model(new ShopModel);
  model->config_ = config;
  if (data_dir.empty()) {
    TRY(model->state_, ShopState::open(config));
  } else {
    TRY_STATUS(model->recover(data_dir));
  }
  model->live_ = std::make_unique<RecommenderView>(model->state_->recommender());
  return model;
}

ShopModel::~ShopModel() = default;

Status ShopModel::recover(const std::string& data_dir) {
  FileSystem& files = real_files();
  TRY_STATUS(files.make_dirs(data_dir));
  FileLogOptions options;
  options.durability = Durability::kNone;  // One sync at close(): a replay that dies is run again.
  TRY(log_, FileLog::open(files, data_dir + "/log", options));
  TRY(snapshots_, SnapshotStore::open(files, data_dir + "/snapshots"));
  TRY(const auto loaded, with_fresh_folds(*snapshots_, [&]() -> Result<std::optional<SnapshotInfo>> {
        TRY(state_, ShopState::open(config_));
        return snapshots_->load_newest(state_->folds(), log_->begin(), log_->end());
      }));
  if (!loaded.has_value() && log_->begin() > 0)
    return corrupt(data_dir + ": no sound snapshot, and the log begins at " + std::to_string(log_->begin()) +
                   "; replay into an empty directory");
  next_ = loaded.has_value() ? loaded->offset : 0;
  TRY(const std::unique_ptr<Cursor> cursor, log_->read(next_));
  Event event;
  while (true) {
    TRY(const bool more, cursor->next());
    if (!more) return {};
    TRY_STATUS(cursor->decode(event));
    state_->apply(next_++, event);
  }
}

Status ShopModel::apply(const Event& event) {
  if (log_ != nullptr) {
    batch_.add(event);
    if (batch_.count() >= kBatchEvents) TRY_STATUS(flush());
  }
  state_->apply(next_++, event);
  return {};
}

Status ShopModel::flush() {
  TRY(const Offset at, log_->append(batch_));
  (void)at;
  batch_.clear();
  return {};
}

Status ShopModel::close() {
  if (log_ == nullptr) return {};
  TRY_STATUS(flush());
  TRY_STATUS(log_->close());
  TRY(const SnapshotInfo written, snapshots_->write(next_, state_->folds()));
  (void)written;
  return {};
}

Sequence ShopModel::before(const Event& event) const {
  return state_->profiles().before(event, event.time_ms == kNoTime ? now_ms() : event.time_ms);
}

std::string_view ShopModel::item_id(ItemSlot slot) const {
  const ItemRecord* record = state_->catalog().item(slot);
  return record == nullptr ? std::string_view() : std::string_view(record->id);
}

const Answerer& ShopModel::live() const {
  return *live_;
}

std::string ShopModel::save_learned() const {
  Writer out;
  out.u32(state_->facts().slots());
  state_->recommender().save(out);
  return out.take();
}

Result<std::unique_ptr<Answerer>> ShopModel::open_copy(std::string_view learned) const {
  Reader in(learned);
  auto facts = std::make_unique<FactsThen>(state_->facts(), in.u32());
  TRY(std::unique_ptr<Recommender> copy, Recommender::open(*facts, config_.recommender));
  TRY_STATUS(copy->load(in));
  return std::unique_ptr<Answerer>(new RecommenderView(std::move(facts), std::move(copy)));
}

Result<std::unique_ptr<Answerer>> ShopModel::open_taught(
    std::string_view learned, const std::function<void(Recommender&)>& teach) const {
  auto facts = std::make_unique<FactsThen>(state_->facts(), state_->facts().slots());
  TRY(std::unique_ptr<Recommender> copy, Recommender::open(*facts, config_.recommender));
  if (!learned.empty()) {
    Reader in(learned);
    in.u32();  // How many items it knew.
    TRY_STATUS(copy->load(in));
  }
  teach(*copy);
  return std::unique_ptr<Answerer>(new RecommenderView(std::move(facts), std::move(copy)));
}

size_t ShopModel::bytes() const {
  size_t bytes = 0;
  for (const Fold* fold : state_->folds()) bytes += fold->bytes();
  return bytes;
}

}  // namespace freshet
