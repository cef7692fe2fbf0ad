// What people decide about the ranker's parameters: checked here, then events like any other.
#include "base/epoch.h"
#include "engine/engine.h"
#include "env/log.h"

namespace freshet {

// What somebody should look at: what is learned, or what is live, turned out to be worse.
void warn_of(const PublicationNote& note) {
  for (const char* alarm : {"worse", "hold", "rollback", "suspect"})
    if (note.what == alarm)
      return log_warn("ranker: {} at offset {}, version {} is live: {}", note.what, note.at, note.version,
                      note.text);
}

PublicationReport Engine::ranker_publication() const {
  const std::shared_ptr<Live> current = live();
  PublicationReport report = current->state->ranker().publication().report();
  const EpochGuard guard;
  const Ranker::Parameters& now = current->state->ranker().parameters();
  const RankerSettings& settings = current->state->settings().book().published->settings.ranker;
  report.learner = {now.learner, now.prior, now.caution};
  report.declared = {settings.learner, settings.prior, settings.caution};
  report.promoted = now.promoted;
  return report;
}

Status Engine::roll_back_model(std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  if (ranker_publication().good == 0)
    return invalid("models: there is no version yet that is known to be good");
  return administer({settings_event("model-rollback", "", by)});
}

std::vector<ChallengerReport> Engine::challengers() const {
  const std::shared_ptr<Live> current = live();
  const EpochGuard guard;
  return current->state->ranker().parameters().challengers;
}

std::vector<Engine::RankedKind> Engine::ranked_kinds() const {
  const std::shared_ptr<Live> current = live();
  const EpochGuard guard;
  const Ranker::Parameters& now = current->state->ranker().parameters();
  std::vector<RankedKind> out;
  for (size_t k = 0; k < kRankKinds; ++k) {
    const auto kind = static_cast<RankKind>(k);
    if (kind == RankKind::kOther) continue;  // Never ordered by it.
    out.push_back({.name = rank_kind_name(kind),
                   .of = kind == RankKind::kSearch ? now.searches : RankHeard::kAll,
                   .pages = now.kinds[k].pages,
                   .clicks = now.kinds[k].clicks,
                   .believed = now.kinds[k].voices});
  }
  return out;
}

Status Engine::promote_challenger(std::string_view name, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  const std::vector<ChallengerReport> all = challengers();
  if (all.empty()) return invalid("models: there is no challenger; settings, ranker.challengers, name them");
  std::string names;
  for (const ChallengerReport& one : all) {
    if (one.of.name == name || (name.empty() && all.size() == 1))
      return administer({settings_event("model-challenger", one.of.name, by)});
    names += (names.empty() ? "\"" : ", \"") + one.of.name + "\"";
  }
  return invalid("name: expected one of " + names);
}

Status Engine::promote_model(uint64_t number, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  {
    const std::lock_guard erasures(erase_mutex_);
    if (number < ModelVersions::kImported && (erasing_ || !erase_waiting_.empty()))
      return unavailable("models: a person is being erased from what was learned; promote when that is done");
  }
  TRY(const std::vector<VersionPart> parts, models_->parts(number, live()->state->ranker().shape()));
  TRY_STATUS(live()->state->ranker().check(parts));
  const std::string bundle = bundle_of(parts);
  if (bundle.size() > kBundleBytesMax)
    return exhausted("models: version " + std::to_string(number) + " is too large for the log");
  return administer(promote_events(bundle, "version " + std::to_string(number), by));
}

Status Engine::pin_model(uint64_t number, const std::string& name, std::string_view by) {
  TRY_STATUS(models_->pin(number, name));
  note_key("model-pin", "version " + std::to_string(number) + " as " + name, by);
  return {};
}

Status Engine::unpin_model(uint64_t number, std::string_view by) {
  TRY_STATUS(models_->unpin(number));
  note_key("model-unpin", "version " + std::to_string(number), by);
  return {};
}

Result<uint64_t> Engine::import_model(std::string_view bytes, std::string_view by) {
  TRY(const uint64_t number, models_->import_bytes(bytes));
  const auto fits = [&]() -> Status {
    TRY(const std::vector<VersionPart> parts, models_->parts(number, live()->state->ranker().shape()));
    return live()->state->ranker().check(parts);
  };
  if (const Status status = fits(); !status.ok()) {
    TRY_STATUS(models_->remove(number));
    return status.error();
  }
  note_key("model-import", "version " + std::to_string(number), by);
  return number;
}

}  // namespace freshet
