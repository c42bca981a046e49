# Builds everything into build/. `make help` lists the targets.
#
# A part is a folder; every .c and .S file in it belongs to it, and main.c is the only
# one that unit tests do not link. Each compiler, flag set and sanitizer wants a
# build folder of its own: make BUILD=/tmp/mine CC=clang.

VERSION = 0.1.0

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CC = gcc
CFLAGS ?= -O2 -g

# SANITIZE: sanitizers of the tools and unit tests. PRELOAD_SANITIZE: those of
# the library, which lives in programs that know nothing of them: it has no
# runtime there, and can only trap.
SANITIZE ?=
PRELOAD_SANITIZE ?=

WARNINGS = -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes
COMMON = -std=gnu11 $(CFLAGS) $(WARNINGS) -I. -MMD -MP -fno-omit-frame-pointer \
	-DMAPTRACE_VERSION='"$(VERSION)"'

# The library: nothing of it is visible but what it interposes; its
# thread-local state costs no call; the compiler must not take its malloc
# for the one it knows; and what it copies is copied by bytes.c: gcc's own
# `rep movsq` takes longer to begin than a record takes to copy.
COPY_BY_CALL := $(shell $(CC) -mstringop-strategy=libcall -E - </dev/null >/dev/null 2>&1 && \
	echo -mstringop-strategy=libcall)
PRELOAD_CFLAGS = $(COMMON) $(COPY_BY_CALL) -fPIC -fvisibility=hidden -ftls-model=initial-exec -fexceptions \
	-fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free \
	-fno-builtin-aligned_alloc -fno-builtin-memalign -fno-builtin-posix_memalign \
	$(if $(PRELOAD_SANITIZE),-fsanitize=$(PRELOAD_SANITIZE) -fsanitize-undefined-trap-on-error)
PRELOAD_LDFLAGS = -shared -Wl,--exclude-libs,ALL -Wl,-z,relro -Wl,-z,now -Wl,-z,defs \
	-Wl,-Bsymbolic -Wl,-soname,libmaptrace.so

# The thread sanitizer does not know fences, and gcc says so of each.
HARDENING = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	$(if $(filter thread,$(SANITIZE)),-Wno-tsan),\
	-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
# The launcher copies a few records for each resize of a Go program, by libc.
TOOL_CFLAGS = $(COMMON) $(COPY_BY_CALL) -fPIE $(HARDENING)
TOOL_LDFLAGS = -pie -Wl,-z,relro -Wl,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE))
TOOL_LIBS = -ljansson -lZydis -ldw -lelf -llzma -liberty -ldl -lpthread

# --- what there is to build ------------------------------------------------

