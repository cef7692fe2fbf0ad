#include "main/flags.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <utility>

#include <CLI/CLI.hpp>

namespace freshet {
namespace {

FlagCheck number_where(const std::string& what, bool (*right)(double, double, double), double low,
                       double high) {
  return [=](const std::string& text) {
    double value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = end.ec == std::errc{} && end.ptr == text.data() + text.size();
    if (is_number && right(value, low, high)) return std::string();
    return "expected " + what + ", got " + text;
  };
}

}  // namespace

FlagCheck number_within(double low, double high) {
  char what[80];
  std::snprintf(what, sizeof what, "a number from %.10g to %.10g", low, high);
  return number_where(
      what, [](double x, double a, double b) { return x >= a && x <= b; }, low, high);
}

FlagCheck number_above(double low) {
  char what[60];
  std::snprintf(what, sizeof what, "a number above %.10g", low);
  return number_where(
      what, [](double x, double a, double b) { return x > a && x <= b; }, low,
      std::numeric_limits<double>::max());
}

FlagCheck one_of(std::initializer_list<std::string_view> values) {
  const std::vector<std::string> known(values.begin(), values.end());
  std::string expected;
  for (size_t i = 0; i < known.size(); ++i)
    expected += (i == 0 ? "" : i + 1 == known.size() ? " or " : ", ") + known[i];
  return [=](const std::string& text) {
    const bool is_known = std::find(known.begin(), known.end(), text) != known.end();
    return is_known ? std::string() : "expected " + expected + ", got " + text;
  };
}

Flag Flag::capture_default_str() const {
  return Flag(option_->capture_default_str());
}
Flag Flag::check(FlagCheck check) const {
  return Flag(option_->check(std::move(check)));
}
Flag Flag::required() const {
  return Flag(option_->required());
}
Flag Flag::group(const std::string& name) const {
  return Flag(option_->group(name));
}
Flag Flag::envname(const std::string& name) const {
  return Flag(option_->envname(name));
}
Flag Flag::needs(Flag other) const {
  return Flag(option_->needs(other.option_));
}
Flag Flag::excludes(Flag other) const {
  return Flag(option_->excludes(other.option_));
}
Flag Flag::expected(int values) const {
  return Flag(option_->expected(values));
}
Flag Flag::delimiter(char between) const {
  return Flag(option_->delimiter(between));
}
Flag Flag::repeated() const {
  return Flag(option_->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
}
size_t Flag::count() const {
  return option_->count();
}

template <class T>
Flag FlagSet::add_option(const std::string& name, T& value, const std::string& help) const {
  return Flag(app_->add_option(name, value, help));
}
Flag FlagSet::add_flag(const std::string& name, bool& value, const std::string& help) const {
  return Flag(app_->add_flag(name, value, help));
}

FlagSet FlagSet::add_subcommand(const std::string& name, const std::string& help) const {
  return FlagSet(app_->add_subcommand(name, help));
}
void FlagSet::require_subcommand() const {
  app_->require_subcommand(1);
}
bool FlagSet::parsed() const {
  return app_->parsed();
}
FlagSet FlagSet::whole_program() const {
  CLI::App* app = app_;
  while (app->get_parent() != nullptr) app = app->get_parent();
  return FlagSet(app);
}
void FlagSet::callback(std::function<void()> then) const {
  app_->callback(std::move(then));
}

template Flag FlagSet::add_option(const std::string&, std::string&, const std::string&) const;
template Flag FlagSet::add_option(const std::string&, std::vector<std::string>&, const std::string&) const;
template Flag FlagSet::add_option(const std::string&, std::vector<uint64_t>&, const std::string&) const;
template Flag FlagSet::add_option(const std::string&, uint64_t&, const std::string&) const;
template Flag FlagSet::add_option(const std::string&, uint32_t&, const std::string&) const;
template Flag FlagSet::add_option(const std::string&, int&, const std::string&) const;
template Flag FlagSet::add_option(const std::string&, float&, const std::string&) const;
template Flag FlagSet::add_option(const std::string&, double&, const std::string&) const;

}  // namespace freshet
