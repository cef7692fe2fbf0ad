// Made-up vectors and CPU clocks, for the benches of vectors.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "base/hash.h"
#include "env/process.h"

namespace freshet {

// Made-up rows, from easy to hard for an approximate index.
struct Kind {
  const char* what;
  uint64_t centres, within;  // `within`: centres around each centre
  float near, noise;         // of the inner centres and of the rows
  uint32_t inner;            // dimensions that the rows really have; 0: all
};
inline constexpr Kind kKinds[] = {
    {"2,000 centres, noise of 0.7", 2000, 1, 0, 0.7f, 0},
    {"200 centres of 100, noise as wide as they are", 200, 100, 0.7f, 0.7f, 0},
    {"500 centres in 16 dimensions, noise of 0.8 in them and 0.6 in all", 500, 1, 0, 0.6f, 16},
};

inline float draw_normal(Draw& draw) {  // Nearly.
  float sum = 0;
  for (int i = 0; i < 4; ++i) sum += static_cast<float>(draw.uniform()) - 0.5f;
  return sum * 1.732f;
}

inline std::vector<float> made_up(uint64_t key, uint32_t dim, const Kind& kind = kKinds[0]) {
  std::vector<float> row(dim);
  const uint64_t c = mix64(key, 1) % kind.centres;
  Draw own(mix64(key, 2)), centre(mix64(c, 3)), near(mix64(c, 4 + mix64(key, 5) % kind.within));
  if (kind.inner == 0) {
    for (float& x : row)
      x = draw_normal(centre) + kind.near * draw_normal(near) + kind.noise * draw_normal(own);
    return row;
  }
  std::vector<float> inner(kind.inner);
  for (float& x : inner) x = draw_normal(centre) + 0.8f * draw_normal(own);
  for (uint32_t i = 0; i < dim; ++i) {
    Draw weight(mix64(i, 6));
    for (const float x : inner) row[i] += draw_normal(weight) * x;
    row[i] += kind.noise * draw_normal(own);
  }
  return row;
}

inline double median_ms(std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  return ms[ms.size() / 2];
}

inline double timed_ms(const std::function<void()>& what) {
  const double begun = thread_cpu_seconds();  // Other jobs of the machine do not count.
  what();
  return (thread_cpu_seconds() - begun) * 1e3;
}

}  // namespace freshet
