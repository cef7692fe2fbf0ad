// A catalogue that was imported beside the live one takes its place.
#include <algorithm>

#include "engine/engine.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/secret.h"

namespace freshet {

Result<std::vector<Engine::WaitingCatalogue>> Engine::waiting_catalogues() {
  const std::shared_ptr<Live> current = live();
  std::vector<WaitingCatalogue> out;
  current->runner->run([&] {
    for (auto& [name, items] : current->state->catalog().waiting()) out.push_back({name, items});
  });
  return out;
}

Status Engine::expect_waiting(const std::string& name) {
  TRY(const std::vector<WaitingCatalogue> all, waiting_catalogues());
  std::string names;
  for (const WaitingCatalogue& one : all) {
    if (one.name == name) return {};
    names += (names.empty() ? "" : ", ") + one.name;
  }
  return not_found("catalogue \"" + name.substr(0, 64) + "\" does not wait beside the live one; " +
                   (names.empty() ? "none does" : "there are: " + names));
}

Status Engine::discard_catalogue(const std::string& name, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  TRY_STATUS(expect_waiting(name));
  Event event;
  event.type = EventType::kCatalogSwap;
  event.catalogue = name;
  event.name = "discard";
  event.source = by.empty() ? "freshet" : by;
  return administer({event});
}

// A second state is brought to where the live one is, from a snapshot and the tail; only it folds the swap,
// and when it has, it becomes the live one. Requests see either.
Status Engine::swap_catalogue(const std::string& name, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  const std::lock_guard replacing(replace_mutex_);
  TRY_STATUS(expect_waiting(name));
  TRY([[maybe_unused]] const SnapshotInfo from, snapshot());
  TRY(std::shared_ptr<Live> next, recovered_live());
  TRY_STATUS(next->runner->fold_until(log_->end()));
  std::shared_ptr<Live> old = live();
  old->runner->stop();  // From here until the exchange nothing is learned; everything is answered.
  const auto put = [&]() -> Status {
    Event event;
    event.type = EventType::kCatalogSwap;
    event.catalogue = name;
    event.time_ms = event.received_ms = now_ms();
    event.id = "admin-" + random_hex(8);
    event.source = by.empty() ? "freshet" : by;
    EventBatch batch;
    batch.add(event);
    TRY(const Offset at, log_->append(batch));
    TRY_STATUS(log_->commit(at + 1));
    return next->runner->fold_until(at + 1);
  };
  if (const Status done = put(); !done.ok()) {
    old->runner->start();
    return done;
  }
  next->report();
  next->observed = true;
  next->runner->start();
  {
    const std::unique_lock exchange(live_mutex_);
    live_ = next;
  }
  while (old.use_count() > 1)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // Requests in flight.
  old.reset();
  log_info("catalogue {} has taken the place of the live one", name);
  return {};
}

}  // namespace freshet
