#include "experiment/experiment.h"

#include <algorithm>
#include <span>

#include "base/hash.h"
#include "base/json_writer.h"
#include "json/json.h"

namespace freshet {
namespace {

constexpr std::string_view kKinds[] = {"ab", "interleaving"};
constexpr std::string_view kOn[] = {"search", "recommendations"};
constexpr std::string_view kStates[] = {"draft", "running", "stopped", "shipped"};
constexpr std::string_view kGoals[] = {"click_through", "cart_rate", "purchase_rate", "revenue"};

// Purposes of the hashes of a shopper.
constexpr uint64_t kPlace = 0x706c616365, kArm = 0x61726d, kBucket = 0x6275636b6574;

double unit(uint64_t hash) {
  return static_cast<double>(hash >> 11) * 0x1.0p-53;
}

// {"settings_version": 7}; of the variant also {"settings": {...}}.
bool read_arm(JsonFields& fields, std::string_view name, uint64_t& version, std::string* settings) {
  const Json* given = fields.any(name);
  if (given == nullptr) return false;
  JsonFields inner(*given, fields.path(name));
  if (given->object() != nullptr) {
    inner.whole("settings_version", version, 0, UINT64_MAX / 2);
    const bool numbered = inner.has("settings_version");
    const Json* differing = settings == nullptr ? nullptr : inner.any("settings");
    if (differing != nullptr && differing->object() == nullptr)
      inner.wrong("settings", "an object of the settings that differ", differing);
    if (numbered == (differing != nullptr))
      inner.wrong("settings_version", settings == nullptr ? "the number of a version of the settings"
                                                          : "either this or settings, and not both");
    if (differing != nullptr) {
      JsonWriter text;
      write_json(text, *differing);
      *settings = text.take();
    }
  }
  fields.fail(inner.finish());
  return true;
}

}  // namespace

std::string_view kind_name(ExperimentKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}
std::string_view on_name(ExperimentOn on) {
  return kOn[static_cast<size_t>(on)];
}
std::string_view pages_name(ExperimentOn on) {
  return on == ExperimentOn::kSearch ? "searches" : "recommendations";
}
std::string_view state_name(ExperimentState state) {
  return kStates[static_cast<size_t>(state)];
}
std::string_view goal_name(Goal goal) {
  return kGoals[static_cast<size_t>(goal)];
}

Status check_experiment_name(std::string_view name) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  if (name.empty() || name.size() > ExperimentLimits::kNameBytes ||
      !std::all_of(name.begin(), name.end(), fine))
    return invalid("name: expected 1 to 64 of a-z 0-9 - _ . , got \"" + std::string(name.substr(0, 80)) +
                   "\"");
  return {};
}

Result<AskedExperiment> parse_experiment(std::string_view name, std::string_view text) {
  TRY_STATUS(check_experiment_name(name));
  TRY(const Json json, parse_json(text, {.bytes_max = ExperimentLimits::kJsonBytes, .depth_max = 12}));
  AskedExperiment asked;
  ExperimentDefinition& of = asked.of;
  of.name = name;
  JsonFields fields(json, "");
  if (json.object() != nullptr) {
    std::string own_name(name);
    fields.text("name", own_name, 1, ExperimentLimits::kNameBytes);
    if (own_name != name) fields.wrong("name", "the name of the path, or none");
    fields.text("note", of.note, 0, ExperimentLimits::kNoteBytes);
    fields.one_of("kind", of.kind, kKinds);
    fields.one_of("on", of.on, kOn);
    asked.control_given = read_arm(fields, "control", of.control, nullptr);
    if (!read_arm(fields, "variant", of.variant, &asked.variant_settings))
      fields.wrong("variant", "an object with settings_version or settings");
    fields.number("share", of.share, 0.01, 0.99);
    fields.number("traffic", of.traffic, 0.01, 1);
    fields.one_of("goal", of.goal, kGoals);
    fields.number("alpha", of.alpha, 0.0001, 0.2);
    fields.number("minimum_effect", of.minimum_effect, 0.001, 1);
    if (of.kind == ExperimentKind::kInterleaving && of.goal == Goal::kRevenue)
      fields.wrong("goal", "click_through, cart_rate or purchase_rate: interleaving counts who wins a page");
  }
  TRY_STATUS(fields.finish());
  return asked;
}

std::string experiment_json(const ExperimentDefinition& of) {
  JsonWriter json;
  json.object().field("name", std::string_view(of.name)).field("note", std::string_view(of.note));
  json.field("kind", kind_name(of.kind)).field("on", on_name(of.on));
  json.key("control").object().field("settings_version", of.control).end();
  json.key("variant").object().field("settings_version", of.variant).end();
  json.field("share", of.share).field("traffic", of.traffic).field("goal", goal_name(of.goal));
  json.field("alpha", of.alpha).field("minimum_effect", of.minimum_effect).end();
  return json.take();
}

double shopper_place(std::string_view shopper) {
  return unit(mix64(hash_bytes(shopper), kPlace));
}

Arm arm_of(std::string_view shopper, const ExperimentDefinition& definition) {
  const uint64_t salt = mix64(hash_bytes(definition.name), kArm);
  return unit(mix64(hash_bytes(shopper), salt)) < definition.share ? Arm::kVariant : Arm::kControl;
}

uint32_t shopper_bucket(std::string_view shopper, uint32_t buckets) {
  return static_cast<uint32_t>(mix64(hash_bytes(shopper), kBucket) % buckets);
}

}  // namespace freshet
