# SPDX-License-Identifier: Apache-2.0
# settings.awk - the settings of deploy/config/virald.yaml as roff, put where virald.yaml.5.in says @SETTINGS@.
#
# usage: awk -f settings.awk virald.yaml virald.yaml.5.in
#
# virald.yaml is printed from the table of settings, so the manual has what the program has.

function roff(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	sub(/^[.']/, "\\\\\\&&", text)
	return text
}

# A setting ends what was said about it: heading, then the text.
function setting(name, value) {
	out = out ".TP\n.BR " roff(section name) " \" (\" \"" quoted(roff(value)) "\" )\n" text
	text = ""
}

function quoted(value) {
	gsub(/"/, "\\(dq", value)
	return value
}

FNR == NR && /^# / && !begun { next }			# about the file
FNR == NR && /^$/ { begun = 1; next }
FNR == NR && /^[a-z]+:/ {
	about = $0
	sub(/^[^#]*# */, "", about)
	section = substr($1, 1, length($1) - 1)
	out = out ".SS " section "\n" roff(about) "\n"
	section = section "."
	next
}
FNR == NR && /^ *# / { sub(/^ *# /, ""); text = text roff($0) "\n"; next }
FNR == NR && /^ *#/ {
	sub(/^ *#/, "")
	colon = index($0, ":")
	setting(substr($0, 1, colon - 1), substr($0, colon + 2))
	next
}
FNR == NR { next }
$0 == "@SETTINGS@" { printf "%s", out; next }
{ print }
