// A progress bar on standard error with rate and time left; says nothing when that is not a terminal.
//
//   Progress progress("replay", bytes_total);                // 0: total not known, no bar and no time left
//   progress.at(bytes_read, events);                         // As often as you like: it draws 10 times a
//   second progress.done();                                         // Clears the line (the destructor does
//   too)
//
//   replay ███████████▌          54 %  1,204,311 events  412,000/s  3.1 s left
//
// Threads: one. Cost of at(): an increment; the clock is asked every 64 calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace freshet {

class Progress {
 public:
  // `draw`: whether to draw at all; by default if standard error is a terminal.
  Progress(std::string_view what, uint64_t total, std::string_view unit = "events");
  Progress(std::string_view what, uint64_t total, std::string_view unit, bool draw);
  ~Progress() { done(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `position` counts towards the total (bytes of the file, say), `count` is what the rate counts.
  void at(uint64_t position, uint64_t count) {
    position_ = position;
    count_ = count;
    if (draw_ && (++calls_ & 63) == 0) tick();
  }
  void at(uint64_t count) { at(count, count); }
  void total(uint64_t total) { total_ = total; }            // Known, or known better, only now.
  void note(std::string text) { note_ = std::move(text); }  // Said at the end of the line.
  void done();

  // The line as it would be drawn `elapsed_s` after the start.
  std::string line(double elapsed_s) const;

 private:
  void tick();

  const std::string what_;
  uint64_t total_;
  const std::string unit_;
  const bool draw_;
  const double begin_s_;
  double drawn_s_ = 0;
  uint64_t position_ = 0;
  uint64_t count_ = 0;
  uint64_t calls_ = 0;
  std::string note_;
  bool on_screen_ = false;
};

}  // namespace freshet
