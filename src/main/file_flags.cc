#include "main/file_flags.h"

namespace freshet {
namespace {

Error flag_error(std::string_view flag, const Error& error) {
  return {error.code, std::string(flag) + ": " + error.what};
}

Result<std::vector<ColumnMap>> parse_maps(std::string_view flag, const std::vector<std::string>& texts) {
  std::vector<ColumnMap> maps;
  for (const std::string& text : texts) {
    auto parsed = parse_map(text);
    if (!parsed.ok()) return flag_error(flag, parsed.error());
    maps.insert(maps.end(), parsed->begin(), parsed->end());
  }
  return maps;
}

}  // namespace

std::shared_ptr<FileFlags> add_file_flags(FlagSet app) {
  auto flags = std::make_shared<FileFlags>();
  app.add_option("FILES", flags->files,
                 "Event files: JSON, CSV or TSV; plain, gzip or zstd; - is standard input")
      .required();
  const std::string group = "Files";
  const auto list = [&](const char* name, std::vector<std::string>& into, const char* what) {
    app.add_option(name, into, what).group(group).repeated();
  };
  list("--map", flags->map,
       "Field = column, e.g. user=visitorid,item=itemid,type=event,time=timestamp; items=COLUMN is a list, "
       "one event "
       "each; columns by name or number from 1");
  list("--set", flags->set, "Constants, e.g. type=view,source=web");
  list("--where", flags->where,
       "Keep only rows with e.g. quantity>0, order!~^C, country=France (repeatable)");
  list("--upper", flags->upper, "Fields put in upper case first, e.g. item (repeatable)");
  app.add_option("--types", flags->types, "What the type column's values mean, e.g. 1=view,2=purchase")
      .group(group);
  app.add_option("--format", flags->format,
                 "auto, json, jsonl, csv, tsv; feeds of products: merchant (Google Merchant Center: TSV, "
                 "RSS, Atom) or "
                 "json-ld (schema.org); events of other programs: segment, ga4, retail, ubi, metarank "
                 "(auto knows them by their first line)")
      .group(group)
      .capture_default_str();
  app.add_option("--delimiter", flags->delimiter, "One character, or tab, space").group(group);
  app.add_flag("--no-header", flags->no_header, "The first line is data; --map names columns by number")
      .group(group);
  app.add_option("--time-unit", flags->time_unit, "auto, s, ms, us, ns, min, h, d or iso")
      .group(group)
      .capture_default_str();
  app.add_option("--source", flags->source, "Source of events that name none")
      .group(group)
      .capture_default_str();
  app.add_option("--rows", flags->rows_max, "Stop after so many rows; 0: all").group(group);
  return flags;
}

Result<FileOptions> FileFlags::options() const {
  FileOptions options;
  TRY(options.map, parse_maps("--map", map));
  TRY(options.set, parse_maps("--set", set));
  for (const std::string& text : where) {
    auto parsed = parse_condition(text);
    if (!parsed.ok()) return flag_error("--where", parsed.error());
    options.where.push_back(std::move(parsed).value());
  }
  options.upper = upper;
  if (!types.empty()) {
    auto parsed = parse_types(types);
    if (!parsed.ok()) return flag_error("--types", parsed.error());
    options.types = std::move(parsed).value();
  }
  auto parsed_format = parse_file_format(format);
  if (!parsed_format.ok()) return flag_error("--format", parsed_format.error());
  options.format = *parsed_format;
  auto parsed_unit = parse_time_unit(time_unit);
  if (!parsed_unit.ok()) return flag_error("--time-unit", parsed_unit.error());
  options.time_unit = *parsed_unit;
  if (delimiter == "tab" || delimiter == "\\t") {
    options.delimiter = '\t';
  } else if (delimiter == "space") {
    options.delimiter = ' ';
  } else if (delimiter.size() == 1) {
    options.delimiter = delimiter[0];
  } else if (!delimiter.empty()) {
    return invalid("--delimiter: expected one character, tab or space, got '" + delimiter + "'");
  }
  options.header = !no_header;
  options.source = source;
  options.rows_max = rows_max;
  return options;
}

}  // namespace freshet
