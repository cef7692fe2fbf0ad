#include "env/file.h"

#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "env/child_task.h"
#include "env/log.h"
#include "env/process.h"
#include "env/testing/fault_file_system.h"
#include "env/testing/temporary_dir.h"

namespace freshet {
namespace {

void file_suite(FileSystem& files, const std::string& dir) {
  ASSERT_TRUE(files.make_dirs(dir + "").ok());
  const std::string path = dir + "/a";
  EXPECT_EQ(files.open(path).error().code, Code::kNotFound);
  {
    auto file = files.create(path).value();
    EXPECT_EQ(files.create(path).error().code, Code::kInvalid);
    ASSERT_TRUE(file->append("hello ", "world").ok());
    ASSERT_TRUE(file->append("!").ok());
    EXPECT_EQ(file->size(), 12u);
    ASSERT_TRUE(file->truncate(11).ok());
    ASSERT_TRUE(file->append("?").ok());
    ASSERT_TRUE(file->overwrite(0, "H").ok());
    ASSERT_TRUE(file->sync().ok());
    char bytes[32];
    EXPECT_EQ(file->read(6, bytes, sizeof(bytes)).value(), 6u);
    EXPECT_EQ(std::string(bytes, 6), "world?");
    EXPECT_EQ(file->read(12, bytes, sizeof(bytes)).value(), 0u);
  }
  ASSERT_TRUE(write_file_atomically(files, dir, "b", "whole").ok());
  ASSERT_TRUE(write_file_atomically(files, dir, "b", "again").ok());
  EXPECT_EQ(read_file(files, dir + "/b").value(), "again");
  EXPECT_EQ(files.map(path).value()->bytes(), "Hello world?");
  ASSERT_TRUE(files.rename(path, dir + "/c").ok());
  EXPECT_EQ(files.list(dir).value(), (std::vector<std::string>{"b", "c"}));
  ASSERT_TRUE(files.remove(dir + "/b").ok());
  EXPECT_EQ(files.remove(dir + "/b").error().code, Code::kNotFound);
  ASSERT_TRUE(files.sync_dir(dir).ok());
  {
    auto held = files.lock(dir + "/L");
    ASSERT_TRUE(held.ok());
    EXPECT_EQ(files.lock(dir + "/L").error().code, Code::kUnavailable);
  }
  EXPECT_TRUE(files.lock(dir + "/L").ok());
}

TEST(File, TheRealDiskAndTheOneForTestsAgree) {
  TemporaryDir dir;
  file_suite(real_files(), dir.path() + "/deep/er");
  FaultFileSystem disk;
  file_suite(disk, "d");
}

TEST(File, AnotherProcessCannotTakeALockThatIsHeld) {
  TemporaryDir dir;
  const std::string path = dir.path() + "/LOCK";
  auto held = real_files().lock(path).value();
  // The child forgets that its parent holds it (as a separate program would) by asking the system directly.
  const auto take = [&]() -> Status {
    return std::system(("python3 -c \"import fcntl,sys; f=open('" + path +
                        "','w'); fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\" 2>/dev/null")
                           .c_str()) == 0
               ? Status()
               : Status(unavailable("held"));
  };
  EXPECT_FALSE(take().ok());
  held.reset();
  EXPECT_TRUE(take().ok());
}

TEST(FaultFileSystem, ForgetsWhatWasNotSynced) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    FaultFileSystem disk(seed);
    {
      auto file = disk.create("d/a").value();
      ASSERT_TRUE(file->append("kept").ok() && file->sync().ok() && disk.sync_dir("d").ok());
      ASSERT_TRUE(file->append("maybe").ok());
      ASSERT_TRUE(disk.create("d/b").ok());
    }
    disk.restart();
    const std::string bytes = disk.bytes_of("d/a");
    EXPECT_TRUE(bytes.starts_with("kept")) << seed;
    EXPECT_LE(bytes.size(), 9u);
  }
}

TEST(FaultFileSystem, BytesWhoseSyncFailedAreNotMadeDurableByTheNext) {
  FaultFileSystem disk;
  auto file = disk.create("d/a").value();
  ASSERT_TRUE(disk.sync_dir("d").ok() && file->append("gone").ok());
  disk.fail_syncs(true);
  EXPECT_FALSE(file->sync().ok());
  disk.fail_syncs(false);
  EXPECT_TRUE(file->sync().ok());
  disk.restart();
  EXPECT_EQ(disk.bytes_of("d/a"), "");
}

TEST(ChildTask, SeesTheMemoryAsItWasAndReportsItsError) {
  TemporaryDir dir;
  int value = 1;
  auto task = ChildTask::start([&]() -> Status {
    return write_file_atomically(real_files(), dir.path(), "v", std::to_string(value));
  });
  value = 2;
  ASSERT_TRUE(task.value().wait().ok());
  EXPECT_EQ(read_file(real_files(), dir.path() + "/v").value(), "1");
  auto failing = ChildTask::start([]() -> Status { return corrupt("broken on purpose"); });
  const Status status = failing.value().wait();
  EXPECT_EQ(status.error().code, Code::kCorrupt);
  EXPECT_EQ(status.error().what, "broken on purpose");
  auto killed = ChildTask::start([]() -> Status {
    std::abort();
    return {};
  });
  EXPECT_EQ(killed.value().wait().error().code, Code::kUnavailable);
}

TEST(Diary, HidesSecretsAndKeepsOneCallOnOneLine) {
  LogCapture capture;
  keep_secret("k-12345");
  log_warn("key {} from \"{}\"", "k-12345", "a\nforged line");
  EXPECT_EQ(capture.text(), "key [secret] from \"a\\x0aforged line\"\n");
  EXPECT_EQ(parse_log_level("loud").error().code, Code::kInvalid);
}

TEST(Process, KnowsItsMemoryAndTime) {
  EXPECT_GT(rss_bytes(), 100000u);
  EXPECT_GE(peak_rss_bytes() + (1 << 20), rss_bytes());
  EXPECT_GE(cpu_seconds(), 0.0);
}

// What the scheduler says of a thread: its slice, where it has such a thing.
uint64_t slice_ns() {
  struct {
    uint32_t size = 48, policy = 0;
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t runtime = 0, deadline = 0, period = 0;
  } of;
  return syscall(SYS_sched_getattr, 0, &of, sizeof of, 0u) == 0 ? of.runtime : 0;
}

TEST(Process, ShortSlicesAreTheCallersAlone) {
  const uint64_t before = slice_ns();
  const int nice = getpriority(PRIO_PROCESS, 0);
  uint64_t inside = 0;
  int nice_inside = 0;
  std::thread([&] {
    run_in_short_slices();
    inside = slice_ns();
    nice_inside = getpriority(PRIO_PROCESS, 0);
  }).join();
  EXPECT_EQ(slice_ns(), before);
  EXPECT_EQ(nice_inside, nice);
  if (before == 0) GTEST_SKIP() << "this system has no slices";
  EXPECT_EQ(inside, 100'000u);
}

}  // namespace
}  // namespace freshet
