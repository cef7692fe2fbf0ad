// What a live page shows: the newest events, the state of the server each second, and curves of the last
// minutes.
//
// The fold thread only tries to leave a short note (never waits, at most kNotesMax between two looks); a
// thread of this object's own turns notes into text and hands it to the streams.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "http/server.h"

namespace freshet {

class LiveFeed {
 public:
  static constexpr size_t kStreamsMax = 32;
  static constexpr size_t kStreamBytesMax = 256 << 10;  // Behind by more: messages are dropped.
  static constexpr size_t kNotesMax = 40;
  static constexpr size_t kPointsMax = 300;

  // One moment of the curves.
  struct Point {
    TimeMs wall_ms = 0;
    Offset applied = 0;
    double events_per_second = 0;
    double requests_per_second = 0;
    std::vector<double> log_loss;  // By source, in the order of EngineStats::sources.
    std::vector<double> share;
  };

  // `status`: the text of the "status" message. Set before start().
  explicit LiveFeed(Engine& engine) : engine_(engine) {}
  ~LiveFeed() { stop(); }
  void start(std::function<std::string()> status);
  void stop();

  void note(Offset at, const Event& event);  // Fold thread.
  std::shared_ptr<PushStream> subscribe();   // Null: kStreamsMax are open.
  size_t streams() const { return streams_open_.load(std::memory_order_relaxed); }
  std::vector<Point> curves() const;  // Oldest first, one every two seconds.

 private:
  void run();
  void sample();
  void send(std::string_view event, const std::string& data);

  Engine& engine_;
  std::function<std::string()> status_;
  std::atomic<size_t> streams_open_{0};

  std::mutex notes_mutex_;  // The fold thread only tries it.
  std::vector<std::string> notes_;

  mutable std::mutex mutex_;  // Guards the rest.
  std::condition_variable changed_;
  bool stopping_ = false;
  std::vector<std::shared_ptr<PushStream>> streams_;
  std::deque<Point> points_;
  uint64_t last_recommended_ = 0;
  std::thread thread_;
};

}  // namespace freshet
