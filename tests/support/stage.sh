# SPDX-License-Identifier: Apache-2.0
# stage.sh - sourced by the stages of tests/stages: what several of them do.
set -euo pipefail

: "${VR_BUILD:=build/asan-ubsan}" "${VR_RELEASE:=build/release}" "${VR_JOBS:=2}" "${VR_TESTS:=tests}"
: "${VR_LOG_DIR:=build/tests/logs/$(basename "$0")}"
export VR_BUILD VR_RELEASE VR_JOBS VR_TESTS VR_LOG_DIR
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=1:detect_leaks=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
mkdir -p "$VR_LOG_DIR"

count() { printf '@count passed=%d failed=%d skipped=%d\n' "$@"; }

# skip REASON - the stage cannot run on this machine
skip() {
	printf 'skipped: %s\n' "$1"
	count 0 0 1
	exit 0
}

# stage_build PRESET FOLDER - configure and build
stage_build() {
	cmake --preset "$1" -B "$2"
	cmake --build "$2" -j "$VR_JOBS" -- --quiet
}

# stage_ctest ARGUMENT... - those tests of the sanitizer build that ctest's arguments choose
stage_ctest() {
	local report=$PWD/$VR_LOG_DIR/ctest.xml status=0
	[[ $VR_LOG_DIR != /* ]] || report=$VR_LOG_DIR/ctest.xml
	rm -f "$report"
	ctest --test-dir "$VR_BUILD" -j "$VR_JOBS" --no-tests=error --output-on-failure --output-junit "$report" "$@" || status=$?
	[[ -s $report ]] && /usr/bin/python3 "$VR_TESTS/support/junit.py" "$report" || true
	return $status
}

# stage_pytest ARGUMENT...
stage_pytest() {
	local report=$VR_LOG_DIR/pytest.xml status=0
	rm -f "$report"
	/usr/bin/python3 -m pytest -c "$VR_TESTS/pytest.ini" --rootdir "$VR_TESTS" -p no:cacheprovider --junit-xml "$report" "$@" || status=$?
	[[ -s $report ]] && /usr/bin/python3 "$VR_TESTS/support/junit.py" "$report" || true
	return $status
}
