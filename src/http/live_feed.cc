#include "http/live_feed.h"

#include <algorithm>

#include "base/json_writer.h"
#include "env/clock.h"

namespace freshet {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{200};
constexpr int kLooksASecond = 5;

std::string note_json(Offset at, const Event& event) {
  JsonWriter json;
  json.object()
      .field("offset", at)
      .field("type", event_type_name(event.type))
      .field("time_ms", event.time_ms);
  const std::pair<std::string_view, const std::string*> texts[] = {{"user", &event.user},
                                                                   {"session", &event.session},
                                                                   {"item", &event.item},
                                                                   {"query", &event.query},
                                                                   {"surface", &event.surface}};
  for (const auto& [name, text] : texts) {
    if (!text->empty()) json.field(name, std::string_view(*text));
  }
  if (!event.shown.empty()) {
    json.key("shown").array();
    for (size_t i = 0; i < std::min<size_t>(event.shown.size(), 10); ++i)
      json.value(std::string_view(event.shown[i].item));
    json.end();
  }
  json.end();
  return json.take();
}

}  // namespace

void LiveFeed::start(std::function<std::string()> status) {
  status_ = std::move(status);
  thread_ = std::thread([this] { run(); });
}

void LiveFeed::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& stream : streams_) stream->close();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LiveFeed::note(Offset at, const Event& event) {
  if (streams_open_.load(std::memory_order_relaxed) == 0) return;
  std::unique_lock lock(notes_mutex_, std::try_to_lock);
  if (!lock || notes_.size() >= kNotesMax) return;
  notes_.push_back(note_json(at, event));
}

std::shared_ptr<PushStream> LiveFeed::subscribe() {
  std::lock_guard lock(mutex_);
  std::erase_if(streams_, [](const auto& stream) { return stream->closed(); });
  if (stopping_ || streams_.size() >= kStreamsMax) return nullptr;
  streams_.push_back(std::make_shared<PushStream>(kStreamBytesMax));
  streams_open_ = streams_.size();
  return streams_.back();
}

std::vector<LiveFeed::Point> LiveFeed::curves() const {
  std::lock_guard lock(mutex_);
  return {points_.begin(), points_.end()};
}

void LiveFeed::send(std::string_view event, const std::string& data) {
  std::vector<std::shared_ptr<PushStream>> streams;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(streams_, [](const auto& stream) { return stream->closed(); });
    streams_open_ = streams_.size();
    streams = streams_;
  }
  for (const auto& stream : streams) stream->push(event, data);
}

void LiveFeed::sample() {
  const EngineStats stats = engine_.stats();
  Point point;
  point.wall_ms = now_ms();
  point.applied = stats.applied;
  for (const SourceStats& source : stats.sources) {
    point.log_loss.push_back(source.log_loss);
    point.share.push_back(source.share);
  }
  std::lock_guard lock(mutex_);
  if (!points_.empty()) {
    const Point& before = points_.back();
    const double seconds = std::max<double>(1, static_cast<double>(point.wall_ms - before.wall_ms)) / 1000;
    point.events_per_second =
        static_cast<double>(point.applied - std::min(before.applied, point.applied)) / seconds;
    point.requests_per_second = static_cast<double>(stats.recommended - last_recommended_) / seconds;
  }
  last_recommended_ = stats.recommended;
  points_.push_back(std::move(point));
  if (points_.size() > kPointsMax) points_.pop_front();
}

void LiveFeed::run() {
  for (uint64_t look = 0;; ++look) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kLook, [this] { return stopping_; });
      if (stopping_) return;
    }
    if (look % (2 * kLooksASecond) == 0) sample();
    if (streams() == 0) continue;
    std::vector<std::string> notes;
    {
      std::lock_guard lock(notes_mutex_);
      notes.swap(notes_);
    }
    for (const std::string& note : notes) send("event", note);
    if (look % kLooksASecond == 0) send("status", status_());
  }
}

}  // namespace freshet
