# The rooms, in floor order. A room may include itself, the rooms on its line and base; nothing else.
# tools/check_rooms.py fails on an include that is not written here; ARCHITECTURE.md says what each room is for.

find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(CURL 7.85 REQUIRED)
find_package(ICU 72 REQUIRED COMPONENTS uc i18n)
find_package(RocksDB REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(EXPAT REQUIRED)
find_package(simdjson REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(CLI11 REQUIRED)

# ground floor: knows no log
room(base LIBRARIES xxhash roaring Threads::Threads)
room(event DEPENDS base)
room(env DEPENDS base LIBRARIES spdlog::spdlog fmt::fmt OpenSSL::Crypto)
room(text DEPENDS base LIBRARIES ICU::uc ICU::i18n stemmer)
room(model DEPENDS base)
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/model/ftrl.cc ${PROJECT_SOURCE_DIR}/src/model/optimizer.cc
                            ${PROJECT_SOURCE_DIR}/src/model/cross_network.cc
                            PROPERTIES COMPILE_OPTIONS "-O3;-fno-math-errno")  # square roots in vectors
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/model/row_step.cc ${PROJECT_SOURCE_DIR}/src/model/row_step_avx512.cc
                            PROPERTIES COMPILE_OPTIONS "-O3")
room(publish DEPENDS base env model)
room(json DEPENDS base LIBRARIES Boost::json)

# truth
room(log DEPENDS base event env)
room(store DEPENDS base env LIBRARIES RocksDB::rocksdb-shared)
room(table DEPENDS base env model store)
room(fold DEPENDS base event env log store)

# state
room(feature DEPENDS base event fold)
room(column DEPENDS base event fold feature)
room(recommend DEPENDS base event fold feature model)
room(index DEPENDS base)
room(suggest DEPENDS base event fold feature text)
room(vector DEPENDS base event env fold feature model text suggest)
room(sample DEPENDS base event fold feature text)
room(clicks DEPENDS base event fold feature text model sample)
room(learn DEPENDS base env model table json publish)
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/learn/gauss_learner.cc ${PROJECT_SOURCE_DIR}/src/learn/dcn_learner.cc
                            ${PROJECT_SOURCE_DIR}/src/learn/factor_learner.cc ${PROJECT_SOURCE_DIR}/src/learn/neighbours.cc
                            PROPERTIES COMPILE_OPTIONS "-O3")  # loops over short rows in vectors
room(settings DEPENDS base event fold feature text json)
room(experiment DEPENDS base event fold feature settings json)
room(rank DEPENDS base event fold feature model sample clicks settings publish)
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/rank/gauss_weights.cc ${PROJECT_SOURCE_DIR}/src/rank/deep_weights.cc
                            PROPERTIES COMPILE_OPTIONS "-O3")

# answer
room(query DEPENDS base settings text index)
room(serve DEPENDS base event feature model column recommend settings rank log)
room(search DEPENDS base event env fold feature model text index column settings query suggest vector sample clicks rank)
room(rules DEPENDS base event text json column settings serve search)

# doors
room(ingest DEPENDS base event env text log store json LIBRARIES simdjson::simdjson ZLIB::ZLIB zstd EXPAT::EXPAT)
room(engine DEPENDS base event env log store fold feature model recommend text index settings query suggest vector sample clicks rank publish experiment json serve search rules ingest)
room(http DEPENDS base event env log json feature recommend settings publish rank experiment serve search rules ingest engine LIBRARIES Boost::json CURL::libcurl prometheus-cpp::core)
if(FRESHET_SANITIZE MATCHES "thread")  # Asio has fences, which the sanitizer does not model; it says so as a warning
  target_compile_options(freshet_http PUBLIC -Wno-tsan)
endif()
embed(freshet_http ${PROJECT_SOURCE_DIR}/docs/openapi.yaml openapi_yaml)
room(dialect DEPENDS base event env json column settings serve search recommend rules ingest engine http)
room(eval DEPENDS base event env log json fold model recommend feature ingest engine settings text sample clicks learn rank serve search experiment)
room(main DEPENDS base event env log store fold feature learn publish recommend experiment json search serve ingest engine http dialect eval LIBRARIES CLI11::CLI11)
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/main/version.cc TARGET_DIRECTORY freshet_main PROPERTIES
                            COMPILE_DEFINITIONS "FRESHET_VERSION=\"${PROJECT_VERSION}\"")

quickly_compiled(freshet_settings freshet_dialect freshet_main)

# the program
add_executable(freshet ${PROJECT_SOURCE_DIR}/src/main/main.cc)
target_link_libraries(freshet PRIVATE freshet_main)
