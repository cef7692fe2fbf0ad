// Completions among many queries.
//
//   build/release/bench/suggest_bench [queries]      default: 1000000
//
// Queries of one to four words from a made-up vocabulary of 20,000 (Zipf), each searched by three shoppers so
// that it may be shown, the popular ones more often. Prefixes are cut from queries at random lengths; for
// typos, one letter behind the first is replaced.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/text_table.h"
#include "env/process.h"
#include "suggest/suggestions.h"

namespace freshet {
namespace {

std::string word(uint64_t number) {
  const char* const syllables[] = {"ba", "ce",  "di",  "fo",  "gu",  "ha",  "ke", "li", "mo",
                                   "nu", "pa",  "re",  "si",  "to",  "vu",  "wa", "xe", "yi",
                                   "zo", "bru", "cha", "dri", "fle", "sto", "tra"};
  std::string out;
  for (number += 25; number > 0; number /= 25) out += syllables[mix64(number) % 25];
  return out;
}

std::string query(uint64_t key) {
  Draw draw(key);
  std::string out;
  for (uint64_t words = 1 + draw.below(4); words > 0; --words) {
    if (!out.empty()) out.push_back(' ');
    // Log-uniform ranks: Zipf with exponent 1.
    uint64_t rank = 1;
    for (double u = draw.uniform() * 14.3; u >= 1; u -= 1) rank *= 2;
    out += word(draw.below(rank) % 20'000 + rank / 2 % 20'000);
  }
  return out;
}

struct Times {
  std::vector<double> us;
  size_t answered = 0;
  double at(double p) {
    std::sort(us.begin(), us.end());
    return us[std::min(us.size() - 1, static_cast<size_t>(p * static_cast<double>(us.size())))];
  }
};

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  using namespace freshet;
  const uint64_t wanted = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  Moment moment;
  moment.skip = false;
  SearchTrail trail(moment, {.searches_max = 1000});
  Suggestions suggestions(moment, trail, {.queries_max = static_cast<uint32_t>(wanted)});
  Event event;
  event.type = EventType::kSearch;
  uint64_t events = 0;
  const double begun = thread_cpu_seconds();  // Other jobs of the machine do not count.
  for (uint64_t key = 0; suggestions.queries() < wanted && suggestions.evicted() == 0 && key < 4 * wanted;
       ++key) {
    event.query = query(key);
    const uint64_t times = key % 64 == 0 ? 12 : 3;
    for (uint64_t who = 0; who < times; ++who, ++events) {
      event.user = std::to_string(who);
      moment.time_ms = moment.now_ms = static_cast<TimeMs>(events);
      trail.apply(events, event);
      suggestions.apply(events, event);
    }
  }
  const double seconds = thread_cpu_seconds() - begun;
  std::printf("%s queries, %s; %s search events folded at %s/s\n\n",
              format_count(suggestions.queries()).c_str(), format_bytes(suggestions.bytes()).c_str(),
              format_count(events).c_str(),
              format_count(static_cast<uint64_t>(static_cast<double>(events) / seconds)).c_str());
  const EpochGuard guard;
  Times times[4];
  const char* const names[] = {"popular (empty prefix)", "prefix of 1 to 3", "prefix of 4 and more",
                               "with a typo"};
  std::vector<Suggestion> out;
  for (uint64_t n = 0; n < 4000; ++n) {
    Draw draw(mix64(n, 99));
    std::string text = query(draw.below(wanted));
    const int kind = static_cast<int>(n % 4);
    if (kind == 0) text.clear();
    if (kind == 1) text.resize(std::min<size_t>(text.size(), 1 + draw.below(3)));
    if (kind >= 2) text.resize(std::min<size_t>(text.size(), 5 + draw.below(10)));
    if (kind == 3 && text.size() > 2) text[1 + draw.below(text.size() - 2)] = 'q';
    const double from = thread_cpu_seconds();  // Other jobs of the machine do not count.
    suggestions.complete(text, 10, true, {}, out);
    times[kind].us.push_back((thread_cpu_seconds() - from) * 1e6);
    times[kind].answered += !out.empty();
  }
  TextTable table({"top 10", "p50 us", "p99 us", "longest us", "answered"});
  for (int kind = 0; kind < 4; ++kind)
    table.row({names[kind], format_number(times[kind].at(0.5), 1), format_number(times[kind].at(0.99), 1),
               format_number(times[kind].at(1), 1),
               format_number(100.0 * static_cast<double>(times[kind].answered) /
                                 static_cast<double>(times[kind].us.size()),
                             0) +
                   " %"});
  std::printf("%s", table.text().c_str());
  return 0;
}
