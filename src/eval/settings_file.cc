#include "eval/settings_file.h"

#include <cerrno>
#include <fstream>
#include <system_error>

#include "settings/search_settings.h"

namespace freshet {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // As some editors begin UTF-8.

Result<std::string> read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(SettingsLimits::kJsonBytes + kByteOrderMark.size() + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) return not_found(path + ": " + std::generic_category().message(errno));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  if (text.size() > SettingsLimits::kJsonBytes)
    return invalid(path + ": too large for settings, " + std::to_string(SettingsLimits::kJsonBytes) +
                   " bytes at most");
  return text;
}

}  // namespace

Result<std::string> read_settings_file(const std::string& path) {
  if (path.empty()) return std::string();
  TRY(std::string text, read_text(path));
  const auto settings = parse_settings(text);
  if (!settings.ok()) return Error{settings.error().code, path + ": " + settings.error().what};
  return text;
}

}  // namespace freshet
