#include "learn/cold_folder.h"

#include <atomic>
#include <filesystem>

#include "env/process.h"

namespace freshet {

ColdFolder::ColdFolder(const std::string& below) : below_(below) {
  if (below.empty()) return;
  static std::atomic<uint64_t> made = 0;  // Names no state: what is learned does not depend on it.
  folder_ = below + "/cold-" + std::to_string(process_id()) + "-" + std::to_string(++made);
  std::error_code error;
  std::filesystem::create_directories(below, error);  // Else open() says why.
  auto rows = ColdRows::open(folder_);
  if (rows.ok())
    rows_ = std::move(*rows);
  else
    opened_ = rows.error();
}

ColdFolder::~ColdFolder() {
  rows_.reset();
  std::error_code error;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, error);
}

Status ColdFolder::status() const {
  const Status status = rows_ == nullptr ? opened_ : rows_->status();
  if (status.ok()) return {};
  return Error{status.error().code, "--cold " + below_ + ": " + status.error().what};
}

}  // namespace freshet
