#include "publish/version_store.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr uint32_t kMagic = 0x53524556;  // "VERS"
constexpr uint16_t kFormat = 1;
constexpr size_t kLivesKept = 100;
constexpr std::string_view kImportedName = "imported-";

std::string to_text(uint64_t number) {
  return std::to_string(number);
}

bool number_in(std::string_view text, uint64_t& out) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && end.ec == std::errc{} && end.ptr == text.data() + text.size();
}

std::string pack(std::string_view frame, const std::map<std::string, std::string>& facts) {
  Writer out;
  out.u32(kMagic);
  out.u16(kFormat);
  out.varint(facts.size());
  for (const auto& [name, value] : facts) {
    out.str(name);
    out.str(value);
  }
  out.str(frame);
  out.u64(hash_bytes(out.bytes()));
  return out.take();
}

Result<VersionInfo> unpack(const std::string& where, std::string_view bytes, std::string* frame) {
  const auto wrong = [&](const std::string& what) { return corrupt(where + ": " + what); };
  if (bytes.size() < 16) return wrong(to_text(bytes.size()) + " bytes, cut short");
  Reader sum(bytes.substr(bytes.size() - 8));
  if (sum.u64() != hash_bytes(bytes.substr(0, bytes.size() - 8)))
    return wrong("the checksum does not fit: damaged or cut short");
  Reader in(bytes.substr(0, bytes.size() - 8));
  if (in.u32() != kMagic) return wrong("does not begin with VERS");
  if (const uint16_t format = in.u16(); format != kFormat)
    return wrong("format " + to_text(format) + ", this program reads 1");
  VersionInfo info;
  info.bytes = bytes.size();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(in.str());
    info.facts[std::move(name)] = in.str();
  }
  const std::string_view whole = in.str();
  if (!in.ok() || !in.done()) return wrong("ends early");
  const auto header = read_header(whole);
  if (!header.ok()) return wrong(header.error().what);
  info.header = *header;
  if (frame != nullptr) *frame = whole;
  return info;
}

Result<std::shared_ptr<const Image>> image_of(std::string_view frame) {
  TRY(const FrameHeader header, read_header(frame));
  Reader in(frame.substr(FrameHeader::kBytes, header.payload));
  TRY(std::shared_ptr<const Image> image, load_image(in));
  if (image->hash() != header.after) return corrupt("parameters: do not make the image their header names");
  return image;
}

Status check_name(const std::string& name) {
  uint64_t digits = 0;
  if (!name.empty() && name.size() <= 64 && !number_in(name, digits) && name != "live" && name != "newest" &&
      name != "good" && !name.starts_with(kImportedName) &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
          std::string::npos)
    return {};
  return invalid(
      "name: expected up to 64 letters, digits, '_', '-' or '.', not a number alone, not live, newest or "
      "good, which are others in time, and not imported-*, got '" +
      name.substr(0, 80) + "'");
}

VersionDiff::Table compare(const Image& a, const Image& b, size_t table) {
  VersionDiff::Table out;
  const size_t dim = a.tables()[table].dim;
  out.name = a.tables()[table].name;
  out.rows_a = a.rows(table);
  out.rows_b = b.rows(table);
  std::vector<float> in_a(dim), in_b(dim);
  size_t both = 0;
  double squares = 0;
  for (uint32_t row = 0; row < a.rows_end(table); ++row) {
    if (!a.used(table, row)) continue;
    const uint32_t other = b.find(table, a.key(table, row));
    if (other == Image::kNone) {
      ++out.only_a;
      continue;
    }
    ++both;
    a.read(table, row, in_a.data());
    b.read(table, other, in_b.data());
    double most = 0;
    for (size_t d = 0; d < dim; ++d) {
      const double apart = std::fabs(in_a[d] - in_b[d]);
      most = std::max(most, apart);
      squares += apart * apart;
    }
    out.changed += most > 0 ? 1 : 0;
    out.greatest = std::max(out.greatest, most);
  }
  out.only_b = out.rows_b - both;
  if (both > 0) out.rms = std::sqrt(squares / static_cast<double>(both * dim));
  return out;
}

}  // namespace

Result<VersionStore> VersionStore::open(FileSystem& files, std::string dir, size_t keep) {
  TRY_STATUS(files.make_dirs(dir));
  return VersionStore(files, std::move(dir), std::max<size_t>(keep, 2));
}

std::string VersionStore::file(uint64_t number) const {
  const std::string digits = to_text(number);
  return std::string(20 - digits.size(), '0') + digits;
}

Result<std::vector<uint64_t>> VersionStore::numbers() const {
  TRY(const auto names, files_->list(dir_));
  std::vector<uint64_t> out;
  for (const std::string& name : names) {
    uint64_t number = 0;
    if (name.ends_with(".version") && number_in(std::string_view(name).substr(0, name.size() - 8), number))
      out.push_back(number);
  }
  std::sort(out.rbegin(), out.rend());
  return out;
}

