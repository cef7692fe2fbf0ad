#include "main/models_folder.h"

#include "base/hash.h"

namespace freshet {

bool is_servers(const VersionInfo& info) {
  return info.header.model == hash_bytes(std::string_view("ranker"));
}

Status check_versions_of(const std::string& folder, const std::string& learner) {
  if (!real_files().list(folder).ok()) return {};
  TRY(const VersionStore store, VersionStore::open(real_files(), folder));
  TRY(const auto versions, store.list());
  const std::string expected = "expected a folder without versions, or with those of --learner " + learner +
                               "; name another with --models";
  for (const VersionInfo& info : versions) {
    if (!info.damage.empty()) continue;
    if (is_servers(info))
      return invalid(folder + ": the folder of a server's ranker, which alone writes there; " + expected);
    const auto made_by = info.facts.find("learner");
    if (made_by == info.facts.end() || made_by->second == learner) continue;
    return invalid(folder + ": its version " + std::to_string(info.number) + " is of --learner " +
                   made_by->second + "; " + expected);
  }
  return {};
}

}  // namespace freshet
