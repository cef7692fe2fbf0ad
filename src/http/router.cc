#include "http/router.h"

#include <set>

namespace freshet {
namespace {

bool is_placeholder(const std::string& segment) {
  return segment.starts_with('{');
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments) {
  if (pattern.size() != segments.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (is_placeholder(pattern[i]) ? segments[i].empty() : pattern[i] != segments[i]) return false;
  }
  return true;
}

}  // namespace

void Router::add(Route route) {
  Request parsed;
  CHECK(parse_target(route.pattern, parsed).ok());
  Entry entry{std::move(route), std::move(parsed.segments), 0};
  for (const std::string& segment : entry.segments) entry.literals += is_placeholder(segment) ? 0 : 1;
  routes_.push_back(std::move(entry));
}

Router::Match Router::match(Method method, const std::vector<std::string>& segments) const {
  Match found;
  int best = -1;
  std::set<std::string> allowed;
  for (size_t i = 0; i < routes_.size(); ++i) {
    const Entry& entry = routes_[i];
    if (!fits(entry.segments, segments)) continue;
    const bool is_get = entry.route.method == Method::kGet;
    allowed.emplace(method_name(entry.route.method));
    if (is_get) allowed.emplace("HEAD");
    if (entry.route.method != method && !(is_get && method == Method::kHead)) continue;
    if (entry.literals <= best) continue;
    best = entry.literals;
    found.route = static_cast<int>(i);
  }
  if (!allowed.empty()) allowed.emplace("OPTIONS");
  for (const std::string& name : allowed) found.allow += (found.allow.empty() ? "" : ", ") + name;
  if (found.route < 0) return found;
  const std::vector<std::string>& pattern = routes_[static_cast<size_t>(found.route)].segments;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (is_placeholder(pattern[i])) found.params.push_back(segments[i]);
  }
  return found;
}

}  // namespace freshet