Result<std::vector<uint64_t>> VersionStore::lives() const {
  const auto text = read_file(*files_, dir_ + "/live");
  std::vector<uint64_t> out;
  if (!text.ok() && text.error().code == Code::kNotFound) return out;
  if (!text.ok()) return text.error();
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    uint64_t number = 0;
    if (!number_in(std::string_view(*text).substr(at, end - at), number))
      return corrupt(dir_ + "/live: expected a number on each line; remove it, and promote a version");
    out.push_back(number);
    at = end + 1;
  }
  return out;
}

Status VersionStore::set_lives(std::vector<uint64_t> lives) const {
  if (lives.size() > kLivesKept) lives.erase(lives.begin(), lives.end() - kLivesKept);
  std::string text;
  for (const uint64_t number : lives) text += to_text(number) + "\n";
  return write_file_atomically(*files_, dir_, "live", text);
}

Result<VersionInfo> VersionStore::read(uint64_t number, std::string* frame) const {
  const std::string path = dir_ + "/" + file(number) + ".version";
  TRY(const std::string bytes, read_file(*files_, path));
  TRY(VersionInfo info, unpack(path, bytes, frame));
  info.number = number;
  info.name = name_of(number);
  TRY(const auto live, lives());
  info.live = !live.empty() && live.back() == number;
  return info;
}

Status VersionStore::write(uint64_t number, std::string_view bytes) const {
  return write_file_atomically(*files_, dir_, file(number) + ".version", bytes);
}

std::string VersionStore::name_of(uint64_t number) const {
  const auto name = read_file(*files_, dir_ + "/" + file(number) + ".name");
  return name.ok() ? *name : std::string();
}

Status VersionStore::write_name(uint64_t number, const std::string& name) const {
  return write_file_atomically(*files_, dir_, file(number) + ".name", name);
}

// The number of the store's own newest; 0: it has none. `there` is newest first.
uint64_t VersionStore::newest_own(const std::vector<uint64_t>& there) {
  const auto own = std::find_if(there.begin(), there.end(), [](uint64_t n) { return n < kImported; });
  return own == there.end() ? 0 : *own;
}

Result<uint64_t> VersionStore::save(std::string_view full_frame,
                                    const std::map<std::string, std::string>& facts) {
  TRY(const auto there, numbers());
  const uint64_t number = newest_own(there) + 1;
  TRY_STATUS(write(number, pack(full_frame, facts)));
  TRY_STATUS(promote(number));
  TRY_STATUS(prune());
  return number;
}

Status VersionStore::save_as(uint64_t number, std::string_view full_frame,
                             const std::map<std::string, std::string>& facts) {
  TRY_STATUS(write(number, pack(full_frame, facts)));
  return prune();
}

Status VersionStore::remove(uint64_t number) {
  if (read_file(*files_, dir_ + "/" + file(number) + ".name").ok())
    TRY_STATUS(files_->remove(dir_ + "/" + file(number) + ".name"));
  return files_->remove(dir_ + "/" + file(number) + ".version");
}

Status VersionStore::prune() const {
  TRY(const auto there, numbers());
  TRY(const auto live, lives());
  const std::vector<uint64_t> needed(live.size() > 2 ? live.end() - 2 : live.begin(), live.end());
  size_t kept = 0;
  for (const uint64_t number : there) {  // Newest first.
    if (number >= kImported || !name_of(number).empty()) continue;
    if (++kept <= keep_ || std::find(needed.begin(), needed.end(), number) != needed.end()) continue;
    TRY_STATUS(files_->remove(dir_ + "/" + file(number) + ".version"));
  }
  return {};
}

VersionInfo VersionStore::look(uint64_t number) const {
  auto info = read(number, nullptr);
  if (info.ok()) return std::move(*info);
  VersionInfo damaged;
  damaged.number = number;
  damaged.name = name_of(number);
  if (const auto live = lives(); live.ok() && !live->empty()) damaged.live = live->back() == number;
  damaged.damage = info.error().what;
  return damaged;
}

Result<std::vector<VersionInfo>> VersionStore::list() const {
  TRY(const auto there, numbers());
  if (const auto live = lives(); !live.ok()) return live.error();  // Else each would be said to be damaged.
  std::vector<VersionInfo> out;
  out.reserve(there.size());
  for (const uint64_t number : there) out.push_back(look(number));
  return out;
}

Result<uint64_t> VersionStore::number_of(const std::string& name) const {
  TRY(const auto there, numbers());
  TRY(const auto live, lives());
  if (name == "newest" && newest_own(there) > 0) return newest_own(there);
  if (name == "live" && !live.empty()) return live.back();
  uint64_t number = 0;
  const bool is_number = number_in(name, number);
  for (const uint64_t each : there)
    if (is_number ? each == number : !name.empty() && name_of(each) == name) return each;
  return not_found("no version \"" + name + "\" in " + dir_ + "; `freshet models list` shows what there is");
}

