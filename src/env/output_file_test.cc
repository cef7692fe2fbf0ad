#include "env/output_file.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace freshet {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  OutputFileTest() {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  ~OutputFileTest() override { fs::remove_all(dir_); }
  static std::string text_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()));
  }
  // A device of the test's own, so that a mistake here spoils no other program's. "": none can be made.
  std::string device(const char* name, unsigned minor) const {
    const std::string path = dir_ + "/" + name;
    if (::mknod(path.c_str(), S_IFCHR | 0666, makedev(1, minor)) == 0 && ::access(path.c_str(), W_OK) == 0)
      return path;
    return ::access("/dev", W_OK) == 0 ? "" : std::string("/dev/") + name;
  }
  const std::string dir_ = testing::TempDir() + "output_file_test";
};

TEST_F(OutputFileTest, ReplacesAFileAndLeavesNothingBeside) {
  const std::string path = dir_ + "/model.bin";
  const auto file = OutputFile::open(path);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(files(), 0u);  // Nothing is there before there is something to keep.
  ASSERT_TRUE(file->write("one").ok());
  ::chmod(path.c_str(), 0640);
  ASSERT_TRUE(file->write("two").ok());
  EXPECT_EQ(text_of(path), "two");
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(static_cast<unsigned>(fs::status(path).permissions()), 0640u);
  fs::create_symlink(path, dir_ + "/link");
  ASSERT_TRUE(OutputFile::open(dir_ + "/link")->write("three").ok());
  EXPECT_EQ(text_of(path), "three");
  EXPECT_TRUE(fs::is_symlink(dir_ + "/link"));
}

TEST_F(OutputFileTest, FilesOfOthersBesideItStayWhatTheyAre) {
  for (const char* const name : {"/out.tmp", "/probe.tmp", "/probe"}) std::ofstream(dir_ + name) << "theirs";
  const auto file = OutputFile::open(dir_ + "/out");
  ASSERT_TRUE(file.ok() && file->write("ours").ok());
  ASSERT_TRUE(check_output_folder(dir_).ok());
  for (const char* const name : {"/out.tmp", "/probe.tmp", "/probe"})
    EXPECT_EQ(text_of(dir_ + name), "theirs");
  EXPECT_EQ(files(), 4u);
}

TEST_F(OutputFileTest, SaysWhatIsWrongBeforeTheWork) {
  std::ofstream(dir_ + "/file") << "x";
  const std::pair<std::string, std::string> cases[] = {
      {dir_, "is a directory"},
      {dir_ + "/.", "is a directory"},
      {dir_ + "/new/", "is a directory"},
      {dir_ + "/none/model.bin", "No such file or directory"},
      {dir_ + "/file/model.bin", "Not a directory"},
      {"", "an empty name"},
  };
  for (const auto& [path, reason] : cases) {
    const auto file = OutputFile::open(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.error().what.find(path + ": "), 0u) << file.error().what;
    EXPECT_NE(file.error().what.find(reason), std::string::npos) << file.error().what;
    EXPECT_EQ(file.error().what.find(".tmp"), std::string::npos) << file.error().what;
    EXPECT_FALSE(OutputStream::open(path).ok()) << path;
  }
  EXPECT_EQ(files(), 1u);
}

TEST_F(OutputFileTest, AFolderThatGoesAwayIsAnErrorWithTheNameGiven) {
  fs::create_directories(dir_ + "/sub");
  const auto file = OutputFile::open(dir_ + "/sub/model.bin");
  ASSERT_TRUE(file.ok());
  fs::remove_all(dir_ + "/sub");
  const Status status = file->write("x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what.find(dir_ + "/sub/model.bin: "), 0u) << status.error().what;
  EXPECT_EQ(status.error().what.find(".tmp"), std::string::npos) << status.error().what;
}

TEST_F(OutputFileTest, ADeviceIsWrittenToAndStaysADevice) {
  const std::string null = device("null", 3), full = device("full", 7);
  if (null.empty()) GTEST_SKIP() << "no device can be made here";
  const auto nothing = OutputFile::open(null);
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE(nothing->write("x").ok());
  EXPECT_TRUE(fs::is_character_file(null));
  const auto no_room = OutputFile::open(full);
  ASSERT_TRUE(no_room.ok());
  const Status status = no_room->write("x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, full + ": write: No space left on device");
  EXPECT_TRUE(fs::is_character_file(full));
}

TEST_F(OutputFileTest, AStreamKeepsItsFirstErrorUntilItIsClosed) {
  auto stream = OutputStream::open("/dev/full");  // It never replaces a file.
  ASSERT_TRUE(stream.ok());
  for (int i = 0; i < 10000; ++i) stream->write("a line\n");
  const Status status = stream->close();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "/dev/full: write: No space left on device");
  auto good = OutputStream::open(dir_ + "/lines");
  ASSERT_TRUE(good.ok());
  good->write("a\n");
  EXPECT_TRUE(good->close().ok());
  EXPECT_EQ(text_of(dir_ + "/lines"), "a\n");
}

}  // namespace
}  // namespace freshet
