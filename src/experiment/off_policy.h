// What another ranking would have earned, from pages that were shown and the clicks they got.
//
// Under the position-based model a place k is looked at with probability theta_k, and an item clicked when
// looked at with a probability of its own; so an item's click is worth theta at the candidate's place over
// theta where it was shown:
//
//   w_i    = theta(place under the candidate) / theta(shown)     0: not on the candidate's page; at most
//   `weight_max` IPS    = mean over pages of sum_i w_i c_i SNIPS  = sum theta . (sum of w_i c_i) / (sum of
//   w_i theta_i)          over all pages (Swaminathan, Joachims 2015) DR     = mean over pages of sum_k
//   theta_k g(candidate's item k) + sum_i w_i (c_i - theta_i g(i))
//
// IPS and its weights: Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay, Wen 2018, "Offline evaluation of
// ranking policies with click models" (KDD), the position-based estimator. DR: Dudik, Langford, Li 2011,
// "Doubly robust policy evaluation and learning" (ICML). theta(shown) is what the logging policy expected:
// where two places changed with probability one half (propensity .5), the mean of both, else that of the
// place.
//
// g, the chance of a click when looked at, is counted from the other half of the pages (by cluster:
// cross-fitting), of an item under its query drawn to that of the item, drawn to that of all. IPS and SNIPS
// know nothing of what was never shown: `coverage` is the share of the candidate's looks that fall on what
// was; IPS is too low by the rest, SNIPS takes the rest to be like it, DR says g.
//
// Intervals: normal, from the variance between 512 buckets of clusters (shoppers). Threads: one. Memory: the
// pages.
#pragma once

#include <cstdint>
#include <vector>

#include "experiment/sequential.h"

namespace freshet {

struct LoggedPage {
  struct Place {
    uint64_t item = 0;
    double logged = 1;  // theta(shown)
    bool clicked = false;
  };
  uint64_t query = 0, cluster = 0;
  std::vector<Place> shown;         // By place, from the first.
  std::vector<uint64_t> candidate;  // Items by place.
};

struct PolicyEstimate {
  double value = 0;  // Clicks a page.
  Interval interval;
};

struct PolicyReport {
  uint64_t pages = 0, clicks = 0;
  PolicyEstimate naive, ips, snips, dr;  // naive: of what was shown, whatever the candidate does
  double effective_pages = 0;            // (sum of w)^2 / sum of w^2, in pages
  double coverage = 0, weight_max = 0;   // weight_max: the largest weight
};

struct PolicyOptions {
  double alpha = 0.05;
  double weight_max = 20;
  double prior_looks = 5;  // What g of an item weighs against its own looks.
};

// `examination`: theta by place, as many as the candidate's pages are judged by.
PolicyReport evaluate_policy(const std::vector<LoggedPage>& pages, const std::vector<double>& examination,
                             const PolicyOptions& options = {});

}  // namespace freshet