objects = $(patsubst %.S,$(BUILD)/obj/$(1)/%.o,$(patsubst %.c,$(BUILD)/obj/$(1)/%.o,$(2)))
sources = $(sort $(wildcard $(1)/*.c))
# The files of a part that has a main.c, or nothing.
program = $(if $(wildcard $(1)/main.c),$(2))

RULES_SOURCES = $(call sources,rules)
TRACE_READER = $(sort $(wildcard trace/reader*.c))
PRELOAD_SOURCES = $(call sources,preload) $(sort $(wildcard preload/*.S))

# What of golang/ the library has, too: all but what deals with other processes and with files.
GO_IN_GUEST = golang/agent.S $(patsubst %,golang/%.c,address_index agent_layout agent_pages books \
	books_maps books_write code collections functions gather gc looks open_maps pattern plan program \
	ring settings sites swiss type_ids types)

PRELOAD_OBJECTS = $(call objects,preload,$(PRELOAD_SOURCES) $(GO_IN_GUEST) \
	$(filter-out $(TRACE_READER),$(call sources,trace)) $(RULES_SOURCES)) \
	$(BUILD)/obj/preload/catalogue.o

# The library for tests, which sanitizers can instrument: without what takes the
# place of functions that their runtime needs, and its malloc under another name.
GUEST_NAMES = tests/guest/names.h
GUEST_CFLAGS = $(filter-out -fsanitize=%,$(PRELOAD_CFLAGS)) $(HARDENING) -include $(GUEST_NAMES)
GUEST_SOURCES = $(filter-out $(patsubst %,preload/%.c,operators jemalloc_api mappings fortified \
	process bytes),$(PRELOAD_SOURCES))
GUEST_OBJECTS = $(call objects,guest,$(GUEST_SOURCES) \
	$(filter-out $(TRACE_READER),$(call sources,trace)) $(RULES_SOURCES)) \
	$(BUILD)/obj/guest/catalogue.o

LIBRARY = $(if $(PRELOAD_SOURCES),$(BUILD)/libmaptrace.so)
PROGRAMS = $(call program,launcher,$(BUILD)/maptrace) \
	$(call program,analyzer,$(BUILD)/maptrace-report) \
	$(call program,indexer,$(BUILD)/maptrace-index)
ARCHIVES = $(patsubst %,$(BUILD)/lib%.a,analyzer launcher golang indexer guest trace rules)
UNIT_TESTS = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
FUZZERS = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all unit-tests guest fuzzers demo check bench soak sanitize fuzz format clean install uninstall help
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

all: $(LIBRARY) $(PROGRAMS)

help:
	@sed -n 's/^#: //p' Makefile

# `make V=1` shows whole commands.
ifeq ($(V),)
SHORT = @printf '  %-7s %s\n'
HIDE = @
else
SHORT = @:
endif

# --- rules -----------------------------------------------------------------

# Rewritten only when it changes, so that other flags mean a new build.
FLAGS = $(CC) $(TOOL_CFLAGS) | $(PRELOAD_CFLAGS)
$(BUILD)/flags: force
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(FLAGS))' > $@
.PHONY: force

$(BUILD)/obj/preload/golang/%.o $(BUILD)/obj/preload/preload/go_memory.o: \
	PRELOAD_CFLAGS += -include preload/go_names.h
$(BUILD)/obj/guest/golang/%.o $(BUILD)/obj/guest/preload/go_memory.o: \
	GUEST_CFLAGS += -include preload/go_names.h

$(BUILD)/obj/preload/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SHORT) CC $@
	$(HIDE)$(CC) $(PRELOAD_CFLAGS) -c -o $@ $<

$(BUILD)/obj/guest/%.o: %.c $(BUILD)/flags $(GUEST_NAMES)
	@mkdir -p $(@D)
	$(SHORT) CC $@
	$(HIDE)$(CC) $(GUEST_CFLAGS) -c -o $@ $<

$(BUILD)/obj/preload/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(SHORT) AS $@
	$(HIDE)$(CC) $(PRELOAD_CFLAGS) -c -o $@ $<

$(BUILD)/obj/guest/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(SHORT) AS $@
	$(HIDE)$(CC) $(PRELOAD_CFLAGS) -c -o $@ $<

$(BUILD)/obj/tool/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SHORT) CC $@
	$(HIDE)$(CC) $(TOOL_CFLAGS) -c -o $@ $<

$(BUILD)/obj/tool/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(SHORT) AS $@
	$(HIDE)$(CC) -I. -MMD -MP -c -o $@ $<

CATALOGUE = $(sort $(wildcard rules/catalogue/*.rules))
# The names, too: a file that was taken away leaves nothing newer behind.
$(BUILD)/catalogue.c: scripts/embed-catalogue $(CATALOGUE) rules/catalogue
	@mkdir -p $(@D)
	$(SHORT) EMBED $@
	$(HIDE)scripts/embed-catalogue $(CATALOGUE) > $@

$(BUILD)/obj/preload/catalogue.o: $(BUILD)/catalogue.c
	@mkdir -p $(@D)
	$(SHORT) CC $@
	$(HIDE)$(CC) $(PRELOAD_CFLAGS) -c -o $@ $<

$(BUILD)/obj/tool/catalogue.o: $(BUILD)/catalogue.c
	@mkdir -p $(@D)
	$(SHORT) CC $@
	$(HIDE)$(CC) $(TOOL_CFLAGS) -c -o $@ $<

$(BUILD)/obj/guest/catalogue.o: $(BUILD)/catalogue.c $(GUEST_NAMES)
	@mkdir -p $(@D)
	$(SHORT) CC $@
	$(HIDE)$(CC) $(GUEST_CFLAGS) -c -o $@ $<

$(BUILD)/libguest.so: $(GUEST_OBJECTS) $(call objects,guest,$(GO_IN_GUEST))
	$(SHORT) LINK $@
	$(HIDE)$(CC) -shared -Wl,-Bsymbolic -Wl,-soname,libguest.so \
		$(if $(SANITIZE),-fsanitize=$(SANITIZE)) -o $@ $^ -liberty -ldl -lpthread

$(BUILD)/libmaptrace.so: $(PRELOAD_OBJECTS)
	$(SHORT) LINK $@
	$(HIDE)$(CC) $(PRELOAD_LDFLAGS) -o $@ $^ -liberty -ldl -lpthread

part = $(call objects,tool,$(filter-out $(1)/main.c,$(call sources,$(1)))) \
	$(patsubst %.S,$(BUILD)/obj/tool/%.o,$(wildcard $(1)/*.S))
$(BUILD)/libanalyzer.a: $(call part,analyzer)
$(BUILD)/liblauncher.a: $(call part,launcher)
$(BUILD)/libgolang.a: $(call part,golang)
$(BUILD)/libindexer.a: $(call part,indexer)
$(BUILD)/libguest.a: $(call objects,guest,$(GUEST_SOURCES))
$(BUILD)/libtrace.a: $(call part,trace)
$(BUILD)/librules.a: $(call part,rules) $(BUILD)/obj/tool/catalogue.o
$(ARCHIVES):
	@mkdir -p $(@D)
	$(SHORT) AR $@
	@rm -f $@
	$(HIDE)ar rcs $@ $(filter %.o,$^)

link = $(CC) $(TOOL_CFLAGS) $(TOOL_LDFLAGS) -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group

$(BUILD)/maptrace: $(call objects,tool,launcher/main.c) $(BUILD)/liblauncher.a \
		$(BUILD)/libgolang.a $(BUILD)/libanalyzer.a $(BUILD)/libtrace.a $(BUILD)/librules.a
	$(SHORT) LINK $@
	$(HIDE)$(link) -lelf -liberty
$(BUILD)/maptrace-report: $(call objects,tool,analyzer/main.c) $(BUILD)/libanalyzer.a \
		$(BUILD)/libgolang.a $(BUILD)/libtrace.a $(BUILD)/librules.a
	$(SHORT) LINK $@
	$(HIDE)$(link) $(TOOL_LIBS)
$(BUILD)/maptrace-index: $(call objects,tool,indexer/main.c) $(BUILD)/libindexer.a \
		$(BUILD)/librules.a
	$(SHORT) LINK $@
	$(HIDE)$(link) -lZydis -ldw -lelf -llzma -liberty

$(BUILD)/tests/%: $(BUILD)/obj/tool/tests/unit/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(SHORT) LINK $@
	$(HIDE)$(link) -lcmocka $(TOOL_LIBS)

unit-tests: $(UNIT_TESTS)
guest: $(BUILD)/libguest.so

# Built by `make fuzz` alone, which sets the compiler and its sanitizers.
$(BUILD)/fuzz/%: $(BUILD)/obj/tool/tests/fuzz/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(SHORT) LINK $@
	$(HIDE)$(link) -fsanitize=fuzzer $(TOOL_LIBS)

fuzzers: $(FUZZERS)

# --- what people call --------------------------------------------------------

# As many jobs as there are processors, unless told.
submake = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

#: make            build the library and the commands
#: make demo       show a table that is stuck half-way, and the report on it
demo:
	@scripts/setup build
	+@$(submake) all
	@scripts/demo $(BUILD)

# A memcached that cannot be built is one test's failure; the others run.
.PHONY: test-programs
test-programs:
	@scripts/setup check
	+@$(submake) all unit-tests
	-@$(if $(wildcard scripts/build-memcached),scripts/build-memcached >/dev/null)

#: make check      install what the tests need, build, run unit tests and tests
check: test-programs
	MAPTRACE_BUILD=$(abspath $(BUILD)) scripts/run-tests 'not soak and not guest'

#: make bench      install the peers, and measure what tracing costs (BENCH='--pairs 1 --scale 0.1': quick)
bench: test-programs
	@scripts/setup bench
	bench/run --build $(BUILD) --json $(BUILD)/bench.json $(BENCH)

#: make soak       the tests that take long, and the fuzzers
soak: test-programs
	MAPTRACE_BUILD=$(abspath $(BUILD)) scripts/run-tests soak
	+@$(submake) fuzz

#: make sanitize   run what sanitizers can see: commands, unit tests and the library linked into
#:                 programs with ASan and UBSan, threads with TSan, the library preloaded with traps
sanitize:
	@scripts/setup check
	+@$(submake) BUILD=$(BUILD)/sanitize SANITIZE=address,undefined all unit-tests guest
	MAPTRACE_BUILD=$(abspath $(BUILD))/sanitize scripts/run-tests sanitize
	+@$(submake) BUILD=$(BUILD)/thread SANITIZE=thread all unit-tests guest
	MAPTRACE_BUILD=$(abspath $(BUILD))/thread scripts/run-tests threads
	+@$(submake) BUILD=$(BUILD)/trap PRELOAD_SANITIZE=undefined all
	MAPTRACE_BUILD=$(abspath $(BUILD))/trap scripts/run-tests 'truth and not soak'

#: make fuzz       run each fuzzer for FUZZ_SECONDS (60)
FUZZ_SECONDS ?= 60
fuzz:
	@scripts/setup check
	+@$(submake) BUILD=$(BUILD)/fuzzing CC=clang CFLAGS='-O1 -g' \
		SANITIZE=fuzzer-no-link,address,undefined fuzzers
	@set -e; for fuzzer in $(notdir $(FUZZERS)); do \
		mkdir -p $(BUILD)/fuzzing/corpus/$$fuzzer; \
		$(BUILD)/fuzzing/fuzz/$$fuzzer -max_total_time=$(FUZZ_SECONDS) \
			-artifact_prefix=$(BUILD)/fuzzing/ $(BUILD)/fuzzing/corpus/$$fuzzer \
			$$(ls -d tests/fuzz/corpus/$$fuzzer 2>/dev/null || true); \
	done

#: make install    into PREFIX (/usr/local), below DESTDIR
#: make uninstall  the opposite
TO = $(DESTDIR)$(PREFIX)
MAN_PAGES = $(sort $(wildcard docs/*.[1-9]))
install: all
	install -d $(TO)/lib/maptrace $(TO)/bin $(TO)/share/maptrace/rules
	$(if $(LIBRARY),install -m 755 $(LIBRARY) $(TO)/lib/)
	$(foreach program,$(PROGRAMS),install -m 755 $(program) \
		$(TO)/$(if $(filter %-index,$(program)),lib/maptrace,bin)/ &&) :
	$(if $(CATALOGUE),install -m 644 $(CATALOGUE) $(TO)/share/maptrace/rules/)
	$(foreach page,$(MAN_PAGES),install -D -m 644 $(page) \
		$(TO)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)) &&) :

uninstall:
	rm -f $(TO)/lib/libmaptrace.so $(TO)/bin/maptrace $(TO)/bin/maptrace-report
	rm -rf $(TO)/lib/maptrace $(TO)/share/maptrace
	rm -f $(foreach page,$(MAN_PAGES),\
		$(TO)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))

#: make format     clang-format on every C file
format:
	clang-format -i $(wildcard */*.[ch] tests/*/*.[ch])

#: make clean      remove build/
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
