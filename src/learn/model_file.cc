#include "learn/model_file.h"

#include <algorithm>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr uint32_t kMagic = 0x314d5246;      // "FRM1"
constexpr uint32_t kBareState = 0x354c5246;  // "FRL5": of the version before, without settings.

std::string text_of(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + name;
  return out;
}

std::string as_flag(const std::string& name, const std::string& value) {
  return value.empty() ? "no --" + name : "--" + name + " " + value;
}

// Found out from the first rows, or told: the model knows them.
bool is_of_columns(const std::string& name) {
  return name == "numeric" || name == "categorical" || name == "ignore";
}

}  // namespace

ModelSettings settings_of(const TrainerConfig& config) {
  const EncoderConfig& encoder = config.encoder;
  const bool searches = config.search.configurations > 0;
  return {
      {"learner", config.learner},
      {"task", encoder.task == Task::kBinary ? "binary" : "regression"},
      {"label", encoder.label},
      {"positive", config.positive},
      {"rate", text_of(config.knobs.rate)},
      {"shrink", text_of(config.knobs.shrink)},
      {"optimizer", std::string(optimizer_name(config.rows.optimizer))},
      {"bf16", config.rows.bf16 ? "yes" : ""},
      {"admit", config.rows.admit > 1 ? std::to_string(config.rows.admit) : ""},
      {"expire", config.rows.expire > 0 ? text_of(config.rows.expire) : ""},
      {"row-bytes", config.rows.bytes_max > 0 ? std::to_string(config.rows.bytes_max) : ""},
      {"cold", config.rows.cold.empty() ? "" : "yes"},
      {"search", searches ? std::to_string(config.search.configurations) : ""},
      {"search-rows", searches ? std::to_string(config.search.rows) : ""},
      {"bits", std::to_string(encoder.bits)},
      {"seed", std::to_string(config.seed)},
      {"time", encoder.time},
      {"time-unit", encoder.time_unit_s > 0 ? text_of(encoder.time_unit_s) + " s" : ""},
      {"label-at", encoder.label_at},
      {"delay-mean", config.delay_mean > 0 ? text_of(config.delay_mean) : ""},
      {"publish-every", config.served.publish_every > 0 ? std::to_string(config.served.publish_every) : ""},
      {"gate", config.served.gate ? "yes" : ""},
      {"quarantine", config.served.quarantine > 0 ? std::to_string(config.served.quarantine) : ""},
      {"control", config.served.control ? "yes" : ""},
      {"segment", config.segment},
      {"numeric", joined(encoder.numeric)},
      {"categorical", joined(encoder.categorical)},
      {"ignore", joined(encoder.ignore)}};
}

std::string write_model_file(const ModelSettings& settings, std::string_view state) {
  Writer out;
  out.u32(kMagic);
  out.varint(settings.size());
  for (const auto& [name, value] : settings) {
    out.str(name);
    out.str(value);
  }
  out.str(state);
  out.u64(hash_bytes(out.bytes()));
  return out.take();
}

Result<std::string_view> read_model_file(std::string_view bytes, const ModelSettings& settings) {
  Reader start(bytes);
  const uint32_t magic = start.u32();
  if (magic == kBareState) return bytes;
  if (magic != kMagic) return corrupt("not a model of freshet learn, or of another version");
  if (bytes.size() < 16) return corrupt(std::to_string(bytes.size()) + " bytes, cut short");
  Reader sum(bytes.substr(bytes.size() - 8));
  bytes.remove_suffix(8);
  if (sum.u64() != hash_bytes(bytes)) return corrupt("the checksum does not fit: damaged or cut short");
  Reader in(bytes);
  (void)in.u32();
  ModelSettings made_with;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(in.str());
    made_with.emplace_back(std::move(name), in.str());
  }
  const std::string_view state = in.str();
  if (!in.ok() || !in.done()) return corrupt("cannot be read to its end");
  std::string others;
  for (const auto& [name, value] : settings) {
    const auto same = [&, &name = name](const auto& one) { return one.first == name; };
    const auto was = std::find_if(made_with.begin(), made_with.end(), same);
    const std::string before = was == made_with.end() ? "" : was->second;
    if (before == value || (is_of_columns(name) && value.empty())) continue;
    others += (others.empty() ? "" : "; ") + as_flag(name, before) + ", not " + as_flag(name, value);
  }
  if (!others.empty()) return invalid("was made with " + others);
  return state;
}

}  // namespace freshet
