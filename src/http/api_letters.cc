// Dead letters: what the doors refused, to be looked at, counted, fixed, sent again or removed.
#include <algorithm>
#include <charconv>

#include "env/clock.h"
#include "http/internal/api_parts.h"

namespace freshet::http_internal {
namespace {

constexpr uint64_t kListMax = 1000;

Response bad_number(std::string_view text) {
  return problem(Problem{400, "invalid",
                         "number: expected a whole number, got \"" + valid_utf8(text.substr(0, 32)) + "\"",
                         "number"});
}

bool parse_number(std::string_view text, uint64_t& number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && stop == text.data() + text.size();
}

void write_letter(JsonWriter& json, const DeadLetter& letter) {
  json.object().field("number", letter.number).field("reason", reason_name(letter.reason));
  const std::pair<std::string_view, const std::string*> texts[] = {
      {"field", &letter.field}, {"expected", &letter.expected}, {"got", &letter.got}, {"door", &letter.door},
      {"kind", &letter.kind},   {"source", &letter.source},     {"raw", &letter.raw}, {"body", &letter.body}};
  for (const auto& [name, text] : texts) {
    if (!text->empty()) json.field(name, valid_utf8(*text));
  }
  json.field("index", letter.index).field("line", letter.line).field("time_ms", letter.time_ms);
  json.field("attempts", letter.attempts).field("truncated", letter.truncated).end();
}

// ?reason=...: `reason` is set and `given` points to it, or stays null.
void read_reason(Fields& fields, RejectReason& reason, const RejectReason*& given) {
  std::string name;
  fields.text("reason", name, 64);
  if (name.empty()) return;
  if (parse_reason(name, reason)) {
    given = &reason;
  } else {
    std::string names;
    for (int i = 0; i < kReasonCount; ++i)
      names += (i == 0 ? "" : ", ") + std::string(reason_name(static_cast<RejectReason>(i)));
    fields.wrong("reason", "expected one of " + names);
  }
}

Response list(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  uint64_t from = 0, limit = 100;
  RejectReason reason;
  const RejectReason* given = nullptr;
  fields.whole("from", from, 0, UINT64_MAX);
  fields.whole("limit", limit, 1, kListMax);
  read_reason(fields, reason, given);
  if (auto wrong = fields.finish()) return problem(*wrong);
  JsonWriter json;
  json.object().key("letters").array();
  uint64_t count = 0, next = 0;
  const Status listed = parts.engine.letters().list(from, given, [&](const DeadLetter& letter) {
    if (count == limit) {
      next = letter.number;
      return false;
    }
    ++count;
    write_letter(json, letter);
    return true;
  });
  if (!listed.ok()) return problem(listed.error());
  json.end();
  if (next > 0) json.field("next", next);  // The `from` of the next page.
  json.end();
  return json_response(json);
}

Response counts(ApiParts& parts, const Request&) {
  const DeadLetterCounts counted = parts.engine.letters().counts();
  JsonWriter json;
  json.object()
      .field("letters", counted.letters)
      .field("bytes", counted.bytes)
      .field("dropped", counted.dropped);
  json.key("by_reason").object();
  for (int i = 0; i < kReasonCount; ++i) {
    if (counted.by_reason[i] > 0) json.field(reason_name(static_cast<RejectReason>(i)), counted.by_reason[i]);
  }
  json.end().end();
  return json_response(json);
}

Response get(ApiParts& parts, const Request& request) {
  uint64_t number = 0;
  if (!parse_number(request.params[0], number)) return bad_number(request.params[0]);
  const Result<DeadLetter> letter = parts.engine.letters().get(number);
  if (!letter.ok()) return problem(letter.error());
  JsonWriter json;
  write_letter(json, *letter);
  return json_response(json);
}

Response fix(ApiParts& parts, const Request& request) {
  uint64_t number = 0;
  if (!parse_number(request.params[0], number)) return bad_number(request.params[0]);
  if (const Status fixed = parts.engine.letters().fix(number, request.body); !fixed.ok())
    return problem(fixed.error());
  return get(parts, request);
}

Response remove(ApiParts& parts, const Request& request) {
  uint64_t number = 0;
  if (!parse_number(request.params[0], number)) return bad_number(request.params[0]);
  if (const Status done = parts.engine.letters().remove(number); !done.ok()) return problem(done.error());
  JsonWriter json;
  json.object().field("removed", 1).end();
  return json_response(json);
}

Response remove_all(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  RejectReason reason;
  const RejectReason* given = nullptr;
  read_reason(fields, reason, given);
  if (auto wrong = fields.finish()) return problem(*wrong);
  const Result<uint64_t> removed = parts.engine.letters().remove_all(given);
  if (!removed.ok()) return problem(removed.error());
  JsonWriter json;
  json.object().field("removed", *removed).end();
  return json_response(json);
}

Response replay(ApiParts& parts, const Request& request) {
  uint64_t number = 0;
  if (!parse_number(request.params[0], number)) return bad_number(request.params[0]);
  Result<Accepted> taken = parts.engine.replay_letter(number, now_ms());
  if (!taken.ok()) return problem(taken.error());
  return accepted_response(parts.engine, std::move(taken).value());
}

// Sends up to `limit` letters again, one after the other; what is refused again stays.
Response replay_all(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  uint64_t limit = kListMax;
  RejectReason reason;
  const RejectReason* given = nullptr;
  fields.whole("limit", limit, 1, kListMax);
  read_reason(fields, reason, given);
  if (auto wrong = fields.finish()) return problem(*wrong);
  std::vector<uint64_t> numbers;
  const Status listed = parts.engine.letters().list(0, given, [&](const DeadLetter& letter) {
    numbers.push_back(letter.number);
    return numbers.size() < limit;
  });
  if (!listed.ok()) return problem(listed.error());
  Accepted all;
  for (const uint64_t number : numbers) {
    const Result<Accepted> taken = parts.engine.replay_letter(number, now_ms());
    if (!taken.ok()) {
      if (taken.error().code == Code::kNotFound) continue;  // Removed meanwhile.
      return problem(taken.error());
    }
    all.result.merge(taken->result);
    all.end = std::max(all.end, taken->end);
  }
  return accepted_response(parts.engine, std::move(all));
}

}  // namespace

void add_letter_routes(Router& router, ApiParts& parts) {
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  const std::string all = "/api/v1/dead-letters";
  const std::string one = all + "/{number}";
  router.add({Method::kGet, all, Access::kAdmin, 0, true, bind(list), true});
  router.add({Method::kDelete, all, Access::kAdmin, 0, true, bind(remove_all), true});
  router.add({Method::kGet, all + "/counts", Access::kAdmin, 0, true, bind(counts), true});
  router.add({Method::kPost, all + "/replay", Access::kAdmin, 0, true, bind(replay_all), true});
  router.add({Method::kGet, one, Access::kAdmin, 0, true, bind(get), true});
  router.add({Method::kPut, one, Access::kAdmin, 1 << 20, true, bind(fix), true});
  router.add({Method::kDelete, one, Access::kAdmin, 0, true, bind(remove), true});
  router.add({Method::kPost, one + "/replay", Access::kAdmin, 0, true, bind(replay), true});
}

}  // namespace freshet::http_internal
