#include "recommend/set_aside.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(SetAside, JobsAreDoneOnceInTheirOrderByEitherThread) {
  SetAside<uint64_t, 8> jobs;
  std::vector<uint64_t> done;  // Not atomic: the sanitizer says whether the threads take turns.
  const auto work = [&](uint64_t job) { done.push_back(job); };
  std::atomic<bool> end{false};
  std::thread helper([&] {
    while (!end) jobs.help(work);
  });
  constexpr uint64_t kJobs = 20000;
  for (uint64_t n = 0; n < kJobs; ++n) {
    jobs.next(work) = n;
    jobs.put(n % 5 == 4);
    if (n % 13 != 0) continue;
    jobs.finish(work);
    ASSERT_EQ(done.size(), n + 1);
    ASSERT_EQ(done.back(), n);
  }
  jobs.finish(work);
  end = true;
  helper.join();
  ASSERT_EQ(done.size(), kJobs);
  for (uint64_t n = 0; n < kJobs; ++n) ASSERT_EQ(done[n], n);
}

TEST(SetAside, HelpWaitsForALongJob) {
  SetAside<int, 8> jobs;
  int sum = 0;
  const auto work = [&](int job) { sum += job; };
  jobs.next(work) = 1;
  jobs.put(false);
  EXPECT_FALSE(jobs.waits());
  EXPECT_FALSE(jobs.help(work));
  EXPECT_EQ(sum, 0);
  jobs.next(work) = 10;
  jobs.put(true);
  EXPECT_TRUE(jobs.waits());
  EXPECT_TRUE(jobs.help(work));
  EXPECT_EQ(sum, 11);
  EXPECT_FALSE(jobs.waits());
  for (int n = 0; n < 9; ++n) {  // One more than there is room for: the first eight are done by next().
    jobs.next(work) = 1;
    jobs.put(false);
  }
  EXPECT_EQ(sum, 19);
  jobs.finish(work);
  EXPECT_EQ(sum, 20);
}

}  // namespace
}  // namespace freshet
