# SPDX-License-Identifier: Apache-2.0
# verify.cmake - systemd's own check of the unit; any word of it is a failure.
file(READ ${UNIT} unit)
string(REPLACE "/usr/bin/virald" "${VIRALD}" unit "${unit}")
string(REPLACE "/usr/bin/viralctl" "${VIRALCTL}" unit "${unit}")
get_filename_component(name ${UNIT} NAME)
string(REPLACE "@." "@instance." name ${name})
file(WRITE ${FOLDER}/${name} "${unit}")
execute_process(COMMAND ${ANALYZE} verify --man=no ${FOLDER}/${name}
	OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR NOT said STREQUAL "")
	message(FATAL_ERROR "systemd-analyze verify: ${status}\n${said}")
endif()
