#include "ingest/report.h"

#include <algorithm>
#include <array>

namespace freshet {
namespace {

constexpr std::array<std::string_view, kReasonCount> kNames = {
    "malformed", "type",     "unknown",  "missing",           "range",   "too_long",
    "too_many",  "too_deep", "encoding", "control_character", "time",    "too_old",
    "future",    "quota",    "robot",    "columns",           "reserved"};

}  // namespace

std::string_view reason_name(RejectReason reason) {
  const auto number = static_cast<size_t>(reason);
  return number < kNames.size() ? kNames[number] : "unknown_reason";
}

bool parse_reason(std::string_view name, RejectReason& reason) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return false;
  reason = static_cast<RejectReason>(found - kNames.begin());
  return true;
}

std::string Rejection::message() const {
  std::string out = line != 0 ? "line " + std::to_string(line) : "event " + std::to_string(index);
  if (!field.empty()) out += ": " + field;
  if (!expected.empty()) out += ": expected " + expected;
  if (!got.empty()) out += ", got " + got;
  return out + " (" + std::string(reason_name(reason)) + ")";
}

void IngestResult::add(const Rejection& rejection) {
  ++rejected;
  ++reasons[static_cast<size_t>(rejection.reason)];
  if (errors.size() < kRejectionsShown) errors.push_back(rejection);
}

void IngestResult::merge(const IngestResult& other) {
  received += other.received;
  accepted += other.accepted;
  duplicates += other.duplicates;
  rejected += other.rejected;
  filtered += other.filtered;
  marked += other.marked;
  for (int i = 0; i < kReasonCount; ++i) reasons[i] += other.reasons[i];
  for (const Rejection& error : other.errors) {
    if (errors.size() >= kRejectionsShown) break;
    errors.push_back(error);
  }
  retry_after_ms = std::max(retry_after_ms, other.retry_after_ms);
}

}  // namespace freshet
