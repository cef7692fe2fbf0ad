// Flags of a command and where their values go. What reads them is a library of headers that costs five
// seconds in every file that includes it; here it stands behind two handles, in flags.cc.
//
// A FlagSet is a command or a subcommand, a Flag one flag of it; both are pointers into the tree that
// run_command_line() owns, to be passed by value. Variables given to add_option() must live until the command
// has run. "--name", "-n,--name", or "FILE": an argument without a name.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace freshet {

// Empty: the value is good; else what was expected, and what was got.
using FlagCheck = std::function<std::string(const std::string& value)>;

// What a number must be, said as a person would: "expected a number from 0 to 10, got abc".
FlagCheck number_within(double low, double high);
FlagCheck number_above(double low);  // Not equal to it.
FlagCheck one_of(std::initializer_list<std::string_view> values);

class Flag {
 public:
  explicit Flag(CLI::Option* option) : option_(option) {}
  Flag capture_default_str() const;  // The help says what the variable is now.
  Flag check(FlagCheck check) const;
  Flag required() const;
  Flag group(const std::string& name) const;  // Under this heading of the help.
  Flag envname(const std::string& name) const;
  Flag needs(Flag other) const;
  Flag excludes(Flag other) const;
  Flag expected(int values) const;
  Flag delimiter(char between) const;  // "a,b" are two values.
  Flag repeated() const;               // One value each time it is given.
  size_t count() const;                // How often it was given.

 private:
  CLI::Option* option_;
};

class FlagSet {
 public:
  explicit FlagSet(CLI::App* app) : app_(app) {}
  // T: a text, number or list; all of them stand at the end of flags.cc.
  template <class T>
  Flag add_option(const std::string& name, T& value, const std::string& help) const;
  Flag add_flag(const std::string& name, bool& value, const std::string& help) const;

  FlagSet add_subcommand(const std::string& name, const std::string& help) const;
  void require_subcommand() const;  // Exactly one.
  // After the flags of this subcommand were read.
  void callback(std::function<void()> then) const;
  bool parsed() const;            // Is it the one that was asked for?
  FlagSet whole_program() const;  // What this is a part of.
  CLI::App* app() const { return app_; }

 private:
  CLI::App* app_;
};

}  // namespace freshet