Result<VersionInfo> VersionStore::find(const std::string& name) const {
  TRY(const uint64_t number, number_of(name));
  return read(number, nullptr);
}

Result<std::string> VersionStore::frame(uint64_t number) const {
  std::string frame;
  TRY(const VersionInfo info, read(number, &frame));
  return frame;
}

Result<VersionDiff> VersionStore::diff(uint64_t a, uint64_t b) const {
  std::string frame_a;
  std::string frame_b;
  TRY(const VersionInfo info_a, read(a, &frame_a));
  TRY(const VersionInfo info_b, read(b, &frame_b));
  TRY(const auto image_a, image_of(frame_a));
  TRY(const auto image_b, image_of(frame_b));
  VersionDiff diff;
  diff.equal = image_a->hash() == image_b->hash();
  const auto fact = [](const VersionInfo& info, const std::string& name) {
    const auto found = info.facts.find(name);
    return found == info.facts.end() ? std::string() : found->second;
  };
  for (const VersionInfo* info : {&info_a, &info_b})
    for (const auto& [name, value] : info->facts)
      if (fact(info_a, name) != fact(info_b, name))
        diff.facts[name] = {fact(info_a, name), fact(info_b, name)};
  if (image_a->tables() != image_b->tables()) return diff;
  for (size_t table = 0; table < image_a->tables().size(); ++table)
    diff.tables.push_back(compare(*image_a, *image_b, table));
  return diff;
}

Status VersionStore::pin(uint64_t number, const std::string& name) {
  TRY(const VersionInfo info, read(number, nullptr));
  if (!name.empty() && name == info.name) return {};
  TRY_STATUS(check_name(name));
  if (const auto other = number_of(name); other.ok())
    return invalid("name: version " + to_text(*other) + " is called '" + name + "' already");
  return write_name(number, name);
}

Status VersionStore::unpin(uint64_t number) {
  if (number >= kImported) return remove(number);
  return name_of(number).empty() ? Status() : files_->remove(dir_ + "/" + file(number) + ".name");
}

Status VersionStore::promote(uint64_t number) {
  TRY(const VersionInfo info, read(number, nullptr));
  TRY(auto live, lives());
  if (info.live) return {};
  live.push_back(number);
  return set_lives(std::move(live));
}

Result<uint64_t> VersionStore::roll_back() {
  TRY(auto live, lives());
  if (live.size() < 2) return invalid("models: there is no version that was live before this one");
  const uint64_t before = live[live.size() - 2];
  TRY(const VersionInfo info, read(before, nullptr));
  live.pop_back();
  TRY_STATUS(set_lives(std::move(live)));
  return before;
}

Result<std::string> VersionStore::export_bytes(uint64_t number) const {
  TRY(const VersionInfo info, read(number, nullptr));
  return read_file(*files_, dir_ + "/" + file(number) + ".version");
}

Result<VersionInfo> VersionStore::inspect(std::string_view bytes) {
  std::string frame;
  TRY(VersionInfo info, unpack("import", bytes, &frame));
  TRY(const auto image, image_of(frame));
  return info;
}

Result<uint64_t> VersionStore::import_bytes(std::string_view bytes) {
  TRY(const VersionInfo info, inspect(bytes));
  TRY(const auto there, numbers());
  const uint64_t number = newest_own(there) + 1;
  for (const uint64_t other : there)
    if (const VersionInfo own = look(other); own.damage.empty() && own.header.model != info.header.model)
      return invalid("import: it is of another model than the versions in " + dir_);
  TRY_STATUS(write(number, bytes));
  return number;
}

// The name is there before the version: a crash between the two leaves nothing that is counted.
Result<uint64_t> VersionStore::import_pinned(std::string_view bytes) {
  TRY(const VersionInfo info, inspect(bytes));
  TRY(const auto there, numbers());
  const auto named = [](uint64_t number) {
    return std::string(kImportedName) + to_text(number - kImported + 1);
  };
  uint64_t number = there.empty() ? kImported : std::max(kImported, there.front() + 1);
  while (number_of(named(number)).ok()) ++number;  // Of before such names were refused to others.
  TRY_STATUS(write_name(number, named(number)));
  if (const Status written = write(number, bytes); !written.ok()) {
    TRY_STATUS(files_->remove(dir_ + "/" + file(number) + ".name"));
    return written.error();
  }
  return number;
}

Status VersionStore::clean() const {
  TRY(const auto names, files_->list(dir_));
  const auto there = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const std::string& name : names) {
    const std::string stem = name.substr(0, name.find('.'));
    uint64_t number = 0;
    const bool is_number = number_in(stem, number);
    const bool half_written = name.ends_with(".tmp"),
               of_nothing = name == stem + ".name" && is_number && !there(stem + ".version"),
               given_up = name == stem + ".version" && number >= kImported && !there(stem + ".name");
    if (half_written || of_nothing || given_up) TRY_STATUS(files_->remove(dir_ + "/" + name));
  }
  return {};
}

}  // namespace freshet
